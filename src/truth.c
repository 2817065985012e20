#include "truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "delrule.h"
#include "describe.h"
#include "engine.h"
#include "firewall/chains.h"
#include "firewall/ipsets.h"
#include "firewall/notify.h"
#include "jail.h"
#include "repair.h"

struct truth {
	struct engine *engine;
	struct firewall *firewall;
	struct target *targets;
	struct repairs *repairs;
	struct notify *notify; /* NULL: the kernel does not tell, so it is asked */
	struct ipsets *ipsets; /* NULL: they cannot be counted, so they are listed */
	uv_timer_t timer;      /* the next look */
	uv_timer_t count;      /* of the ipsets, while there are any */
	uv_timer_t hold;       /* commands wait no longer for the look */
	int handles;           /* to be closed */
	double looked;         /* monotonic: the last look began */
	double busy_since;     /* monotonic: many commands wait; 0: not so */
	double heard;          /* monotonic: the kernel last told of a change */
	double acted;          /* monotonic: a command that it should have told of */
	double removed;        /* monotonic: we took something away ourselves */
	bool is_deaf;          /* it tells of other rules than those that the actions make (iptables-legacy) */
	bool is_urgent;        /* somebody took something away: commands that wait do not delay the next look */
	char *error;           /* owned: as last told; NULL: none */
	unsigned errors;       /* looks in a row that failed */
};

static struct target *
target_find(const struct truth *t, const char *jail, const char *object)
{
	for (struct target *g = t->targets; g != NULL; g = g->next)
		if (strcmp(g->jail, jail) == 0 && strcmp(g->object, object) == 0)
			return g;
	return NULL;
}

static void on_count(uv_timer_t *timer);

void
truth_learn(struct truth *t, const struct outcome *o, int family)
{
	char object[256], table[256];

	if (o->command == NULL || !firewall_target_of(o->command, object, table))
		return;
	struct target *g = target_find(t, o->jail, object);
	if (g == NULL) {
		g = xcalloc(1, sizeof *g);
		g->jail = xstrdup(o->jail);
		g->action = xstrdup(o->action);
		g->object = xstrdup(object);
		g->table = xstrdup(table);
		g->is_ipset = strstr(o->command, "ipset") != NULL;
		LL_PREPEND(t->targets, g);
	}
	if (!g->is_ipset)
		t->acted = clock_monotonic(&t->engine->clock);
	else if (t->ipsets != NULL && !uv_is_active((uv_handle_t *)&t->count))
		uv_timer_start(&t->count, on_count, (uint64_t)(TRUTH_COUNT_S * 1000), (uint64_t)(TRUTH_COUNT_S * 1000));
	g->is_banned4 = g->is_banned4 || family == 4;
	g->is_banned6 = g->is_banned6 || family == 6;
}

static struct target *
target_of_chain(const struct truth *t, const struct fw_chain *c)
{
	struct target *g = target_find(t, c->jail, c->name);

	/* nftables' sets of the other family, named after the same jail */
	for (struct target *other = t->targets; g == NULL && other != NULL; other = other->next)
		if (strcmp(other->jail, c->jail) == 0 && c->kind == FW_NFT_SET && other->table[0] != '\0')
			g = other;
	return g;
}

static void
forget_gone(struct truth *t)
{
	struct target *g, *next;

	LL_FOREACH_SAFE(t->targets, g, next) {
		struct jail *j = engine_jail(t->engine, g->jail);
		if (j != NULL && jail_action(j, g->action) != NULL)
			continue;
		LL_DELETE(t->targets, g);
		free(g->jail);
		free(g->action);
		free(g->object);
		free(g->table);
		free(g);
	}
}

/* ---- comparing ---- */

struct listing {
	struct jail *jail;
	struct fw_ban *bans;
	struct ban **owners;
	struct jail **jails;
	size_t count, room;
};

static bool
has_target(const struct truth *t, const char *jail)
{
	for (struct target *g = t->targets; g != NULL; g = g->next)
		if (strcmp(g->jail, jail) == 0)
			return true;
	return false;
}

