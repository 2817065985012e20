/* conn: one client of the socket. Internal to server/. */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "base/str.h"
#include "command/command.h"
#include "event/bus.h"
#include "server/request.h"

#define CONN_MAX_OWN REQUEST_MAX_OWN /* addresses that one client may have protected */
#define CONN_IDLE_REQUEST_S 60   /* a request must be complete within this time */

struct server;
struct listener;
struct engine;

enum conn_protocol { CONN_UNKNOWN, CONN_JSON, CONN_PICKLE };

struct conn {
	uv_pipe_t pipe; /* first */
	struct server *server;
	struct listener *listener; /* through which it came */
	enum command_right right;
	enum conn_protocol protocol;
	unsigned uid;
	struct str in;
	size_t scanned;           /* of `in`, searched for the end of a message */
	bool is_served;           /* a whole request came: it is a client, not a connection that somebody holds open */
	double used_at;           /* monotonic: the last request, or the beginning */
	double request_since;     /* monotonic: the first byte of an unfinished request, 0: none */
	size_t queued;            /* bytes handed to the kernel's queue and not gone yet */
	bool is_closing;
	struct str farewell;      /* the answer to `stop`: told when all is stopped and the socket is gone (compat) */
	struct addr own[CONN_MAX_OWN];
	size_t n_own;
	struct bus_reader *reader; /* subscribed to events */
	uint64_t dropped;          /* events since the queue was full; then a resync is due */
	struct conn *prev, *next;
};

struct engine *conn_engine(const struct conn *c);
void conn_accept(struct listener *l);
void conn_say_farewell(struct conn *c); /* the server closes */
void conn_close(struct conn *c);
void conn_tick(struct conn *c, double mono); /* times out slow requests */
/* Queues bytes; false when the queue is over its cap (nothing is queued then). */
bool conn_send(struct conn *c, const char *bytes, size_t len);

/* stream.c: a snapshot, then events until the connection ends. */
void stream_subscribe(struct conn *c);
void stream_drained(struct conn *c); /* the queue got shorter */
/* snapshot.c */
void snapshot_send(struct conn *c);

#endif
