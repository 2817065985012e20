/* cmd_action, and what the jail rows and the server rows share. */
#ifndef COMMAND_CMD_ACTION_H
#define COMMAND_CMD_ACTION_H

#include "command/command.h"

struct ignore;

bool cmd_get_actions(struct command *c);
bool cmd_get_actionproperties(struct command *c);
bool cmd_get_actionmethods(struct command *c);
bool cmd_addaction(struct command *c);
bool cmd_delaction(struct command *c);

bool cmd_addignoreip_to(struct command *c, struct ignore *g, const char *owner);
bool cmd_delignoreip_from(struct command *c, struct ignore *g, const char *owner);
/* Lifts the ban of one address, or of all members of a network; the database forgets it. Count. */
size_t cmd_unban_one(struct jail *j, const char *text);

#endif
