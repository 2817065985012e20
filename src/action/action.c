/*
 * action: one action of one jail: its properties, what of it is started, and the course of each
 * phase. Defects of fail2ban that are mended here: after a failed check actionstart is run again
 * also when the action has no conditional keys; nothing is told as done that was not.
 */
#include "action/internal.h"

#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define IS_STARTED 1u
#define HOLDS_BANS 2u

static const char *const phase_names[ACTION_PHASES] = {"start", "stop", "ban", "unban", "reban", "prolong",
    "flush", "check", "repair", "reload"};

const char *
action_phase_name(enum action_phase phase)
{
	return phase_names[phase];
}

/* ---- properties ---- */

struct action *
action_new(struct action_queue *q, const char *jail, const char *name)
{
	struct action *a = xcalloc(1, sizeof *a);

	a->queue = q;
	a->jail = xstrdup(jail);
	a->name = xstrdup(name);
	a->timeout_s = ACTION_TIMEOUT_S;
	return a;
}

const char *
action_name(const struct action *a)
{
	return a->name;
}

static void
templates_forget(struct action *a)
{
	for (int p = 0; p < ACTION_PHASES; p++)
		for (int f = 0; f < FAMILY_COUNT; f++)
			if (a->has_template[p][f]) {
				template_done(&a->templates[p][f]);
				a->has_template[p][f] = false;
			}
	a->is_changed = true;
}

void
action_destroy(struct action *a)
{
	struct property *p, *next;

	if (a->lane != NULL)
		a->lane->owner = NULL;
	digest_free(a);
	templates_forget(a);
	HASH_ITER(hh, a->properties, p, next) {
		HASH_DEL(a->properties, p);
		value_free(p->value);
		free(p->name);
		free(p);
	}
	for (int i = 0; i < ACTION_PHASES; i++)
		for (int f = 0; f < FAMILY_COUNT; f++)
			free(a->executed[i][f]);
	free(a->jail);
	free(a->name);
	free(a);
}

void
action_free(struct action *a)
{
	if (a == NULL)
		return;
	digest_flush(a);
	if (a->jobs == 0)
		action_destroy(a);
	else
		a->is_orphan = true;
}

static struct value *
timeout_value(struct action *a, const struct value *v, struct err *err)
{
	struct str text = {0};
	double seconds;

	value_to_text(v, &text);
	if (!duration_parse(str_text(&text), &seconds, err) || seconds < 0) {
		if (err != NULL && seconds < 0)
			err_set(err, "%s is below zero", str_text(&text));
		err_prefix(err, "jail %s: action %s: timeout", a->jail, a->name);
		str_done(&text);
		return NULL;
	}
	str_done(&text);
	a->timeout_s = seconds;
	return seconds == (double)(int64_t)seconds ? value_int((int64_t)seconds) : value_float(seconds);
}

bool
action_set(struct action *a, const char *property, const struct value *v, struct err *err)
{
	struct property *p;
	struct value *own;

	if (strcmp(property, "bantime") == 0)
		return true; /* compat: WRAP_CMD_PARAMS: the ticket's tag must not be hidden */
	own = strcmp(property, "timeout") == 0 ? timeout_value(a, v, err) : value_dup(v);
	if (own == NULL)
		return false;
	templates_forget(a);
	HASH_FIND_STR(a->properties, property, p);
	if (p == NULL) {
		p = xcalloc(1, sizeof *p);
		p->name = xstrdup(property);
		HASH_ADD_KEYPTR(hh, a->properties, p->name, strlen(p->name), p);
	}
	value_free(p->value);
	p->value = own;
	return true;
}

const struct value *
action_get(const struct action *a, const char *property)
{
	struct property *p;

	HASH_FIND_STR(a->properties, property, p);
	return p != NULL ? p->value : NULL;
}

