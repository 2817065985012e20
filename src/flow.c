/* flow: hands each noun to the next stage, and what came of it to the taps. */
#include "flow_stages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "ban/bantime.h"
#include "base/child.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "describe.h"
#include "engine.h"
#include "jail.h"
#include "store/store.h"
#include "truth.h"

/* ---- stages 1-4: lines to the filters of all jails that follow the file ---- */

void
flow_lines(struct engine *e, struct jail *const *jails, size_t n_jails, const char *path,
    const struct line *lines, size_t count)
{
	struct filter *filters[64];
	double now = clock_now(&e->clock), mono = clock_monotonic(&e->clock);

	e->stats.lines += count;
	rate_add(&e->stats.line_rate, mono, (uint32_t)count);
	recent_add(e, path, lines, count);
	for (size_t from = 0; from < n_jails; from += sizeof filters / sizeof *filters) {
		size_t n = 0;
		for (size_t i = from; i < n_jails && n < sizeof filters / sizeof *filters; i++) {
			if (jails[i]->is_idle)
				continue;
			jails[i]->last_line = now;
			filters[n++] = jails[i]->filter;
		}
		filters_feed(filters, n, lines, count);
	}
}

/* ---- stage 5: count ---- */

/* What somebody reads in the Log pane: one failure and what was made of it. */
static void
publish_found(struct jail *j, const struct ticket *t, int n, const char *verdict, const char *why, const char *user)
{
	struct engine *e = j->engine;

	if (strcmp(verdict, "counted") == 0 ? !bus_found_budget(e->bus) : !bus_is_wanted(e->bus))
		return;
	e->stats.found_sent++;
	const struct ticket_match *last = t->n_matches != 0 ? &t->matches[t->n_matches - 1] : NULL;
	json_t *f = json_pack("{s:s,s:i,s:i,s:i,s:s}", "jail", j->name, "n", n, "max", j->maxretry,
	    "regex", t->failregex, "verdict", verdict);
	json_object_set_new(f, "ip", describe_text(ticket_ip(t)));
	json_object_set_new(f, "id", describe_text(t->id));
	if (last != NULL)
		json_object_set_new(f, "line", describe_line(last));
	if (user != NULL)
		json_object_set_new(f, "user", describe_text(user));
	if (why != NULL)
		json_object_set_new(f, "why", json_string(why));
	bus_publish(e->bus, EVENT_FOUND, f);
}

/*
 * With growing ban times, one failure of an address that was banned before weighs more.
 * compat: ObserverThread.failureFound
 */
static int
weight(struct jail *j, const struct ticket *t)
{
	struct store_history h;
	char when[32];

	if (!bantime_is_increment(j->increment) ||
	    !store_history(j->engine->store, t->id, bantime_is_overall(j->increment) ? NULL : j->name, &h) ||
	    h.bancount <= 0 || t->time <= h.last)
		return 1;
	double tries = fmin(ldexp(1, h.bancount < 20 ? h.bancount : 20) / 2 + 1, j->maxretry);
	log_write(LOG_LEVEL_INFO, "fail2ban.observer", "[%s] Found %s, bad - %s, %d # -> %.1f%s", j->name, t->id,
	    clock_text(t->time, when), h.bancount, tries, tries >= j->maxretry ? ", Ban" : "");
	return (int)tries;
}

