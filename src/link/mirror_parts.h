/*
 * mirror_parts: what the files of the mirror share. Each part takes its JSON and fills its piece of struct view.
 */
#ifndef LINK_MIRROR_PARTS_H
#define LINK_MIRROR_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "jailtop/view.h"

struct ban_node {
	struct view_ban ban; /* first: the view points here */
	UT_hash_handle hh;
};

struct host_node {
	struct view_host host; /* first */
	UT_hash_handle hh;
};

/* What stands behind a struct view: it is the first member, so that lookups need no other handle. */
struct holder {
	struct view view;
	struct ban_node *ban_index;
	struct host_node *host_index;
	uint32_t *free_bans, *free_hosts; /* slots to use again */
	uint64_t *serials; /* the model's counter: rows of all views share it */
	size_t n_free_bans, n_free_hosts, room_bans, room_hosts, slots_bans, slots_hosts;
};

/* mirror_rows.c */
struct ban_node *rows_ban_find(const struct holder *h, const char *jail, const char *id);
void rows_ban_put(struct holder *h, const json_t *j);
void rows_ban_drop(struct holder *h, struct ban_node *node);
void rows_host_put(struct holder *h, const json_t *j);
void rows_host_drop(struct holder *h, const char *ip);
void rows_rule(struct holder *h, const json_t *j);  /* an action's outcome */
void rows_rules(struct holder *h, const json_t *j); /* what the kernel shows of bans */

/* mirror_jails.c */
void jails_put(struct view *v, const json_t *j);
void jails_drop(struct view *v, const char *name);
void jails_file(struct view *v, const json_t *j);
void jails_free_one(struct view_jail *j);
void jails_spark(struct view_spark *spark, const json_t *j);

/* mirror_chains.c */
void chains_read(struct view *v, const json_t *j);
void chains_done(struct view_chains *c);

/* mirror_state.c */
void state_engine(struct view *v, const json_t *j);
void state_stats(struct view *v, const json_t *j, double monotonic);
void state_white(struct view *v, const json_t *j);
void state_engine_done(struct view_engine *e);
void state_white_done(struct view *v);

/* mirror_log.c: false: this event is no row */
bool log_event(struct view *v, const char *name, const json_t *j, double t);

#endif
