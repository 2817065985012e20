/*
 * command: the only way in. Words in, a reply out; the configuration's stream and every client's
 * request end here, whatever carried them.
 *
 * One table (command.c) names each command, says whether it reads or changes, and what it is for:
 * dispatch, permission, completion and help are printed from it.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/value.h"

struct engine;
struct jail;

struct command_reply {
	struct value *value;   /* owned; NULL when it failed */
	const char *exception; /* Python's name of what went wrong: "ValueError", "UnknownJailException" …; NULL: none */
	char *text;            /* owned: what it says; the exception's one argument unless `args` is set */
	struct value *args;    /* owned tuple: all arguments, when there are several; NULL: just the text */
};

void command_reply_done(struct command_reply *r);

enum command_right { COMMAND_READ, COMMAND_WRITE };

/* Runs one command (a list whose first member is a word). False when it failed: reply->exception is set. */
bool command_run(struct engine *e, const struct value *words, enum command_right right, struct command_reply *reply);

/* The same for who speaks JSON: `status JAIL` tells of failing actions, too. */
bool command_run_own(struct engine *e, const struct value *words, enum command_right right, struct command_reply *reply);

/* The same for a command of the configuration, which may name what is not there yet (log files). */
bool command_run_quiet(struct engine *e, const struct value *words, struct command_reply *reply);

/* The same for a whole configuration stream; each failure is logged and the first one kept in `reply`. */
bool command_run_stream(struct engine *e, const struct value *stream, struct command_reply *reply);

/* What is asked for by `stop`: the owner of the process acts on it after the reply was sent. */
enum command_stop { COMMAND_STOP_NO, COMMAND_STOP, COMMAND_STOP_KEEP_BANS };

/* Calls fn with each command's words and help, for `-h`, completion and the manual. */
void command_each(void (*fn)(void *arg, const char *words, const char *arguments, const char *help), void *arg);

/* ---- for the handlers (cmd_*.c) ---- */

struct command {
	struct engine *engine;
	struct jail *jail;           /* of set/get/status JAIL */
	const struct value *words;   /* as they came */
	const char *const *text;     /* each word as text; NULL for lists, dicts and None */
	size_t count;
	size_t at;                   /* first argument after the command's own words */
	bool is_quiet;               /* in a stream: nobody reads the value */
	bool is_multi;               /* multi-set */
	bool is_own;                 /* asked by a program of ours: more than fail2ban answers may be said */
	struct command_reply *reply;
};

typedef bool (*command_fn)(struct command *c);

/* Argument i (from 0) as text; NULL and an IndexError in the reply when it is missing. */
const char *command_arg(struct command *c, size_t i);
size_t command_args(const struct command *c);
bool command_fail(struct command *c, const char *exception, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool command_answer(struct command *c, struct value *v); /* takes v; true */
bool command_int(struct command *c, const char *text, long long *out); /* Python's int() */
bool command_time(struct command *c, const char *text, double *seconds); /* time abbreviations */
/* The failure of a time: text may be NULL. */
bool command_no_time(struct command *c, const char *text, const struct err *err);

struct command_row { /* set/get rows: NULL where there is none */
	const char *name;
	command_fn get, set;
	const char *set_args, *help;
};

extern const struct command_row command_server_rows[]; /* cmd_server.c; ended by name NULL */
extern const struct command_row command_own_rows[];    /* cmd_server.c; words that fail2ban does not have: a jail of this name comes first */
extern const struct command_row command_jail_rows[];   /* cmd_jail.c */

/* cmd_server.c */
bool cmd_add(struct command *c);
bool cmd_start(struct command *c);
bool cmd_stop(struct command *c);
bool cmd_reload(struct command *c);
bool cmd_unban(struct command *c);
bool cmd_banned(struct command *c);
bool cmd_flushlogs(struct command *c);
bool cmd_repair(struct command *c);
/* cmd_operator.c */
bool cmd_get_hold(struct command *c);
bool cmd_set_hold(struct command *c);
bool cmd_set_delrule(struct command *c);
bool cmd_get_amend(struct command *c);
bool cmd_set_amend(struct command *c);
bool cmd_get_completions(struct command *c);
/* cmd_status.c */
bool cmd_status(struct command *c);
/* cmd_action.c */
bool cmd_set_action(struct command *c);
bool cmd_get_action(struct command *c);

#endif