static void
count_failure(struct jail *j, const struct ticket *t, int attempts, const char *word)
{
	struct engine *e = j->engine;
	struct failures_limits limits = jail_limits(j);
	double mono = clock_monotonic(&e->clock);
	char when[32];

	log_write(LOG_LEVEL_INFO, "fail2ban.filter", "[%s] %s %s - %s", j->name, word, t->id,
	    clock_text(t->time, when));
	const uint32_t seen = (uint32_t)attempts; /* a failure that weighs more is still one */
	struct ticket counted = *t; /* borrows what t owns */
	if (attempts == 1) {
		attempts = weight(j, t);
		counted.failures = attempts > 1 ? 2 : 1; /* compat: the observer counts it once more, with its weight */
	}
	const char *user = ticket_group(t, "user"); /* of this line; the entry keeps the first one's */
	const struct ticket *entry = failures_add(j->failures, &counted, attempts, &limits);
	e->stats.found += seen;
	rate_add(&e->stats.fail_rate, mono, seen);
	rate_add(&j->fail_rate, mono, seen);
	hosts_failed(e->hosts, ticket_ip(t), j->name, entry->retry, j->maxretry, t->time);
	jail_touch(j);

	if (entry->addr.family != 0 && engine_is_own(e, &entry->addr)) {
		publish_found(j, entry, entry->retry, "own", NULL, user);
	} else if (entry->is_invalid) {
		publish_found(j, entry, entry->retry, "invalid", NULL, user);
	} else if (entry->retry >= j->maxretry) {
		publish_found(j, entry, entry->retry, "ban", NULL, user);
		flow_ban(j, failures_take(j->failures, t->id), 0);
	} else {
		publish_found(j, entry, entry->retry, "counted", NULL, user);
	}
}

/* ---- ignoring ---- */

static void
ignored(struct jail *j, const struct ticket *t, const char *why)
{
	log_write(LOG_LEVEL_INFO, "fail2ban.filter", "[%s] Ignore %s by %s", j->name, t->id, why);
	publish_found(j, t, 0, "ignored", why, ticket_group(t, "user"));
}

struct parked { /* a ticket that waits for its ignorecommand */
	struct engine *engine;
	char *jail;            /* owned: the jail may go meanwhile */
	struct ticket *ticket; /* owned */
};

static void
ignorecommand_done(void *arg, const struct child_result *r)
{
	struct parked *p = arg;
	struct jail *j = engine_jail(p->engine, p->jail);

	if (j != NULL) {
		if (r->exit_code == 0 && r->spawn_error == 0 && !r->timed_out) {
			jail_cache_verdict(j, p->ticket, "command");
			ignored(j, p->ticket, "command");
		} else {
			jail_cache_verdict(j, p->ticket, "");
			if (r->exit_code != 1)
				log_write(LOG_LEVEL_ERROR, "fail2ban.filter",
				    "[%s] ignorecommand failed (%d): %.*s", j->name, r->exit_code,
				    (int)(r->err_len > 300 ? 300 : r->err_len), r->err);
			count_failure(j, p->ticket, 1, "Found");
		}
	}
	ticket_free(p->ticket);
	free(p->jail);
	free(p);
}

/* The command sees the address only as $f2bV_ip: log text never becomes shell text. */
static void
run_ignorecommand(struct jail *j, const struct ticket *t)
{
	struct parked *p = xcalloc(1, sizeof *p);

	p->engine = j->engine;
	p->jail = xstrdup(j->name);
	p->ticket = ticket_dup(t);
	char *command = flow_ignorecommand(j, t);
	const char *argv[] = {"/bin/sh", "-c", command, ticket_ip(t), t->id, j->name, NULL};
	struct child_spec spec = {
	    .file = "/bin/sh",
	    .argv = argv,
	    .timeout_s = 60,
	    .keep_out = 1024,
	    .keep_err = 1024,
	    .done = ignorecommand_done,
	    .arg = p,
	};
	child_run(j->engine->loop, &spec);
	free(command);
}

/* <ip> and <fid> become positional parameters of the shell, <jail.name> too. */
char *
flow_ignorecommand(const struct jail *j, const struct ticket *t)
{
	static const struct {
		const char *tag, *parameter;
	} tags[] = {{"<ip>", "\"$0\""}, {"<fid>", "\"$1\""}, {"<jail.name>", "\"$2\""}, {"<HOST>", "\"$0\""}, {"<name>", "\"$2\""}};
	struct str out = {0};

	(void)t;
	for (const char *p = j->ignorecommand; *p != '\0';) {
		size_t i;
		for (i = 0; i < sizeof tags / sizeof *tags; i++)
			if (str_starts(p, tags[i].tag))
				break;
		if (i < sizeof tags / sizeof *tags) {
			str_add(&out, tags[i].parameter);
			p += strlen(tags[i].tag);
		} else {
			str_addc(&out, *p++);
		}
	}
	return str_take(&out);
}

