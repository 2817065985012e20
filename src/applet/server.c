/* applet_server: not built yet. */
#include "jailtop/applet.h"

#include <stdio.h>

int
applet_server(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs("jailtop server: not built yet\n", stderr);
	return 255;
}
