/* server_internal: what the files of server/ share. */
#ifndef SERVER_INTERNAL_H
#define SERVER_INTERNAL_H

#include <stdbool.h>
#include <uv.h>

struct conn;
struct engine;

struct server {
	struct engine *engine;
	uv_pipe_t listener;
	uv_timer_t tick;
	char *path; /* owned */
	struct conn *conns;
	size_t n_conns;
	size_t open_handles; /* that must close before the server is freed */
	bool is_closing;
	void (*stop)(void *arg, bool keep_bans);
	void *stop_arg;
	void (*done)(void *arg);
	void *done_arg;
};

void server_handle_closed(struct server *s);

#endif