static void
consider(struct jail *j, const struct ticket *t)
{
	struct engine *e = j->engine;
	const char *known = jail_cached_verdict(j, t);

	if (known != NULL) {
		if (*known != '\0')
			ignored(j, t, known);
		else
			count_failure(j, t, 1, "Found");
		return;
	}
	if (j->ignoreself && t->addr.family != 0 && engine_is_self(e, &t->addr)) {
		log_write(LOG_LEVEL_INFO, "fail2ban.filter", "[%s] Ignore %s by ignoreself rule", j->name, t->id);
		publish_found(j, t, 0, "ignored", "self", ticket_group(t, "user"));
		return;
	}
	enum ignore_why why = ignore_check(j->ignore, t->id, &t->addr);
	if (why == IGNORE_NOT)
		why = ignore_check(e->white, t->id, &t->addr);
	if (why != IGNORE_NOT) {
		jail_cache_verdict(j, t, ignore_why_name(why));
		ignored(j, t, ignore_why_name(why));
	} else if (j->ignorecommand != NULL && *j->ignorecommand != '\0') {
		run_ignorecommand(j, t);
	} else {
		jail_cache_verdict(j, t, "");
		count_failure(j, t, 1, "Found");
	}
}

/* ---- names in logs: resolved outside the loop, one failure for each address ---- */

static void
name_resolved(void *arg, const struct addr *addrs, size_t count)
{
	struct parked *p = arg;
	struct jail *j = engine_jail(p->engine, p->jail);
	struct str list = {0};

	for (size_t i = 0; j != NULL && i < count; i++) {
		char text[ADDR_TEXT_MAX];
		addr_format(&addrs[i], text);
		str_addf(&list, "%s'%s'", i != 0 ? ", " : "", text);
		struct ticket *t = ticket_dup(p->ticket);
		free(t->id);
		t->id = xstrdup(text);
		t->addr = addrs[i];
		consider(j, t);
		ticket_free(t);
	}
	if (j != NULL && count != 0 && filter_usedns(j->filter) == USEDNS_WARN)
		log_write(LOG_LEVEL_WARNING, "fail2ban.filter", "[%s] Determined IP using DNS Lookup: %s = {%s}",
		    j->name, p->ticket->id, str_text(&list));
	str_done(&list);
	ticket_free(p->ticket);
	free(p->jail);
	free(p);
}

static struct ticket *
ticket_of(const struct jail *j, const struct failure *f)
{
	struct ticket *t = ticket_new(f->id, f->time);
	size_t keep = j->maxmatches > 0 ? (size_t)j->maxmatches : 1;

	t->ip = f->ip != NULL ? xstrdup(f->ip) : NULL;
	t->addr = f->addr;
	t->is_invalid = f->is_invalid_addr;
	t->failregex = f->failregex;
	for (size_t i = 0; i < f->n_lines; i++)
		ticket_add_match(t, f->lines[i].bytes, f->lines[i].len, f->lines[i].date_from,
		    f->lines[i].date_to, keep);
	for (size_t i = 0; i < f->n_groups; i++)
		if (f->groups[i].value != NULL)
			ticket_set_group(t, f->groups[i].name, f->groups[i].value);
	return t;
}

void
flow_failure(struct jail *j, const struct failure *f)
{
	struct ticket *t = ticket_of(j, f);

	j->engine->stats.matched++;
	if (f->kind == FAILURE_NAME) {
		struct parked *p = xcalloc(1, sizeof *p);
		p->engine = j->engine;
		p->jail = xstrdup(j->name);
		p->ticket = t;
		resolve_name(j->engine->resolve, f->id, name_resolved, p);
		return;
	}
	consider(j, t);
	ticket_free(t);
}