static void
list_ban(void *arg, struct ban *ban)
{
	struct listing *l = arg;

	if (ban->ticket->addr.family == 0 || (ban->rule != BAN_RULE_OK && ban->rule != BAN_RULE_NONE))
		return;
	if (l->count == l->room) {
		l->room = l->room != 0 ? l->room * 2 : 256;
		l->bans = xreallocarray(l->bans, l->room, sizeof *l->bans);
		l->owners = xreallocarray(l->owners, l->room, sizeof *l->owners);
		l->jails = xreallocarray(l->jails, l->room, sizeof *l->jails);
	}
	l->bans[l->count] = (struct fw_ban){l->jail->name, ban->ticket->id, ban->ticket->addr, ban->acted_at};
	l->jails[l->count] = l->jail;
	l->owners[l->count++] = ban;
}

/* Tells what changed of the bans' rules. */
static void
tell_rules(struct truth *t, struct listing *l)
{
	struct engine *e = t->engine;
	json_t *items = json_array();

	for (size_t i = 0; i < l->count; i++) {
		struct ban *ban = l->owners[i];
		const struct fw_rule *rule = firewall_rule(t->firewall, l->jails[i]->name, &ban->ticket->addr, NULL, NULL);
		uint64_t hits = rule != NULL ? rule->pkts : ban->hits;
		bool is_new = ban->acted_at >= firewall_listed_at(t->firewall);
		enum ban_rule state = rule != NULL || is_new ? BAN_RULE_OK : BAN_RULE_NONE;
		if (!has_target(t, l->jails[i]->name) || (hits == ban->hits && state == ban->rule))
			continue;
		ban->hits = hits;
		ban->rule = state;
		if (json_array_size(items) < 400 && bus_has_readers(e->bus)) {
			json_t *o = json_pack("{s:s,s:I}", "rule", ban_rule_name(state), "hits", (json_int_t)hits);
			json_object_set_new(o, "jail", describe_text(l->jails[i]->name));
			json_object_set_new(o, "id", describe_text(ban->ticket->id));
			json_array_append_new(items, o);
		}
	}
	if (json_array_size(items) != 0)
		bus_publish(e->bus, EVENT_RULES, json_pack("{s:o}", "items", items));
	else
		json_decref(items);
}

/*
 * The tools begin anew whenever the kernel's tables change while they read them: in a storm they would come to no
 * end. So commands wait for a look that is urgent, and for one that has not ended by itself in good time; not long.
 */
static void
release(struct truth *t)
{
	uv_timer_stop(&t->hold);
	action_queue_hold(t->engine->queue, ACTION_HOLD_TRUTH, false);
}

static void
on_held(uv_timer_t *timer)
{
	release(timer->data);
}

static void
hold(uv_timer_t *timer)
{
	struct truth *t = timer->data;

	action_queue_hold(t->engine->queue, ACTION_HOLD_TRUTH, true);
	uv_timer_start(timer, on_held, (uint64_t)(TRUTH_HOLD_S * 1000), 0);
}

/* A failure is told when it begins or changes, and each one makes the pause longer. */
static void
tell_error(struct truth *t, const char *error)
{
	if (error == NULL) {
		if (t->errors != 0)
			log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "the firewall can be read again");
		t->errors = 0;
		free(t->error);
		t->error = NULL;
		return;
	}
	t->errors++;
	if (t->error != NULL && strcmp(t->error, error) == 0)
		return;
	log_write(LOG_LEVEL_ERROR, "fail2ban.actions", "the firewall could not be read: %s", error);
	free(t->error);
	t->error = xstrdup(error);
}

