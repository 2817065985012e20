/*
 * course: the course of each phase of an action, from its first command to its last: start on demand, names that must
 * be asked for first, check and repair before the second try (operation.c). Defects of fail2ban
 * that are mended here: after a failed check actionstart is run again also when the action has no
 * conditional keys; a second flush is run like the first; nothing is told as done that was not.
 */
#include "action/internal.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
		operation_check(t, j->family, j->phase == ACTION_UNBAN, process_checked);
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
		operation_run(t, ACTION_START, &j->family, 1, ban_started);
	else
		process_try(t);
}

/* ---- the course of each phase ---- */

static void
flushed_then_stop(struct turn *t, bool ok)
{
	struct action *a = t->job->action;
	enum family families[FAMILY_COUNT];
	size_t n = action_families(a, ACTION_IS_STARTED, families);

	(void)ok;
	for (enum family f = FAMILY_INET4; f <= FAMILY_INET6; f++) {
		if (a->is_left[f] && (a->started[f] & ACTION_IS_STARTED) == 0)
			families[n++] = f;
		a->is_left[f] = false;
	}
	/* compat: nothing counts as started any more, whatever the commands say */
	memset(a->started, 0, sizeof a->started);
	a->n_order = 0;
	operation_run(t, ACTION_STOP, families, n, turn_end);
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
		operation_check(t, t->families[t->at_family], false, check_next);
	else
		turn_end(t, t->ok);
}

/* The family that was asked for; of an action that knows none, what was started first. */
static void
repair_begin(struct turn *t)
{
	struct action *a = t->job->action;

	t->n_families = action_families(a, ACTION_IS_STARTED, t->families);
	if (action_is_conditional(a)) {
		t->families[0] = t->job->family;
		t->n_families = t->n_families != 0 && (a->started[t->job->family] & ACTION_IS_STARTED) != 0;
	} else if (t->n_families != 0) {
		t->n_families = 1;
	}
	if (t->n_families == 0) {
		turn_end(t, true);
		return;
	}
	t->check.family = t->families[0];
	t->check.is_unban = false;
	t->check.next = check_next;
	operation_restore(t);
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
		operation_run(t, ACTION_START, both, has_ipv6(a) ? 2 : 1, turn_end);
	else
		operation_run(t, ACTION_START, any, 1, turn_end);
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
			operation_run(t, ACTION_FLUSH, families, action_families(a, ACTION_IS_STARTED | ACTION_HOLDS_BANS, families),
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
			operation_run(t, ACTION_START, &j->family, 1, leftover_started);
		else if (j->is_leftover)
			leftover_started(t, true);
		else if ((a->started[j->family] & ACTION_HOLDS_BANS) != 0)
			process_try(t);
		else
			turn_end(t, true); /* compat: it never banned anything of this family */
		break;
	case ACTION_FLUSH:
		operation_run(t, ACTION_FLUSH, families, action_families(a, ACTION_IS_STARTED | ACTION_HOLDS_BANS, families), turn_end);
		break;
	case ACTION_RELOAD:
		operation_run(t, ACTION_RELOAD, families, action_families(a, ACTION_IS_STARTED, families), turn_end);
		break;
	case ACTION_CHECK:
	case ACTION_REPAIR:
		t->ok = true;
		if (j->is_forced) {
			repair_begin(t);
			break;
		}
		t->n_families = action_has_command(a, ACTION_CHECK) ? action_families(a, ACTION_IS_STARTED, t->families) : 0;
		if (t->n_families != 0)
			operation_check(t, t->families[0], false, check_next);
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