void
action_reload_begin(struct action *a)
{
	struct property *p, *next;

	templates_forget(a);
	HASH_ITER(hh, a->properties, p, next) {
		HASH_DEL(a->properties, p);
		free(p->name);
		value_free(p->value);
		free(p);
	}
	a->timeout_s = ACTION_TIMEOUT_S;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
action_properties(const struct action *a, struct value *names)
{
	size_t n = 0, count = HASH_COUNT(a->properties);
	const char **sorted = xcalloc(count + 1, sizeof *sorted);

	for (const struct property *p = a->properties; p != NULL; p = p->hh.next)
		sorted[n++] = p->name;
	qsort(sorted, n, sizeof *sorted, compare_names);
	for (size_t i = 0; i < n; i++)
		value_push(names, value_str(sorted[i]));
	free(sorted);
}

/* Python's truth of a property: absent, False, 0 and "" are false. Text is judged as the reader does. */
bool
action_flag(const struct action *a, const char *property)
{
	const struct value *v = action_get(a, property);
	const char *text = value_text(v);

	if (v == NULL)
		return false;
	if (text != NULL) {
		char *lower = str_lower_dup(text);
		bool is_true = strcmp(lower, "1") == 0 || strcmp(lower, "on") == 0 ||
		    strcmp(lower, "true") == 0 || strcmp(lower, "yes") == 0;
		free(lower);
		return is_true;
	}
	return (v->kind == VALUE_BOOL && v->truth) || (v->kind == VALUE_INT && v->integer != 0);
}

/* compat: _hasCondSection */
static bool
is_conditional(const struct action *a)
{
	for (const struct property *p = a->properties; p != NULL; p = p->hh.next)
		if (strstr(p->name, "?family=") != NULL)
			return true;
	return false;
}

bool
action_starts_on_demand(struct action *a)
{
	return action_get(a, "actionstart_on_demand") != NULL ? action_flag(a, "actionstart_on_demand") :
	                                                        is_conditional(a);
}

static const char *
phase_query(const struct action *a, enum action_phase phase)
{
	static const char *const queries[ACTION_PHASES] = {"<actionstart>", "<actionstop>", "<actionban>",
	    "<actionunban>", "<actionreban>", "<actionprolong>", "<actionflush>", "<actioncheck>",
	    "<actionrepair>", "<actionreload>"};
	const char *text = value_text(action_get(a, "actionreban"));

	if (phase == ACTION_REBAN && (text == NULL || *text == '\0'))
		phase = ACTION_BAN;
	return queries[phase];
}

const struct template *
action_template(struct action *a, enum action_phase phase, enum family f)
{
	struct template *t = &a->templates[phase][f];
	struct str text = {0};
	struct err err;

	if (a->has_template[phase][f])
		return t;
	if (!facts_expand(a->properties, phase_query(a, phase), f, &text, &err)) {
		queue_log(a->queue, LOG_LEVEL_ERROR, "fail2ban.actions", "jail '%s' action '%s': %s", a->jail,
		    a->name, err.text);
		/* a command that says so by failing */
		str_add(&text, "exit 1");
	}
	template_make(t, str_take(&text));
	a->has_template[phase][f] = true;
	return t;
}

/* Is a phase defined at all? */
static bool
has_command(struct action *a, enum action_phase phase)
{
	return !action_template(a, phase, FAMILY_ANY)->is_blank ||
	    (is_conditional(a) && !action_template(a, phase, FAMILY_INET6)->is_blank);
}

bool
action_has_flush(const struct action *a)
{
	const char *text = value_text(action_get(a, "actionflush"));

	return text != NULL && slice_trim(slice_of(text)).len != 0;
}

bool
action_is_firewall(struct action *a)
{
	static const enum family families[] = {FAMILY_ANY, FAMILY_INET4, FAMILY_INET6};

	if (a->is_classified && (!a->is_changed || a->jobs != 0))
		return a->is_firewall;
	a->is_classified = true;
	a->is_firewall = false;
	for (int p = 0; p < ACTION_PHASES && !a->is_firewall; p++)
		for (size_t f = 0; f < sizeof families / sizeof *families; f++)
			a->is_firewall |= words_use_firewall(action_template(a, p, families[f])->text);
	a->is_changed = false;
	return a->is_firewall;
}

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
	family_set(a, f, a->started[f] | IS_STARTED | HOLDS_BANS);
}

