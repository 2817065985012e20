#include "engine.h"

#include <ifaddrs.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/log.h"
#include "base/mem.h"
#include "describe.h"
#include "flow_stages.h"
#include "jail.h"
#include "leftover.h"
#include "store/store.h"
#include "truth.h"

#define SELF_REFRESH_S 60  /* how long this host's addresses are believed */
#define STATS_QUIET_S 2    /* counters are told at least this often */
#define POSITIONS_EVERY_S 5 /* log positions are written to the database */
#define PURGE_EVERY_S 3600 /* compat: observer purges hourly, first after an hour */
#define CLOCK_JUMP_S 2      /* the wall clock moved by this much against the other one within a tick: it was set */
#define NAMES_REFRESH_S 300 /* names in ignoreip are looked up again */

/* ---- recent raw lines: per file a ring of bytes, lines ended by LF ---- */

struct recent {
	char *path; /* owned */
	char *ring; /* owned, ENGINE_RECENT_BYTES */
	size_t head, used;
	UT_hash_handle hh;
};

static void
ring_put(struct recent *r, const char *bytes, size_t len)
{
	for (size_t done = 0; done < len;) {
		size_t n = ENGINE_RECENT_BYTES - r->head;
		if (n > len - done)
			n = len - done;
		memcpy(r->ring + r->head, bytes + done, n);
		r->head = (r->head + n) % ENGINE_RECENT_BYTES;
		done += n;
	}
	r->used = r->used + len > ENGINE_RECENT_BYTES ? ENGINE_RECENT_BYTES : r->used + len;
}

void
recent_add(struct engine *e, const char *path, const struct line *lines, size_t count)
{
	struct recent *r;

	HASH_FIND_STR(e->recent, path, r);
	if (r == NULL) {
		r = xcalloc(1, sizeof *r);
		r->path = xstrdup(path);
		r->ring = xmalloc(ENGINE_RECENT_BYTES);
		HASH_ADD_KEYPTR(hh, e->recent, r->path, strlen(r->path), r);
	}
	for (size_t i = 0; i < count; i++) {
		ring_put(r, lines[i].bytes, lines[i].len);
		ring_put(r, "\n", 1);
	}
}

void
recent_each(const struct engine *e, const char *path, size_t n,
    void (*fn)(void *arg, const char *bytes, size_t len), void *arg)
{
	struct recent *r;

	HASH_FIND_STR(e->recent, path, r);
	if (r == NULL || r->used == 0)
		return;
	char *flat = xmalloc(r->used);
	size_t start = (r->head + ENGINE_RECENT_BYTES - r->used) % ENGINE_RECENT_BYTES;
	for (size_t i = 0; i < r->used; i++)
		flat[i] = r->ring[(start + i) % ENGINE_RECENT_BYTES];

	/* back over n line ends; a full ring starts inside a line, which is left out */
	size_t from = r->used - 1, seen = 0;
	while (from > 0 && (flat[from - 1] != '\n' || ++seen < n))
		from--;
	if (from == 0 && r->used == ENGINE_RECENT_BYTES) {
		char *end = memchr(flat, '\n', r->used);
		from = end != NULL ? (size_t)(end - flat) + 1 : r->used;
	}
	while (from < r->used) {
		char *end = memchr(flat + from, '\n', r->used - from);
		size_t len = end != NULL ? (size_t)(end - flat) - from : r->used - from;
		fn(arg, flat + from, len);
		from += len + 1;
	}
	free(flat);
}

/* ---- a turn: committed first, told then ---- */

void
engine_turn(struct engine *e)
{
	if (e->is_in_turn)
		return;
	e->is_in_turn = true;
	store_begin(e->store);
	log_hold();
	bus_hold(e->bus);
}

