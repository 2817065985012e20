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

/*
 * Listens at `path` (mode 0700 from birth). A socket that answers is never taken over: false, with
 * "already running"; a dead one is replaced. stop is called when a client asked for the end.
 */
struct server *server_new(struct engine *e, const char *path, void (*stop)(void *arg, bool keep_bans), void *arg, struct err *err);
/* True if a server answers at `path`. */
bool server_is_alive(const char *path);
/* No new connections; those that are there are told what is still queued, then closed. Then done. */
void server_close(struct server *s, void (*done)(void *arg), void *arg);

#endif
