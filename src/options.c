#include "options.h"

#include "base/str.h"

#include <string.h>

const struct option_row options_filter[] = {
    {"usedns", OPTION_TEXT, "warn", "look up host names found in lines: yes, warn, no, raw"},
    {"prefregex", OPTION_TEXT, NULL, "must match first; its <F-CONTENT> is what failregex sees"},
    {"ignoreregex", OPTION_LINES, NULL, "lines that match are no failures, one expression each line"},
    {"failregex", OPTION_LINES, NULL, "what a failure looks like, one expression each line"},
    {"maxlines", OPTION_INT, "1", "lines that are looked at together"},
    {"datepattern", OPTION_TEXT, NULL, "form of the date; nothing: known forms are tried"},
    {"journalmatch", OPTION_LINES, NULL, "which journal entries are read: FIELD=value and +"},
    {0},
};

const struct option_row options_action[] = {
    {"actionstart", OPTION_TEXT, NULL, "command before the first ban"},
    {"actionstart_on_demand", OPTION_BOOL, NULL, "start only when something is banned"},
    {"actionstop", OPTION_TEXT, NULL, "command when the jail stops"},
    {"actionflush", OPTION_TEXT, NULL, "command that removes all bans at once"},
    {"actionreload", OPTION_TEXT, NULL, "command on reload"},
    {"actioncheck", OPTION_TEXT, NULL, "command that succeeds while the action's set-up is in place"},
    {"actionrepair", OPTION_TEXT, NULL, "command when actioncheck fails"},
    {"actionrepair_on_unban", OPTION_BOOL, NULL, "check and repair before unban as well"},
    {"actionban", OPTION_TEXT, NULL, "command that bans"},
    {"actionprolong", OPTION_TEXT, NULL, "command that prolongs a ban"},
    {"actionreban", OPTION_TEXT, NULL, "command that bans again after a restart"},
    {"actionunban", OPTION_TEXT, NULL, "command that lifts a ban"},
    {"norestored", OPTION_BOOL, NULL, "not for bans that are restored after a restart"},
    {0},
};

const struct option_row options_jail[] = {
    {"enabled", OPTION_BOOL, "false", "whether the jail is used"},
    {"backend", OPTION_TEXT, "auto", "how logs are read: auto, pyinotify, gamin, polling, systemd"},
    {"maxretry", OPTION_INT, "3", "failures until a ban"},
    {"maxmatches", OPTION_INT, "5", "matched lines kept for each address"},
    {"findtime", OPTION_TIME, "10m", "time in which the failures count"},
    {"bantime", OPTION_TIME, "10m", "how long a ban lasts; negative: for ever"},
    {"bantime.increment", OPTION_BOOL, "false", "longer for those who come back"},
    {"bantime.factor", OPTION_TEXT, "1", "factor in the formula"},
    {"bantime.formula", OPTION_TEXT, "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor",
        "expression for the next ban time"},
    {"bantime.multipliers", OPTION_LIST, NULL, "factors of the 1st, 2nd, … ban, in place of the formula"},
    {"bantime.maxtime", OPTION_TIME, NULL, "no ban is longer"},
    {"bantime.rndtime", OPTION_TIME, NULL, "up to this much is added at random"},
    {"bantime.overalljails", OPTION_BOOL, "false", "bans of all jails count"},
    {"ignorecommand", OPTION_TEXT, NULL, "command that says by exit status 0 that an address is ignored"},
    {"ignoreself", OPTION_BOOL, "true", "the machine's own addresses are ignored"},
    {"ignoreip", OPTION_LIST, NULL, "addresses, networks and names that are never banned"},
    {"ignorecache", OPTION_TEXT, NULL, "keep what the ignore tests said: key=\"<ip>\", max-count=100, max-time=5m"},
    {"filter", OPTION_TEXT, NULL, "which filter of filter.d, with options in brackets"},
    {"logtimezone", OPTION_TEXT, NULL, "zone of dates that name none: UTC+0100"},
    {"logencoding", OPTION_TEXT, "auto", "encoding of the log; auto: that of the locale"},
    {"logpath", OPTION_LINES, NULL, "log files, one pattern each line; `tail` behind it skips what is there"},
    {"action", OPTION_LINES, NULL, "what is done on a ban: actions of action.d, with options in brackets"},
    {"usedns", OPTION_TEXT, "warn", "in place of the filter's"},
    {"prefregex", OPTION_TEXT, NULL, "in place of the filter's"},
    {"ignoreregex", OPTION_LINES, NULL, "in place of the filter's; %(known/ignoreregex)s stands for those"},
    {"failregex", OPTION_LINES, NULL, "in place of the filter's; %(known/failregex)s stands for those"},
    {"maxlines", OPTION_INT, "1", "in place of the filter's"},
    {"datepattern", OPTION_TEXT, NULL, "in place of the filter's"},
    {"journalmatch", OPTION_LINES, NULL, "in place of the filter's"},
    {"cutconnections", OPTION_BOOL, "false", "established connections of who is banned are ended, too"},
    {"mode", OPTION_MATERIAL, "normal", "argument of many filters: normal, aggressive, …"},
    {"port", OPTION_MATERIAL, "0:65535", "ports that are closed"},
    {"protocol", OPTION_MATERIAL, "tcp", "protocol that is closed"},
    {"chain", OPTION_MATERIAL, "<known/chain>", "firewall chain"},
    {"banaction", OPTION_MATERIAL, "iptables-multiport", "action that closes ports"},
    {"banaction_allports", OPTION_MATERIAL, "iptables-allports", "action that closes all ports"},
    {"blocktype", OPTION_MATERIAL, NULL, "what the firewall does with a packet"},
    {"returntype", OPTION_MATERIAL, NULL, "what ends the firewall's chain"},
    {"mta", OPTION_MATERIAL, "sendmail", "mail program"},
    {"destemail", OPTION_MATERIAL, "root@localhost", "who gets mail"},
    {"sender", OPTION_MATERIAL, "root@<fq-hostname>", "whom the mail is from"},
    {"sendername", OPTION_MATERIAL, "Fail2Ban", "name of the sender"},
    {"fail2ban_agent", OPTION_MATERIAL, NULL, "what is told to web services"},
    {"cfemail", OPTION_MATERIAL, NULL, "user at Cloudflare"},
    {"cfapikey", OPTION_MATERIAL, NULL, "key at Cloudflare"},
    {"blocklist_de_apikey", OPTION_MATERIAL, NULL, "key at blocklist.de"},
    {"abuseipdb_apikey", OPTION_MATERIAL, NULL, "key at AbuseIPDB"},
    {"abuseipdb_category", OPTION_MATERIAL, NULL, "category at AbuseIPDB"},
    {"knocking_url", OPTION_MATERIAL, NULL, "address of jail pass2allow-ftp"},
    {"default_backend", OPTION_MATERIAL, NULL, "backend of services that log to files"},
    {"ignore_logpath", OPTION_MATERIAL, NULL, "material"},
    {"skip_if_nologs", OPTION_MATERIAL, NULL, "of later versions"},
    {"systemd_if_nologs", OPTION_MATERIAL, NULL, "of later versions"},
    {"action_*", OPTION_MATERIAL, NULL, "ready-made lists of actions"},
    {"known/*", OPTION_MATERIAL, NULL, "what the filter says"},
    {0},
};

