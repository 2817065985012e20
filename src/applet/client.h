/*
 * client: the command line of `jailtop client` and fail2ban-client.
 *
 * client.c reads the options and does what needs no server (-d, -t, --str2sec …); client_send.c sends
 * commands to a running server, starts one, and prints its answers.
 */
#ifndef APPLET_CLIENT_H
#define APPLET_CLIENT_H

#include <stdbool.h>

#include "base/value.h"
#include "config/stream.h"

#define CLIENT_TIMEOUT_S 30 /* to wait for a server */

struct client_opts {
	const char *called;           /* argv[0] */
	const char *dir;              /* configuration directory */
	struct config_overrides over; /* what the command line said */
	struct config_paths paths;    /* what holds: all set */
	const char *pname;            /* NULL: the usual one */
	int verbose;                  /* 1; -v and -q move it */
	bool force;                   /* -x: remove a socket that is left over */
	bool foreground;              /* -f */
	bool async;                   /* --async */
	bool interactive;             /* -i */
	bool is_strict;               /* -t: one bad jail is enough to fail */
	bool json;                    /* --json: one JSON object for each command on stdout, errors too */
	double timeout_s;
};

/*
 * The words behind the options, at least one (none only with -i). Returns the exit code, 0 or 255.
 */
int client_send(const struct client_opts *o, int argc, char **argv);

/*
 * Reads the configuration for `start` (jail NULL) and `reload JAIL`; remarks and errors go to the log.
 * false: do not go on. *stream may be set even then; the caller frees.
 */
bool client_read_config(const struct client_opts *o, const char *jail, enum config_logs logs, struct value **stream);

/* The usage text, on stdout. */
void client_usage(const char *called);

#endif