void
engine_turn_end(struct engine *e)
{
	if (!e->is_in_turn)
		return;
	/* a line that made a ban must not be read again after a crash: it could bring back who was unbanned since */
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next)
		if (j->has_decided) {
			j->has_decided = false;
			jail_store_positions(j);
		}
	e->is_in_turn = false;
	store_commit(e->store);
	log_release();
	bus_release(e->bus);
}

static void
on_before_poll(uv_prepare_t *h)
{
	engine_turn_end(h->data);
}

static void
on_after_poll(uv_check_t *h)
{
	engine_turn_end(h->data);
}

static void
on_before_command(void *arg)
{
	engine_turn_end(arg);
}

static bool
on_in_place(void *arg, const char *command, const char *id)
{
	struct engine *e = arg;

	return leftover_claim(e->leftover, command, id);
}

/* ---- hooks of the stages ---- */

static void
on_batch(void *arg, struct tail *const *tails, size_t n_tails, const struct line *lines, size_t count)
{
	struct engine *e = arg;
	struct jail *jails[256];
	size_t n = 0;

	for (size_t i = 0; i < n_tails && n < sizeof jails / sizeof *jails; i++) {
		struct jail_log *log = tail_arg(tails[i]);
		jails[n++] = log->jail;
	}
	engine_turn(e);
	if (n != 0)
		flow_lines(e, jails, n, tail_path(tails[0]), lines, count);
}

static void
on_outcome(void *arg, const struct outcome *o)
{
	flow_outcome(arg, o);
}

static void
on_action_log(void *arg, int level, const char *text)
{
	(void)arg;
	log_write(level, "fail2ban.utils", "%s", text);
}

/* <ipmatches> <ipfailures> of all jails, <ipjailmatches> <ipjailfailures> of this one: from the database, else the ticket. */
static bool
history_fact(struct jail *j, const struct ticket *t, const char *tag, struct str *out)
{
	bool is_jail = strncmp(tag, "ipjail", 6) == 0;
	const char *what = tag + (is_jail ? 6 : 2);

	if (t == NULL || (strcmp(what, "matches") != 0 && strcmp(what, "failures") != 0))
		return false;
	struct ticket *merged = store_bans_merged(j->engine->store, t->id, is_jail ? j->name : NULL);
	const struct ticket *use = merged != NULL ? merged : t;
	if (strcmp(what, "failures") == 0)
		str_addf(out, "%d", use->failures);
	for (size_t i = 0; strcmp(what, "matches") == 0 && i < use->n_matches; i++) {
		str_add(out, i != 0 ? "\n" : "");
		str_addn(out, use->matches[i].bytes, use->matches[i].len);
	}
	ticket_free(merged);
	return true;
}

static bool
on_fact(void *arg, const char *jail_name, const struct ticket *t, const char *tag, struct str *out)
{
	struct engine *e = arg;
	struct jail *j = engine_jail(e, jail_name);

	if (j == NULL)
		return false;
	if (strncmp(tag, "ip", 2) == 0)
		return history_fact(j, t, tag, out);
	if (strcmp(tag, "bantime") == 0)
		str_addf(out, "%lld", (long long)j->bantime);
	else if (strcmp(tag, "allowipv6") == 0)
		str_add(out, e->allowipv6);
	else if (strcmp(tag, "jail.name") == 0)
		str_add(out, j->name);
	else if (strcmp(tag, "jail.banned") == 0)
		str_addf(out, "%zu", bans_count(j->bans));
	else if (strcmp(tag, "jail.banned_total") == 0)
		str_addf(out, "%llu", (unsigned long long)bans_total(j->bans));
	else if (strcmp(tag, "jail.found") == 0)
		str_addf(out, "%zu", failures_count(j->failures));
	else if (strcmp(tag, "jail.found_total") == 0)
		str_addf(out, "%llu", (unsigned long long)failures_total(j->failures));
	else
		return false;
	return true;
}

/* ---- timers ---- */

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
failure_over(void *arg, const struct ticket *t)
{
	struct jail *j = arg;

	hosts_set_failed(j->engine->hosts, ticket_ip(t), j->name, 0);
	jail_touch(j);
}

