/* applet_client: not built yet. */
#include "jailtop/applet.h"

#include <stdio.h>

int
applet_client(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs("jailtop client: not built yet\n", stderr);
	return 255;
}
