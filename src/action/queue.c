/*
 * queue: lanes of jobs. A lane runs one turn (or batch) at a time, in order; lanes are independent.
 *
 * Shared lanes: one for every firewall action of all jails, one per name for the other actions. An
 * action that lets others wait gets a lane of its own until it has caught up.
 */
#include "action/internal.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

struct drain {
	struct drain *prev, *next;
	uint64_t mark;
	size_t left;
	void (*done)(void *arg);
	void *arg;
};

/* ---- the log ---- */

void
queue_log(const struct action_queue *q, int level, const char *logger, const char *format, ...)
{
	struct str text = {0};
	va_list args;

	va_start(args, format);
	str_addv(&text, format, args);
	va_end(args);
	if (q->hooks.log != NULL)
		q->hooks.log(q->hooks.arg, level, logger, str_text(&text));
	else
		log_write(level, logger, "%s", str_text(&text));
	str_done(&text);
}

/* ---- lanes ---- */

static struct lane *
lane_new(struct action_queue *q, const char *name, struct action *owner)
{
	struct lane *lane = xcalloc(1, sizeof *lane);

	lane->queue = q;
	lane->name = owner != NULL ? xasprintf("\1%p", (void *)owner) : xstrdup(name != NULL ? name : "");
	lane->owner = owner;
	lane->is_own = owner != NULL;
	lane->limit = lane->ceiling = BATCH_MAX;
	if (owner != NULL)
		owner->lane = lane;
	HASH_ADD_KEYPTR(hh, q->lanes, lane->name, strlen(lane->name), lane);
	return lane;
}

static void
lane_free(struct lane *lane)
{
	if (lane->owner != NULL)
		lane->owner->lane = NULL;
	HASH_DEL(lane->queue->lanes, lane);
	free(lane->name);
	free(lane);
}

void
lane_widen(struct lane *lane)
{
	lane->limit = lane->limit > lane->ceiling / 2 ? lane->ceiling : lane->limit * 2;
	if (lane->after != 0)
		lane->limit = lane->after;
	lane->after = 0;
}

static struct lane *
lane_of(struct action *a)
{
	struct action_queue *q = a->queue;
	const char *name = action_is_firewall(a) ? "" : a->name;
	struct lane *lane;

	if (a->lane != NULL)
		return a->lane;
	if (a->is_slow)
		return lane_new(q, NULL, a);
	HASH_FIND_STR(q->lanes, name, lane);
	return lane != NULL ? lane : lane_new(q, name, NULL);
}

static void
kick(uv_timer_t *timer)
{
	struct action_queue *q = timer->data;
	struct lane *lane, *next;

	HASH_ITER(hh, q->lanes, lane, next)
		lane_next(lane);
}

static bool
lane_rests(struct lane *lane)
{
	struct action_queue *q = lane->queue;
	uint64_t now = uv_hrtime();

	if (lane->turn != NULL || lane->batch != NULL || now >= lane->rest_ns || q->is_closing)
		return false;
	if (!uv_is_active((uv_handle_t *)&q->rest))
		uv_timer_start(&q->rest, kick, (lane->rest_ns - now) / 1000000 + 1, 0);
	return true;
}

void
lane_next(struct lane *lane)
{
	if (lane->is_stepping || lane->queue->held != 0)
		return; /* further up the stack somebody loops */
	if (lane->jobs != NULL && lane_rests(lane))
		return;
	lane->is_stepping = true;
	if (lane->queue->hooks.before != NULL && lane->jobs != NULL)
		lane->queue->hooks.before(lane->queue->hooks.arg);
	while (lane->turn == NULL && lane->batch == NULL && lane->jobs != NULL && !lane->queue->is_closing) {
		if (!lane->queue->dry_run && batch_start(lane))
			continue; /* it runs; or it had nothing to run, and is over */
		struct turn *t = xcalloc(1, sizeof *t);
		struct job *j = lane->jobs;
		DL_DELETE(lane->jobs, j);
		t->queue = lane->queue;
		t->lane = lane;
		t->job = j;
		lane->turn = t;
		turn_begin(t);
	}
	lane->is_stepping = false;
	if (lane->is_own && lane->turn == NULL && lane->batch == NULL && lane->jobs == NULL)
		lane_free(lane);
}