static void
white_expired(struct engine *e, struct ignore *g, const char *jail)
{
	char *text;

	while ((text = ignore_pop_expired(g)) != NULL) {
		json_t *o = json_pack("{s:b,s:f}", "gone", 1, "until", -1.0);
		json_object_set_new(o, "ip", describe_text(text));
		json_object_set_new(o, "jail", describe_text(jail));
		bus_publish(e->bus, EVENT_WHITE, o);
		store_white_del(e->store, jail, text);
		free(text);
	}
}

static void
ban_moved(void *arg, struct ban *ban, double began)
{
	struct jail *j = arg;

	store_ban_move(j->engine->store, j->name, ban->ticket->id, began, ban->ticket->time);
}

struct white_owner {
	struct engine *engine;
	struct ignore *list;
	const char *name;
};

static void
store_white(const struct white_owner *o)
{
	struct value *texts = value_list(), *untils = value_list();

	ignore_list(o->list, texts, untils);
	for (size_t i = 0; i < value_count(texts); i++)
		if (value_at(untils, i)->real >= 0)
			store_white_put(o->engine->store, o->name, value_text(value_at(texts, i)), value_at(untils, i)->real);
	value_free(texts);
	value_free(untils);
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
		failures_shift(j->failures, seconds, now);
		ignore_shift(j->ignore, seconds);
		store_white(&(struct white_owner){e, j->ignore, j->name});
		jail_touch(j);
	}
	ignore_shift(e->white, seconds);
	store_white(&(struct white_owner){e, e->white, "all"});
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
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next) {
		failures_expire(j->failures, now, j->findtime, failure_over, j);
		flow_expire(j);
		white_expired(e, j->ignore, j->name);
		if (j->is_running && (int64_t)mono % 5 == 0)
			jail_scan_globs(j);
		if (names)
			engine_refresh_names(e, j);
		if ((int64_t)mono % POSITIONS_EVERY_S == 0)
			jail_store_positions(j);
		longest = fmax(longest, j->findtime);
	}
	white_expired(e, e->white, "all");
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

/* ---- life ---- */

struct engine *
engine_new(uv_loop_t *loop, bool dry_run, const char *why_dry)
{
	struct engine *e = xcalloc(1, sizeof *e);
	struct action_hooks hooks = {
	    .outcome = on_outcome, .fact = on_fact, .log = on_action_log, .before = on_before_command,
	    .in_place = on_in_place, .arg = e};

	e->loop = loop;
	e->is_dry = dry_run;
	e->why_dry = why_dry;
	e->started = clock_now(&e->clock);
	e->clock_ahead = e->started - clock_monotonic(&e->clock);
	e->source = source_new(loop, &e->clock);
	source_on_batch(e->source, on_batch, e);
	e->resolve = resolve_new(loop, &e->clock);
	e->queue = action_queue_new(loop, &e->clock, dry_run, &hooks);
	e->bus = bus_new(&e->clock);
	e->truth = truth_new(e);
	if (!dry_run)
		e->leftover = leftover_new(e);
	e->repair_auto = true;
	e->hosts = hosts_new(&e->clock);
	e->white = ignore_new(&e->clock);
	e->syslogsocket = xstrdup("auto");
	e->allowipv6 = xstrdup("auto");
	e->dbpurgeage = 86400;
	e->dbmaxmatches = 10;
	e->purged_at = clock_monotonic(&e->clock);
	uv_timer_init(loop, &e->tick);
	uv_timer_init(loop, &e->expiry);
	uv_timer_init(loop, &e->slice);
	e->tick.data = e->expiry.data = e->slice.data = e;
	uv_prepare_init(loop, &e->before_poll);
	uv_check_init(loop, &e->after_poll);
	e->before_poll.data = e->after_poll.data = e;
	uv_prepare_start(&e->before_poll, on_before_poll);
	uv_check_start(&e->after_poll, on_after_poll);
	uv_unref((uv_handle_t *)&e->before_poll);
	uv_unref((uv_handle_t *)&e->after_poll);
	uv_timer_start(&e->tick, on_tick, 1000, 1000);
	uv_timer_start(&e->slice, on_slice, 250, 250);
	return e;
}

