/*
 * client_conn: one connection to the server: a command out, its reply in, both pickled.
 *
 * Failures are told as Python tells them ("[Errno 111] Connection refused", "timed out"), because
 * that text is what the stock client shows.
 */
#ifndef APPLET_CLIENT_CONN_H
#define APPLET_CLIENT_CONN_H

#include "base/err.h"
#include "base/value.h"

struct client_conn {
	int fd;          /* -1: not connected */
	double timeout_s; /* for each step; negative: none */
};

enum client_result {
	CLIENT_OK,
	CLIENT_NO_SERVER, /* the socket failed */
	CLIENT_BAD_REPLY, /* something answered, but no pickle */
};

#define CLIENT_CONN_NEW ((struct client_conn){.fd = -1, .timeout_s = -1})

/* Connects when it is not connected yet. *reply: the caller frees. */
enum client_result client_conn_call(struct client_conn *c, const char *path, const struct value *command,
    struct value **reply, struct err *err);
void client_conn_close(struct client_conn *c); /* says good-bye; may be called twice */

/* Is it jailtop that listens there? (Unknown when systemd holds the socket: false.) */
bool client_conn_is_ours(const char *path);

#endif
