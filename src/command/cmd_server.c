/* cmd_server: commands and options that concern the whole engine; the life of jails; reload. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "command/cmd_action.h"
#include "command/cmd_jail.h"
#include "command/command.h"
#include "config/stream.h"
#include "describe.h"
#include "engine.h"
#include "flow_stages.h"
#include "jail.h"
#include "store/store.h"

/* ---- options ---- */

static bool
get_loglevel(struct command *c)
{
	return command_answer(c, value_str(c->engine->loglevel != NULL ? c->engine->loglevel : log_level_name(log_level())));
}

static bool
set_loglevel(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	int level = log_level_parse(v);
	char *shown = xstrdup(v);
	for (char *p = shown; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	if (level < 0) {
		command_fail(c, "ValueError", "Invalid log level '%s'", shown);
		free(shown);
		return false;
	}
	log_set_level(level);
	free(c->engine->loglevel);
	c->engine->loglevel = shown;
	return get_loglevel(c);
}

static bool
get_logtarget(struct command *c)
{
	return command_answer(c, value_str(log_target()));
}

static bool
set_logtarget(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;

	if (v == NULL)
		return false;
	if (*v == '\0')
		return command_fail(c, "ValueError", "unexpected option syntax");
	if (!log_open(v, c->engine->syslogsocket, &err)) {
		log_write(LOG_LEVEL_ERROR, "fail2ban.server", "%s", err.text);
		return command_fail(c, "Exception", "Failed to change log target");
	}
	return get_logtarget(c);
}

static bool
get_syslogsocket(struct command *c)
{
	return command_answer(c, value_str(c->engine->syslogsocket));
}

static bool
set_syslogsocket(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	free(c->engine->syslogsocket);
	c->engine->syslogsocket = xstrdup(v);
	return get_syslogsocket(c);
}

static bool
set_allowipv6(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	free(c->engine->allowipv6);
	c->engine->allowipv6 = xstrdup(v);
	return command_answer(c, value_str(v));
}

static bool
get_dbfile(struct command *c)
{
	return command_answer(c, c->engine->store != NULL ? value_str(store_path(c->engine->store)) : value_none());
}

static bool
set_dbfile(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	if (c->engine->store != NULL && strcmp(v, store_path(c->engine->store)) == 0)
		return get_dbfile(c); /* the same as before: a reload names it again */
	if (c->engine->jails != NULL)
		return command_fail(c, "RuntimeError", "Cannot change database when there are jails present");
	engine_open_store(c->engine, v);
	return get_dbfile(c);
}

static bool
get_dbmaxmatches(struct command *c)
{
	return command_answer(c, c->engine->store != NULL ? value_int(c->engine->dbmaxmatches) : value_none());
}

static bool
set_dbmaxmatches(struct command *c)
{
	const char *v = command_arg(c, 0);
	long long n;

	if (v == NULL || !command_int(c, v, &n))
		return false;
	c->engine->dbmaxmatches = (int)(n < 0 ? 0 : n > 10000 ? 10000 : n);
	store_set_max_matches(c->engine->store, (size_t)c->engine->dbmaxmatches);
	return get_dbmaxmatches(c);
}

static bool
get_dbpurgeage(struct command *c)
{
	return command_answer(c, c->engine->store != NULL ? value_int(c->engine->dbpurgeage) : value_none());
}

static bool
set_dbpurgeage(struct command *c)
{
	const char *v = command_arg(c, 0);
	double s;

	if (v == NULL || !command_time(c, v, &s))
		return false;
	c->engine->dbpurgeage = (int64_t)s;
	store_set_purge_age(c->engine->store, (int64_t)s);
	return get_dbpurgeage(c);
}

/* There are no threads to size; the value is kept so that dumps and scripts go on working. */
static bool
get_thread(struct command *c)
{
	struct value *d = value_dict();

	value_put(d, "stacksize", value_int(c->engine->stacksize));
	return command_answer(c, d);
}

static bool
set_thread(struct command *c)
{
	const struct value *options = value_at(c->words, c->at), *size = value_get(options, "stacksize");

	if (options == NULL)
		return command_fail(c, "IndexError", "list index out of range");
	if (options->kind != VALUE_DICT)
		return command_fail(c, "AttributeError", "'str' object has no attribute 'items'");
	for (size_t i = 0; i < value_count(options); i++) {
		const char *key = value_text(options->seq.items[2 * i]);
		if (key == NULL || strcmp(key, "stacksize") != 0)
			return command_fail(c, "KeyError", "unknown option '%s'", key != NULL ? key : "");
	}
	if (size != NULL && size->kind == VALUE_INT)
		c->engine->stacksize = (int)size->integer;
	return command_answer(c, value_none());
}

/* `set all addignoreip`: every jail, those that come later too. */
static bool
set_all(struct command *c)
{
	const char *what = command_arg(c, 0);

	if (what == NULL)
		return false;
	c->at++;
	bool ok;
	if (strcmp(what, "addignoreip") == 0)
		ok = cmd_addignoreip_to(c, c->engine->white, "all");
	else if (strcmp(what, "delignoreip") == 0)
		ok = cmd_delignoreip_from(c, c->engine->white, "all");
	else
		return command_fail(c, "Exception", "set all: expected addignoreip or delignoreip, not '%s'", what);
	if (!ok)
		return false;
	struct value *list = value_list();
	ignore_list(c->engine->white, list, NULL);
	return command_answer(c, list);
}

static bool
get_host(struct command *c)
{
	const char *ip = command_arg(c, 0);

	if (ip == NULL)
		return false;
	json_t *host = describe_host(c->engine, ip);
	command_answer(c, value_from_json(host));
	json_decref(host);
	return true;
}

static bool
get_repair(struct command *c)
{
	return command_answer(c, value_str(c->engine->repair_auto ? "auto" : "off"));
}

static bool
set_repair(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	if (strcmp(v, "auto") != 0 && strcmp(v, "off") != 0)
		return command_fail(c, "ValueError", "repair: expected auto or off, not '%s'", v);
	c->engine->repair_auto = strcmp(v, "auto") == 0;
	return get_repair(c);
}

const struct command_row command_server_rows[] = {
    {"loglevel", get_loglevel, set_loglevel, "LEVEL", "how much is logged"},
    {"logtarget", get_logtarget, set_logtarget, "TARGET", "where the log goes"},
    {"syslogsocket", get_syslogsocket, set_syslogsocket, "auto|SOCKET", "the socket of syslog"},
    {"allowipv6", NULL, set_allowipv6, "auto|yes|no", "whether IPv6 is used"},
    {"dbfile", get_dbfile, set_dbfile, "FILE", "the database"},
    {"dbmaxmatches", get_dbmaxmatches, set_dbmaxmatches, "N", "log lines kept in the database for each ban"},
    {"dbpurgeage", get_dbpurgeage, set_dbpurgeage, "TIME", "bans older than this leave the database"},
    {"thread", get_thread, set_thread, "OPTIONS", "accepted; there are no threads to size"},
    {0},
};

const struct command_row command_own_rows[] = {
    {"repair", get_repair, set_repair, "auto|off", "whether rules that vanish from the kernel are put back, and failed bans tried again"},
    {"all", NULL, set_all, "addignoreip [--for TIME] IP…|delignoreip IP", "ignores an address in every jail"},
    {"host", get_host, NULL, NULL, "all that is known of one address"},
    {"hold", cmd_get_hold, cmd_set_hold, "TIME|off", "for so long failures are counted and nobody is banned by them"},
    {"delrule", NULL, cmd_set_delrule, "4|6 CHAIN TEXT", "deletes a rule that no ban asks for from the kernel"},
    {"amend", cmd_get_amend, cmd_set_amend, "ignoreip [--remove] IP|failregex JAIL N REGEX|enable JAIL", "a change of the configuration: shown by get, written by set"},
    {"completions", cmd_get_completions, NULL, NULL, "how a command may go on: the last word is a beginning"},
    {0},
};

/* ---- the life of jails ---- */

bool
cmd_add(struct command *c)
{
	const char *name = command_arg(c, 0), *backend = "auto";
	struct err err;

	if (name == NULL)
		return false;
	if (command_args(c) > 1 && (backend = command_arg(c, 1)) == NULL)
		return false;
	if (strcmp(name, "--all") == 0)
		return command_fail(c, "Exception", "Reserved name '--all'");
	struct jail *j = engine_jail(c->engine, name);
	if (j != NULL) {
		if (!j->is_reloading) /* compat: Jails.add fails with these very words on its way to say "duplicate" */
			return command_fail(c, "NameError", "name 'noduplicates' is not defined");
		if (jail_reload_same_backend(j, backend)) {
			log_write(LOG_LEVEL_INFO, "fail2ban.server", "Reload jail '%s'", name);
			j->is_in_stream = true;
			return command_answer(c, value_str(name));
		}
		jail_stop(j, false);
		jail_free(j);
	}
	log_write(LOG_LEVEL_INFO, "fail2ban.jail", "Creating new jail '%s'", name);
	j = jail_new(c->engine, name, backend, &err);
	if (j == NULL)
		return command_fail(c, "ValueError", "%s", err.text);
	store_jail_on(c->engine->store, name);
	return command_answer(c, value_str(name));
}

bool
cmd_start(struct command *c)
{
	const char *name = command_arg(c, 0);
	struct err err = {0};

	if (name == NULL)
		return false;
	struct jail *j = engine_jail(c->engine, name);
	if (j == NULL)
		return command_fail(c, "UnknownJailException", "%s", name);
	if (j->is_reloading) {
		jail_reload_end(j);
		log_write(LOG_LEVEL_INFO, "fail2ban.server", "Jail '%s' reloaded", name);
		return command_answer(c, value_none());
	}
	if (!jail_start(j, &err))
		return command_fail(c, "RuntimeError", "%s", err.text);
	return command_answer(c, value_none());
}

static void
remove_jail(struct jail *j)
{
	struct engine *e = j->engine;
	json_t *gone = json_object();

	json_object_set_new(gone, "name", describe_text(j->name));
	jail_stop(j, false);
	store_jail_off(e->store, j->name);
	jail_free(j);
	bus_publish(e->bus, EVENT_JAIL_GONE, gone);
}

bool
cmd_stop(struct command *c)
{
	if (command_args(c) == 0 || value_text_is(value_at(c->words, c->at), "--keep-bans")) {
		c->engine->wants_stop = command_args(c) == 0 ? COMMAND_STOP : COMMAND_STOP_KEEP_BANS;
		return command_answer(c, value_none());
	}
	const char *name = command_arg(c, 0);
	if (name == NULL)
		return false;
	if (strcmp(name, "--all") == 0) {
		while (c->engine->jails != NULL)
			remove_jail(c->engine->jails);
		return command_answer(c, value_none());
	}
	struct jail *j = engine_jail(c->engine, name);
	if (j == NULL)
		return command_fail(c, "UnknownJailException", "%s", name);
	remove_jail(j);
	return command_answer(c, value_none());
}

static size_t
unban_everything(struct engine *e, struct jail *only)
{
	size_t count = 0;

	store_begin(e->store);
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next)
		if (only == NULL || j == only) {
			count += flow_unban_all(j, "command");
			store_ban_del(e->store, j->name, NULL);
		}
	store_commit(e->store);
	return count;
}

