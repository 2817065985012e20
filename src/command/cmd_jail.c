/* cmd_jail: the options of one jail: `get JAIL X`, `set JAIL X …`. Set answers what get would. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ban/bantime.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/str.h"
#include "command/cmd_action.h"
#include "command/cmd_jail.h"
#include "engine.h"
#include "jail.h"
#include "trouble.h"

static bool
set_idle(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	if (strcmp(v, "on") != 0 && strcmp(v, "off") != 0)
		return command_fail(c, "Exception", "Invalid idle option, must be 'on' or 'off'");
	jail_set_idle(c->jail, strcmp(v, "on") == 0);
	return command_answer(c, value_bool(c->jail->is_idle));
}

static bool
get_ignoreself(struct command *c)
{
	return command_answer(c, value_bool(c->jail->ignoreself));
}

static bool
is_yes(const char *text)
{
	return strcasecmp(text, "1") == 0 || strcasecmp(text, "on") == 0 || strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0;
}

static bool
set_ignoreself(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	c->jail->ignoreself = is_yes(v);
	return get_ignoreself(c);
}

static bool
get_cutconnections(struct command *c)
{
	return command_answer(c, value_bool(c->jail->cuts));
}

static bool
set_cutconnections(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	c->jail->cuts = is_yes(v);
	return get_cutconnections(c);
}

static bool
get_failingactions(struct command *c)
{
	return command_answer(c, trouble_list(c->jail));
}

static bool
get_maxretry(struct command *c)
{
	return command_answer(c, value_int(c->jail->maxretry));
}

static bool
set_maxretry(struct command *c)
{
	const char *v = command_arg(c, 0);
	long long n;

	if (v == NULL || !command_int(c, v, &n))
		return false;
	c->jail->maxretry = (int)(n > INT32_MAX ? INT32_MAX : n < INT32_MIN ? INT32_MIN : n);
	log_write(LOG_LEVEL_INFO, "fail2ban.filter", "  maxRetry: %lld", n);
	jail_touch(c->jail);
	return get_maxretry(c);
}

static bool
get_maxmatches(struct command *c)
{
	return command_answer(c, value_int(c->jail->maxmatches));
}

static bool
set_maxmatches(struct command *c)
{
	const char *v = command_arg(c, 0);
	long long n;

	if (v == NULL || !command_int(c, v, &n))
		return false;
	c->jail->maxmatches = (int)(n > 10000 ? 10000 : n < 0 ? 0 : n);
	return get_maxmatches(c);
}

static bool
get_findtime(struct command *c)
{
	double s = c->jail->findtime;

	return command_answer(c, c->jail->has_float_findtime ? value_float(s) : value_int((int64_t)s));
}

static bool
set_findtime(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;
	bool is_whole;
	double s;

	if (v == NULL)
		return false;
	if (!duration_eval(v, &s, &is_whole, &err))
		return command_no_time(c, v, &err);
	c->jail->has_float_findtime = !is_whole;
	jail_set_findtime(c->jail, s);
	jail_touch(c->jail);
	return get_findtime(c);
}

static bool
get_bantime(struct command *c)
{
	return command_answer(c, value_int(c->jail->bantime));
}

static bool
set_bantime(struct command *c)
{
	const char *v = command_arg(c, 0);
	double s;

	if (v == NULL || !command_time(c, v, &s))
		return false;
	jail_set_bantime(c->jail, s < 0 ? TICKET_FOREVER : (int64_t)s);
	jail_touch(c->jail);
	return get_bantime(c);
}

static bool
get_bantime_extra(struct command *c)
{
	const struct value *v = value_get(c->jail->increment, c->text[2] + strlen("bantime."));

	return command_answer(c, v != NULL ? value_dup(v) : value_none());
}

static bool
set_bantime_extra(struct command *c)
{
	struct err err;

	if (command_arg(c, 0) == NULL && value_at(c->words, c->at) == NULL)
		return false;
	command_reply_done(c->reply);
	const char *what = c->text[2] + strlen("bantime.");
	bool is_time = strcmp(what, "maxtime") == 0 || strcmp(what, "rndtime") == 0;
	if (!bantime_set(c->jail->increment, what, value_at(c->words, c->at), &err))
		return command_no_time(c, is_time ? c->text[c->at] : NULL, &err);
	struct str shown = {0};
	value_to_text(value_at(c->words, c->at), &shown);
	log_write(LOG_LEVEL_INFO, "fail2ban.jail", "Set banTime.%s = %s", what, *str_text(&shown) != '\0' ? str_text(&shown) : "None");
	str_done(&shown);
	if (bantime_is_increment(c->jail->increment) && c->engine->store == NULL)
		log_write(LOG_LEVEL_WARNING, "fail2ban.jail",
		    "[%s] ban time increment needs the database, and there is none (dbfile = None)", c->jail->name);
	return get_bantime_extra(c);
}

const struct command_row command_jail_rows[] = {
    {"idle", NULL, set_idle, "on|off", "whether the jail rests"},
    {"ignoreself", get_ignoreself, set_ignoreself, "true|false", "whether this host's own addresses are ignored"},
    {"cutconnections", get_cutconnections, set_cutconnections, "true|false", "whether the established connections of who is banned are ended"},
    {"ignoreip", cmd_get_ignoreip, NULL, NULL, "addresses, networks and names that are ignored"},
    {"addignoreip", NULL, cmd_set_addignoreip, "[--for TIME] IP…", "ignore these too"},
    {"delignoreip", NULL, cmd_set_delignoreip, "IP", "do not ignore it any more"},
    {"ignorecommand", cmd_get_ignorecommand, cmd_set_ignorecommand, "COMMAND", "a command whose success means: ignore"},
    {"ignorecache", cmd_get_ignorecache, cmd_set_ignorecache, "key=…,max-count=…,max-time=…", "remembers what was ignored"},
    {"logpath", cmd_get_logpath, NULL, NULL, "the log files"},
    {"addlogpath", NULL, cmd_set_addlogpath, "FILE [tail|head]", "follow a file (a glob is looked at again and again)"},
    {"dellogpath", NULL, cmd_set_dellogpath, "FILE", "do not follow it any more"},
    {"logencoding", cmd_get_logencoding, cmd_set_logencoding, "ENCODING", "the logs' encoding"},
    {"journalmatch", cmd_get_journalmatch, NULL, NULL, "which journal entries"},
    {"addjournalmatch", NULL, cmd_set_addjournalmatch, "MATCH…", "also these journal entries"},
    {"deljournalmatch", NULL, cmd_set_deljournalmatch, "[MATCH…]", "not these journal entries"},
    {"prefregex", cmd_get_prefregex, cmd_set_prefregex, "REGEX", "what each line must match first"},
    {"failregex", cmd_get_failregex, NULL, NULL, "the expressions that find failures"},
    {"addfailregex", NULL, cmd_set_addfailregex, "REGEX", "one more"},
    {"delfailregex", NULL, cmd_set_delfailregex, "INDEX", "one less"},
    {"ignoreregex", cmd_get_ignoreregex, NULL, NULL, "lines that do not count"},
    {"addignoreregex", NULL, cmd_set_addignoreregex, "REGEX", "one more"},
    {"delignoreregex", NULL, cmd_set_delignoreregex, "INDEX", "one less"},
    {"usedns", cmd_get_usedns, cmd_set_usedns, "yes|warn|no|raw", "what is done with host names in logs"},
    {"findtime", get_findtime, set_findtime, "TIME", "failures within this time count"},
    {"datepattern", cmd_get_datepattern, cmd_set_datepattern, "PATTERN", "how dates look"},
    {"logtimezone", cmd_get_logtimezone, cmd_set_logtimezone, "ZONE", "the logs' time zone"},
    {"maxmatches", get_maxmatches, set_maxmatches, "N", "log lines kept for each address"},
    {"maxretry", get_maxretry, set_maxretry, "N", "failures until a ban"},
    {"maxlines", cmd_get_maxlines, cmd_set_maxlines, "N", "lines that an expression may span"},
    {"bantime", get_bantime, set_bantime, "TIME", "how long a ban lasts, -1 for ever"},
    {"bantime.*", get_bantime_extra, set_bantime_extra, "VALUE", "increment, factor, formula, multipliers, maxtime, rndtime, overalljails"},
    {"attempt", NULL, cmd_set_attempt, "IP [LINE…]", "counts failures by hand"},
    {"banip", cmd_get_banip, cmd_set_banip, "[--time TIME|--until EPOCH] IP…", "who is banned (get: [--with-time]); bans (set)"},
    {"unbanip", NULL, cmd_set_unbanip, "[--report-absent] IP…", "lifts bans"},
    {"banned", cmd_get_banned, NULL, NULL, "who is banned, or whether IP… are"},
    {"failingactions", get_failingactions, NULL, NULL, "what last went wrong with its actions: command, exit code, last lines of stderr"},
    {"actions", cmd_get_actions, NULL, NULL, "the actions"},
    {"addaction", NULL, cmd_addaction, "ACTION", "one more action"},
    {"delaction", NULL, cmd_delaction, "ACTION", "one less"},
    {"action", cmd_get_action, cmd_set_action, "ACTION PROPERTY VALUE", "a property of an action"},
    {"actionproperties", cmd_get_actionproperties, NULL, NULL, "an action's properties"},
    {"actionmethods", cmd_get_actionmethods, NULL, NULL, "an action's methods"},
    {"lines", cmd_get_lines, NULL, NULL, "the last raw log lines [N [raw]]"},
    {0},
};
