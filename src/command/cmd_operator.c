/*
 * cmd_operator: what only an operator at the screen asks for: a pause of all banning, a rule of nobody's deleted,
 * decisions kept in the configuration, how a command goes on.
 */
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/mem.h"
#include "command/command.h"
#include "command/complete.h"
#include "config/amend.h"
#include "engine.h"
#include "jail.h"
#include "truth.h"

/* ---- hold ---- */
bool
cmd_get_hold(struct command *c)
{
	return command_answer(c, value_float(engine_hold_left(c->engine)));
}

bool
cmd_set_hold(struct command *c)
{
	const char *v = command_arg(c, 0);
	double s = 0;

	if (v == NULL || (strcmp(v, "off") != 0 && !command_time(c, v, &s)))
		return false;
	if (s < 0 || s > ENGINE_HOLD_MAX_S)
		return command_fail(c, "ValueError", "hold: off, or at most %d seconds, not '%s'", ENGINE_HOLD_MAX_S, v);
	engine_hold(c->engine, s);
	return cmd_get_hold(c);
}

/* ---- a rule that no ban asks for ---- */
bool
cmd_set_delrule(struct command *c)
{
	const char *family = command_arg(c, 0), *chain = family != NULL ? command_arg(c, 1) : NULL,
	           *text = chain != NULL ? command_arg(c, 2) : NULL;
	struct err err;

	if (text == NULL)
		return false;
	if (!truth_delete(c->engine->truth, strcmp(family, "6") == 0 ? 6 : 4, chain, text, &err))
		return command_fail(c, "ValueError", "%s", err.text);
	return command_answer(c, value_str("ordered"));
}

/* ---- kept in the configuration ---- */

/* Compiles, and names somebody, as the jail would take it. */
static bool
expression_is_usable(const struct jail *j, const char *regex, struct err *err)
{
	const struct filter_hooks none = {0};
	struct filter *f = filter_new(j->name, &none);
	const char *prefix = filter_prefregex(j->filter);
	bool ok = (prefix == NULL || *prefix == '\0' || filter_set_prefregex(f, prefix, err)) && filter_add_failregex(f, regex, err);

	if (!ok && strstr(err->text, "failure-id") != NULL)
		err_set(err, "no <HOST>: the expression names nobody");
	filter_free(f);
	return ok;
}

/* ignoreip [--remove] IP | failregex JAIL N REGEX (N 0: added at the end) | enable JAIL */
static bool
amendment_make(struct command *c, struct amendment *a)
{
	const char *what = command_arg(c, 0), *first = what != NULL ? command_arg(c, 1) : NULL;
	struct err err;
	struct addr addr;

	if (first == NULL)
		return false;
	if (c->engine->dir == NULL)
		return command_fail(c, "ValueError", "this engine has no configuration directory");
	if (strcmp(what, "ignoreip") == 0) {
		bool is_removal = strcmp(first, "--remove") == 0;
		const char *ip = is_removal ? command_arg(c, 2) : first;
		if (ip == NULL)
			return false;
		if (!addr_parse(ip, &addr))
			return command_fail(c, "ValueError", "%s is no address", ip);
		if (!amend_ignoreip(c->engine->dir, ip, is_removal, a, &err))
			return command_fail(c, "ValueError", "%s", err.text);
		return true;
	}
	if (strcmp(what, "failregex") == 0) {
		const char *number = command_arg(c, 2), *regex = number != NULL ? command_arg(c, 3) : NULL;
		struct jail *j = engine_jail(c->engine, first);
		long long n;
		if (regex == NULL || !command_int(c, number, &n))
			return false;
		if (j == NULL)
			return command_fail(c, "UnknownJailException", "%s", first);
		if (!expression_is_usable(j, regex, &err))
			return command_fail(c, "ValueError", "refused: %s", err.text);
		size_t count = 0;
		while (filter_failregex_source(j->filter, count) != NULL)
			count++;
		const char **list = xcalloc(count + 1, sizeof *list);
		for (size_t i = 0; i < count; i++)
			list[i] = (long long)i + 1 == n ? regex : filter_failregex_source(j->filter, i);
		if (n < 1 || (size_t)n > count)
			list[count++] = regex;
		bool ok = amend_failregex(c->engine->dir, first, list, count, a, &err);
		free(list);
		return ok || command_fail(c, "ValueError", "%s", err.text);
	}
	if (strcmp(what, "enable") == 0) {
		if (engine_jail(c->engine, first) != NULL)
			return command_fail(c, "ValueError", "%s is on already", first);
		return amend_enable(c->engine->dir, first, a, &err) || command_fail(c, "ValueError", "%s", err.text);
	}
	return command_fail(c, "ValueError", "amend: expected ignoreip, failregex or enable, not '%s'", what);
}

static struct value *
amendment_value(const struct amendment *a)
{
	struct value *v = value_dict();

	value_put(v, "path", value_str(a->path));
	value_put(v, "before", value_str(a->before));
	value_put(v, "after", value_str(a->after));
	return v;
}

bool
cmd_get_amend(struct command *c)
{
	struct amendment a = {0};

	if (!amendment_make(c, &a))
		return false;
	command_answer(c, amendment_value(&a));
	amend_done(&a);
	return true;
}

bool
cmd_set_amend(struct command *c)
{
	struct amendment a = {0};
	struct err err = {0};

	if (!amendment_make(c, &a))
		return false;
	bool ok = amend_write(&a, &err);
	if (ok) {
		log_write(LOG_LEVEL_NOTICE, "fail2ban.server", "Wrote %s", a.path);
		command_answer(c, value_str(a.path));
	} else {
		command_fail(c, "OSError", "%s", err.text);
	}
	amend_done(&a);
	return ok;
}

/* ---- how a command goes on ---- */
bool
cmd_get_completions(struct command *c)
{
	struct value *before = value_list(), *jails = value_list();
	size_t n = command_args(c);

	for (size_t i = 0; i + 1 < n; i++)
		value_push(before, value_str(c->text[c->at + i] != NULL ? c->text[c->at + i] : ""));
	for (const struct jail *j = c->engine->jails; j != NULL; j = j->hh.next)
		value_push(jails, value_str(j->name));
	const char *part = n > 0 ? c->text[c->at + n - 1] : "";
	command_answer(c, complete_words(before, part != NULL ? part : "", jails));
	value_free(before);
	value_free(jails);
	return true;
}
