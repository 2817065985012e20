/* cmd_action: actions of a jail and their properties. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/str.h"
#include "command/cmd_action.h"
#include "command/command.h"
#include "engine.h"
#include "flow_stages.h"
#include "jail.h"

static struct action *
named(struct command *c, const char *name)
{
	struct action *a = name != NULL ? jail_action(c->jail, name) : NULL;

	if (name != NULL && a == NULL)
		command_fail(c, "KeyError", "Invalid Action name: %s", name);
	return a;
}

/* Methods that can be called by name; arguments are a JSON object. */
static const char *const methods[] = {"ban", "clearAllParams", "consistencyCheck", "escapeTag", "executeCmd", "flush",
    "invalidateBanEpoch", "prolong", "reban", "reload", "replaceDynamicTags", "replaceTag", "start", "stop", "unban"};

/* What every command action has, set or not. compat: the attributes of CommandAction */
static const struct {
	const char *name, *text; /* NULL text: a number, 0 */
} attributes[] = {{"ESCAPE_CRE", ""}, {"ESCAPE_VN_CRE", ""}, {"actionban", ""}, {"actioncheck", ""}, {"actionflush", ""},
    {"actionreban", ""}, {"actionreload", ""}, {"actionrepair", ""}, {"actionstart", ""}, {"actionstop", ""},
    {"actionunban", ""}, {"banEpoch", NULL}, {"timeout", NULL}};

static bool
is_method(const char *name)
{
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strcmp(methods[i], name) == 0)
			return true;
	return false;
}

static bool
call_method(struct command *c, struct action *a, const char *name, const char *json)
{
	json_t *args = json != NULL ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
	const char *ip = json_string_value(json_object_get(json_object_get(args, "aInfo"), "ip")), *key;
	json_t *item;
	bool ok = true, is_ticket = strcmp(name, "ban") == 0 || strcmp(name, "reban") == 0 || strcmp(name, "unban") == 0;

	if (json != NULL && args == NULL)
		return command_fail(c, "ValueError", "Expecting value: line 1 column 1 (char 0)");
	json_object_foreach(args, key, item)
		if (is_ticket && strcmp(key, "aInfo") != 0) {
			ok = command_fail(c, "TypeError", "CommandAction.%s() got an unexpected keyword argument '%s'", name, key);
			json_decref(args);
			return ok;
		}
	if (strcmp(name, "start") == 0)
		action_start(a);
	else if (strcmp(name, "stop") == 0)
		action_stop(a, false);
	else if (strcmp(name, "flush") == 0)
		action_flush(a);
	else if (strcmp(name, "reload") == 0)
		action_reload(a);
	else if (strcmp(name, "consistencyCheck") == 0)
		action_check(a);
	else if (ip != NULL && is_ticket) {
		struct ticket *t = ticket_new(ip, clock_now(&c->engine->clock));
		if (strcmp(name, "unban") == 0)
			action_unban(a, t);
		else
			action_ban(a, t);
		ticket_free(t);
	} else {
		ok = command_fail(c, "TypeError", "CommandAction.%s() missing 1 required positional argument: 'aInfo'", name);
	}
	json_decref(args);
	/* its command has not run yet: what fails shows in the log */
	return ok && command_answer(c, is_ticket ? value_none() : value_bool(true));
}

static bool
set_properties(struct command *c, struct action *a, const struct value *pairs)
{
	struct err err;

	for (size_t i = 0; i < value_count(pairs); i++) {
		const struct value *p = value_at(pairs, i);
		const char *key = value_text(value_at(p, 0));
		if (key == NULL || value_at(p, 1) == NULL)
			return command_fail(c, "IndexError", "list index out of range");
		if (!action_set(a, key, value_at(p, 1), &err))
			return command_fail(c, "ValueError", "%s", err.text);
	}
	return command_answer(c, value_bool(true));
}

