/*
 * action: stage 7, tickets -> the shell commands of action.d -> outcomes.
 *
 * One FIFO per engine keeps the order of commands over all jails for every action whose commands
 * name a firewall tool (iptables, ipset, nft, ufw, ip, … where a shell looks for a program): stock
 * rules depend on that order. Any other action (mail, whois, HTTP, a file) has a FIFO per action
 * name, so that it never holds up a ban. A command that runs for ACTION_PATIENCE_MS takes its
 * action out of the shared FIFO: from then on only work of this action of this jail waits for it.
 * What waits as plain iptables, ipset or nft commands leaves together (batch.c).
 *
 * Nothing blocks: commands are children with a deadline, each in a process group of its own.
 * Hooks are called from the loop, never from inside the functions below.
 */
#ifndef ACTION_ACTION_H
#define ACTION_ACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "base/value.h"
#include "ticket.h"

#define ACTION_PATIENCE_MS 500
#define ACTION_TIMEOUT_S 60 /* unless the action has a `timeout` */

struct action_queue;
struct action;

enum action_phase {
	ACTION_START,
	ACTION_STOP,
	ACTION_BAN,
	ACTION_UNBAN,
	ACTION_REBAN,
	ACTION_PROLONG,
	ACTION_FLUSH,
	ACTION_CHECK,
	ACTION_REPAIR,
	ACTION_RELOAD,
};

const char *action_phase_name(enum action_phase phase); /* "ban" */

/* How one phase of one action for one ticket ended. Borrowed for the call. */
struct outcome {
	const char *jail, *action;
	enum action_phase phase;
	const char *id;      /* the ticket's; NULL for start, stop, flush … */
	int family;          /* 4 or 6: a REPAIR of this family alone; else 0 */
	bool ok;
	bool is_dry;         /* nothing was run */
	bool was_batched;    /* left together with others */
	bool was_digested;   /* goes out with others in one mail */
	bool was_skipped;    /* nothing to do: no command, nothing banned by it, restored and norestored … */
	int exit_code;       /* of the last command; -signal when killed */
	bool timed_out;
	int tries;           /* 2: failed once and was run again */
	double ms;           /* from being queued to the end */
	const char *command; /* as run (placeholders filled in) */
	const char *output;  /* last lines of stderr (or stdout), raw: hostile */
};

struct action_hooks {
	/*
	 * One for each verb below, in order per action; further ones for what had to be done on the way:
	 * ACTION_START (on demand, or again), ACTION_REPAIR. After a REPAIR that is ok the action's older
	 * bans of this family are no longer in place: action_reban() each ticket that is still banned, but
	 * for those that action_each_banning() names.
	 */
	void (*outcome)(void *arg, const struct outcome *o);
	/*
	 * The value of a tag that only the engine knows: ipmatches, ipjailmatches, ipfailures,
	 * ipjailfailures, jail.banned, jail.found …, bantime (of a ticket without its own), and
	 * "allowipv6" ("0" or "no": no IPv6 here). t is NULL for start, stop, flush. Appends it and
	 * returns true, or false for an unknown tag. Called when the work is queued. May be NULL.
	 */
	bool (*fact)(void *arg, const char *jail, const struct ticket *t, const char *tag, struct str *out);
	/* Before a command is run: what it does must have been written down. May be NULL. */
	void (*before)(void *arg);
	/* Is what this command of a ban would do done already (rules left by an engine that was killed)? May be NULL. */
	bool (*in_place)(void *arg, const char *command, const char *id);
	/* For fail2ban.log; NULL: log_write() under fail2ban's logger names. */
	void (*log)(void *arg, int level, const char *logger, const char *text);
	void *arg;
};

struct action_queue *action_queue_new(uv_loop_t *loop, const struct clock *clock, bool dry_run,
    const struct action_hooks *hooks);
/* Whoever holds it names a bit of its own; while anybody does nothing is begun. */
#define ACTION_HOLD_LEFTOVER 1u
#define ACTION_HOLD_TRUTH 2u
#define ACTION_HOLD_ALL (~0u)
void action_queue_hold(struct action_queue *q, unsigned holders, bool is_held);
size_t action_queue_waiting(const struct action_queue *q); /* commands not finished yet */
bool action_queue_removes(const struct action_queue *q);   /* some of them take something away */
/* Calls done once when everything queued so far has ended (at once if idle). */
void action_queue_drain(struct action_queue *q, void (*done)(void *arg), void *arg);
void action_queue_close(struct action_queue *q, void (*done)(void *arg), void *arg); /* kills what runs; frees q */

/*
 * What runs text, with what the ticket says in the place of its <tags>, as an action's command runs: the words of a
 * child. NULL ends them; the caller frees them with action_words_free(). <ip-host> is not asked for.
 */
char **action_words(const struct action_queue *q, const char *jail, const struct ticket *t, const char *text);
void action_words_free(char **words);
/* The same as one text that no shell is to see. The caller frees it. */
char *action_text(const struct action_queue *q, const char *jail, const struct ticket *t, const char *text);

struct action *action_new(struct action_queue *q, const char *jail, const char *name);
/* Queued work of the action is finished first; then it is freed. */
void action_free(struct action *a);
const char *action_name(const struct action *a);
/* The ids whose ban by this action is queued or running. */
void action_each_banning(const struct action *a, void (*fn)(void *arg, const char *id), void *arg);

/* Properties as `multi-set JAIL action NAME [[k, v] …]` sends them; `timeout` in seconds or abbreviated. */
bool action_set(struct action *a, const char *property, const struct value *v, struct err *err);
const struct value *action_get(const struct action *a, const char *property); /* NULL: unset */
void action_properties(const struct action *a, struct value *names); /* pushes all names, sorted */

/* Reload: forgets the properties (the stream sets them again); what was started and banned is kept. */
void action_reload_begin(struct action *a);

void action_start(struct action *a);  /* actionstart unless on demand */
void action_stop(struct action *a, bool flush_bans); /* (flush and) actionstop for what was started */
void action_ban(struct action *a, const struct ticket *t);   /* copies the ticket */
void action_reban(struct action *a, const struct ticket *t); /* actionreban, else actionban */
void action_unban(struct action *a, const struct ticket *t);
/* Takes out a rule that the action made in an earlier life of the engine; it starts what it must for that. */
void action_unban_leftover(struct action *a, const struct ticket *t);
/* What actionstart makes for the family (4 or 6) is there from an earlier life: actionstop takes it away with the rest. */
void action_was_left(struct action *a, int family);
/* The command of a phase for a ticket, as it would be run; the caller frees; NULL: there is none. */
char *action_command(struct action *a, enum action_phase phase, const struct ticket *t);
void action_prolong(struct action *a, const struct ticket *t);
bool action_has_prolong(struct action *a);   /* actionprolong is defined */
bool action_has_flush(const struct action *a); /* actionflush is defined */
/* How often a ban that failed is worth another try: a firewall's for ever, a mail never, another command a few times. */
unsigned action_tries(struct action *a);
void action_flush(struct action *a);
void action_check(struct action *a);  /* actioncheck, and what follows if it fails */
/*
 * The same before all that waits; forced: what the check looks for is not there, whatever it says (family 4 or 6, of
 * an action that tells them apart).
 */
void action_repair(struct action *a, int family, bool is_forced);
void action_reload(struct action *a);

#endif
