/*
 * fold: many hosts of one network as one row: the /24 or /64 of FOLD_LEAST or more that failed.
 *
 * A look at the view, kept by the Hosts pane: which networks are folded is decided when its rows are built, what they
 * add up to may be counted again in between. A row of either kind is a struct view_host: a network's has its name as ip,
 * sums as figures, and says so by fold_is_net(). An own address stays a row of its own, and so do all hosts of a network
 * of which one is marked: nobody acts on what is not seen.
 */
#ifndef UI_FOLD_H
#define UI_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "jailtop/view.h"

#define FOLD_LEAST 5

struct fold_net {
	struct view_host sum; /* the first member: what the row shows. jail: of most failures */
	char text[ADDR_TEXT_MAX];
	char lead[ADDR_TEXT_MAX + 24]; /* "203.0.113.0/24 (7)" */
	size_t first, count;  /* in members */
	size_t hosts;         /* of them that are still there: what the figures are about */
	size_t banned, white; /* hosts, however many jails ban them */
	bool is_mixed;        /* they failed in several jails */
	bool is_near;         /* the next failure of one of them bans it */
	bool is_banned;       /* the network itself */
	bool is_repeat;       /* its ban is not the first */
	bool is_broken;       /* a rule of the network's ban, or of one of theirs, is missing */
	UT_hash_handle hh;
};

struct fold {
	struct fold_net *nets; /* owned */
	size_t n_nets;
	struct fold_net *index;
	uint32_t *members;     /* owned: slots of hosts, network by network */
	bool *is_in;           /* owned: by slot */
	size_t n_slots, n_in;
};

bool fold_net_of(const struct addr *host, struct addr *net); /* its /24 or /64; false: a network, or no address */

void fold_clear(struct fold *f);
/* marks: keys of rows, i.e. addresses. */
void fold_build(struct fold *f, const struct view *v, char *const *marks, size_t n_marks);
void fold_count(struct fold *f, const struct view *v); /* the sums and flags anew; the networks stay */
bool fold_has(const struct fold *f, uint32_t slot);    /* the host in it is no row of its own */
const struct view_host *fold_member(const struct fold *f, const struct fold_net *net, const struct view *v, size_t i); /* NULL: gone */
const struct fold_net *fold_is_net(const struct view_host *row); /* NULL: a host */

struct fold_look { /* what lies in a network */
	size_t hosts, bans, white;
};
struct fold_look fold_look(const struct view *v, const struct addr *net);

#endif