/* What leads to the chains: seen once, it is missed later; an ACCEPT before it, or nothing at all, is told. */
static void
tell_links(struct truth *t)
{
	for (size_t i = 0; i < firewall_count(t->firewall); i++) {
		const struct fw_chain *c = firewall_at(t->firewall, i);
		struct target *g = c->jail != NULL ? target_of_chain(t, c) : NULL;
		if (g == NULL)
			continue;
		if (c->jump != FW_JUMP_MISSING)
			g->was_linked[c->family == 6] = true;
		if (g->is_shadowed != (c->jump == FW_JUMP_SHADOWED)) {
			g->is_shadowed = !g->is_shadowed;
			log_write(g->is_shadowed ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE, "fail2ban.actions",
			    g->is_shadowed ? "[%s] %s stops nobody: an earlier rule accepts the same traffic: %s" :
			                     "[%s] %s: no earlier rule accepts its traffic any more%s",
			    g->jail, c->name, g->is_shadowed ? c->shadow : "");
		}
		if (c->jump == FW_JUMP_MISSING && !g->was_linked[c->family == 6] && !g->is_unlinked_told) {
			g->is_unlinked_told = true;
			log_write(LOG_LEVEL_WARNING, "fail2ban.actions", "[%s] nothing in the kernel leads to %s: its rules stop nobody", g->jail, c->name);
		}
	}
}

static void look_in(struct truth *t, double seconds);

static void
on_refreshed(void *arg)
{
	struct truth *t = arg;
	struct engine *e = t->engine;
	struct listing l = {0};

	release(t);
	if (e->state == ENGINE_STOPPING)
		return;
	const char *error = firewall_error(t->firewall);
	tell_error(t, error);
	if (error == NULL) {
		for (struct jail *j = e->jails; j != NULL; j = j->hh.next) {
			l.jail = j;
			if (has_target(t, j->name))
				bans_each(j->bans, list_ban, &l);
		}
		size_t n = 0;
		for (struct target *g = t->targets; g != NULL; g = g->next)
			n++;
		struct fw_target *targets = xcalloc(n, sizeof *targets);
		n = 0;
		for (struct target *g = t->targets; g != NULL; g = g->next) {
			struct jail *j = engine_jail(e, g->jail);
			if (j == NULL || bans_count(j->bans) == 0)
				continue; /* nothing is to be protected there now */
			/* an ipset or nftables set serves one family: bans of the other are not missed there */
			uint8_t family = g->is_banned4 == g->is_banned6 ? 0 : g->is_banned4 ? 4 : 6;
			targets[n++] = (struct fw_target){
			    .jail = g->jail, .object = g->object, .table = g->table, .family = family};
		}
		firewall_compare(t->firewall, targets, n, l.bans, l.count);
		tell_rules(t, &l);
		tell_links(t);
		free(targets);
		free(l.bans);
		free(l.owners);
		free(l.jails);
		double wait = e->repair_auto && firewall_drift_count(t->firewall) != 0 ?
		    repairs_make(t->repairs, t->firewall, t->targets) : -1;
		if (wait >= 0)
			look_in(t, wait);
	}
	if (bus_has_readers(e->bus)) {
		json_t *chains = truth_chains(t);
		if (json_is_object(chains))
			bus_publish(e->bus, EVENT_CHAINS, chains);
		else
			json_decref(chains);
	}
}

/* ---- when to look ---- */

static bool
must_poll(const struct truth *t)
{
	if (t->notify == NULL || t->is_deaf)
		return true;
	for (struct target *g = t->targets; g != NULL; g = g->next)
		if (g->is_ipset && (t->ipsets == NULL || g->elements == -2))
			return true; /* the kernel tells nobody of changes to an ipset */
	return false;
}

/* Seconds between two looks that nothing asked for. */
static double
period(const struct truth *t)
{
	bool has_bans = false, is_watched = bus_has_readers(t->engine->bus);

	for (struct jail *j = t->engine->jails; j != NULL && !has_bans; j = j->hh.next)
		has_bans = bans_count(j->bans) != 0;
	/* who watches wants to see the counters move */
	double wish = is_watched || (has_bans && must_poll(t)) ? TRUTH_PERIOD_S : TRUTH_QUIET_S;
	double pause = firewall_pause(t->firewall, wish); /* at most 5 % of the time */
	double one_percent = firewall_ms(t->firewall) / 1000 * 100;
	return !is_watched && one_percent > pause ? one_percent : pause;
}

static void on_timer(uv_timer_t *timer);

