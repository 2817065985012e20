/*
 * client_dialogue: `-i`, fail2ban-client's prompt: a command a line, split as a shell would.
 * With libedit there are line editing, a history for the session and completion.
 */
#ifndef APPLET_CLIENT_DIALOGUE_H
#define APPLET_CLIENT_DIALOGUE_H

#include "applet/client.h"

/* Until "exit" or "quit" (true) or the end of the input (false, as fail2ban-client has it). */
bool client_dialogue(const struct client_opts *o);

/* client_send.c: one command, with what start, stop, restart and reload need; false if it failed. */
bool client_command(const struct client_opts *o, const struct value *words);

/* client_send.c: the names of the server's jails, for completion; empty when it does not answer. The caller frees. */
struct value *client_jails(const struct client_opts *o);

#endif
