#include "engine.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/log.h"
#include "base/mem.h"
#include "describe.h"
#include "firewall/cut.h"
#include "flow_stages.h"
#include "jail.h"
#include "leftover.h"
#include "store/store.h"
#include "truth.h"

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
on_action_log(void *arg, int level, const char *logger, const char *text)
{
	(void)arg;
	log_write(level, logger, "%s", text);
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
	e->book = failures_book_new();
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
	engine_start_timers(e);
	return e;
}

void
engine_free(struct engine *e)
{
	recent_free(e);
	store_close(e->store);
	bus_free(e->bus);
	hosts_free(e->hosts);
	ignore_free(e->white);
	free(e->self);
	free(e->syslogsocket);
	free(e->loglevel);
	free(e->allowipv6);
	flow_failures_done(e);
	failures_book_free(e->book);
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
stop_cut(void *arg)
{
	struct engine *e = arg;

	cut_close(e->cut, stop_truth, e);
}

static void
stop_leftover(void *arg)
{
	struct engine *e = arg;

	leftover_close(e->leftover, stop_cut, e);
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
	store_jails_off(e->store); /* compat: nothing is followed any more */
	flow_stop_asking(e);
	uv_close((uv_handle_t *)&e->tick, NULL);
	uv_close((uv_handle_t *)&e->expiry, NULL);
	uv_close((uv_handle_t *)&e->slice, NULL);
	action_queue_hold(e->queue, ACTION_HOLD_ALL, false);
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
	if (e->store == NULL)
		return;
	store_set_purge_age(e->store, e->dbpurgeage);
	store_set_max_matches(e->store, (size_t)e->dbmaxmatches);
	store_jails_off(e->store);
	engine_restore_white(e, NULL);
}

struct jail *
engine_jail(const struct engine *e, const char *name)
{
	struct jail *j;

	HASH_FIND_STR(e->jails, name, j);
	return j;
}

/* ---- established connections ---- */

static void
was_cut(void *arg, const char *jail, const struct addr *addr, size_t sockets)
{
	char text[ADDR_TEXT_MAX];

	(void)arg;
	addr_format(addr, text);
	log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "[%s] Cut %zu connection(s) of %s", jail, sockets, text);
}

static void
not_cut(void *arg, const char *text)
{
	(void)arg;
	log_write(LOG_LEVEL_WARNING, "fail2ban.actions", "cutconnections: %s", text);
}

void
engine_cut(struct engine *e, const char *jail, const struct addr *a)
{
	const struct cut_hooks hooks = {was_cut, not_cut, e};

	if (e->is_dry || e->state == ENGINE_STOPPING || a->family == 0)
		return;
	if (e->cut == NULL)
		e->cut = cut_new(e->loop, &hooks);
	cut_add(e->cut, jail, a);
}

/* ---- repair ---- */

struct repair {
	const char *ip;
	struct jail *jail;
	size_t count;
};

static void
retry_ban(void *arg, struct ban *ban)
{
	struct repair *r = arg;

	if (r->ip == NULL || strcmp(ticket_ip(ban->ticket), r->ip) == 0)
		r->count += flow_retry_ban(r->jail, ban);
}

size_t
engine_repair(struct engine *e, const char *ip)
{
	struct repair r = {.ip = ip};

	if (e->state == ENGINE_STOPPING)
		return 0;
	r.count = truth_repair(e->truth, ip);
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next) {
		r.jail = j;
		if (j->is_running)
			bans_each(j->bans, retry_ban, &r);
	}
	return r.count;
}
