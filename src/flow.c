/* flow: hands each noun to the next stage, and what came of it to the taps. */
#include "flow_stages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "ban/bantime.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "describe.h"
#include "engine.h"
#include "jail.h"
#include "leftover.h"
#include "store/store.h"
#include "trouble.h"
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
	clock_hold(&e->clock); /* stage 5 asks it for each failure and jail */
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
	clock_release(&e->clock);
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
	if (ban->pending == 0 && j->cuts && !is_restored)
		engine_cut(j->engine, j->name, &ban->ticket->addr);
	DL_FOREACH(j->actions, a)
		action_ban(a->action, ban->ticket);
}

/* ---- ban times that grow ---- */

/* compat: ObserverThread.banFound: actions that keep a time are told of a longer one, though not at once */
static void
plan_prolong(struct jail *j, struct ban *ban, int64_t base)
{
	int64_t more = ban->bantime - base - 5;
	struct jail_action *a;

	if (base < 0 || (ban->bantime >= 0 && ban->bantime <= base))
		return;
	DL_FOREACH(j->actions, a) {
		if (!action_has_prolong(a->action))
			continue;
		ban->prolong_at = clock_monotonic(&j->engine->clock) +
		    (ban->bantime < 0 || more > 10 ? 10 : more > 0 ? (double)more : 0);
		j->n_prolongs++;
		return;
	}
}

static void
prolong(void *arg, struct ban *ban)
{
	struct jail *j = arg;
	struct jail_action *a;

	if (ban->prolong_at == 0 || ban->prolong_at > clock_monotonic(&j->engine->clock))
		return;
	ban->prolong_at = 0;
	j->n_prolongs--;
	DL_FOREACH(j->actions, a)
		if (action_has_prolong(a->action))
			action_prolong(a->action, ban->ticket);
}

void
flow_prolong(struct jail *j)
{
	if (j->n_prolongs != 0)
		bans_each(j->bans, prolong, j);
}

/*
 * The length of a new ban of an address that was banned before; true: it has a time of its own from now on, though
 * it may be the jail's. compat: ObserverThread.incrBanTime
 */
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
	if (*bantime != base)
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
		double age = t->time - ban->ticket->time; /* compat: of the failure, not of its reading */
		log_write(age < 3 ? LOG_LEVEL_DEBUG : age < 60 ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
		    "fail2ban.actions", "[%s] %s already banned", j->name, t->id);
		if (bans_prolong(j->bans, ban, t->time, bantime)) {
			ban->is_own_time = true; /* compat: BanManager.addBanTicket sets the time of a ban that it prolongs */
			engine_arm_expiry(e);
			bus_publish(e->bus, EVENT_PROLONG, describe_ban(j, ban));
		}
		ticket_free(t);
		return NULL;
	}
	t->is_manual = (flags & FLOW_MANUAL) != 0;
	bool restored = (flags & FLOW_RESTORED) != 0;
	const int64_t base = bantime;
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
	if (bantime != base)
		plan_prolong(j, ban, base);
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

	if (ban->prolong_at != 0)
		j->n_prolongs--;
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
			/* compat: told of, whether there is something to flush or not */
			log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "[%s] Flush ticket(s) with %s", j->name, action_name(a->action));
			if (count != 0)
				action_flush(a->action);
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
act_again(struct action *a, struct ban *ban)
{
	ban->rule = BAN_RULE_WAIT;
	ban->pending++;
	action_reban(a, ban->ticket);
}

struct again {
	struct jail *jail;
	struct action *action;
	int family; /* 0: all */
	size_t count;
};

static void
mark_queued(void *arg, const char *id)
{
	struct ban *ban = bans_find(((struct again *)arg)->jail->bans, id);

	if (ban != NULL)
		ban->is_queued = true;
}

static void
ban_again(void *arg, struct ban *ban)
{
	struct again *again = arg;

	if (!ban->is_queued && (again->family == 0 || again->family == ban->ticket->addr.family)) {
		act_again(again->action, ban);
		again->count++;
	}
	ban->is_queued = false;
}

/* The action made its chain anew: who was in it is banned again, but for those whose ban is still to come. */
static void
ban_all_again(struct jail *j, const struct outcome *o)
{
	struct again again = {.jail = j, .action = jail_action(j, o->action), .family = o->family};

	if (again.action == NULL || !j->is_running)
		return;
	action_each_banning(again.action, mark_queued, &again);
	bans_each(j->bans, ban_again, &again);
	if (again.count == 0)
		return;
	log_write(LOG_LEVEL_WARNING, "fail2ban.actions", "[%s] %s was made anew: %zu ban(s) put back", j->name, o->action, again.count);
	json_t *event = json_pack("{s:s,s:I}", "what", "chain and rules put back", "count", (json_int_t)again.count);
	json_object_set_new(event, "jail", describe_text(j->name));
	bus_publish(j->engine->bus, EVENT_REPAIR, event);
}

struct round {
	struct jail *jail;
	size_t room;
};

static bool
is_of_a_ban(const json_t *outcome)
{
	const char *phase = json_string_value(json_object_get(outcome, "phase"));

	return phase != NULL && (strcmp(phase, "ban") == 0 || strcmp(phase, "reban") == 0);
}

