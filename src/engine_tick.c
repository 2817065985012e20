/* engine_tick: what happens by itself: ends of bans, the second's housekeeping, jumps of the clock, what listeners are told. */
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "describe.h"
#include "engine.h"
#include "flow_stages.h"
#include "jail.h"
#include "store/store.h"
#include "truth.h"

#define STATS_QUIET_S 2    /* counters are told at least this often */
#define POSITIONS_EVERY_S 5 /* log positions are written to the database */
#define PURGE_EVERY_S 3600 /* compat: observer purges hourly, first after an hour */
#define CLOCK_JUMP_S 2      /* the wall clock moved by this much against the other one within a tick: it was set */
#define NAMES_REFRESH_S 300 /* names in ignoreip are looked up again */

static void
measure_lag(struct engine *e)
{
	double mono = clock_monotonic(&e->clock), worst = 0;
	struct tail_status st;

	for (struct jail *j = e->jails; j != NULL; j = j->hh.next)
		for (struct jail_log *l = j->logs; l != NULL; l = l->next) {
			if (l->tail == NULL)
				continue;
			tail_status(l->tail, &st);
			if (st.state != TAIL_OK || st.pos >= st.size) {
				l->behind_since = 0;
			} else if (l->behind_since == 0) {
				l->behind_since = mono;
			} else if (mono - l->behind_since > worst && mono - st.last_line < 3600) {
				worst = mono - l->behind_since;
			}
		}
	e->stats.lag = worst;
}

struct name_answer {
	struct engine *engine;
	char *jail, *name; /* owned; jail NULL: the whitelist of all jails */
};

static void
name_known(void *arg, const struct addr *addrs, size_t count)
{
	struct name_answer *a = arg;
	struct jail *j = a->jail != NULL ? engine_jail(a->engine, a->jail) : NULL;
	struct ignore *g = a->jail == NULL ? a->engine->white : j != NULL ? j->ignore : NULL;

	if (g != NULL)
		ignore_set_name(g, a->name, addrs, count);
	free(a->jail);
	free(a->name);
	free(a);
}

struct name_owner {
	struct engine *engine;
	const char *jail;
};

static void
ask_name(void *arg, const char *name)
{
	struct name_owner *o = arg;
	struct name_answer *a = xcalloc(1, sizeof *a);

	a->engine = o->engine;
	a->jail = o->jail != NULL ? xstrdup(o->jail) : NULL;
	a->name = xstrdup(name);
	resolve_name(o->engine->resolve, name, name_known, a);
}

void
engine_refresh_names(struct engine *e, struct jail *j)
{
	struct name_owner o = {e, j != NULL ? j->name : NULL};

	ignore_each_name(j != NULL ? j->ignore : e->white, ask_name, &o);
}

static void
failure_over(void *owner, const struct ticket *t)
{
	struct jail *j = owner;

	hosts_set_failed(j->engine->hosts, ticket_ip(t), j->name, 0);
	jail_touch(j);
}

static void
ban_moved(void *arg, struct ban *ban, double began)
{
	struct jail *j = arg;

	store_ban_move(j->engine->store, j->name, ban->ticket->id, began, ban->ticket->time);
}

/*
 * The wall clock was set (or the machine came up with a wrong one). Ends of bans are kept on the clock that
 * never jumps; what is kept as wall-clock time moves along, in the database too.
 */
static void
clock_moved(struct engine *e, double seconds)
{
	double now = clock_now(&e->clock);

	log_write(LOG_LEVEL_NOTICE, "fail2ban.server", "clock moved %+.0f s", seconds);
	char *text = xasprintf("clock moved %+.0f s", seconds);
	bus_publish(e->bus, EVENT_NOTICE, json_pack("{s:s,s:s}", "level", "warning", "text", text));
	free(text);
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next) {
		bans_shift(j->bans, seconds, ban_moved, j);
		ignore_shift(j->ignore, seconds);
		engine_store_white(e, j);
		jail_touch(j);
	}
	failures_shift(e->book, seconds, now);
	ignore_shift(e->white, seconds);
	engine_store_white(e, NULL);
	truth_look(e->truth);
}

