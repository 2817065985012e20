/* applet_config: not built yet. */
#include "jailtop/applet.h"

#include <stdio.h>

int
applet_config(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs("jailtop config: not built yet\n", stderr);
	return 255;
}
