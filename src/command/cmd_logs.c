/* cmd_logs: what a jail reads: files, the journal, their encoding; the last raw lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

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
	if (!c->is_quiet && strpbrk(path, "*?[") == NULL && access(path, F_OK) != 0) {
		/* a person is told at once; what the configuration names is waited for */
		const char *why = strerror(errno);
		command_fail(c, "OSError", "[Errno %d] %s: '%s'", errno, why, path);
		c->reply->args = value_tuple();
		value_push(c->reply->args, value_int(errno));
		value_push(c->reply->args, value_str(why));
		value_push(c->reply->args, value_str(path));
		return false;
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

bool
cmd_set_addjournalmatch(struct command *c)
{
	if (strcmp(c->jail->backend, "systemd") != 0)
		return cmd_get_journalmatch(c); /* compat: no JournalFilter, nothing to do */
	struct value *match = value_list();

	for (size_t i = 0; i < command_args(c); i++) {
		const char *word = command_arg(c, i);
		if (word == NULL) {
			value_free(match);
			return false;
		}
		value_push(match, value_str(word));
	}
	value_push(c->jail->journalmatch, match);
	return cmd_get_journalmatch(c);
}

bool
cmd_set_deljournalmatch(struct command *c)
{
	if (strcmp(c->jail->backend, "systemd") != 0)
		return cmd_get_journalmatch(c);
	struct value *keep = value_list(), *gone = value_list();
	bool found = command_args(c) == 0;

	for (size_t i = 0; i < command_args(c); i++)
		value_push(gone, value_dup(value_at(c->words, c->at + i)));
	for (size_t i = 0; command_args(c) != 0 && i < value_count(c->jail->journalmatch); i++) {
		const struct value *m = value_at(c->jail->journalmatch, i);
		if (!found && value_equal(m, gone))
			found = true;
		else
			value_push(keep, value_dup(m));
	}
	value_free(gone);
	if (!found) {
		value_free(keep);
		return command_fail(c, "ValueError", "Match is not in the list of journal matches");
	}
	value_free(c->jail->journalmatch);
	c->jail->journalmatch = keep;
	return cmd_get_journalmatch(c);
}


/* ---- jailtop's own ---- */

static void
push_line(void *arg, const char *bytes, size_t len)
{
	value_push(arg, value_strn(bytes, len));
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
	if (strcmp(c->jail->backend, "systemd") == 0)
		recent_each(c->engine, "systemd-journal", (size_t)n, push_line, list);
	DL_FOREACH(c->jail->logs, l)
		if (!l->is_glob)
			recent_each(c->engine, l->path, (size_t)n, push_line, list);
	return command_answer(c, list);
}