static void
look_in(struct truth *t, double seconds)
{
	uint64_t ms = (uint64_t)(seconds * 1000);

	if (t->engine->state == ENGINE_STOPPING || t->engine->is_dry)
		return;
	if (t->errors != 0) { /* tools that fail are not asked again and again */
		double rest = fmin(ldexp(1, t->errors < 7 ? (int)t->errors : 7), TRUTH_REST_S);
		double since = clock_monotonic(&t->engine->clock) - t->looked;
		if (rest - since > seconds)
			ms = (uint64_t)((rest - since) * 1000);
	}
	if (!uv_is_active((uv_handle_t *)&t->timer) || uv_timer_get_due_in(&t->timer) > ms)
		uv_timer_start(&t->timer, on_timer, ms, 0);
}

/* In a storm a listing is old before it is read, and takes the time of the commands. */
static bool
is_too_busy(struct truth *t)
{
	double mono = clock_monotonic(&t->engine->clock);

	if (action_queue_waiting(t->engine->queue) < TRUTH_BUSY_JOBS) {
		t->busy_since = 0;
		return false;
	}
	if (t->busy_since == 0)
		t->busy_since = mono;
	return mono - (t->looked > t->busy_since ? t->looked : t->busy_since) < TRUTH_BUSY_S;
}

static void
on_timer(uv_timer_t *timer)
{
	struct truth *t = timer->data;

	if (t->targets == NULL && !bus_has_readers(t->engine->bus))
		return; /* nothing of ours is in the kernel, and nobody asks */
	if (!t->is_urgent && is_too_busy(t)) {
		look_in(t, 0.1);
		return;
	}
	if (!firewall_refresh(t->firewall)) {
		look_in(t, 0.1); /* one is under way: again after it */
		return;
	}
	if (t->is_urgent)
		hold(&t->hold);
	else
		uv_timer_start(&t->hold, hold, (uint64_t)(TRUTH_HOLD_S * 1000), 0);
	t->looked = clock_monotonic(&t->engine->clock);
	t->is_urgent = false;
	if (t->acted != 0 && t->looked - t->acted > 2)
		t->is_deaf = t->notify != NULL && t->heard < t->acted - 2;
}

/* Somebody took something away: now, though no more than a third of the time is spent looking. */
static void
look_now(struct truth *t)
{
	double since = clock_monotonic(&t->engine->clock) - t->looked;
	double pause = firewall_ms(t->firewall) / 1000 * 2;

	t->is_urgent = true;
	look_in(t, pause - since > TRUTH_NOW_S ? pause - since : TRUTH_NOW_S);
}

static bool
do_we_remove(const struct truth *t)
{
	return action_queue_removes(t->engine->queue) || clock_monotonic(&t->engine->clock) - t->removed < TRUTH_SOON_S;
}

void
truth_removed(struct truth *t)
{
	t->removed = clock_monotonic(&t->engine->clock);
}

/* An ipset that is gone or has fewer entries than before, and not by us, is looked at. */
static void
on_count(uv_timer_t *timer)
{
	struct truth *t = timer->data;
	bool has_any = false, is_less = false, is_more = false;

	for (struct target *g = t->targets; g != NULL; g = g->next) {
		if (!g->is_ipset)
			continue;
		int64_t before = g->elements;
		g->elements = ipsets_count(t->ipsets, g->object);
		has_any = true;
		is_less = is_less || (g->elements < before && g->elements != -2);
		is_more = is_more || g->elements > before;
	}
	if (!has_any)
		uv_timer_stop(timer);
	else if (is_less && !do_we_remove(t))
		look_now(t);
	else if (is_less || is_more)
		truth_look(t);
}

void
truth_look(struct truth *t)
{
	/* soon, but no more than a tenth of the time is spent looking */
	double since = clock_monotonic(&t->engine->clock) - t->looked;
	double pause = firewall_ms(t->firewall) / 1000 * 10;

	look_in(t, pause - since > TRUTH_SOON_S ? pause - since : TRUTH_SOON_S);
}

static void
on_kernel_change(void *arg, bool is_removal)
{
	struct truth *t = arg;

	t->heard = clock_monotonic(&t->engine->clock);
	if (is_removal && !do_we_remove(t))
		look_now(t);
	else
		truth_look(t);
}