const struct option_row options_main[] = {
    {"socket", OPTION_TEXT, "/var/run/fail2ban/fail2ban.sock", "where client and server meet"},
    {"pidfile", OPTION_TEXT, "/var/run/fail2ban/fail2ban.pid", "where the server's process number stands"},
    {"loglevel", OPTION_TEXT, "INFO", "CRITICAL, ERROR, WARNING, NOTICE, INFO, DEBUG, TRACEDEBUG, HEAVYDEBUG"},
    {"logtarget", OPTION_TEXT, "/var/log/fail2ban.log", "a file, STDOUT, STDERR, SYSOUT, SYSLOG, SYSTEMD-JOURNAL"},
    {"syslogsocket", OPTION_TEXT, "auto", "socket of syslog; auto: /dev/log"},
    {"allowipv6", OPTION_TEXT, "auto", "auto, yes, no"},
    {"dbfile", OPTION_TEXT, "/var/lib/fail2ban/fail2ban.sqlite3", "database; None: none, :memory: not kept"},
    {"dbmaxmatches", OPTION_INT, "10", "matched lines kept in the database"},
    {"dbpurgeage", OPTION_TIME, "1d", "bans are forgotten after"},
    {"monitorsocket", OPTION_TEXT, "", "a second socket, where clients may only read; empty: none"},
    {"monitorgroup", OPTION_TEXT, "", "the group that may connect to it"},
    {0},
};

static bool
row_matches(const struct option_row *row, const char *name)
{
	if (row->name[0] != name[0])
		return false;
	if (strcmp(row->name, name) == 0)
		return true;
	size_t len = row->type == OPTION_MATERIAL ? strlen(row->name) : 0;
	return len != 0 && row->name[len - 1] == '*' && strncmp(row->name, name, len - 1) == 0;
}

const struct option_row *
option_find(const struct option_row *table, const char *name)
{
	for (; table->name != NULL; table++)
		if (row_matches(table, name))
			return table;
	return NULL;
}

const char *
option_nearest(const struct option_row *table, const char *name)
{
	const char *best = NULL;
	const struct str_word word = str_word(name);
	int least = word.len < 5 ? 2 : 3;

	for (; table->name != NULL; table++) {
		int distance = str_distance_below(&word, table->name, least);
		if (distance < least && strchr(table->name, '*') == NULL) {
			least = distance;
			best = table->name;
		}
	}
	return best;
}
