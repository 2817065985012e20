#include "truth.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/child.h"
#include "base/log.h"
#include "base/mem.h"
#include "describe.h"
#include "engine.h"
#include "firewall/chains.h"
#include "firewall/notify.h"
#include "flow_stages.h"
#include "jail.h"

struct target {
	char *jail, *action, *object, *table; /* owned */
	bool is_banned4, is_banned6;
	bool is_ipset;
	struct target *next;
};

struct attempt { /* repairs of one jail */
	char *jail; /* owned */
	int tries;
	double next; /* monotonic */
	struct attempt *link;
};

struct truth {
	struct engine *engine;
	struct firewall *firewall;
	struct target *targets;
	struct attempt *attempts;
	struct notify *notify; /* NULL: the kernel does not tell, so it is asked */
	uv_timer_t timer;      /* the next look */
	double looked;         /* monotonic: the last look began */
	double busy_since;     /* monotonic: many commands wait; 0: not so */
	bool was_error;
};

static struct target *
target_find(const struct truth *t, const char *jail, const char *object)
{
	for (struct target *g = t->targets; g != NULL; g = g->next)
		if (strcmp(g->jail, jail) == 0 && strcmp(g->object, object) == 0)
			return g;
	return NULL;
}

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
	g->is_banned4 = g->is_banned4 || family == 4;
	g->is_banned6 = g->is_banned6 || family == 6;
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

static struct attempt *
attempt_of(struct truth *t, const char *jail)
{
	struct attempt *a;

	LL_FOREACH2(t->attempts, a, link)
		if (strcmp(a->jail, jail) == 0)
			return a;
	a = xcalloc(1, sizeof *a);
	a->jail = xstrdup(jail);
	LL_PREPEND2(t->attempts, a, link);
	return a;
}

/* May the jail be repaired now? Counts the try. */
static bool
may_repair(struct truth *t, const char *jail)
{
	struct attempt *a = attempt_of(t, jail);
	double mono = clock_monotonic(&t->engine->clock);

	if (mono < a->next)
		return false;
	if (++a->tries > TRUTH_MAX_TRIES) {
		a->next = mono + TRUTH_REST_S;
		a->tries = 0;
		log_write(LOG_LEVEL_ERROR, "fail2ban.actions", "[%s] its rules vanish again and again: next repair in %d s", jail, TRUTH_REST_S);
		return false;
	}
	a->next = mono + 0.5 * a->tries; /* commands are under way: look at what they did first */
	return true;
}

struct repairing {
	struct truth *truth;
	struct jail *jail;
	bool is_checked;
	size_t count;
};

static void
repair_start(void *arg, const char *jail, uint8_t family)
{
	struct repairing *r = arg;
	struct jail_action *a;

	(void)family;
	if (strcmp(jail, r->jail->name) != 0 || r->is_checked)
		return;
	/* the action's own check sees that its chain is not linked, and makes it anew; a REPAIR outcome
	 * then bans again all who were in it */
	r->is_checked = true;
	log_write(LOG_LEVEL_WARNING, "fail2ban.actions", "[%s] the kernel has no chain or no jump for it: repairing", jail);
	DL_FOREACH(r->jail->actions, a)
		action_check(a->action);
}

static void
repair_ban(void *arg, const char *jail, const char *id)
{
	struct repairing *r = arg;
	struct jail_action *a;

	if (strcmp(jail, r->jail->name) != 0)
		return;
	struct ban *ban = bans_find(r->jail->bans, id);
	if (ban == NULL)
		return;
	r->count++;
	if (r->is_checked)
		return; /* it comes back with the repair of its chain, or with the next look */
	ban->rule = BAN_RULE_WAIT;
	ban->pending = 0;
	DL_FOREACH(r->jail->actions, a) {
		for (struct target *g = r->truth->targets; g != NULL; g = g->next)
			if (strcmp(g->jail, jail) == 0 && strcmp(g->action, action_name(a->action)) == 0) {
				ban->pending++;
				action_reban(a->action, ban->ticket);
				break;
			}
	}
}

