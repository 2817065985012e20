#include "applet/client.h"

#include <stdio.h>

int
client_send(const struct client_opts *o, int argc, char **argv)
{
	(void)o, (void)argc, (void)argv;
	fputs("jailtop client: sending commands is not built yet\n", stderr);
	return 255;
}
