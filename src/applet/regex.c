/* applet_regex: not built yet. */
#include "jailtop/applet.h"

#include <stdio.h>

int
applet_regex(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs("jailtop regex: not built yet\n", stderr);
	return 255;
}