void
engine_free(struct engine *e)
{
	struct recent *r, *next;

	HASH_ITER(hh, e->recent, r, next) {
		HASH_DEL(e->recent, r);
		free(r->path);
		free(r->ring);
		free(r);
	}
	store_close(e->store);
	bus_free(e->bus);
	hosts_free(e->hosts);
	ignore_free(e->white);
	free(e->self);
	free(e->syslogsocket);
	free(e->loglevel);
	free(e->allowipv6);
	ticket_text_free(e->last_text);
	free(e);
}

/* The last steps of engine_stop, each called when the one before has let go of the loop. */
static void
stop_done(void *arg)
{
	struct engine *e = arg;

	engine_turn_end(e);
	uv_close((uv_handle_t *)&e->before_poll, NULL);
	uv_close((uv_handle_t *)&e->after_poll, NULL);
	e->stopped(e->stopped_arg);
}

static void
stop_truth(void *arg)
{
	struct engine *e = arg;

	truth_close(e->truth, stop_done, e);
}

static void
stop_leftover(void *arg)
{
	struct engine *e = arg;

	leftover_close(e->leftover, stop_truth, e);
}

static void
stop_resolve(void *arg)
{
	struct engine *e = arg;

	resolve_close(e->resolve, stop_leftover, e);
}

static void
stop_source(void *arg)
{
	struct engine *e = arg;

	source_close(e->source, stop_resolve, e);
}

static void
stop_queue(void *arg)
{
	struct engine *e = arg;

	while (e->jails != NULL)
		jail_free(e->jails);
	action_queue_close(e->queue, stop_source, e);
}

void
engine_hold(struct engine *e, double seconds)
{
	e->hold_until = seconds > 0 ? clock_monotonic(&e->clock) + seconds : 0;
	if (seconds > 0)
		log_write(LOG_LEVEL_NOTICE, "fail2ban.server", "Hold: nobody is banned by failures for %.0f s", seconds);
	else
		log_write(LOG_LEVEL_NOTICE, "fail2ban.server", "Hold is over: failures ban again");
	bus_publish(e->bus, EVENT_ENGINE, describe_engine(e));
}

double
engine_hold_left(const struct engine *e)
{
	double left = e->hold_until > 0 ? e->hold_until - clock_monotonic(&e->clock) : 0;

	return left > 0 ? left : 0;
}

void
engine_stop(struct engine *e, bool keep_bans, void (*stopped)(void *arg), void *arg)
{
	e->stopped = stopped;
	e->stopped_arg = arg;
	e->keep_bans = keep_bans;
	e->state = ENGINE_STOPPING;
	bus_publish(e->bus, EVENT_ENGINE, describe_engine(e));
	engine_turn(e);
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next)
		jail_stop(j, keep_bans);
	flow_stop_asking(e);
	uv_close((uv_handle_t *)&e->tick, NULL);
	uv_close((uv_handle_t *)&e->expiry, NULL);
	uv_close((uv_handle_t *)&e->slice, NULL);
	action_queue_hold(e->queue, false);
	action_queue_drain(e->queue, stop_queue, e);
}

void
engine_open_store(struct engine *e, const char *path)
{
	engine_turn_end(e);
	store_close(e->store);
	e->store = NULL;
	if (path == NULL || strcmp(path, "None") == 0)
		return;
	e->store = store_open(path, &e->clock);
	store_set_purge_age(e->store, e->dbpurgeage);
	store_set_max_matches(e->store, (size_t)e->dbmaxmatches);
	store_jails_off(e->store);
	engine_restore_white(e, NULL);
}