int
flow_attempt(struct jail *j, const char *id, const struct value *matches)
{
	struct ticket *t = ticket_new(id, clock_now(&j->engine->clock));

	for (size_t i = 0; i < value_count(matches); i++) {
		const char *text = value_text(value_at(matches, i));
		if (text == NULL || j->maxmatches <= 0)
			continue;
		ticket_add_match(t, text, strlen(text), 0, 0, (size_t)j->maxmatches);
		t->matches[t->n_matches - 1].is_joined = true; /* compat: they are strings */
	}
	int attempts = value_count(matches) > 1 ? (int)value_count(matches) : 1;
	count_failure(j, t, attempts, "Attempt");
	ticket_free(t);
	return 1;
}

/* ---- stage 6: decide; stage 7: act ---- */

static void
act(struct jail *j, struct ban *ban, bool is_restored)
{
	struct jail_action *a;

	ban->rule = j->engine->is_dry ? BAN_RULE_DRY : BAN_RULE_WAIT;
	ban->ticket->is_restored = is_restored;
	ban->pending = 0;
	DL_FOREACH(j->actions, a)
		ban->pending++;
	if (ban->pending == 0 && !j->engine->is_dry)
		ban->rule = BAN_RULE_OK; /* a jail without actions bans nowhere: there is no rule to miss */
	DL_FOREACH(j->actions, a)
		action_ban(a->action, ban->ticket);
}

void
flow_act_again(struct jail *j, struct ban *ban)
{
	act(j, ban, ban->ticket->is_restored);
}

/* The length of a new ban of an address that was banned before. compat: ObserverThread.incrBanTime */
static bool
grow_bantime(struct jail *j, struct ticket *t, int64_t *bantime)
{
	struct engine *e = j->engine;
	struct store_history h;
	struct err err;
	char last[32], end[32], from[64], to[64];
	int64_t base = *bantime;

	if (!bantime_is_increment(j->increment) || base <= 0 ||
	    !store_history(e->store, t->id, bantime_is_overall(j->increment) ? NULL : j->name, &h) || h.bancount <= 0)
		return false;
	t->bancount = h.bancount;
	double random = (double)(uv_hrtime() / 1000 % 1000000) / 1e6; /* spreads the ends; needs no secrecy */
	if (!bantime_next(j->increment, base, h.bancount, random, bantime, &err))
		log_write(LOG_LEVEL_ERROR, "fail2ban.observer", "[%s] bantime.formula: %s; the default one is used", j->name, err.text);
	duration_format((double)base, from, sizeof from);
	duration_format((double)*bantime, to, sizeof to);
	log_write(LOG_LEVEL_INFO, "fail2ban.observer", "[%s] IP %s is bad: %d # last %s - incr %s to %s", j->name, t->id,
	    h.bancount, clock_text(h.last, last), from, to);
	if (*bantime == base)
		return false;
	log_write(LOG_LEVEL_NOTICE, "fail2ban.observer", "[%s] Increase Ban %s (%d # %s -> %s)", j->name, t->id,
	    h.bancount + 1, to, clock_text(t->time + (double)*bantime, end));
	return true;
}