bool
cmd_unban(struct command *c)
{
	int64_t count = 0;

	if (command_args(c) == 0)
		return command_fail(c, "Exception", "Invalid command");
	if (command_args(c) == 1 && c->text[c->at] != NULL && strcmp(c->text[c->at], "--all") == 0)
		return command_answer(c, value_int((int64_t)unban_everything(c->engine, NULL)));
	store_begin(c->engine->store);
	for (struct jail *j = c->engine->jails; j != NULL; j = j->hh.next)
		for (size_t i = 0; i < command_args(c); i++)
			if (c->text[c->at + i] != NULL)
				count += (int64_t)cmd_unban_one(j, c->text[c->at + i]);
	store_commit(c->engine->store);
	return command_answer(c, value_int(count));
}

static void
push_id(void *arg, struct ban *ban)
{
	value_push(arg, value_str(ban->ticket->id));
}

bool
cmd_banned(struct command *c)
{
	struct value *list = value_list();

	for (struct jail *j = c->engine->jails; command_args(c) == 0 && j != NULL; j = j->hh.next) {
		struct value *ids = value_list(), *one = value_dict();
		bans_each(j->bans, push_id, ids);
		value_put(one, j->name, ids);
		value_push(list, one);
	}
	for (size_t i = 0; i < command_args(c); i++) {
		struct value *names = value_list();
		for (struct jail *j = c->engine->jails; j != NULL; j = j->hh.next)
			if (c->text[c->at + i] != NULL && bans_find(j->bans, c->text[c->at + i]) != NULL)
				value_push(names, value_str(j->name));
		value_push(list, names);
	}
	return command_answer(c, list);
}