static bool
answer_property(struct command *c, const struct action *a, const char *key)
{
	const struct value *v = action_get(a, key);

	for (size_t i = 0; v == NULL && i < sizeof attributes / sizeof *attributes; i++)
		if (strcmp(attributes[i].name, key) == 0)
			return command_answer(c, attributes[i].text != NULL ? value_str(attributes[i].text) :
			    value_int(strcmp(key, "timeout") == 0 ? ACTION_TIMEOUT_S : 0));
	if (v == NULL)
		return command_fail(c, "AttributeError", "'CommandAction' object has no attribute '%s'", key);
	return command_answer(c, value_dup(v));
}

bool
cmd_set_action(struct command *c)
{
	struct err err;
	struct action *a = named(c, command_arg(c, 0));

	if (a == NULL)
		return false;
	if (c->is_multi)
		return set_properties(c, a, value_at(c->words, c->at + 1));
	const char *key = command_arg(c, 1);
	if (key == NULL)
		return false;
	if (is_method(key))
		return call_method(c, a, key, command_args(c) > 2 ? command_arg(c, 2) : NULL);
	if (command_args(c) < 3)
		return command_fail(c, "IndexError", "list index out of range");
	if (!action_set(a, key, value_at(c->words, c->at + 2), &err))
		return command_no_time(c, strcmp(key, "timeout") == 0 ? c->text[c->at + 2] : NULL, &err);
	return answer_property(c, a, key); /* there are some that an action does not take: bantime */
}

bool
cmd_get_action(struct command *c)
{
	if (command_args(c) == 1) /* compat: the words are counted before the name is looked for */
		return command_fail(c, "IndexError", "list index out of range");
	struct action *a = named(c, command_arg(c, 0));
	const char *key = a != NULL ? command_arg(c, 1) : NULL;

	return key != NULL && answer_property(c, a, key);
}

bool
cmd_get_actionmethods(struct command *c)
{
	if (named(c, command_arg(c, 0)) == NULL)
		return false;
	struct value *list = value_list();
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		value_push(list, value_str(methods[i]));
	return command_answer(c, list);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(value_text(*(struct value *const *)a), value_text(*(struct value *const *)b));
}

bool
cmd_get_actionproperties(struct command *c)
{
	struct action *a = named(c, command_arg(c, 0));

	if (a == NULL)
		return false;
	struct value *list = value_list(), *all = value_list();
	action_properties(a, all);
	for (size_t i = 0; i < value_count(all); i++)
		if (*value_text(value_at(all, i)) != '_')
			value_push(list, value_dup(value_at(all, i)));
	value_free(all);
	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
		if (action_get(a, attributes[i].name) == NULL)
			value_push(list, value_str(attributes[i].name));
	qsort(list->seq.items, list->seq.count, sizeof *list->seq.items, by_text);
	return command_answer(c, list);
}

bool
cmd_get_actions(struct command *c)
{
	struct value *list = value_list();
	struct jail_action *a;

	DL_FOREACH(c->jail->actions, a)
		value_push(list, value_str(action_name(a->action)));
	return command_answer(c, list);
}

bool
cmd_addaction(struct command *c)
{
	struct err err;
	const char *name = command_arg(c, 0);

	if (name == NULL)
		return false;
	if (command_args(c) > 1)
		return command_fail(c, "RuntimeError", "action %s: Python actions cannot be loaded, only those of action.d/*.conf", name);
	struct action *a = jail_reload_action(c->jail, name);
	if (a == NULL && jail_add_action(c->jail, name, &err) == NULL)
		return command_fail(c, "ValueError", "%s", err.text);
	return command_answer(c, value_str(name));
}

bool
cmd_delaction(struct command *c)
{
	const char *name = command_arg(c, 0);

	if (name == NULL)
		return false;
	if (!jail_del_action(c->jail, name))
		return command_fail(c, "KeyError", "Invalid Action name: %s", name);
	return command_answer(c, value_none());
}