struct ban *
flow_ban(struct jail *j, struct ticket *t, int flags)
{
	struct engine *e = j->engine;
	double now = clock_now(&e->clock);
	bool own = t->bantime != TICKET_UNSET;
	int64_t bantime = own ? t->bantime : j->bantime;

	if (bantime >= 0 && t->time + (double)bantime < now) {
		log_write(LOG_LEVEL_INFO, "fail2ban.actions", "[%s] Ignore %s, expired bantime", j->name, t->id);
		ticket_free(t);
		return NULL;
	}
	struct ban *ban = bans_find(j->bans, t->id);
	if (ban != NULL) {
		double age = now - ban->since;
		log_write(age < 3 ? LOG_LEVEL_DEBUG : age < 60 ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
		    "fail2ban.actions", "[%s] %s already banned", j->name, t->id);
		if (bans_prolong(j->bans, ban, t->time, bantime)) {
			ban->is_own_time = true; /* compat: BanManager.addBanTicket sets the time of a ban that it prolongs */
			engine_arm_expiry(e);
			bus_publish(e->bus, EVENT_PROLONG, describe_ban(j, ban));
			struct jail_action *a;
			DL_FOREACH(j->actions, a)
				action_prolong(a->action, ban->ticket);
		}
		ticket_free(t);
		return NULL;
	}
	t->is_manual = (flags & FLOW_MANUAL) != 0;
	bool restored = (flags & FLOW_RESTORED) != 0;
	if (!own && !restored && grow_bantime(j, t, &bantime))
		own = true;
	t->bancount++;
	t->bantime = bantime;
	ban = bans_add(j->bans, t, bantime, own);
	engine_turn(e); /* the row is committed before anybody hears of it */
	j->has_decided = true;
	if (!restored)
		store_ban_add(e->store, j->name, t, j->bantime);
	log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", restored ? "[%s] Restore Ban %s" : "[%s] Ban %s", j->name, t->id);
	e->stats.bans++;
	rate_add(&e->stats.ban_rate, clock_monotonic(&e->clock), 1);
	act(j, ban, restored);
	hosts_set_failed(e->hosts, ticket_ip(t), j->name, t->retry);
	jail_touch(j);
	/* restored ones, thousands at a start, are no news for a later reader */
	if (restored ? bus_has_readers(e->bus) : bus_is_wanted(e->bus)) {
		json_t *event = describe_ban(j, ban);
		json_object_set_new(event, "dry", json_boolean(e->is_dry));
		bus_publish(e->bus, EVENT_BAN, event);
	}
	if (!restored)
		engine_arm_expiry(e);
	return ban;
}

static void
lift(struct jail *j, struct ban *ban, const char *why, bool by_actions)
{
	struct engine *e = j->engine;
	struct jail_action *a;
	double left = ban_left(j->bans, ban);

	engine_turn(e);
	j->has_decided = true;
	log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "[%s] Unban %s", j->name, ban->ticket->id);
	if (by_actions)
		DL_FOREACH(j->actions, a)
			action_unban(a->action, ban->ticket);
	e->stats.unbans++;
	rate_add(&e->stats.unban_rate, clock_monotonic(&e->clock), 1);
	jail_touch(j);
	if (bus_is_wanted(e->bus)) {
		json_t *event = json_pack("{s:s,s:s,s:f}", "jail", j->name, "why", why, "left",
		    isinf(left) ? -1.0 : left < 0 ? 0.0 : left);
		json_object_set_new(event, "ip", describe_text(ticket_ip(ban->ticket)));
		json_object_set_new(event, "id", describe_text(ban->ticket->id));
		bus_publish(e->bus, EVENT_UNBAN, event);
	}
	ban_free(ban);
}

bool
flow_unban(struct jail *j, const char *id, const char *why)
{
	struct ban *ban = bans_take(j->bans, id);

	if (ban == NULL)
		return false;
	lift(j, ban, why, true);
	engine_arm_expiry(j->engine);
	return true;
}

size_t
flow_unban_all(struct jail *j, const char *why)
{
	size_t count = bans_count(j->bans), n;
	struct jail_action *a;
	struct ban **list = bans_by_end(j->bans, &n);

	/* an action that can flush undoes all at once; the others one by one */
	DL_FOREACH(j->actions, a) {
		if (action_has_flush(a->action)) {
			if (count != 0) {
				log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "[%s] Flush ticket(s) with %s",
				    j->name, action_name(a->action));
				action_flush(a->action);
			}
		} else {
			for (size_t i = 0; i < n; i++)
				action_unban(a->action, list[i]->ticket);
		}
	}
	for (size_t i = 0; i < n; i++)
		lift(j, bans_take(j->bans, list[i]->ticket->id), why, false);
	free(list);
	engine_arm_expiry(j->engine);
	return count;
}

