#include "command/command.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine.h"
#include "jail.h"
#include "jailtop/applet.h"

void
command_reply_done(struct command_reply *r)
{
	value_free(r->value);
	value_free(r->args);
	free(r->text);
	*r = (struct command_reply){0};
}

bool
command_fail(struct command *c, const char *exception, const char *format, ...)
{
	struct str text = {0};
	va_list args;

	va_start(args, format);
	str_addv(&text, format, args);
	va_end(args);
	command_reply_done(c->reply);
	c->reply->exception = exception;
	c->reply->text = str_take(&text);
	return false;
}

bool
command_answer(struct command *c, struct value *v)
{
	value_free(c->reply->value);
	c->reply->value = v;
	return true;
}

size_t
command_args(const struct command *c)
{
	return c->count > c->at ? c->count - c->at : 0;
}

const char *
command_arg(struct command *c, size_t i)
{
	if (c->at + i >= c->count) {
		command_fail(c, "IndexError", "list index out of range");
		return NULL;
	}
	if (c->text[c->at + i] == NULL) {
		command_fail(c, "TypeError", "argument %zu: expected a word", i + 1);
		return NULL;
	}
	return c->text[c->at + i];
}

bool
command_int(struct command *c, const char *text, long long *out)
{
	struct slice s = slice_trim(slice_of(text));
	char *end;

	/* Python reads 1_000, too */
	char *plain = xstrndup(s.at, s.len);
	for (char *from = plain, *to = plain;; from++) {
		if (*from != '_' || from == plain || !isdigit((unsigned char)from[-1]) || !isdigit((unsigned char)from[1]))
			*to++ = *from;
		if (*from == '\0')
			break;
	}
	*out = strtoll(plain, &end, 10);
	bool is_number = *plain != '\0' && *end == '\0' && !str_is_blank(*plain);
	free(plain);
	if (!is_number) {
		struct str quoted = {0};
		value_repr_str(text, strlen(text), &quoted);
		command_fail(c, "ValueError", "invalid literal for int() with base 10: %s", str_text(&quoted));
		str_done(&quoted);
		return false;
	}
	return true;
}

bool
command_time(struct command *c, const char *text, double *seconds)
{
	struct err err;

	if (text == NULL) /* a list, a dict or None */
		return command_fail(c, "TypeError", "a time is expected");
	return duration_parse(text, seconds, &err) || command_no_time(c, text, &err);
}