static enum family
ticket_family(const struct ticket *t)
{
	return t->addr.family == 4 ? FAMILY_INET4 : t->addr.family == 6 ? FAMILY_INET6 : FAMILY_NONE;
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
		family_set(a, f, IS_STARTED);
	} else if (phase == ACTION_STOP && ok) {
		executed_forget(a, ACTION_START, f);
	} else if (phase == ACTION_FLUSH && ok) {
		a->started[f] &= ~HOLDS_BANS;
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

	if ((a->started[t->check.family] & IS_STARTED) == 0) {
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
	family_set(a, t->check.family, IS_STARTED);
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
	size_t n = families_with(a, IS_STARTED, families);

	(void)ok;
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
	else if (is_conditional(a))
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
			op_run(t, ACTION_FLUSH, families, families_with(a, IS_STARTED | HOLDS_BANS, families),
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
		else if ((a->started[j->family] & HOLDS_BANS) != 0)
			process_try(t);
		else
			turn_end(t, true); /* compat: it never banned anything of this family */
		break;
	case ACTION_FLUSH:
		op_run(t, ACTION_FLUSH, families, families_with(a, IS_STARTED | HOLDS_BANS, families), turn_end);
		break;
	case ACTION_RELOAD:
		op_run(t, ACTION_RELOAD, families, families_with(a, IS_STARTED, families), turn_end);
		break;
	case ACTION_CHECK:
	case ACTION_REPAIR:
		t->ok = true;
		t->n_families = has_command(a, ACTION_CHECK) ? families_with(a, IS_STARTED, t->families) : 0;
		if (t->n_families != 0)
			check_run(t, t->families[0], false, check_next);
		else
			turn_end(t, true);
		break;
	}
}

/* ---- before a phase: names ---- */

bool
action_wants_own_name(struct action *a)
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

static void
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

	if (!t->queue->dry_run && t->queue->own_name == NULL && action_wants_own_name(a)) {
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

/* ---- queuing ---- */

static struct job *
job_new(struct action *a, enum action_phase phase)
{
	struct job *j = xcalloc(1, sizeof *j);

	j->action = a;
	j->phase = phase;
	return j;
}

/* compat: norestored; besides, nobody is mailed again about what was banned before a restart. */
static bool
is_muted(struct action *a, enum action_phase phase, const struct ticket *ticket)
{
	if (!ticket->is_restored || phase == ACTION_UNBAN)
		return false;
	return action_flag(a, "norestored") ||
	    words_find_program(action_template(a, ACTION_BAN, FAMILY_ANY)->text, digest_is_mail_program);
}

static void
queue_ticket(struct action *a, enum action_phase phase, const struct ticket *ticket)
{
	struct job *j = job_new(a, phase);

	j->id = xstrdup(ticket->id);
	j->family = ticket_family(ticket);
	if (is_muted(a, phase, ticket))
		j->is_silent = true;
	else if (phase == ACTION_BAN && digest_takes(a, ticket))
		j->is_silent = j->is_digested = true;
	const struct template *template = action_template(a, phase, j->family);
	if (!j->is_silent && (template->wants_host || template->wants_own_name))
		j->ticket = ticket_dup(ticket);
	else if (!j->is_silent)
		job_fill(j, ticket, NULL);
	queue_add(a, j);
}

void
queue_digest(struct action *a, const struct ticket *t, const char *script)
{
	struct job *j = job_new(a, ACTION_BAN);
	struct str text = {0};

	j->is_digest = true;
	j->id = xstrdup(t->id);
	j->family = FAMILY_NONE;
	j->ticket = ticket_dup(t);
	j->own = xcalloc(1, sizeof *j->own);
	if (!facts_expand(a->properties, script, FAMILY_ANY, &text, NULL))
		str_add(&text, "exit 1");
	template_make(j->own, str_take(&text));
	queue_add(a, j);
}

void
action_start(struct action *a)
{
	queue_add(a, job_new(a, ACTION_START));
}

void
action_stop(struct action *a, bool flush_bans)
{
	struct job *j;

	digest_flush(a);
	j = job_new(a, ACTION_STOP);
	j->flush_first = flush_bans;
	queue_add(a, j);
}

void
action_ban(struct action *a, const struct ticket *t)
{
	queue_ticket(a, ACTION_BAN, t);
}

void
action_reban(struct action *a, const struct ticket *t)
{
	queue_ticket(a, ACTION_REBAN, t);
}

void
action_unban(struct action *a, const struct ticket *t)
{
	queue_ticket(a, ACTION_UNBAN, t);
}

void
action_unban_leftover(struct action *a, const struct ticket *t)
{
	struct job *j = job_new(a, ACTION_UNBAN);

	j->id = xstrdup(t->id);
	j->family = ticket_family(t);
	j->is_leftover = true;
	job_fill(j, t, NULL);
	queue_add(a, j);
}

char *
action_command(struct action *a, enum action_phase phase, const struct ticket *t)
{
	struct job *j = job_new(a, phase);
	char *text = NULL;

	j->id = xstrdup(t->id);
	j->family = ticket_family(t);
	job_fill(j, t, NULL);
	if (slice_trim(slice_of(j->command.text)).len != 0)
		text = xstrdup(j->command.text);
	job_free(j);
	return text;
}

void
action_prolong(struct action *a, const struct ticket *t)
{
	queue_ticket(a, ACTION_PROLONG, t);
}

void
action_flush(struct action *a)
{
	queue_add(a, job_new(a, ACTION_FLUSH));
}

void
action_check(struct action *a)
{
	queue_add(a, job_new(a, ACTION_CHECK));
}

void
action_reload(struct action *a)
{
	queue_add(a, job_new(a, ACTION_RELOAD));
}
