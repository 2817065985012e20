/*
 * action: one action of one jail: its properties, the commands that they make, and what is queued
 * for it. What then happens is the course's (course.c).
 */
#include "action/internal.h"

#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_OTHER 5 /* of a ban by what is neither a firewall nor a mail */

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
bool
action_is_conditional(const struct action *a)
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
	                                                        action_is_conditional(a);
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
bool
action_has_command(struct action *a, enum action_phase phase)
{
	return !action_template(a, phase, FAMILY_ANY)->is_blank ||
	    (action_is_conditional(a) && !action_template(a, phase, FAMILY_INET6)->is_blank);
}

bool
action_has_prolong(struct action *a)
{
	return action_has_command(a, ACTION_PROLONG);
}

bool
action_has_flush(const struct action *a)
{
	const char *text = value_text(action_get(a, "actionflush"));

	return text != NULL && slice_trim(slice_of(text)).len != 0;
}

unsigned
action_tries(struct action *a)
{
	if (action_is_firewall(a))
		return UINT_MAX;
	return words_find_program(action_template(a, ACTION_BAN, FAMILY_ANY)->text, digest_is_mail_program) ? 0 : TRIES_OTHER;
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

/* ---- queuing ---- */

enum family
ticket_family(const struct ticket *t)
{
	return t->addr.family == 4 ? FAMILY_INET4 : t->addr.family == 6 ? FAMILY_INET6 : FAMILY_NONE;
}

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

void
action_was_left(struct action *a, int family)
{
	if (action_starts_on_demand(a))
		a->is_left[family == 4 ? FAMILY_INET4 : FAMILY_INET6] = true;
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
action_repair(struct action *a, int family, bool is_forced)
{
	struct job *j = job_new(a, ACTION_CHECK);

	j->family = family == 6 ? FAMILY_INET6 : FAMILY_INET4;
	j->is_forced = is_forced;
	queue_add_first(a, j);
}

void
action_reload(struct action *a)
{
	queue_add(a, job_new(a, ACTION_RELOAD));
}
