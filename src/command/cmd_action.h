/* cmd_action: the actions of a jail. */
#ifndef COMMAND_CMD_ACTION_H
#define COMMAND_CMD_ACTION_H

#include "command/command.h"

bool cmd_get_actions(struct command *c);
bool cmd_get_actionproperties(struct command *c);
bool cmd_get_actionmethods(struct command *c);
bool cmd_addaction(struct command *c);
bool cmd_delaction(struct command *c);

#endif