void
truth_tick(struct truth *t)
{
	forget_gone(t);
	look_in(t, period(t));
}

size_t
truth_drift(const struct truth *t)
{
	return firewall_is_listed(t->firewall) ? firewall_drift_count(t->firewall) : 0;
}

json_t *
truth_chains(const struct truth *t)
{
	if (!firewall_is_listed(t->firewall) && firewall_error(t->firewall) == NULL)
		return json_null();
	struct value *v = firewall_value(t->firewall, period(t));
	json_t *j = value_to_json(v);
	value_free(v);
	return j;
}

json_t *
truth_rules(const struct truth *t, const char *ip)
{
	json_t *list = json_array();
	struct addr a;

	if (!addr_parse(ip, &a) || !firewall_is_listed(t->firewall))
		return list;
	for (struct jail *j = t->engine->jails; j != NULL; j = j->hh.next) {
		const struct fw_chain *chain = NULL;
		size_t place = 0;
		const struct fw_rule *r = firewall_rule(t->firewall, j->name, &a, &chain, &place);
		if (r == NULL || chain == NULL)
			continue;
		json_t *o = json_pack("{s:I,s:I,s:I}", "n", (json_int_t)place + 1, "pkts", (json_int_t)r->pkts, "bytes", (json_int_t)r->bytes);
		json_object_set_new(o, "jail", describe_text(j->name));
		json_object_set_new(o, "chain", describe_text(chain->name));
		json_object_set_new(o, "target", describe_text(r->target));
		json_array_append_new(list, o);
	}
	return list;
}

bool
truth_delete(struct truth *t, int family, const char *chain, const char *text, struct err *err)
{
	return delrule_run(t->engine, t->firewall, family, chain, text, err);
}

size_t
truth_repair(struct truth *t, const char *ip)
{
	return repairs_order(t->repairs, t->firewall, t->targets, ip);
}

struct truth *
truth_new(struct engine *e)
{
	struct truth *t = xcalloc(1, sizeof *t);
	struct firewall_hooks hooks = {on_refreshed, t};

	t->engine = e;
	t->firewall = firewall_new(e->loop, &e->clock, &hooks);
	t->repairs = repairs_new(e);
	uv_timer_init(e->loop, &t->timer);
	uv_timer_init(e->loop, &t->count);
	uv_timer_init(e->loop, &t->hold);
	t->timer.data = t->count.data = t->hold.data = t;
	t->handles = 3;
	if (!e->is_dry) {
		t->notify = notify_new(e->loop, on_kernel_change, t);
		t->ipsets = ipsets_open();
	}
	return t;
}

struct ending {
	struct truth *truth;
	void (*done)(void *arg);
	void *arg;
};

static void
on_timer_closed(uv_handle_t *h)
{
	struct ending *end = h->data;
	struct truth *t = end->truth;
	struct target *g, *next;

	if (--t->handles != 0)
		return;
	LL_FOREACH_SAFE(t->targets, g, next) {
		free(g->jail);
		free(g->action);
		free(g->object);
		free(g->table);
		free(g);
	}
	repairs_free(t->repairs);
	ipsets_close(t->ipsets);
	free(t->error);
	free(t);
	end->done(end->arg);
	free(end);
}

static void
on_notify_closed(void *arg)
{
	struct ending *end = arg;

	end->truth->timer.data = end->truth->count.data = end->truth->hold.data = end;
	uv_close((uv_handle_t *)&end->truth->timer, on_timer_closed);
	uv_close((uv_handle_t *)&end->truth->count, on_timer_closed);
	uv_close((uv_handle_t *)&end->truth->hold, on_timer_closed);
}

static void
on_firewall_closed(void *arg)
{
	struct ending *end = arg;

	notify_close(end->truth->notify, on_notify_closed, end);
}

void
truth_close(struct truth *t, void (*done)(void *arg), void *arg)
{
	struct ending *end = xcalloc(1, sizeof *end);

	*end = (struct ending){t, done, arg};
	firewall_close(t->firewall, on_firewall_closed, end);
}