static void
watch_clock(struct engine *e)
{
	double ahead = clock_now(&e->clock) - clock_monotonic(&e->clock), moved = ahead - e->clock_ahead;

	e->clock_ahead = ahead;
	if (fabs(moved) >= CLOCK_JUMP_S)
		clock_moved(e, moved);
}

static void
on_tick(uv_timer_t *timer)
{
	struct engine *e = timer->data;
	double mono = clock_monotonic(&e->clock);
	double longest = 600;
	bool names = (int64_t)(mono - e->started) % NAMES_REFRESH_S == 0;

	engine_turn(e);
	watch_clock(e);
	if (e->hold_until > 0 && mono >= e->hold_until)
		engine_hold(e, 0);
	double now = clock_now(&e->clock);
	failures_expire(e->book, now, failure_over);
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next) {
		flow_expire(j);
		flow_prolong(j);
		engine_expire_white(e, j);
		if (j->is_running && (int64_t)mono % 5 == 0)
			jail_scan_globs(j);
		if (names)
			engine_refresh_names(e, j);
		if ((int64_t)mono % POSITIONS_EVERY_S == 0)
			jail_store_positions(j);
		longest = fmax(longest, j->findtime);
	}
	engine_expire_white(e, NULL);
	if (names)
		engine_refresh_names(e, NULL);
	hosts_expire(e->hosts, longest);
	flow_retry(e);
	truth_tick(e->truth);
	store_tick(e->store);
	if (mono - e->purged_at > PURGE_EVERY_S) {
		e->purged_at = mono;
		store_purge(e->store);
	}
	measure_lag(e);
	engine_arm_expiry(e);
}

void
engine_publish_stats(struct engine *e)
{
	e->stats_at = clock_monotonic(&e->clock);
	e->stats_seen = e->stats.found + e->stats.bans + e->stats.unbans + e->stats.lines;
	bus_publish(e->bus, EVENT_STATS, describe_stats(e));
}

/* Events of a flood are told as a few changed rows, four times a second. */
static void
on_slice(uv_timer_t *timer)
{
	struct engine *e = timer->data;
	double mono = clock_monotonic(&e->clock);

	if (!bus_has_readers(e->bus))
		return;
	json_t *hosts = hosts_changes(e->hosts);
	if (hosts != NULL)
		bus_publish(e->bus, EVENT_HOSTS, hosts);
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next)
		if (j->is_changed && mono - j->changed_at >= 1) {
			j->is_changed = false;
			j->changed_at = mono;
			bus_publish(e->bus, EVENT_JAIL, describe_jail(j));
		}
	uint64_t seen = e->stats.found + e->stats.bans + e->stats.unbans + e->stats.lines;
	if (seen != e->stats_seen || mono - e->stats_at >= STATS_QUIET_S)
		engine_publish_stats(e);
}

static void
on_expiry(uv_timer_t *timer)
{
	struct engine *e = timer->data;

	engine_turn(e);
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next)
		flow_expire(j);
	engine_arm_expiry(e);
}

void
engine_arm_expiry(struct engine *e)
{
	double next = INFINITY, mono = clock_monotonic(&e->clock);

	if (e->state == ENGINE_STOPPING)
		return;
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next)
		next = fmin(next, bans_next_end(j->bans));
	if (isinf(next)) {
		uv_timer_stop(&e->expiry);
		return;
	}
	double wait = next > mono ? (next - mono) * 1000 + 1 : 1;
	if (wait > 3600e3)
		wait = 3600e3; /* the loop's clock stops in suspend, the bans' does not: look again */
	uv_timer_start(&e->expiry, on_expiry, (uint64_t)wait, 0);
}

void
engine_start_timers(struct engine *e)
{
	uv_timer_start(&e->tick, on_tick, 1000, 1000);
	uv_timer_start(&e->slice, on_slice, 250, 250);
}