static void
restore_white(void *arg, const char *ip, double until)
{
	struct white_owner *w = arg;
	struct err err;

	if (until <= clock_now(&w->engine->clock))
		store_white_del(w->engine->store, w->name, ip);
	else if (!ignore_add(w->list, ip, until, &err))
		log_write(LOG_LEVEL_WARNING, "fail2ban.filter", "[%s] stored whitelist: %s", w->name, err.text);
}

void
engine_restore_white(struct engine *e, struct jail *j)
{
	struct white_owner w = {e, j != NULL ? j->ignore : e->white, j != NULL ? j->name : "all"};

	store_white_each(e->store, w.name, restore_white, &w);
}

struct jail *
engine_jail(const struct engine *e, const char *name)
{
	struct jail *j;

	HASH_FIND_STR(e->jails, name, j);
	return j;
}

/* ---- addresses that must not be banned ---- */

void
engine_protect(struct engine *e, const struct addr *a)
{
	for (size_t i = 0; i < e->n_own; i++)
		if (addr_equal(&e->own[i].addr, a)) {
			e->own[i].holders++;
			return;
		}
	if (e->n_own < ENGINE_MAX_OWN)
		e->own[e->n_own++] = (struct own_addr){*a, 1};
}

void
engine_unprotect(struct engine *e, const struct addr *a)
{
	for (size_t i = 0; i < e->n_own; i++)
		if (addr_equal(&e->own[i].addr, a)) {
			if (--e->own[i].holders == 0)
				e->own[i] = e->own[--e->n_own];
			return;
		}
}

bool
engine_is_own(const struct engine *e, const struct addr *a)
{
	for (size_t i = 0; i < e->n_own; i++)
		if (addr_contains(a, &e->own[i].addr))
			return true;
	return false;
}

static void
read_self(struct engine *e)
{
	struct ifaddrs *list;

	free(e->self);
	e->self = NULL;
	e->n_self = 0;
	e->self_at = clock_monotonic(&e->clock);
	if (getifaddrs(&list) != 0)
		return;
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct addr a = {0};
		if (i->ifa_addr == NULL)
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			a.family = 4;
			a.prefix = 32;
			memcpy(a.bytes, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, 4);
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			a.family = 6;
			a.prefix = 128;
			memcpy(a.bytes, &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr, 16);
		} else {
			continue;
		}
		e->self = xreallocarray(e->self, e->n_self + 1, sizeof *e->self);
		e->self[e->n_self++] = a;
	}
	freeifaddrs(list);
}

bool
engine_is_self(struct engine *e, const struct addr *a)
{
	if (e->self == NULL || clock_monotonic(&e->clock) - e->self_at > SELF_REFRESH_S)
		read_self(e);
	for (size_t i = 0; i < e->n_self; i++)
		if (addr_contains(a, &e->self[i]))
			return true;
	return false;
}

/* ---- repair ---- */

struct repair {
	const char *ip;
	struct jail *jail;
	size_t count;
};

static void
repair_ban(void *arg, struct ban *ban)
{
	struct repair *r = arg;

	if (r->ip != NULL ? strcmp(ticket_ip(ban->ticket), r->ip) != 0
			  : ban->rule != BAN_RULE_NONE && ban->rule != BAN_RULE_FAIL)
		return;
	flow_act_again(r->jail, ban);
	r->count++;
}

size_t
engine_repair(struct engine *e, const char *ip)
{
	struct repair r = {.ip = ip};

	for (struct jail *j = e->jails; j != NULL; j = j->hh.next) {
		r.jail = j;
		bans_each(j->bans, repair_ban, &r);
	}
	if (r.count != 0) {
		json_t *o = json_pack("{s:s,s:I}", "what", "rules put back", "count", (json_int_t)r.count);
		if (ip != NULL)
			json_object_set_new(o, "ip", describe_text(ip));
		bus_publish(e->bus, EVENT_REPAIR, o);
	}
	return r.count;
}
