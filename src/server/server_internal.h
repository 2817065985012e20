/* server_internal: what the files of server/ share. */
#ifndef SERVER_INTERNAL_H
#define SERVER_INTERNAL_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "command/command.h"

struct conn;
struct engine;

struct listener { /* one socket */
	uv_pipe_t pipe;
	struct server *server;
	enum command_right right;
	gid_t gid;      /* of those who may come besides root; -1: nobody */
	char *path;     /* owned; NULL: somebody else made it, and removes it */
	size_t n_conns;
};

struct server {
	struct engine *engine;
	struct listener listeners[2]; /* the clients' and the monitors' */
	size_t n_listeners;
	uv_timer_t tick;
	struct conn *conns;
	size_t open_handles; /* that must close before the server is freed */
	bool is_closing;
	void (*stop)(void *arg, bool keep_bans);
	void *stop_arg;
	void (*done)(void *arg);
	void *done_arg;
};

void server_handle_closed(struct server *s);

#endif
