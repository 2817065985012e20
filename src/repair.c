#include "repair.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "describe.h"
#include "engine.h"
#include "firewall/chains.h"
#include "jail.h"

struct attempt { /* repairs of one jail */
	char *jail; /* owned */
	int tries;
	double next; /* monotonic */
	bool has_drift;
	struct attempt *link;
};

struct repairs {
	struct engine *engine;
	struct attempt *attempts;
	struct attempt *noted; /* in attempts: the last one */
};

/* What is done for one jail after one look. */
struct repairing {
	const struct target *targets;
	struct firewall *firewall;
	struct jail *jail;
	bool is_again;           /* it was tried before, and is not as it should be */
	const char *checked[16]; /* objects whose action looks after them itself */
	size_t n_checked;
	size_t count;            /* bans put back */
	const char *object;      /* of the last one */
	const char *only;        /* an address whose bans alone are put back; NULL: all */
};

struct repairs *
repairs_new(struct engine *e)
{
	struct repairs *r = xcalloc(1, sizeof *r);

	r->engine = e;
	return r;
}

void
repairs_free(struct repairs *r)
{
	struct attempt *a, *next;

	LL_FOREACH_SAFE2(r->attempts, a, next, link) {
		free(a->jail);
		free(a);
	}
	free(r);
}

static struct attempt *
attempt_of(struct repairs *r, const char *jail)
{
	struct attempt *a;

	LL_FOREACH2(r->attempts, a, link)
		if (strcmp(a->jail, jail) == 0)
			return a;
	a = xcalloc(1, sizeof *a);
	a->jail = xstrdup(jail);
	LL_PREPEND2(r->attempts, a, link);
	return a;
}

/* May the jail be repaired now? Counts the try. What a->next says is for the tries in a row. */
static bool
may_repair(struct repairs *r, struct attempt *a)
{
	double mono = clock_monotonic(&r->engine->clock);

	if (mono < a->next)
		return false;
	if (++a->tries > REPAIR_MAX_TRIES) {
		a->next = mono + REPAIR_REST_S;
		a->tries = 0;
		log_write(LOG_LEVEL_ERROR, "fail2ban.actions", "[%s] its rules vanish again and again: next repair in %d s", a->jail, REPAIR_REST_S);
		return false;
	}
	a->next = mono + 0.5 * a->tries; /* commands are under way: look at what they did first */
	return true;
}

static const struct target *
target_of(const struct repairing *r, const char *jail, const char *object)
{
	for (const struct target *g = r->targets; g != NULL; g = g->next)
		if (strcmp(g->jail, jail) == 0 && strcmp(g->object, object) == 0)
			return g;
	return NULL;
}

static bool
is_checked(const struct repairing *r, const char *object)
{
	for (size_t i = 0; i < r->n_checked; i++)
		if (strcmp(r->checked[i], object) == 0)
			return true;
	return false;
}

static bool
is_there(const struct repairing *r, const char *object)
{
	static const enum fw_kind kinds[] = {FW_CHAIN, FW_IPSET, FW_NFT_SET};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (uint8_t family = 4; family <= 6; family += 2)
			if (firewall_find(r->firewall, kinds[i], family, object) != NULL)
				return true;
	return false;
}

/* Is nobody banned in it any more? */
static bool
is_emptied(const struct repairing *r, const char *object)
{
	for (size_t i = 0; i < firewall_count(r->firewall); i++) {
		const struct fw_chain *c = firewall_at(r->firewall, i);
		if (strcmp(c->name, object) != 0)
			continue;
		for (size_t k = 0; k < c->count; k++)
			if (c->rules[k].mark == FW_MARK_BAN)
				return false;
	}
	return true;
}

/* Its chain is gone, or nothing leads to it. A REPAIR outcome then bans again all who were in it. */
static void
repair_start(void *arg, const char *jail, const char *object, uint8_t family)
{
	struct repairing *r = arg;
	const struct target *g = target_of(r, jail, object);
	struct action *a = g != NULL ? jail_action(r->jail, g->action) : NULL;

	if (strcmp(jail, r->jail->name) != 0 || a == NULL)
		return;
	/* what never was linked may be linked by hand, or from elsewhere: that is not ours to make anew */
	bool is_forced = r->is_again && g->was_linked[family == 6];
	if (!is_forced && is_checked(r, object))
		return;
	if (r->n_checked < sizeof r->checked / sizeof *r->checked)
		r->checked[r->n_checked++] = g->object;
	log_write(LOG_LEVEL_WARNING, "fail2ban.actions", is_there(r, object) ? "[%s] nothing in the kernel leads to %s any more: repairing" :
	                                                                        "[%s] %s is gone from the kernel: repairing", jail, object);
	action_repair(a, family, is_forced);
}

