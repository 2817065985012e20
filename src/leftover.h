/*
 * leftover: the rules that an engine which was killed (or asked to keep its bans) left in the kernel.
 *
 * At start the firewall is listed once before any command is run. A restored ban whose rule is there needs no
 * second one: its command is not run. What is left over once a jail's bans are restored belongs to nobody, or
 * is there twice: it is taken out by the action's own unban command. The killed engine's last commands may
 * still have been running: twice more, a little later, the jails' objects are looked at again.
 */
#ifndef LEFTOVER_H
#define LEFTOVER_H

#include <stdbool.h>

struct engine;
struct jail;
struct leftover;

#define LEFTOVER_WAIT_S 5   /* commands wait no longer than this for the first listing */
#define LEFTOVER_LATE_S 1.0 /* the two later looks: after this, and again after this */

/* Holds the queue until the kernel was listed. NULL in a dry run. */
struct leftover *leftover_new(struct engine *e);
void leftover_close(struct leftover *l, void (*done)(void *arg), void *arg); /* NULL is fine */

/* Is the rule that this ban command would make there already, and still nobody's? Then it is this ban's. */
bool leftover_claim(struct leftover *l, const char *command, const char *id);
/* An action has started: what it made a second time goes (doubled.h). */
void leftover_started(struct leftover *l);
/* The jail's bans are queued: when they are done, the rest of its objects is taken out. */
void leftover_jail_started(struct leftover *l, const struct jail *j);

#endif
