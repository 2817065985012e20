/*
 * course: the course of each phase of an action, from its first command to its last: what is started
 * for which family, start on demand, check and repair before the second try. Defects of fail2ban
 * that are mended here: after a failed check actionstart is run again also when the action has no
 * conditional keys; a second flush is run like the first; nothing is told as done that was not.
 */
#include "action/internal.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

static size_t
families_with(const struct action *a, unsigned flags, enum family *out)
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

static void
op_run(struct turn *t, enum action_phase phase, const enum family *families, size_t count,
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
		queue_log(t->queue, LOG_LEVEL_CRITICAL, "fail2ban.action", "Unable to restore environment");
	turn_outcome(t, ACTION_REPAIR, ok);
	t->check.next(t, ok ? 1 : 0);
}

static void
check_again(struct turn *t)
{
	struct action *a = t->job->action;
	struct command c;

	if ((a->started[t->check.family] & ACTION_IS_STARTED) == 0) {
		turn_outcome(t, ACTION_REPAIR, false);
		t->check.next(t, 0);
		return;
	}
	fill(t, action_template(a, ACTION_CHECK, t->check.family), t->check.family, true, &c);
	turn_run(t, &c, check_again_done);
}

static void
restarted(struct turn *t, bool ok)
{
	(void)ok; /* compat: what counts is whether the check is content now */
	check_again(t);
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
	op_run(t, ACTION_START, &f, 1, restarted);
}

static void
repaired(struct turn *t, bool ok)
{
	struct action *a = t->job->action;

	if (!ok) {
		a->started[t->check.family] = 0;
		queue_log(t->queue, LOG_LEVEL_CRITICAL, "fail2ban.action", "Unable to restore environment");
		turn_outcome(t, ACTION_REPAIR, false);
		t->check.next(t, 0);
		return;
	}
	family_set(a, t->check.family, ACTION_IS_STARTED);
	check_again(t);
}

