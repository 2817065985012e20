/*
 * request: one JSON line of a client, read: what it asks for, as plain data. The line is anybody's bytes.
 */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include <jansson.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/value.h"

#define REQUEST_MAX_OWN 8 /* addresses that one client may have protected; more are left out */

enum request_kind { REQUEST_WRONG, REQUEST_HELLO, REQUEST_SUBSCRIBE, REQUEST_COMMAND };

struct request {
	enum request_kind kind;
	json_t *id;          /* owned: to be repeated; null when there is none */
	const char *why;     /* of REQUEST_WRONG */
	long long protocol;  /* of REQUEST_HELLO, with own */
	struct addr own[REQUEST_MAX_OWN];
	size_t n_own;
	struct value *words; /* owned; of REQUEST_COMMAND: a list */
};

void request_read(const char *line, size_t len, struct request *out);
void request_done(struct request *r);

#endif
