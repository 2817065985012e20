/* cmd_jail: the handlers of `get JAIL X` and `set JAIL X …` that are not in cmd_jail.c itself. Set answers what get would. */
#ifndef COMMAND_CMD_JAIL_H
#define COMMAND_CMD_JAIL_H

#include "command/command.h"

struct ignore;

/* cmd_ignore.c */
bool cmd_get_ignoreip(struct command *c);
bool cmd_set_addignoreip(struct command *c);
bool cmd_set_delignoreip(struct command *c);
bool cmd_get_ignorecommand(struct command *c);
bool cmd_set_ignorecommand(struct command *c);
bool cmd_get_ignorecache(struct command *c);
bool cmd_set_ignorecache(struct command *c);

/* cmd_logs.c */
bool cmd_get_logpath(struct command *c);
bool cmd_set_addlogpath(struct command *c);
bool cmd_set_dellogpath(struct command *c);
bool cmd_get_logencoding(struct command *c);
bool cmd_set_logencoding(struct command *c);
bool cmd_get_journalmatch(struct command *c);
bool cmd_set_addjournalmatch(struct command *c);
bool cmd_set_deljournalmatch(struct command *c);
bool cmd_get_lines(struct command *c);

/* cmd_filter.c */
bool cmd_get_failregex(struct command *c);
bool cmd_get_ignoreregex(struct command *c);
bool cmd_set_addfailregex(struct command *c);
bool cmd_set_addignoreregex(struct command *c);
bool cmd_set_delfailregex(struct command *c);
bool cmd_set_delignoreregex(struct command *c);
bool cmd_get_prefregex(struct command *c);
bool cmd_set_prefregex(struct command *c);
bool cmd_get_datepattern(struct command *c);
bool cmd_set_datepattern(struct command *c);
bool cmd_get_usedns(struct command *c);
bool cmd_set_usedns(struct command *c);
bool cmd_get_maxlines(struct command *c);
bool cmd_set_maxlines(struct command *c);
bool cmd_get_logtimezone(struct command *c);
bool cmd_set_logtimezone(struct command *c);

/* cmd_bans.c */
bool cmd_get_banip(struct command *c);
bool cmd_get_banned(struct command *c);
bool cmd_set_banip(struct command *c);
bool cmd_set_unbanip(struct command *c);
bool cmd_set_attempt(struct command *c);

/* What the rows of the server share. */
bool cmd_addignoreip_to(struct command *c, struct ignore *g, const char *owner);
bool cmd_delignoreip_from(struct command *c, struct ignore *g, const char *owner);
/* Lifts the ban of one address, or of all members of a network; the database forgets it. Count. */
size_t cmd_unban_one(struct jail *j, const char *text);

#endif