static void
checked(struct turn *t, bool ok)
{
	struct action *a = t->job->action;
	enum family f = t->check.family;
	struct command c;

	if (ok) {
		t->check.next(t, 1);
		return;
	}
	if (t->check.is_unban && !action_flag(a, "actionrepair_on_unban")) {
		queue_log(t->queue, LOG_LEVEL_ERROR, "fail2ban.action",
		    "Invariant check failed. Unban is impossible.");
		t->check.next(t, -1);
		return;
	}
	queue_log(t->queue, LOG_LEVEL_ERROR, "fail2ban.action",
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
	op_run(t, ACTION_STOP, &f, n, stopped_for_restart);
}

static void
check_run(struct turn *t, enum family f, bool is_unban, void (*next)(struct turn *t, int result))
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

/* ---- a ticket's command: twice if need be, with a check in between ---- */

static void process_try(struct turn *t);

static void
process_checked(struct turn *t, int result)
{
	if (result == 1)
		process_try(t);
	else
		turn_end(t, false);
}

static void
process_ran(struct turn *t, bool ok)
{
	struct job *j = t->job;
	struct action *a = j->action;

	if (!ok && t->tries < 2) {
		/* compat: CommandAction._processCmd: once more, after a look whether all is in place */
		check_run(t, j->family, j->phase == ACTION_UNBAN, process_checked);
		return;
	}
	if (ok && !j->is_digest && (j->phase == ACTION_BAN || j->phase == ACTION_REBAN))
		action_holds(a, j->family);
	turn_end(t, ok);
}

/* Is the ban's rule there already? Answers the same each time. */
bool
job_in_place(struct job *j)
{
	const struct action_hooks *h = &j->action->queue->hooks;

	if (!j->is_in_place && (j->phase == ACTION_BAN || j->phase == ACTION_REBAN) && j->is_filled && !j->is_digest &&
	    h->in_place != NULL && j->action->is_firewall)
		j->is_in_place = h->in_place(h->arg, j->command.text, j->id);
	return j->is_in_place;
}

static void
process_try(struct turn *t)
{
	const struct command *from = &t->job->command;

	if (t->tries == 0 && job_in_place(t->job)) {
		t->did_run = true;
		t->tries = 1;
		t->command = xstrdup(from->text);
		process_ran(t, true);
		return;
	}
	struct command c = {.text = xstrdup(from->text), .n_values = from->n_values};

	t->tries++;
	if (slice_trim(slice_of(c.text)).len == 0) {
		command_done(&c);
		process_ran(t, true);
		return;
	}
	if (c.n_values != 0)
		c.values = xcalloc(c.n_values, sizeof *c.values);
	for (size_t i = 0; i < c.n_values; i++) {
		c.values[i].name = xstrdup(from->values[i].name);
		c.values[i].value = xstrdup(from->values[i].value);
	}
	turn_run(t, &c, process_ran);
}

static void
ban_started(struct turn *t, bool ok)
{
	if (t->op.did_run)
		turn_outcome(t, ACTION_START, ok);
	if (ok)
		process_try(t);
	else
		turn_end(t, false);
}

static void
ban_begin(struct turn *t)
{
	struct job *j = t->job;
	struct action *a = j->action;

	if (j->is_silent)
		turn_end(t, true);
	else if (!j->is_digest && action_starts_on_demand(a) && a->started[j->family] == 0)
		op_run(t, ACTION_START, &j->family, 1, ban_started);
	else
		process_try(t);
}

/* ---- the course of each phase ---- */

static void
flushed_then_stop(struct turn *t, bool ok)
{
	struct action *a = t->job->action;
	enum family families[FAMILY_COUNT];
	size_t n = families_with(a, ACTION_IS_STARTED, families);

	(void)ok;
	for (enum family f = FAMILY_INET4; f <= FAMILY_INET6; f++) {
		if (a->is_left[f] && (a->started[f] & ACTION_IS_STARTED) == 0)
			families[n++] = f;
		a->is_left[f] = false;
	}
	/* compat: nothing counts as started any more, whatever the commands say */
	memset(a->started, 0, sizeof a->started);
	a->n_order = 0;
	op_run(t, ACTION_STOP, families, n, turn_end);
}

/* What an earlier engine made is this one's now, also when it stops. */
static void
leftover_started(struct turn *t, bool ok)
{
	if (ok) {
		action_holds(t->job->action, t->job->family);
		process_try(t);
	} else {
		turn_end(t, false);
	}
}

static void
check_next(struct turn *t, int result)
{
	if (result == 0) {
		t->job->action->started[t->families[t->at_family]] = 0;
		t->ok = false;
	}
	t->at_family++;
	if (t->at_family < t->n_families)
		check_run(t, t->families[t->at_family], false, check_next);
	else
		turn_end(t, t->ok);
}

static bool
has_ipv6(struct action *a)
{
	const struct action_hooks *h = &a->queue->hooks;
	struct str text = {0};
	bool has = true;

	if (h->fact != NULL && h->fact(h->arg, a->jail, NULL, "allowipv6", &text))
		has = strcmp(str_text(&text), "0") != 0 && strcasecmp(str_text(&text), "no") != 0 &&
		    strcasecmp(str_text(&text), "false") != 0;
	str_done(&text);
	return has;
}

static void
start_begin(struct turn *t)
{
	static const enum family any[] = {FAMILY_ANY}, both[] = {FAMILY_INET4, FAMILY_INET6};
	struct action *a = t->job->action;

	if (action_starts_on_demand(a))
		turn_end(t, true);
	else if (action_is_conditional(a))
		op_run(t, ACTION_START, both, has_ipv6(a) ? 2 : 1, turn_end);
	else
		op_run(t, ACTION_START, any, 1, turn_end);
}

static void
course(struct turn *t)
{
	struct job *j = t->job;
	struct action *a = j->action;
	enum family families[FAMILY_COUNT];

	switch (j->phase) {
	case ACTION_START:
		start_begin(t);
		break;
	case ACTION_STOP:
		if (j->flush_first)
			op_run(t, ACTION_FLUSH, families, families_with(a, ACTION_IS_STARTED | ACTION_HOLDS_BANS, families),
			    flushed_then_stop);
		else
			flushed_then_stop(t, true);
		break;
	case ACTION_BAN:
	case ACTION_REBAN:
		ban_begin(t);
		break;
	case ACTION_PROLONG:
		if (j->is_silent)
			turn_end(t, true);
		else
			process_try(t);
		break;
	case ACTION_UNBAN:
		if (j->is_leftover && a->started[j->family] == 0)
			op_run(t, ACTION_START, &j->family, 1, leftover_started);
		else if (j->is_leftover)
			leftover_started(t, true);
		else if ((a->started[j->family] & ACTION_HOLDS_BANS) != 0)
			process_try(t);
		else
			turn_end(t, true); /* compat: it never banned anything of this family */
		break;
	case ACTION_FLUSH:
		op_run(t, ACTION_FLUSH, families, families_with(a, ACTION_IS_STARTED | ACTION_HOLDS_BANS, families), turn_end);
		break;
	case ACTION_RELOAD:
		op_run(t, ACTION_RELOAD, families, families_with(a, ACTION_IS_STARTED, families), turn_end);
		break;
	case ACTION_CHECK:
	case ACTION_REPAIR:
		t->ok = true;
		t->n_families = action_has_command(a, ACTION_CHECK) ? families_with(a, ACTION_IS_STARTED, t->families) : 0;
		if (t->n_families != 0)
			check_run(t, t->families[0], false, check_next);
		else
			turn_end(t, true);
		break;
	}
}

/* ---- before a phase: names ---- */

static bool
wants_own_name(struct action *a)
{
	bool wants = false;

	for (int p = 0; p < ACTION_PHASES; p++)
		for (int f = 0; f < FAMILY_NONE; f++)
			wants |= action_template(a, p, f)->wants_own_name;
	return wants;
}

static const struct template *
job_template(struct job *j)
{
	return j->own != NULL ? j->own : action_template(j->action, j->phase, j->family);
}

void
job_fill(struct job *j, const struct ticket *ticket, const char *host)
{
	struct action *a = j->action;
	struct action_queue *q = a->queue;
	struct fact_source from = {
		.hooks = &q->hooks,
		.jail = a->jail,
		.ticket = ticket,
		.now = clock_now(q->clock),
		.family = j->family,
		.host = host,
		.own_name = q->own_name,
	};

	facts_fill(job_template(j), &from, &j->command);
	j->is_filled = true;
}

static void
names_first(struct turn *t)
{
	struct job *j = t->job;
	struct action *a = j->action;

	if (!t->queue->dry_run && t->queue->own_name == NULL && wants_own_name(a)) {
		turn_waits(t);
		names_ask_own(t);
	} else if (j->ticket == NULL || j->is_filled) {
		course(t);
	} else if (!t->queue->dry_run && !t->has_asked && j->ticket->addr.family != 0 &&
	    job_template(j)->wants_host) {
		t->has_asked = true;
		turn_waits(t);
		names_ask_host(t, &j->ticket->addr);
	} else {
		job_fill(j, j->ticket, NULL);
		course(t);
	}
}

void
turn_named(struct turn *t, const char *host)
{
	t->run_ns = 0;
	if (t->queue->is_closing) {
		turn_end(t, false);
		return;
	}
	if (t->has_asked && !t->job->is_filled)
		job_fill(t->job, t->job->ticket, host);
	names_first(t);
}

void
turn_begin(struct turn *t)
{
	names_first(t);
}
