/* cmd_logs: what a jail reads: files, the journal, their encoding; the last raw lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

#include "base/mem.h"
#include "base/str.h"
#include "command/cmd_jail.h"
#include "engine.h"
#include "jail.h"

#define LINES_MAX 10000 /* `get JAIL lines` */

bool
cmd_get_logpath(struct command *c)
{
	struct value *list = value_list();
	struct jail_log *l;

	DL_FOREACH(c->jail->logs, l)
		if (!l->is_glob)
			value_push(list, value_str(l->path));
	return command_answer(c, list);
}

bool
cmd_set_addlogpath(struct command *c)
{
	const char *path = command_arg(c, 0);
	bool tail = false;
	struct err err;

	if (path == NULL)
		return false;
	if (command_args(c) > 2)
		return command_fail(c, "ValueError", "Only one file can be added at a time");
	if (command_args(c) == 2) {
		char *how = str_lower_dup(c->text[c->at + 1] != NULL ? c->text[c->at + 1] : "");
		tail = strcmp(how, "tail") == 0;
		bool known = tail || strcmp(how, "head") == 0;
		free(how);
		if (!known)
			return command_fail(c, "ValueError", "File option must be 'head' or 'tail'");
	}
	if (strcmp(c->jail->backend, "systemd") == 0)
		return command_answer(c, value_list()); /* compat: it reads no files */
	if (!c->is_quiet && strpbrk(path, "*?[") == NULL) {
		/* a person is told at once; what the configuration names is waited for */
		struct stat st;
		int wrong = stat(path, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
		if (wrong != 0) {
			const char *why = strerror(wrong);
			command_fail(c, "OSError", "[Errno %d] %s: '%s'", wrong, why, path);
			c->reply->args = value_tuple();
			value_push(c->reply->args, value_int(wrong));
			value_push(c->reply->args, value_str(why));
			value_push(c->reply->args, value_str(path));
			return false;
		}
	}
	if (!jail_add_log(c->jail, path, tail, &err))
		return command_fail(c, "OSError", "%s", err.text);
	return cmd_get_logpath(c);
}

bool
cmd_set_dellogpath(struct command *c)
{
	const char *path = command_arg(c, 0);

	if (path == NULL)
		return false;
	jail_del_log(c->jail, path);
	return cmd_get_logpath(c);
}

bool
cmd_get_logencoding(struct command *c)
{
	const char *e = c->jail->logencoding;

	return command_answer(c, value_str(strcmp(e, "auto") == 0 ? "UTF-8" : e));
}

bool
cmd_set_logencoding(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;

	if (v == NULL)
		return false;
	if (!jail_set_encoding(c->jail, v, &err))
		return command_fail(c, "LookupError", "unknown encoding: %s", v);
	return cmd_get_logencoding(c);
}

bool
cmd_get_journalmatch(struct command *c)
{
	return command_answer(c, value_dup(c->jail->journalmatch));
}

/* FIELD=value, as the journal wants it. */
static bool
is_match(const char *word)
{
	size_t n = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n != 0 && word[n] == '=' && strncmp(word, "__", 2) != 0;
}

/* During a reload the journal follows at the end. */
static bool
follow_matches(struct command *c)
{
	struct err err;

	if (!c->jail->is_reloading && !jail_match_journal(c->jail, &err))
		return command_fail(c, "ValueError", "%s", err.text);
	return cmd_get_journalmatch(c);
}

bool
cmd_set_addjournalmatch(struct command *c)
{
	if (strcmp(c->jail->backend, "systemd") != 0)
		return cmd_get_journalmatch(c); /* compat: no JournalFilter, nothing to do */
	struct value *groups = value_list(), *match = value_list(); /* `A=1 B=2 + C=3` is two */

	for (size_t i = 0; i < command_args(c); i++) {
		const char *word = command_arg(c, i);
		bool is_plus = word != NULL && strcmp(word, "+") == 0;
		if (word == NULL || (!is_plus && !is_match(word))) {
			value_free(match);
			value_free(groups);
			return word != NULL && command_fail(c, "ValueError", "Invalid match");
		}
		if (is_plus) {
			value_push(groups, match);
			match = value_list();
		} else {
			value_push(match, value_str(word));
		}
	}
	value_push(groups, match);
	for (size_t i = 0; i < value_count(groups); i++)
		value_push(c->jail->journalmatch, value_dup(value_at(groups, i)));
	value_free(groups);
	return follow_matches(c);
}

bool
cmd_set_deljournalmatch(struct command *c)
{
	if (strcmp(c->jail->backend, "systemd") != 0)
		return cmd_get_journalmatch(c);
	struct value *keep = value_list(), *gone = value_list();
	bool found = false;

	for (size_t i = 0; i < command_args(c); i++)
		value_push(gone, value_dup(value_at(c->words, c->at + i)));
	for (size_t i = 0; i < value_count(c->jail->journalmatch); i++) {
		const struct value *m = value_at(c->jail->journalmatch, i);
		if (!found && value_equal(m, gone))
			found = true;
		else
			value_push(keep, value_dup(m));
	}
	if (!found) {
		struct str shown = {0};
		value_repr(gone, &shown);
		command_fail(c, "ValueError", "Match %s not found", str_text(&shown));
		str_done(&shown);
		value_free(gone);
		value_free(keep);
		return false;
	}
	value_free(gone);
	value_free(c->jail->journalmatch);
	c->jail->journalmatch = keep;
	return follow_matches(c);
}

/* ---- jailtop's own ---- */

static void
push_line(void *arg, struct slice text, struct slice raw)
{
	(void)raw;
	value_push(arg, value_strn(text.at, text.len));
}

/* As text, or {"text", "raw"} where the log has bytes that are none. */
static void
push_raw_line(void *arg, struct slice text, struct slice raw)
{
	if (raw.len == 0) {
		push_line(arg, text, raw);
		return;
	}
	struct value *line = value_dict(), *pieces = value_list();
	char *copy = xstrndup(raw.at, raw.len), *rest = copy, *piece;
	while ((piece = strsep(&rest, " ")) != NULL)
		value_push(pieces, value_str(piece));
	free(copy);
	value_put(line, "text", value_strn(text.at, text.len));
	value_put(line, "raw", pieces);
	value_push(arg, line);
}

bool
cmd_get_lines(struct command *c)
{
	long long n = 1000;
	struct value *list = value_list();
	struct jail_log *l;

	if (command_args(c) > 0 && (command_arg(c, 0) == NULL || !command_int(c, command_arg(c, 0), &n))) {
		value_free(list);
		return false;
	}
	n = n < 1 ? 1 : n > LINES_MAX ? LINES_MAX : n;
	bool is_raw = command_args(c) > 1 && command_arg(c, 1) != NULL && strcmp(command_arg(c, 1), "raw") == 0;
	void (*push)(void *, struct slice, struct slice) = is_raw ? push_raw_line : push_line;
	if (strcmp(c->jail->backend, "systemd") == 0)
		recent_each(c->engine, "systemd-journal", (size_t)n, push, list);
	DL_FOREACH(c->jail->logs, l)
		if (!l->is_glob)
			recent_each(c->engine, l->path, (size_t)n, push, list);
	return command_answer(c, list);
}