static void
repair_ban(void *arg, const char *jail, const char *object, const char *id)
{
	struct repairing *r = arg;

	if (strcmp(jail, r->jail->name) != 0 || is_checked(r, object))
		return; /* it comes back with the repair of its chain, or with the next look */
	const struct target *g = target_of(r, jail, object);
	struct action *a = g != NULL ? jail_action(r->jail, g->action) : NULL;
	struct ban *ban = bans_find(r->jail->bans, id);
	if (ban == NULL || a == NULL)
		return;
	if (ban->rule != BAN_RULE_WAIT)
		ban->pending = 0;
	ban->rule = BAN_RULE_WAIT;
	ban->pending++;
	r->count++;
	r->object = g->object;
	action_reban(a, ban->ticket);
}

/* ---- which jails miss something: all of them, however long the list ---- */

static void
note(struct repairs *r, const char *jail)
{
	if (r->noted == NULL || strcmp(r->noted->jail, jail) != 0)
		r->noted = attempt_of(r, jail);
	r->noted->has_drift = true;
}

static void
note_start(void *arg, const char *jail, const char *object, uint8_t family)
{
	(void)object;
	(void)family;
	note(arg, jail);
}

static void
note_ban(void *arg, const char *jail, const char *object, const char *id)
{
	(void)object;
	(void)id;
	note(arg, jail);
}

static void
tell_count(struct repairs *r, const struct repairing *now)
{
	if (now->count == 0)
		return;
	log_write(LOG_LEVEL_WARNING, "fail2ban.actions", is_emptied(now, now->object) ?
	    "[%1$s] %2$s was flushed: %3$zu ban(s) put back" : "[%1$s] %3$zu ban(s) had no rule in %2$s: put back",
	    now->jail->name, now->object, now->count);
	json_t *o = json_pack("{s:s,s:I}", "what", "rules put back", "count", (json_int_t)now->count);
	json_object_set_new(o, "jail", describe_text(now->jail->name));
	bus_publish(r->engine->bus, EVENT_REPAIR, o);
}

static void
find_drift(struct repairs *r, struct firewall *f)
{
	const struct fw_repair_hooks noting = {note_start, note_ban, r};
	struct attempt *a;

	LL_FOREACH2(r->attempts, a, link)
		a->has_drift = false;
	r->noted = NULL;
	firewall_repair(f, &noting);
}

double
repairs_make(struct repairs *r, struct firewall *f, const struct target *targets)
{
	double mono = clock_monotonic(&r->engine->clock), wait = -1;

	find_drift(r, f);
	for (struct jail *j = r->engine->jails; j != NULL; j = j->hh.next) {
		struct attempt *a = attempt_of(r, j->name);
		if (!a->has_drift) {
			a->tries = 0;
			a->next = 0;
			continue;
		}
		if (!may_repair(r, a)) {
			wait = wait < 0 ? a->next - mono : fmin(wait, a->next - mono);
			continue;
		}
		struct repairing now = {.targets = targets, .firewall = f, .jail = j, .is_again = a->tries > 1};
		struct fw_repair_hooks hooks = {repair_start, repair_ban, &now};
		firewall_repair(f, &hooks);
		tell_count(r, &now);
	}
	return wait;
}

/* ---- as the operator orders ---- */

static void
count_missing(void *arg, struct ban *ban)
{
	size_t *n = arg;

	*n += ban->rule == BAN_RULE_NONE;
}

static void
start_of_one(void *arg, const char *jail, const char *object, uint8_t family)
{
	struct repairing *r = arg;
	struct addr addr;

	if (addr_parse(r->only, &addr) && addr.family == family && bans_find(r->jail->bans, r->only) != NULL)
		repair_start(arg, jail, object, family);
}

static void
ban_of_one(void *arg, const char *jail, const char *object, const char *id)
{
	struct repairing *r = arg;
	struct ban *ban = strcmp(jail, r->jail->name) == 0 ? bans_find(r->jail->bans, id) : NULL;

	if (ban != NULL && strcmp(ticket_ip(ban->ticket), r->only) == 0)
		repair_ban(arg, jail, object, id);
}

size_t
repairs_order(struct repairs *r, struct firewall *f, const struct target *targets, const char *only)
{
	double mono = clock_monotonic(&r->engine->clock);
	size_t count = 0;

	find_drift(r, f);
	for (struct jail *j = r->engine->jails; j != NULL; j = j->hh.next) {
		struct attempt *a = attempt_of(r, j->name);
		if (!a->has_drift || (a->tries > 0 && mono < a->next))
			continue; /* all is well, or its commands are under way */
		size_t before = 0, after = 0;
		bans_each(j->bans, count_missing, &before);
		struct repairing now = {.targets = targets, .firewall = f, .jail = j, .is_again = a->tries > 0, .only = only};
		struct fw_repair_hooks hooks = {repair_start, repair_ban, &now};
		struct fw_repair_hooks one = {start_of_one, ban_of_one, &now};
		firewall_repair(f, only != NULL ? &one : &hooks);
		if (now.count == 0 && now.n_checked == 0)
			continue;
		a->tries++;
		a->next = mono + 0.5;
		bans_each(j->bans, count_missing, &after);
		/* those of a chain that is made anew come back when it is there */
		count += now.n_checked == 0 ? before - after : only != NULL ? 1 : bans_count(j->bans);
		tell_count(r, &now);
	}
	return count;
}