/* The action of the running turn makes others wait: it and all its work move to a lane of its own. */
static void
lane_split(struct lane *lane)
{
	struct turn *t = lane->turn;
	struct action *a = t->job->action;
	struct lane *own = lane_new(lane->queue, NULL, a);
	struct job *j, *next;

	a->is_slow = true;
	own->turn = t;
	t->lane = own;
	lane->turn = NULL;
	DL_FOREACH_SAFE(lane->jobs, j, next)
		if (j->action == a) {
			DL_DELETE(lane->jobs, j);
			DL_APPEND(own->jobs, j);
		}
	lane_next(lane);
}

static void
look_for_slow(uv_timer_t *timer)
{
	struct action_queue *q = timer->data;
	struct lane *lane, *next;
	uint64_t now = uv_hrtime(), soonest = 0;

	HASH_ITER(hh, q->lanes, lane, next) {
		if (lane->is_own || lane->turn == NULL || lane->turn->run_ns == 0)
			continue;
		uint64_t ran = (now - lane->turn->run_ns) / 1000000;
		if (ran + 1 >= ACTION_PATIENCE_MS)
			lane_split(lane);
		else if (soonest == 0 || ACTION_PATIENCE_MS - ran < soonest)
			soonest = ACTION_PATIENCE_MS - ran;
	}
	if (soonest != 0 && !uv_is_active((uv_handle_t *)timer))
		uv_timer_start(timer, look_for_slow, soonest, 0);
}

/* The turn's command is waited for from now on. */
void
turn_waits(struct turn *t)
{
	struct action_queue *q = t->queue;

	t->run_ns = uv_hrtime();
	if (!t->lane->is_own && !uv_is_active((uv_handle_t *)&q->patience))
		uv_timer_start(&q->patience, look_for_slow, ACTION_PATIENCE_MS, 0);
}

/* ---- jobs ---- */

void
job_free(struct job *j)
{
	command_done(&j->command);
	ticket_free(j->ticket);
	if (j->own != NULL)
		template_done(j->own);
	free(j->own);
	free(j->id);
	free(j);
}

static bool
job_removes(const struct job *j)
{
	return j->phase != ACTION_START && j->phase != ACTION_BAN && j->phase != ACTION_REBAN && j->phase != ACTION_PROLONG;
}

static struct lane *
job_count(struct action *a, struct job *j)
{
	struct action_queue *q = a->queue;

	j->seq = ++q->seq;
	j->queued_ns = uv_hrtime();
	q->waiting++;
	q->removing += job_removes(j);
	a->jobs++;
	return lane_of(a);
}

static void
job_discount(struct action *a, const struct job *j)
{
	a->queue->waiting--;
	a->queue->removing -= job_removes(j);
	a->jobs--;
}

void
queue_add_first(struct action *a, struct job *j)
{
	struct lane *lane = job_count(a, j);

	DL_PREPEND(lane->jobs, j);
	if (!uv_is_active((uv_handle_t *)&a->queue->kick))
		uv_timer_start(&a->queue->kick, kick, 0, 0);
}

void
queue_add(struct action *a, struct job *j)
{
	struct action_queue *q = a->queue;
	struct lane *lane = job_count(a, j);

	DL_APPEND(lane->jobs, j);
	if (!uv_is_active((uv_handle_t *)&q->kick))
		uv_timer_start(&q->kick, kick, 0, 0);
}

static void
drains_count(struct action_queue *q, uint64_t seq)
{
	struct drain *d, *next;

	DL_FOREACH_SAFE(q->drains, d, next) {
		if (seq > d->mark || --d->left != 0)
			continue;
		DL_DELETE(q->drains, d);
		d->done(d->arg);
		free(d);
	}
}

void
job_end(struct job *j, struct outcome *o)
{
	struct action *a = j->action;
	struct action_queue *q = a->queue;
	uint64_t seq = j->seq;

	o->jail = a->jail;
	o->action = a->name;
	o->phase = j->phase;
	o->id = j->id;
	o->is_dry = q->dry_run;
	o->was_digested = j->is_digested;
	o->was_skipped &= !j->is_digested;
	o->ms = (double)(uv_hrtime() - j->queued_ns) / 1e6;
	if (q->hooks.outcome != NULL && !q->is_closing && !j->is_digest)
		q->hooks.outcome(q->hooks.arg, o);
	job_discount(a, j);
	job_free(j);
	if (a->is_orphan && a->jobs == 0)
		action_destroy(a);
	drains_count(q, seq);
}

