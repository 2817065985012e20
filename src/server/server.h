/*
 * server: the Unix socket. Two protocols on one socket: fail2ban's pickles and JSON lines; the first
 * byte of a connection decides. Requests become commands; nothing here knows what they do.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct engine;
struct server;

struct server_spec {
	const char *path;           /* of the socket, mode 0700 from birth; a client there may do everything */
	int fd;                     /* it listens already (socket activation); -1: make it */
	const char *monitor;        /* of a second one, where clients may only read; NULL: none */
	int monitor_fd;             /* likewise */
	const char *monitor_group;  /* may connect to it; NULL: nobody but root */
	void (*stop)(void *arg, bool keep_bans); /* a client asked for the end */
	void *arg;
};

/*
 * A socket that answers is never taken over: NULL, with "already running"; a dead one is replaced. A second
 * socket that cannot be made is said in the log, and missing.
 */
struct server *server_new(struct engine *e, const struct server_spec *spec, struct err *err);
/* True if a server answers at `path`. */
bool server_is_alive(const char *path);
/* No new connections; those that are there are told what is still queued, then closed. Then done. */
void server_close(struct server *s, void (*done)(void *arg), void *arg);

#endif
