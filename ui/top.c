/* applet_top: not built yet. */
#include "jailtop/applet.h"

#include <stdio.h>

int
applet_top(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs("jailtop: not built yet\n", stderr);
	return 255;
}
