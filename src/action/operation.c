/*
 * operation: what is done for an action as a whole, family by family: start, stop, flush, reload, and the check with
 * what follows when it fails: repair, or stop and start, and a second check. Knows what is started and what ran.
 */
#include "action/internal.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is started ---- */

static bool
family_is_known(const struct action *a, enum family f)
{
	for (size_t i = 0; i < a->n_order; i++)
		if (a->order[i] == f)
			return true;
	return false;
}

static void
family_set(struct action *a, enum family f, unsigned flags)
{
	if (!family_is_known(a, f))
		a->order[a->n_order++] = f;
	a->started[f] = flags;
}

size_t
action_families(const struct action *a, unsigned flags, enum family *out)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_order; i++)
		if ((a->started[a->order[i]] & flags) == flags)
			out[n++] = a->order[i];
	return n;
}

void
action_holds(struct action *a, enum family f)
{
	family_set(a, f, a->started[f] | ACTION_IS_STARTED | ACTION_HOLDS_BANS);
}

/* ---- operations: start, stop, flush, reload over families ---- */

static void op_step(struct turn *t);

static void
executed_set(struct action *a, enum action_phase phase, enum family f, const char *text)
{
	free(a->executed[phase][f]);
	a->executed[phase][f] = text != NULL ? xstrdup(text) : NULL;
}

/* Forgets the command that ran for this family, and the same one of the other families. */
static void
executed_forget(struct action *a, enum action_phase phase, enum family f)
{
	char *text = a->executed[phase][f];

	a->executed[phase][f] = NULL;
	for (int i = 0; text != NULL && i < FAMILY_COUNT; i++)
		if (a->executed[phase][i] != NULL && strcmp(a->executed[phase][i], text) == 0)
			executed_set(a, phase, i, NULL);
	free(text);
}

static bool
executed_for_other(const struct action *a, enum action_phase phase, enum family f, const char *text)
{
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (i != (int)f && a->executed[phase][i] != NULL && strcmp(a->executed[phase][i], text) == 0)
			return true;
	return false;
}

static void
fill(struct turn *t, const struct template *template, enum family f, bool only_family, struct command *out)
{
	struct action_queue *q = t->queue;
	struct fact_source from = {
		.hooks = &q->hooks,
		.jail = t->job->action->jail,
		.now = clock_now(q->clock),
		.family = f,
		.only_family = only_family,
		.own_name = q->own_name,
	};

	facts_fill(template, &from, out);
}

/* The operation's text as it is compared between families: <family> is filled in, nothing else. */
static char *
op_text(struct turn *t, const struct template *template, enum family f)
{
	struct command c;

	if (f == FAMILY_ANY)
		return xstrdup(template->text);
	fill(t, template, f, true, &c);
	char *text = c.text;
	c.text = NULL;
	command_done(&c);
	return text;
}

static void
op_after(struct turn *t, bool ok)
{
	struct action *a = t->job->action;
	enum action_phase phase = t->op.phase;
	enum family f = t->op.families[t->op.at];
	char *text = op_text(t, action_template(a, phase, f), f);

	if (phase == ACTION_START && ok) {
		executed_forget(a, ACTION_STOP, f);
		family_set(a, f, ACTION_IS_STARTED);
	} else if (phase == ACTION_STOP && ok) {
		executed_forget(a, ACTION_START, f);
	} else if (phase == ACTION_FLUSH && ok) {
		a->started[f] &= ~ACTION_HOLDS_BANS;
	}
	/* flush and reload are done each time; compat would skip only the same text within one call */
	if (ok)
		executed_set(a, phase, f, text);
	else
		executed_forget(a, phase, f);
	free(text);
	t->op.ok &= ok;
	t->op.at++;
}

static void
op_ran(struct turn *t, bool ok)
{
	op_after(t, ok);
	op_step(t);
}

static void
op_step(struct turn *t)
{
	struct action *a = t->job->action;

	while (t->op.at < t->op.count) {
		enum family f = t->op.families[t->op.at];
		const struct template *template = action_template(a, t->op.phase, f);
		char *text = op_text(t, template, f);
		bool skip = template->is_blank || executed_for_other(a, t->op.phase, f, text);
		free(text);
		if (!skip) {
			struct command c;
			fill(t, template, f, false, &c);
			t->op.did_run = true;
			turn_run(t, &c, op_ran);
			return;
		}
		op_after(t, true);
	}
	if (t->op.phase == ACTION_FLUSH || t->op.phase == ACTION_RELOAD)
		for (int f = 0; f < FAMILY_COUNT; f++)
			executed_set(a, t->op.phase, f, NULL);
	t->op.next(t, t->op.ok);
}