/* ---- turns ---- */

static void
turn_free(struct turn *t)
{
	free(t->command);
	free(t->output);
	free(t);
}

void
turn_outcome(struct turn *t, enum action_phase phase, bool ok)
{
	struct action_queue *q = t->queue;
	struct job *j = t->job;
	struct outcome o = {
		.jail = j->action->jail,
		.action = j->action->name,
		.phase = phase,
		.family = phase != ACTION_REPAIR || !action_is_conditional(j->action) ? 0 :
		    t->check.family == FAMILY_INET4                                   ? 4 :
		    t->check.family == FAMILY_INET6                                   ? 6 :
		                                                                        0,
		.ok = ok,
		.is_dry = q->dry_run,
		.exit_code = t->exit_code,
		.timed_out = t->timed_out,
		.tries = 1,
		.ms = (double)(uv_hrtime() - j->queued_ns) / 1e6,
		.command = t->command,
		.output = t->output,
	};

	if (phase == ACTION_REPAIR && ok)
		t->was_repaired = true;
	if (q->hooks.outcome != NULL && !q->is_closing)
		q->hooks.outcome(q->hooks.arg, &o);
}

/* compat: fail2ban.actions' messages */
static void
log_failure(const struct turn *t)
{
	static const char *const gerunds[ACTION_PHASES] = {"starting", "stopping", "banning", "unbanning",
	    "banning", "prolonging", "flushing", "checking", "repairing", "reloading"};
	const struct job *j = t->job;
	const struct action *a = j->action;
	const char *gerund = gerunds[j->phase];
	const char *verb = j->phase == ACTION_PROLONG ? "ban" : action_phase_name(j->phase);

	if (j->id != NULL)
		queue_log(t->queue, LOG_LEVEL_ERROR, "fail2ban.actions",
		    "Failed to execute %s jail '%s' action '%s' info 'ActionInfo({'ip': '%s', 'family': '%s'})':"
		    " Error %s %s", verb, a->jail, a->name, j->id, family_name(j->family), gerund, j->id);
	else
		queue_log(t->queue, LOG_LEVEL_ERROR, "fail2ban.actions",
		    "Failed to %s jail '%s' action '%s': Error %s action Jail('%s')/%s: 'Script error'",
		    j->phase == ACTION_FLUSH ? "flush bans in" : verb, a->jail, a->name, gerund, a->jail, a->name);
}

void
turn_end(struct turn *t, bool ok)
{
	struct lane *lane = t->lane;
	struct outcome o = {
		.ok = ok,
		.was_skipped = !t->did_run,
		.exit_code = t->exit_code,
		.timed_out = t->timed_out,
		.tries = t->tries != 0 ? t->tries : t->did_run,
		.command = t->command,
		.output = t->output,
	};

	if (!ok && !t->queue->is_closing)
		log_failure(t);
	lane->turn = NULL;
	if (t->was_repaired) {
		lane->limit = lane->ceiling;
		lane->after = 0;
		lane->refusals = 0;
	} else {
		lane_widen(lane);
	}
	job_end(t->job, &o); /* the action may go with it */
	turn_free(t);
	lane_next(lane);
}

static void
turn_ran(void *arg, const struct run_result *r)
{
	struct turn *t = arg;
	void (*next)(struct turn *, bool) = t->next;
	bool ok = r->ok;

	t->run = NULL;
	t->job->action->is_slow = uv_hrtime() - t->run_ns >= ACTION_PATIENCE_MS * 1000000ull;
	t->run_ns = 0;
	t->exit_code = r->exit_code;
	t->timed_out = r->timed_out;
	free(t->output);
	t->output = xstrdup(r->output != NULL ? r->output : "");
	if (t->queue->is_closing) {
		turn_end(t, false);
		return;
	}
	next(t, ok);
}

void
turn_run(struct turn *t, struct command *c, void (*next)(struct turn *t, bool ok))
{
	struct action_queue *q = t->queue;

	t->did_run = true;
	free(t->command);
	t->command = xstrdup(c->text);
	if (q->dry_run) {
		command_done(c);
		next(t, true);
		return;
	}
	t->next = next;
	turn_waits(t);
	t->run = run_start(q, c, t->job->action->timeout_s, turn_ran, t);
	command_done(c);
}

/* ---- the queue ---- */

