/* cmd_filter: how a jail finds failures in lines: expressions, dates, names. */
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "command/cmd_jail.h"
#include "jail.h"

static bool
list_of(struct command *c, const char *(*get)(const struct filter *, size_t))
{
	struct value *list = value_list();
	const char *text;

	for (size_t i = 0; (text = get(c->jail->filter, i)) != NULL; i++)
		value_push(list, value_str(text));
	return command_answer(c, list);
}

bool
cmd_get_failregex(struct command *c)
{
	return list_of(c, filter_failregex);
}

bool
cmd_get_ignoreregex(struct command *c)
{
	return list_of(c, filter_ignoreregex);
}

/* One expression, or with multi-set a list of them. */
static bool
add_expressions(struct command *c, bool (*add)(struct filter *, const char *, struct err *))
{
	const struct value *v = value_at(c->words, c->at);
	struct err err;

	if (v == NULL)
		return command_fail(c, "IndexError", "list index out of range");
	size_t n = c->is_multi ? value_count(v) : 1;
	for (size_t i = 0; i < n; i++) {
		const char *text = value_text(c->is_multi ? value_at(v, i) : v);
		if (text == NULL || !add(c->jail->filter, text, &err)) {
			log_write(LOG_LEVEL_ERROR, "fail2ban.filter", "[%s] %s", c->jail->name, text != NULL ? err.text : "not a text");
			return command_fail(c, "RegexException", "%s", text != NULL ? err.text : "not a text");
		}
	}
	jail_touch(c->jail);
	return true;
}

bool
cmd_set_addfailregex(struct command *c)
{
	return add_expressions(c, filter_add_failregex) && (c->is_multi ? command_answer(c, value_bool(true)) : cmd_get_failregex(c));
}

bool
cmd_set_addignoreregex(struct command *c)
{
	return add_expressions(c, filter_add_ignoreregex) && (c->is_multi ? command_answer(c, value_bool(true)) : cmd_get_ignoreregex(c));
}

static bool
del_expression(struct command *c, bool (*del)(struct filter *, size_t), const char *(*get)(const struct filter *, size_t))
{
	const char *v = command_arg(c, 0);
	long long i;

	if (v == NULL || !command_int(c, v, &i))
		return false;
	if (i < 0) { /* as Python counts from the end */
		long long n = 0;
		while (get(c->jail->filter, (size_t)n) != NULL)
			n++;
		i += n;
	}
	if (i < 0 || !del(c->jail->filter, (size_t)i))
		log_write(LOG_LEVEL_ERROR, "fail2ban.filter", "Cannot remove regular expression. Index %lld is not valid", i);
	jail_touch(c->jail);
	return list_of(c, get);
}

bool
cmd_set_delfailregex(struct command *c)
{
	return del_expression(c, filter_del_failregex, filter_failregex);
}

bool
cmd_set_delignoreregex(struct command *c)
{
	return del_expression(c, filter_del_ignoreregex, filter_ignoreregex);
}

bool
cmd_get_prefregex(struct command *c)
{
	return command_answer(c, value_str(filter_prefregex(c->jail->filter)));
}

bool
cmd_set_prefregex(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;

	if (v == NULL)
		return false;
	if (!filter_set_prefregex(c->jail->filter, v, &err))
		return command_fail(c, "RegexException", "%s", err.text);
	return cmd_get_prefregex(c);
}

bool
cmd_get_datepattern(struct command *c)
{
	const char *pattern, *name;

	filter_datepattern(c->jail->filter, &pattern, &name);
	if (name == NULL || strcmp(c->jail->backend, "systemd") == 0)
		return command_answer(c, value_none());
	struct value *t = value_tuple();
	value_push(t, pattern != NULL ? value_str(pattern) : value_none());
	value_push(t, value_str(name));
	return command_answer(c, t);
}

bool
cmd_set_datepattern(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;

	if (v == NULL)
		return false;
	if (!filter_set_datepattern(c->jail->filter, v, &err))
		return command_fail(c, "ValueError", "%s", err.text);
	return cmd_get_datepattern(c);
}

bool
cmd_get_usedns(struct command *c)
{
	return command_answer(c, value_str(filter_usedns_name(filter_usedns(c->jail->filter))));
}

bool
cmd_set_usedns(struct command *c)
{
	const char *v = command_arg(c, 0);
	enum filter_usedns mode;

	if (v == NULL)
		return false;
	char *low = str_lower_dup(v);
	if (!filter_usedns_parse(low, &mode)) {
		log_write(LOG_LEVEL_ERROR, "fail2ban.filter", "Incorrect value '%s' specified for usedns. Using safe 'no'", v);
		mode = USEDNS_NO;
	}
	free(low);
	filter_set_usedns(c->jail->filter, mode);
	return cmd_get_usedns(c);
}

bool
cmd_get_maxlines(struct command *c)
{
	return command_answer(c, value_int(filter_maxlines(c->jail->filter)));
}

bool
cmd_set_maxlines(struct command *c)
{
	const char *v = command_arg(c, 0);
	long long n;
	struct err err;

	if (v == NULL || !command_int(c, v, &n))
		return false;
	if (n <= 0 || n > 10000)
		return command_fail(c, "ValueError", n <= 0 ? "maxlines must be integer greater than zero" : "maxlines: more than 10000 lines");
	if (!filter_set_maxlines(c->jail->filter, (int)n, &err))
		return command_fail(c, "ValueError", "%s", err.text);
	log_write(LOG_LEVEL_INFO, "fail2ban.filter", "  maxLines: %lld", n);
	return cmd_get_maxlines(c);
}

bool
cmd_get_logtimezone(struct command *c)
{
	const char *zone = filter_logtimezone(c->jail->filter);

	return command_answer(c, zone != NULL ? value_str(zone) : value_none());
}

bool
cmd_set_logtimezone(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;

	if (v == NULL)
		return false;
	if (!filter_set_logtimezone(c->jail->filter, v, &err))
		return command_fail(c, "ValueError", "%s", err.text);
	return cmd_get_logtimezone(c);
}