void
operation_run(struct turn *t, enum action_phase phase, const enum family *families, size_t count,
    void (*next)(struct turn *t, bool ok))
{
	t->op.phase = phase;
	if (count != 0)
		memcpy(t->op.families, families, count * sizeof *families);
	t->op.count = count;
	t->op.at = 0;
	t->op.ok = true;
	t->op.did_run = false;
	t->op.next = next;
	op_step(t);
}

/* ---- check and repair of one family ---- */

static void
check_again_done(struct turn *t, bool ok)
{
	if (!ok)
		queue_log(t->queue, LOG_LEVEL_CRITICAL, "fail2ban.CommandAction", "Unable to restore environment");
	turn_outcome(t, ACTION_REPAIR, ok);
	t->check.next(t, ok ? 1 : 0);
}

static void
check_again(struct turn *t, bool ok)
{
	struct action *a = t->job->action;
	const struct template *check = action_template(a, ACTION_CHECK, t->check.family);
	struct command c;

	if ((a->started[t->check.family] & ACTION_IS_STARTED) == 0) {
		turn_outcome(t, ACTION_REPAIR, false);
		t->check.next(t, 0);
		return;
	}
	if (check->is_blank) {
		check_again_done(t, ok);
		return;
	}
	fill(t, check, t->check.family, true, &c);
	turn_run(t, &c, check_again_done);
}

static void
restarted(struct turn *t, bool ok)
{
	check_again(t, ok); /* compat: what counts is whether the check is content now */
}

static void
stopped_for_restart(struct turn *t, bool ok)
{
	struct action *a = t->job->action;
	enum family f = t->check.family;
	const struct template *template = action_template(a, ACTION_START, f);
	char *text = op_text(t, template, f);

	(void)ok;
	/* whatever ran before, and for whichever family: it must be run again now */
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (a->executed[ACTION_START][i] != NULL && strcmp(a->executed[ACTION_START][i], text) == 0)
			executed_set(a, ACTION_START, i, NULL);
	free(text);
	operation_run(t, ACTION_START, &f, 1, restarted);
}

static void
repaired(struct turn *t, bool ok)
{
	struct action *a = t->job->action;

	if (!ok) {
		a->started[t->check.family] = 0;
		queue_log(t->queue, LOG_LEVEL_CRITICAL, "fail2ban.CommandAction", "Unable to restore environment");
		turn_outcome(t, ACTION_REPAIR, false);
		t->check.next(t, 0);
		return;
	}
	family_set(a, t->check.family, ACTION_IS_STARTED);
	check_again(t, true);
}

void
operation_restore(struct turn *t)
{
	struct action *a = t->job->action;
	enum family f = t->check.family;
	struct command c;

	if (t->check.is_unban && !action_flag(a, "actionrepair_on_unban")) {
		queue_log(t->queue, LOG_LEVEL_ERROR, "fail2ban.CommandAction",
		    "Invariant check failed. Unban is impossible.");
		t->check.next(t, -1);
		return;
	}
	queue_log(t->queue, LOG_LEVEL_ERROR, "fail2ban.CommandAction",
	    "Invariant check failed. Trying to restore a sane environment");
	const struct template *repair = action_template(a, ACTION_REPAIR, f);
	if (!repair->is_blank) {
		fill(t, repair, f, true, &c);
		turn_run(t, &c, repaired);
		return;
	}
	/* compat: CommandAction._stop: nothing to stop for a family that was never started by itself */
	size_t n = family_is_known(a, f) ? 1 : 0;
	a->started[f] = 0;
	operation_run(t, ACTION_STOP, &f, n, stopped_for_restart);
}

static void
checked(struct turn *t, bool ok)
{
	if (ok)
		t->check.next(t, 1);
	else
		operation_restore(t);
}

void
operation_check(struct turn *t, enum family f, bool is_unban, void (*next)(struct turn *t, int result))
{
	const struct template *check = action_template(t->job->action, ACTION_CHECK, f);
	struct command c;

	t->check.family = f;
	t->check.is_unban = is_unban;
	t->check.next = next;
	if (check->is_blank) {
		next(t, 1);
		return;
	}
	fill(t, check, f, true, &c);
	turn_run(t, &c, checked);
}