static void
repair(struct truth *t)
{
	struct engine *e = t->engine;

	for (struct jail *j = e->jails; j != NULL; j = j->hh.next) {
		bool has_drift = false;
		for (size_t i = 0; i < firewall_drift_kept(t->firewall); i++) {
			const struct fw_drift *d = firewall_drift_at(t->firewall, i);
			if (d->kind != FW_NO_BAN && d->jail != NULL && strcmp(d->jail, j->name) == 0)
				has_drift = true;
		}
		if (!has_drift) {
			attempt_of(t, j->name)->tries = 0;
			continue;
		}
		if (!may_repair(t, j->name))
			continue;
		struct repairing r = {.truth = t, .jail = j};
		struct fw_repair_hooks hooks = {repair_start, repair_ban, &r};
		firewall_repair(t->firewall, &hooks);
		log_write(LOG_LEVEL_WARNING, "fail2ban.actions", "[%s] %zu ban(s) had no rule in the kernel: put back%s", j->name,
		    r.count, r.is_checked ? ", with their chain" : "");
		json_t *o = json_pack("{s:s,s:I}", "what", r.is_checked ? "chain and rules put back" : "rules put back", "count", (json_int_t)r.count);
		json_object_set_new(o, "jail", describe_text(j->name));
		bus_publish(e->bus, EVENT_REPAIR, o);
	}
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

static void
on_refreshed(void *arg)
{
	struct truth *t = arg;
	struct engine *e = t->engine;
	struct listing l = {0};

	if (e->state == ENGINE_STOPPING)
		return;
	const char *error = firewall_error(t->firewall);
	if (error != NULL) {
		if (!t->was_error)
			log_write(LOG_LEVEL_ERROR, "fail2ban.actions", "the firewall could not be read: %s", error);
	} else {
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
		free(targets);
		free(l.bans);
		free(l.owners);
		free(l.jails);
		if (e->repair_auto && firewall_drift_count(t->firewall) != 0)
			repair(t);
	}
	t->was_error = error != NULL;
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
	if (t->notify == NULL)
		return true;
	for (struct target *g = t->targets; g != NULL; g = g->next)
		if (g->is_ipset)
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
	if (is_too_busy(t)) {
		look_in(t, 0.1);
		return;
	}
	t->looked = clock_monotonic(&t->engine->clock);
	if (!firewall_refresh(t->firewall))
		look_in(t, 0.2); /* one is under way: again after it */
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
on_kernel_change(void *arg)
{
	truth_look(arg);
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

/* ---- deleting ---- */
#define DELETE_WORDS_MAX 64

struct deletion {
	struct engine *engine;
	char *text, *room; /* owned; argv points into room */
};

static void
deleted(void *arg, const struct child_result *r)
{
	struct deletion *d = arg;
	bool ok = r->spawn_error == 0 && !r->timed_out && r->exit_code == 0;
	struct str text = {0};

	if (ok)
		str_addf(&text, "rule deleted: %s", d->text);
	else
		str_addf(&text, "rule not deleted: %s: exit %d, %.200s", d->text, r->exit_code, r->err_len > 0 ? r->err : "");
	json_t *event = json_pack("{s:s}", "level", ok ? "info" : "error");
	json_object_set_new(event, "text", describe_text(str_text(&text)));
	bus_publish(d->engine->bus, EVENT_NOTICE, event);
	log_write(ok ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, "fail2ban.actions", "%s", str_text(&text));
	truth_look(d->engine->truth);
	str_done(&text);
	free(d->text);
	free(d->room);
	free(d);
}

/* Words as iptables-save and ipset write them: quoted ones hold blanks, a backslash takes the next byte as it is. */
static size_t
words_of(char *text, const char **words, size_t max)
{
	size_t n = 0;
	char *in = text;

	while (n < max) {
		while (*in == ' ')
			in++;
		if (*in == '\0')
			break;
		char *out = in;
		bool is_quoted = false;
		words[n++] = out;
		for (; *in != '\0' && (is_quoted || *in != ' '); in++) {
			if (*in == '"')
				is_quoted = !is_quoted;
			else if (*in == '\\' && in[1] != '\0')
				*out++ = *++in;
			else
				*out++ = *in;
		}
		bool is_end = *in == '\0';
		*out = '\0';
		if (is_end)
			break;
		in++;
	}
	return n;
}

bool
truth_delete(struct truth *t, int family, const char *chain, const char *text, struct err *err)
{
	const struct fw_chain *c = NULL;
	const char *words[DELETE_WORDS_MAX], *argv[DELETE_WORDS_MAX + 8];
	size_t n = 0, count;
	bool is_there = false;

	if (t->engine->is_dry)
		return err_set(err, "a dry run changes no rule");
	for (size_t i = 0; i < firewall_count(t->firewall) && !is_there; i++) {
		c = firewall_at(t->firewall, i);
		for (size_t k = 0; c->family == family && strcmp(c->name, chain) == 0 && k < c->count && !is_there; k++)
			is_there = c->rules[k].mark == FW_MARK_FOREIGN && strcmp(c->rules[k].text, text) == 0;
	}
	if (!is_there)
		return err_set(err, "no such rule any more, or a ban asks for it");
	struct deletion *d = xcalloc(1, sizeof *d);
	*d = (struct deletion){t->engine, xstrdup(text), xstrdup(text)};
	if (c->kind == FW_NFT_SET) { /* "set { address }" */
		argv[n++] = "nft";
		argv[n++] = "delete";
		argv[n++] = "element";
		argv[n++] = "inet";
		argv[n++] = c->table;
	} else if (c->kind == FW_CHAIN) {
		argv[n++] = family == 6 ? "ip6tables" : "iptables";
		argv[n++] = "-w";
		argv[n++] = "-t";
		argv[n++] = *c->table != '\0' ? c->table : "filter";
	} else {
		argv[n++] = "ipset";
	}
	count = words_of(d->room, words, DELETE_WORDS_MAX);
	for (size_t i = 0; i < count; i++)
		argv[n++] = i == 0 && c->kind == FW_CHAIN ? "-D" : i == 0 && c->kind == FW_IPSET ? "del" : words[i];
	if (c->kind == FW_IPSET && count > 3)
		n -= count - 3; /* the name and the member; no timeout, no counters */
	argv[n] = NULL;
	/* argv is copied by the start of the child, what it points at lives in the deletion */
	child_run(t->engine->loop, &(struct child_spec){.file = argv[0], .argv = argv, .timeout_s = 20, .done = deleted, .arg = d});
	return true;
}

struct truth *
truth_new(struct engine *e)
{
	struct truth *t = xcalloc(1, sizeof *t);
	struct firewall_hooks hooks = {on_refreshed, t};

	t->engine = e;
	t->firewall = firewall_new(e->loop, &e->clock, &hooks);
	uv_timer_init(e->loop, &t->timer);
	t->timer.data = t;
	if (!e->is_dry)
		t->notify = notify_new(e->loop, on_kernel_change, t);
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
	struct attempt *a, *next_attempt;

	LL_FOREACH_SAFE(t->targets, g, next) {
		free(g->jail);
		free(g->action);
		free(g->object);
		free(g->table);
		free(g);
	}
	LL_FOREACH_SAFE2(t->attempts, a, next_attempt, link) {
		free(a->jail);
		free(a);
	}
	free(t);
	end->done(end->arg);
	free(end);
}

static void
on_notify_closed(void *arg)
{
	struct ending *end = arg;

	end->truth->timer.data = end;
	uv_close((uv_handle_t *)&end->truth->timer, on_timer_closed);
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
