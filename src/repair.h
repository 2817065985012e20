/*
 * repair: puts back what the kernel has lost: the rules of bans one by one, a chain or a jump through the action's
 * own check, or, when that is content although the jump is gone, by making it anew. Says what was lost.
 */
#ifndef REPAIR_H
#define REPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct firewall;
struct repairs;

#define REPAIR_MAX_TRIES 5 /* of one jail in a row; then REPAIR_REST_S of rest */
#define REPAIR_REST_S 60

struct target { /* a chain or set that an action of a jail writes its bans to */
	char *jail, *action, *object, *table; /* owned */
	bool is_banned4, is_banned6;
	bool is_ipset;
	bool was_linked[2];    /* a jump led to it at a look; by family: IPv4, IPv6 */
	bool is_shadowed;      /* as last told */
	bool is_unlinked_told; /* that nothing leads to it */
	int64_t elements;      /* of an ipset, when last asked */
	struct target *next;
};

struct repairs *repairs_new(struct engine *e);
void repairs_free(struct repairs *r);
/* After firewall_compare(). Seconds until what had to wait may be repaired, which wants another look; negative: nothing. */
double repairs_make(struct repairs *r, struct firewall *f, const struct target *targets);

/*
 * As somebody asks by hand: what the last look did not find, however often that was tried; only: of one address. By the
 * actions that miss it alone: no mail goes out twice. How many bans.
 */
size_t repairs_order(struct repairs *r, struct firewall *f, const struct target *targets, const char *only);

#endif
