/* cmd_status: `status` and `status JAIL`, in fail2ban's shape. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "command/command.h"
#include "engine.h"
#include "jail.h"
#include "trouble.h"

static void
pair(struct value *list, const char *label, struct value *v)
{
	struct value *t = value_tuple();

	value_push(t, value_str(label));
	value_push(t, v);
	value_push(list, t);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
server_status(struct command *c)
{
	size_t n = HASH_COUNT(c->engine->jails), i = 0;
	const char **names = xcalloc(n, sizeof *names);
	struct str list = {0};

	for (struct jail *j = c->engine->jails; j != NULL; j = j->hh.next)
		names[i++] = j->name;
	qsort(names, n, sizeof *names, by_name);
	for (i = 0; i < n; i++)
		str_addf(&list, "%s%s", i != 0 ? ", " : "", names[i]);
	struct value *v = value_list();
	pair(v, "Number of jail", value_int((int64_t)n));
	pair(v, "Jail list", value_str(str_text(&list)));
	str_done(&list);
	free(names);
	return command_answer(c, v);
}

static void
push_id(void *arg, struct ban *ban)
{
	value_push(arg, value_str(ban->ticket->id));
}

/* FIELD=value words of one match joined by a blank, the matches by " + ", as fail2ban shows them. */
static struct value *
journal_matches(const struct jail *j)
{
	struct str s = {0};

	for (size_t i = 0; i < value_count(j->journalmatch); i++) {
		const struct value *match = value_at(j->journalmatch, i);
		if (i != 0)
			str_add(&s, " + ");
		for (size_t k = 0; k < value_count(match); k++)
			str_addf(&s, "%s%s", k != 0 ? " " : "", value_text(value_at(match, k)));
	}
	struct value *list = value_list();
	value_push(list, value_str(str_text(&s)));
	str_done(&s);
	return list;
}

static bool
jail_status(struct command *c, struct jail *j, const char *flavor)
{
	bool is_short = strcmp(flavor, "short") == 0;
	struct value *filter = value_list(), *actions = value_list(), *v = value_list();

	if (!is_short && strcmp(flavor, "basic") != 0 && strcmp(flavor, "cymru") != 0)
		log_write(LOG_LEVEL_WARNING, "fail2ban.actions",
		    "Unsupported extended jail status flavor '%s'. Supported: ['short', 'basic', 'cymru']", flavor);
	pair(filter, "Currently failed", value_int((int64_t)failures_count(j->failures)));
	pair(filter, "Total failed", value_int((int64_t)failures_total(j->failures)));
	if (strcmp(j->backend, "systemd") == 0) {
		pair(filter, "Journal matches", journal_matches(j));
	} else {
		struct value *files = value_list();
		for (struct jail_log *l = j->logs; l != NULL; l = l->next)
			if (!l->is_glob)
				value_push(files, value_str(l->path));
		pair(filter, "File list", files);
	}
	pair(actions, "Currently banned", value_int((int64_t)bans_count(j->bans)));
	pair(actions, "Total banned", value_int((int64_t)bans_total(j->bans)));
	if (!is_short) {
		struct value *ids = value_list();
		bans_each(j->bans, push_id, ids);
		pair(actions, "Banned IP list", ids);
	}
	if (strcmp(flavor, "cymru") == 0) {
		/* compat: what fail2ban answers without its resolver library; whois by DNS is not asked */
		static const char *const labels[] = {"Banned ASN list", "Banned Country list", "Banned RIR list"};
		for (size_t i = 0; i < 3; i++) {
			struct value *list = value_list();
			value_push(list, value_str("error"));
			pair(actions, labels[i], list);
		}
	}
	if (c->is_own)
		pair(actions, "Failing actions", trouble_list(j));
	pair(v, "Filter", filter);
	pair(v, "Actions", actions);
	return command_answer(c, v);
}

bool
cmd_status(struct command *c)
{
	if (command_args(c) == 0)
		return server_status(c);
	if (command_args(c) > 2)
		return command_fail(c, "Exception", "Invalid command (no status)");
	const char *name = command_arg(c, 0);
	if (name == NULL)
		return false;
	struct jail *j = engine_jail(c->engine, name);
	if (j == NULL)
		return command_fail(c, "UnknownJailException", "%s", name);
	return jail_status(c, j, command_args(c) > 1 && c->text[c->at + 1] != NULL ? c->text[c->at + 1] : "basic");
}
