/*
 * names: what must be asked of the network before a command can be filled in: the reverse name of a
 * ticket's address (<ip-host>) and this host's own full name (<fq-hostname>). Nobody but the action
 * that asks waits, and not for long: then the name is unknown.
 */
#include "action/internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define NAME_WAIT_MS 5000

struct question {
	struct question *prev, *next;
	struct action_queue *queue;
	struct turn *turn; /* NULL: it waits no longer */
	uint64_t deadline_ns;
};

static void names_look(uv_timer_t *timer);

static void
question_answered(struct question *ask, const char *host)
{
	struct turn *t = ask->turn;

	ask->turn = NULL;
	if (t != NULL)
		turn_named(t, host);
}

static void
ptr_answered(void *arg, const char *name)
{
	struct question *ask = arg;

	question_answered(ask, name);
	DL_DELETE(ask->queue->questions, ask);
	free(ask);
}

static void
names_arm(struct action_queue *q)
{
	struct question *ask;
	uint64_t now = uv_hrtime(), soonest = 0;

	DL_FOREACH(q->questions, ask)
		if (ask->turn != NULL && (soonest == 0 || ask->deadline_ns < soonest))
			soonest = ask->deadline_ns;
	if (soonest != 0)
		uv_timer_start(&q->names, names_look, soonest > now ? (soonest - now) / 1000000 + 1 : 0, 0);
}

static void
names_look(uv_timer_t *timer)
{
	struct action_queue *q = timer->data;
	struct question *ask, *next;
	uint64_t now = uv_hrtime();

	DL_FOREACH_SAFE(q->questions, ask, next)
		if (ask->turn != NULL && ask->deadline_ns <= now)
			question_answered(ask, NULL);
	names_arm(q);
}

void
names_ask_host(struct turn *t, const struct addr *addr)
{
	struct action_queue *q = t->queue;
	struct question *ask = xcalloc(1, sizeof *ask);

	if (q->resolve == NULL)
		q->resolve = resolve_new(q->loop, q->clock);
	ask->queue = q;
	ask->turn = t;
	ask->deadline_ns = uv_hrtime() + NAME_WAIT_MS * 1000000ull;
	DL_APPEND(q->questions, ask);
	names_arm(q);
	resolve_ptr(q->resolve, addr, ptr_answered, ask); /* may answer at once */
}

static void
own_name_answered(void *arg, const struct run_result *r)
{
	struct turn *t = arg;
	struct action_queue *q = t->queue;
	struct slice name = slice_trim(slice_of(r->ok ? r->output : ""));

	t->run = NULL;
	if (q->own_name == NULL) {
		char own[256] = "";
		gethostname(own, sizeof own - 1);
		q->own_name = name.len != 0 && name.len < sizeof own ? xstrndup(name.at, name.len) : xstrdup(own);
	}
	turn_named(t, NULL);
}

void
names_ask_own(struct turn *t)
{
	/* a program can be ended when the network does not answer; a library call cannot */
	static const char *const argv[] = {"hostname", "-f", NULL};

	t->run = run_program(t->queue, argv, NULL, NAME_WAIT_MS / 1000.0, own_name_answered, t);
}

static void
names_closed(void *arg)
{
	struct action_queue *q = arg;
	struct question *ask, *next;

	DL_FOREACH_SAFE(q->questions, ask, next) {
		DL_DELETE(q->questions, ask);
		free(ask);
	}
	q->handles--;
	queue_maybe_closed(q);
}

void
names_close(struct action_queue *q)
{
	struct question *ask;

	DL_FOREACH(q->questions, ask)
		ask->turn = NULL;
	if (q->resolve == NULL)
		return;
	q->handles++;
	resolve_close(q->resolve, names_closed, q);
}