struct action_queue *
action_queue_new(uv_loop_t *loop, const struct clock *clock, bool dry_run, const struct action_hooks *hooks)
{
	struct action_queue *q = xcalloc(1, sizeof *q);

	q->loop = loop;
	q->clock = clock;
	q->dry_run = dry_run;
	if (hooks != NULL)
		q->hooks = *hooks;
	uv_timer_init(loop, &q->kick);
	uv_timer_init(loop, &q->patience);
	uv_timer_init(loop, &q->rest);
	uv_timer_init(loop, &q->names);
	uv_timer_init(loop, &q->digest);
	q->kick.data = q->patience.data = q->rest.data = q->names.data = q->digest.data = q;
	q->handles = 5;
	if (dry_run) {
		char name[256] = "";
		gethostname(name, sizeof name - 1);
		q->own_name = xstrdup(name); /* nobody is asked */
	}
	return q;
}

void
action_queue_hold(struct action_queue *q, unsigned holders, bool is_held)
{
	bool was_held = q->held != 0;

	q->held = is_held ? q->held | holders : q->held & ~holders;
	if (was_held && q->held == 0 && !q->is_closing && !uv_is_active((uv_handle_t *)&q->kick))
		uv_timer_start(&q->kick, kick, 0, 0);
}

size_t
action_queue_waiting(const struct action_queue *q)
{
	return q->waiting;
}

bool
action_queue_removes(const struct action_queue *q)
{
	return q->removing != 0;
}

void
action_each_banning(const struct action *a, void (*fn)(void *arg, const char *id), void *arg)
{
	const struct lane *lane;

	for (lane = a->queue->lanes; lane != NULL; lane = lane->hh.next) {
		const struct job *j;
		if (lane->turn != NULL && lane->turn->job->action == a && lane->turn->job->id != NULL)
			fn(arg, lane->turn->job->id);
		DL_FOREACH(lane->jobs, j)
			if (j->action == a && (j->phase == ACTION_BAN || j->phase == ACTION_REBAN) && !j->is_digest)
				fn(arg, j->id);
	}
}

void
action_queue_drain(struct action_queue *q, void (*done)(void *arg), void *arg)
{
	if (q->waiting == 0) {
		done(arg);
		return;
	}
	struct drain *d = xcalloc(1, sizeof *d);
	d->mark = q->seq;
	d->left = q->waiting;
	d->done = done;
	d->arg = arg;
	DL_APPEND(q->drains, d);
}

static void
handle_closed(uv_handle_t *h)
{
	struct action_queue *q = h->data;

	q->handles--;
	queue_maybe_closed(q);
}

static void
jobs_drop(struct lane *lane)
{
	struct job *j, *next;

	DL_FOREACH_SAFE(lane->jobs, j, next) {
		struct action *a = j->action;
		DL_DELETE(lane->jobs, j);
		job_discount(a, j);
		job_free(j);
		if (a->is_orphan && a->jobs == 0)
			action_destroy(a);
	}
}

void
action_queue_close(struct action_queue *q, void (*done)(void *arg), void *arg)
{
	struct lane *lane, *next;
	struct drain *d, *next_drain;

	q->is_closing = true;
	q->closed = done;
	q->closed_arg = arg;
	DL_FOREACH_SAFE(q->drains, d, next_drain) {
		DL_DELETE(q->drains, d);
		free(d);
	}
	HASH_ITER(hh, q->lanes, lane, next) {
		jobs_drop(lane);
		if (lane->turn != NULL && lane->turn->run == NULL)
			turn_end(lane->turn, false); /* it waits for a name */
	}
	run_kill_all(q);
	uv_close((uv_handle_t *)&q->kick, handle_closed);
	uv_close((uv_handle_t *)&q->patience, handle_closed);
	uv_close((uv_handle_t *)&q->rest, handle_closed);
	uv_close((uv_handle_t *)&q->names, handle_closed);
	uv_close((uv_handle_t *)&q->digest, handle_closed);
	names_close(q);
}

/* Frees the queue once nothing of it is left on the loop. */
void
queue_maybe_closed(struct action_queue *q)
{
	struct lane *lane, *next;

	if (!q->is_closing || q->handles != 0 || q->runs != NULL)
		return;
	HASH_ITER(hh, q->lanes, lane, next)
		lane_free(lane);
	free(q->own_name);
	void (*closed)(void *) = q->closed;
	void *arg = q->closed_arg;
	free(q);
	if (closed != NULL)
		closed(arg);
}
