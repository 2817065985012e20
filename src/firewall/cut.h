/*
 * cut: ends the established connections of addresses that were banned: their TCP sockets are destroyed (the other
 * side gets a reset), and what connection tracking remembers of them is deleted, so that no rule for established
 * traffic lets them by before the ban's rule sees them. Addresses that come together are looked for together.
 *
 * Where the kernel cannot, or conntrack(8) is not installed, that is said once. At most CUT_MAX addresses wait; of a
 * larger storm the others' connections stay, and that is said.
 */
#ifndef FIREWALL_CUT_H
#define FIREWALL_CUT_H

#include <stddef.h>
#include <uv.h>

#include "base/addr.h"

#define CUT_MAX 20000
#define CUT_TRACKED_MAX 256 /* addresses at a time whose entries are deleted: each is a program of its own */

struct cut;

struct cut_hooks {
	/* Of an address that had any: sockets destroyed. */
	void (*done)(void *arg, const char *jail, const struct addr *addr, size_t sockets);
	void (*problem)(void *arg, const char *text); /* each one once */
	void *arg;
};

struct cut *cut_new(uv_loop_t *loop, const struct cut_hooks *hooks);
void cut_add(struct cut *c, const char *jail, const struct addr *addr); /* an address or a network */
void cut_close(struct cut *c, void (*done)(void *arg), void *arg); /* NULL: done is called at once */

#endif