/* Is there an action whose ban failed? */
static bool
is_failed(const struct ban *ban)
{
	size_t i;
	json_t *row;

	json_array_foreach(ban->failed, i, row)
		if (is_of_a_ban(row))
			return true;
	return false;
}

static void
forget_failure(struct ban *ban, const char *action)
{
	size_t i;
	json_t *row;

	json_array_foreach(ban->failed, i, row)
		if (strcmp(json_string_value(json_object_get(row, "action")), action) == 0) {
			json_array_remove(ban->failed, i);
			break;
		}
	if (json_array_size(ban->failed) == 0) {
		json_decref(ban->failed);
		ban->failed = NULL;
	}
}

/* Those of its actions that failed are run again, if it was tried not too often for them. */
static bool
retry(struct jail *j, struct ban *ban, bool by_hand)
{
	struct jail_action *a;
	bool did = false;
	size_t i;
	json_t *row;

	if (ban->rule != BAN_RULE_FAIL || ban->pending > 0)
		return false;
	DL_FOREACH(j->actions, a)
		json_array_foreach(ban->failed, i, row)
			if (is_of_a_ban(row) && strcmp(json_string_value(json_object_get(row, "action")), action_name(a->action)) == 0 &&
			    (by_hand || ban->tries < action_tries(a->action))) {
				act_again(a->action, ban);
				did = true;
			}
	ban->tries += did && !by_hand;
	return did;
}

bool
flow_retry_ban(struct jail *j, struct ban *ban)
{
	return retry(j, ban, true);
}

static void
retry_one(void *arg, struct ban *ban)
{
	struct round *r = arg;

	if (r->room != 0 && retry(r->jail, ban, false))
		r->room--;
}

void
flow_retry(struct engine *e)
{
	double mono = clock_monotonic(&e->clock);
	bool is_well = e->stats.action_fails == 0;
	const size_t room = is_well ? ENGINE_RETRY_ROUND : 1;
	struct round r = {.room = room};

	if (!e->has_failed || !e->repair_auto || mono < e->retry_at || e->state != ENGINE_OK || action_queue_waiting(e->queue) > 0)
		return;
	for (r.jail = e->jails; r.jail != NULL; r.jail = r.jail->hh.next)
		if (r.jail->is_running)
			bans_each(r.jail->bans, retry_one, &r);
	if (r.room == room) {
		e->has_failed = false; /* none is left */
		return;
	}
	/* compat: fail2ban gives a failed ban up; here the operator would see !rule and nothing happen */
	e->retry_at = mono + (is_well ? 0 : e->retry_pause);
	e->retry_pause = is_well ? 1 : e->retry_pause < ENGINE_RETRY_MAX_S / 2.0 ? e->retry_pause * 2 : ENGINE_RETRY_MAX_S;
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
		else if (!o->ok) {
			ban->rule = BAN_RULE_FAIL;
			if (!e->has_failed) {
				e->has_failed = true;
				e->retry_pause = 1;
				e->retry_at = clock_monotonic(&e->clock) + 1;
			}
		}
		else
			forget_failure(ban, o->action);
		if (!o->is_dry && o->ok && ban->pending == 0) {
			ban->rule = is_failed(ban) ? BAN_RULE_FAIL : BAN_RULE_OK;
			if (ban->rule == BAN_RULE_OK)
				ban->tries = 0;
		}
		/* not before the rules that keep them from coming back */
		if (j->cuts && o->phase == ACTION_BAN && ban->pending == 0 && !ban->ticket->is_restored)
			engine_cut(e, j->name, &ban->ticket->addr);
		ban->acted_at = clock_now(&e->clock);
		if (o->ok && !o->is_dry && !o->was_skipped)
			truth_learn(e->truth, o, ban->ticket->addr.family);
	}
	if (o->phase == ACTION_START && o->ok && !o->is_dry)
		leftover_started(e->leftover);
	if (j != NULL && o->phase == ACTION_REPAIR && o->ok)
		ban_all_again(j, o);
	struct action *flushed = j != NULL && o->phase == ACTION_FLUSH && !o->ok ? jail_action(j, o->action) : NULL;
	if (flushed != NULL && j->is_running) {
		/* compat: Actions.__flushBan: what cannot be flushed may not be there */
		log_write(LOG_LEVEL_INFO, "fail2ban.actions", "No flush occurred, do consistency check");
		action_check(flushed);
	}
	struct jail_action *acting = NULL;
	if (j != NULL && !o->is_dry)
		DL_FOREACH(j->actions, acting)
			if (strcmp(action_name(acting->action), o->action) == 0) {
				trouble_note(&acting->trouble, o, clock_now(&e->clock));
				break;
			}
	if (o->phase != ACTION_BAN && o->phase != ACTION_REBAN && o->phase != ACTION_START && o->phase != ACTION_PROLONG)
		truth_removed(e->truth);
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
	if (o->ok && !bus_has_readers(e->bus)) /* a success needs no telling, and nobody asks */
		return;
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
		if (!o->ok) { /* a failure is kept for Inspect and for the next try; a success needs no telling */
			forget_failure(ban, o->action);
			if (ban->failed == NULL)
				ban->failed = json_array();
			json_array_insert_new(ban->failed, 0, json_deep_copy(event));
		}
	}
	bus_publish(e->bus, EVENT_ACTION, event);
}