bool
cmd_flushlogs(struct command *c)
{
	return command_answer(c, value_str(log_reopen()));
}

bool
cmd_repair(struct command *c)
{
	const char *ip = command_args(c) > 0 ? command_arg(c, 0) : NULL;

	return command_answer(c, value_int((int64_t)engine_repair(c->engine, ip)));
}

/* ---- reload ---- */

static bool
has_option(const struct value *options, const char *name)
{
	for (size_t i = 0; i < value_count(options); i++)
		if (value_text_is(value_at(options, i), name))
			return true;
	return false;
}

/*
 * reload JAIL|--all [options] stream: affected jails rest while the stream is applied to them;
 * what the stream did not name again (logs, actions, jails) leaves. Bans, counts and positions stay.
 */
/* `reload [--all|JAIL] [--restart] [--unban] [--if-exists]` as a person says it: the engine reads the files itself. */
static bool
reload_from_files(struct command *c)
{
	struct config_request req = {.dir = c->engine->dir, .logs = CONFIG_LOGS_AWAITED};
	struct value *words = value_words("reload", NULL), *options = value_list(), *stream = NULL;
	const char *jail = NULL, *wrong = NULL;
	struct err err;

	for (size_t i = c->at; i < c->count; i++) {
		const char *word = c->text[i] != NULL ? c->text[i] : "";
		if (strcmp(word, "--restart") == 0 || strcmp(word, "--unban") == 0 || strcmp(word, "--if-exists") == 0)
			value_push(options, value_str(word));
		else if (jail == NULL && (*word != '-' || strcmp(word, "--all") == 0))
			jail = word;
		else
			wrong = word;
	}
	req.only_jail = jail != NULL && strcmp(jail, "--all") != 0 ? jail : NULL;
	if (wrong != NULL || config_read(&req, &stream, &err) == CONFIG_FAILED) {
		value_free(options);
		value_free(words);
		return wrong != NULL ? command_fail(c, "ValueError", "Unexpected argument(s) for reload: %s", wrong)
		    : command_fail(c, "ValueError", "%s", err.text);
	}
	value_push(words, value_str(req.only_jail != NULL ? jail : "--all"));
	value_push(words, options);
	value_push(words, stream);
	struct command again = *c;
	const char *text[] = {"reload", req.only_jail != NULL ? jail : "--all", NULL, NULL};
	again.words = words;
	again.text = text;
	again.count = 4;
	bool ok = cmd_reload(&again);
	value_free(words);
	return ok;
}