bool
command_no_time(struct command *c, const char *text, const struct err *err)
{
	/* compat: Python evaluates it, and knows no such name */
	if (text != NULL && isalpha((unsigned char)*text) &&
	    text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")] == '\0')
		return command_fail(c, "NameError", "name '%s' is not defined", text);
	return command_fail(c, "ValueError", "%s", err->text);
}

/* ---- commands without a jail ---- */

static bool
cmd_ping(struct command *c)
{
	return command_answer(c, value_str("pong"));
}

static bool
cmd_version(struct command *c)
{
	return command_answer(c, value_str(JAILTOP_COMPAT_VERSION));
}

static bool
cmd_echo(struct command *c)
{
	struct value *list = value_list();

	for (size_t i = c->at; i < c->count; i++)
		value_push(list, value_dup(value_at(c->words, i)));
	return command_answer(c, list);
}

static bool
cmd_server_status(struct command *c)
{
	return command_answer(c, value_str("Server ready"));
}

/* Nobody waits: the engine has other things to do. */
static bool
cmd_sleep(struct command *c)
{
	const char *v = command_arg(c, 0);
	char *end;

	if (v == NULL)
		return false;
	(void)strtod(v, &end);
	if (end == v || *end != '\0')
		return command_fail(c, "ValueError", "could not convert string to float: '%s'", v);
	return command_answer(c, value_none());
}

static bool
cmd_config_error(struct command *c)
{
	const char *text = command_arg(c, 0);

	if (text == NULL)
		return false;
	log_write(LOG_LEVEL_ERROR, "fail2ban.transmitter", "%s", text);
	return command_answer(c, value_none());
}

static bool
cmd_server_stream(struct command *c)
{
	if (command_args(c) == 0)
		return command_fail(c, "IndexError", "list index out of range");
	if (!value_is_list(value_at(c->words, 1)))
		return command_fail(c, "Exception", "Invalid command");
	return command_run_stream(c->engine, value_at(c->words, 1), c->reply) && command_answer(c, value_none());
}

static const struct command_row *
row_of(const struct command_row *rows, const char *name)
{
	for (; rows->name != NULL; rows++)
		if (strcmp(rows->name, name) == 0)
			return rows;
	return NULL;
}

static bool
no_such(struct command *c, const char *verb, const char *name)
{
	struct str quoted = {0};

	/* compat: __commandSet names the word, __commandGet does not */
	value_repr_str(name, strlen(name), &quoted);
	command_fail(c, "Exception", "Invalid command%s%s (no %s action or not yet implemented)",
	    strcmp(verb, "set") == 0 ? " " : "", strcmp(verb, "set") == 0 ? str_text(&quoted) : "", verb);
	str_done(&quoted);
	return false;
}

/* set|get NAME … for the server, set|get JAIL NAME … for a jail */
static bool
set_or_get(struct command *c, bool is_set)
{
	const char *name = command_arg(c, 0);
	if (name == NULL)
		return false;
	const char *option = command_arg(c, 1);
	const struct command_row *row = row_of(command_server_rows, name);
	if (row == NULL && (option == NULL || engine_jail(c->engine, name) == NULL))
		row = row_of(command_own_rows, name);
	if (row != NULL && (is_set ? row->set : row->get) != NULL) {
		c->at++;
		return (is_set ? row->set : row->get)(c);
	}
	if (option == NULL)
		return false;
	row = row_of(command_jail_rows, str_starts(option, "bantime.") ? "bantime.*" : option);
	command_fn run = row == NULL ? NULL : is_set ? row->set : row->get;
	if (run == NULL)
		return no_such(c, is_set ? "set" : "get", option);
	c->jail = engine_jail(c->engine, name);
	c->at += 2;
	if (c->jail == NULL)
		return command_fail(c, "UnknownJailException", "%s", name);
	return run(c);
}

static bool
cmd_set(struct command *c)
{
	return set_or_get(c, true);
}

static bool
cmd_multi_set(struct command *c)
{
	c->is_multi = true;
	return set_or_get(c, true);
}

static bool
cmd_get(struct command *c)
{
	return set_or_get(c, false);
}

static const struct {
	const char *name;
	enum command_right right;
	command_fn run;
	const char *args, *help;
} commands[] = {
    {"ping", COMMAND_READ, cmd_ping, "", "tests if the server is alive"},
    {"version", COMMAND_READ, cmd_version, "", "the version whose behaviour is kept"},
    {"echo", COMMAND_READ, cmd_echo, "WORD…", "answers the words"},
    {"status", COMMAND_READ, cmd_status, "[JAIL [basic|short|cymru]]", "the server's or a jail's state"},
    {"banned", COMMAND_READ, cmd_banned, "[IP…]", "who is banned, by jail; or where each IP is banned"},
    {"get", COMMAND_READ, cmd_get, "…", "reads an option"},
    {"set", COMMAND_WRITE, cmd_set, "…", "changes an option"},
    {"multi-set", COMMAND_WRITE, cmd_multi_set, "…", "changes several at once"},
    {"add", COMMAND_WRITE, cmd_add, "JAIL [BACKEND]", "makes a jail"},
    {"start", COMMAND_WRITE, cmd_start, "JAIL", "starts a jail"},
    {"stop", COMMAND_WRITE, cmd_stop, "[JAIL|--all|--keep-bans]", "stops a jail and removes it, or ends the server"},
    {"reload", COMMAND_WRITE, cmd_reload, "[--restart] [--unban] [--if-exists] [--all|JAIL]", "reads the configuration again"},
    {"unban", COMMAND_WRITE, cmd_unban, "--all|IP…", "lifts bans in all jails"},
    {"flushlogs", COMMAND_WRITE, cmd_flushlogs, "", "closes the log file and opens it again"},
    {"repair", COMMAND_WRITE, cmd_repair, "[IP]", "puts missing rules back"},
    {"server-status", COMMAND_READ, cmd_server_status, "", ""},
    {"server-stream", COMMAND_WRITE, cmd_server_stream, "", ""},
    {"config-error", COMMAND_WRITE, cmd_config_error, "", ""},
    {"sleep", COMMAND_READ, cmd_sleep, "", ""},
};

static bool
run(struct engine *e, const struct value *words, enum command_right right, bool is_quiet, bool is_own, struct command_reply *reply)
{
	struct command c = {.engine = e, .words = words, .count = value_count(words), .at = 1, .is_quiet = is_quiet, .is_own = is_own, .reply = reply};
	struct arena *arena = arena_new();
	const char **text = arena_alloc(arena, (c.count + 1) * sizeof *text);
	bool ok = false, known = false;

	for (size_t i = 0; i < c.count; i++) {
		const struct value *v = value_at(words, i);
		if (v->kind == VALUE_STR) {
			text[i] = v->text.bytes;
		} else if (v->kind == VALUE_BOOL || v->kind == VALUE_INT || v->kind == VALUE_FLOAT) {
			struct str s = {0};
			value_repr(v, &s);
			text[i] = arena_strndup(arena, s.at, s.len);
			str_done(&s);
		}
	}
	c.text = text;

	if (value_is_list(words) && c.count != 0 && text[0] != NULL)
		for (size_t i = 0; i < sizeof commands / sizeof *commands && !known; i++)
			if (strcmp(commands[i].name, text[0]) == 0) {
				known = true;
				if (commands[i].right == COMMAND_WRITE && right != COMMAND_WRITE)
					command_fail(&c, "PermissionError", "%s: this connection may only read", text[0]);
				else
					ok = commands[i].run(&c);
			}
	if (!known && value_is_list(words) && c.count == 0)
		command_fail(&c, "IndexError", "list index out of range");
	else if (!known)
		command_fail(&c, "Exception", "Invalid command");
	if (ok && reply->value == NULL)
		command_answer(&c, value_none());
	if (!ok) {
		struct str shown = {0};
		value_repr(words, &shown);
		str_cut(&shown, 400);
		struct str why = {0}; /* compat: as Python shows an exception */
		struct value *told = reply->text != NULL ? value_str(reply->text) : NULL;
		if (told != NULL)
			value_repr(told, &why);
		log_write(LOG_LEVEL_ERROR, "fail2ban.transmitter", "Command %s has failed. Received %s(%s)",
		    str_text(&shown), reply->exception, str_text(&why));
		value_free(told);
		str_done(&why);
		str_done(&shown);
	}
	arena_free(arena);
	return ok;
}

bool
command_run(struct engine *e, const struct value *words, enum command_right right, struct command_reply *reply)
{
	return run(e, words, right, false, false, reply);
}

bool
command_run_own(struct engine *e, const struct value *words, enum command_right right, struct command_reply *reply)
{
	return run(e, words, right, false, true, reply);
}

bool
command_run_quiet(struct engine *e, const struct value *words, struct command_reply *reply)
{
	return run(e, words, COMMAND_WRITE, true, false, reply);
}

bool
command_run_stream(struct engine *e, const struct value *stream, struct command_reply *reply)
{
	bool ok = true;

	for (size_t i = 0; i < value_count(stream); i++) {
		struct command_reply one = {0};
		if (!command_run_quiet(e, value_at(stream, i), &one) && ok) {
			ok = false;
			command_reply_done(reply);
			*reply = one;
			continue;
		}
		command_reply_done(&one);
	}
	return ok;
}

void
command_each(void (*fn)(void *arg, const char *words, const char *arguments, const char *help), void *arg)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (*commands[i].help != '\0')
			fn(arg, commands[i].name, commands[i].args, commands[i].help);
	const struct command_row *tables[] = {command_own_rows, command_server_rows, command_jail_rows};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		for (const struct command_row *r = tables[i]; r->name != NULL; r++) {
			char words[128];
			const char *who = tables[i] == command_jail_rows ? "JAIL " : "";
			if (r->get != NULL) {
				snprintf(words, sizeof words, "get %s%s", who, r->name);
				fn(arg, words, "", r->help);
			}
			if (r->set != NULL) {
				snprintf(words, sizeof words, "set %s%s", who, r->name);
				fn(arg, words, r->set_args != NULL ? r->set_args : "VALUE", r->help);
			}
		}
}