static void
unban_by(void *arg, struct ban *ban)
{
	action_unban(arg, ban->ticket);
}

void
flow_undo_action(struct jail *j, struct action *a)
{
	if (action_has_flush(a))
		action_flush(a);
	else
		bans_each(j->bans, unban_by, a);
	action_stop(a, false);
}

void
flow_expire(struct jail *j)
{
	struct ban *ban;

	while ((ban = bans_pop_expired(j->bans)) != NULL)
		lift(j, ban, "expired", true);
}

/* ---- what came of it ---- */

static void
ban_again(void *arg, struct ban *ban)
{
	ban->rule = BAN_RULE_WAIT;
	ban->pending++;
	action_reban(arg, ban->ticket);
}

/* The action made its chain anew: who was in it is banned again. */
static void
ban_all_again(struct jail *j, const char *action)
{
	struct action *a = jail_action(j, action);

	if (a != NULL && j->is_running)
		bans_each(j->bans, ban_again, a);
}

void
flow_outcome(struct engine *e, const struct outcome *o)
{
	struct jail *j = engine_jail(e, o->jail);
	struct ban *ban = j != NULL && o->id != NULL ? bans_find(j->bans, o->id) : NULL;

	if (ban != NULL && (o->phase == ACTION_BAN || o->phase == ACTION_REBAN)) {
		if (ban->pending > 0)
			ban->pending--;
		if (o->is_dry)
			ban->rule = BAN_RULE_DRY;
		else if (!o->ok)
			ban->rule = BAN_RULE_FAIL;
		else if (ban->pending == 0 && ban->rule != BAN_RULE_FAIL)
			ban->rule = BAN_RULE_OK;
		ban->acted_at = clock_now(&e->clock);
		if (o->ok && !o->is_dry && !o->was_skipped)
			truth_learn(e->truth, o, ban->ticket->addr.family);
	}
	if (j != NULL && o->phase == ACTION_REPAIR && o->ok)
		ban_all_again(j, o->action);
	if (o->phase != ACTION_CHECK && !o->is_dry)
		truth_look(e->truth);
	if (!o->ok) {
		e->stats.action_fails++;
		snprintf(e->stats.action_error, sizeof e->stats.action_error, "%s %s of %s: exit %d%s: %.150s",
		    o->action, action_phase_name(o->phase), o->jail, o->exit_code,
		    o->timed_out ? " (timed out)" : "", o->output != NULL ? o->output : "");
	} else if (!o->is_dry) {
		e->stats.action_fails = 0;
		e->stats.action_error[0] = '\0';
	}
	if (o->ok && !bus_has_readers(e->bus)) { /* a success needs no telling, and nobody asks */
		if (ban != NULL) {
			json_decref(ban->last_outcome);
			ban->last_outcome = NULL;
		}
		return;
	}
	json_t *event = json_pack("{s:s,s:s,s:s,s:b,s:b,s:i,s:b,s:f,s:i}", "jail", o->jail, "action",
	    o->action, "phase", action_phase_name(o->phase), "ok", o->ok, "dry", o->is_dry, "exit",
	    o->exit_code, "timeout", o->timed_out, "ms", o->ms, "tries", o->tries);
	json_object_set_new(event, "ip", o->id != NULL ? describe_text(o->id) : json_null());
	if (!o->ok) {
		json_object_set_new(event, "command", describe_text(o->command != NULL ? o->command : ""));
		json_object_set_new(event, "output", describe_text(o->output != NULL ? o->output : ""));
	}
	if (ban != NULL) {
		json_object_set_new(event, "rule", json_string(ban_rule_name(ban->rule)));
		if (!o->ok) { /* a failure is kept for Inspect; a success needs no telling */
			json_decref(ban->last_outcome);
			ban->last_outcome = json_deep_copy(event);
		} else {
			json_decref(ban->last_outcome);
			ban->last_outcome = NULL;
		}
	}
	bus_publish(e->bus, EVENT_ACTION, event);
}