bool
cmd_reload(struct command *c)
{
	struct engine *e = c->engine;

	if (e->dir != NULL && !value_is_list(value_at(c->words, 2)))
		return reload_from_files(c);
	const char *name = command_arg(c, 0);
	const struct value *options = value_at(c->words, 2), *stream = value_at(c->words, 3);

	if (name == NULL)
		return false;
	if (!value_is_list(stream))
		return command_fail(c, "IndexError", "list index out of range");
	bool all = strcmp(name, "--all") == 0;
	struct jail *only = all ? NULL : engine_jail(e, name), *next;
	if (!all && only == NULL && !has_option(options, "--if-exists"))
		return command_fail(c, "UnknownJailException", "%s", name);
	log_write(LOG_LEVEL_INFO, "fail2ban.server", all ? "Reload all jails" : "Reload jail %s", name);
	if (all)
		resolve_flush(e->resolve);
	if (has_option(options, "--unban"))
		unban_everything(e, only);
	for (struct jail *j = e->jails; j != NULL; j = next) {
		next = j->hh.next;
		if (!all && j != only)
			continue;
		if (has_option(options, "--restart"))
			remove_jail(j);
		else
			jail_reload_begin(j);
	}
	struct command_reply failed = {0};
	bool ok = command_run_stream(e, stream, &failed);
	for (struct jail *j = e->jails; j != NULL; j = next) {
		next = j->hh.next;
		if (!j->is_reloading)
			continue;
		if (j->is_in_stream)
			jail_reload_end(j);
		else
			remove_jail(j);
	}
	log_write(LOG_LEVEL_INFO, "fail2ban.server", "Reload finished.");
	if (!ok) {
		command_reply_done(c->reply);
		*c->reply = failed;
		return false;
	}
	return command_answer(c, value_str("OK"));
}
