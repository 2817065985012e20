/*
 * internal: what the files of src/action share.
 *
 *   action.c  properties; what is queued
 *   course.c  the course of each phase: on demand, names, second try
 *   operation.c  start, stop, flush, reload by family; check and repair
 *   facts.c   <tags> -> a command (text, and the values that the shell gets as data)
 *   queue.c   who runs when: lanes, turns, drain, close
 *   batch.c   what waits as plain commands leaves as one
 *   plain.c   which commands those are
 *   digest.c  many mails -> one
 *   names.c   names that must be asked of the network first
 *   run.c     a command -> a child -> how it ended
 *   words.c   which words a shell would see
 */
#ifndef ACTION_INTERNAL_H
#define ACTION_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <uthash.h>
#include <uv.h>

#include "action/action.h"
#include "base/child.h"
#include "base/resolve.h"

#define ACTION_PHASES (ACTION_RELOAD + 1)
#define VALUE_MAX 98304   /* bytes of one value: a program's argument must stay below 128 KiB */
#define VALUE_INLINE 4096 /* a longer one never stands in the text itself */
#define OUTPUT_KEPT 4096  /* bytes of a command's output that are shown */

/* compat: CommandAction's families; also the keys of what is started. */
enum family {
	FAMILY_ANY,   /* the action has no ?family= keys */
	FAMILY_INET4,
	FAMILY_INET6,
	FAMILY_NONE,  /* the ticket's id is no address */
	FAMILY_COUNT,
};

const char *family_name(enum family f); /* "", "inet4", "inet6", "None" */

/* ---- words.c ---- */

struct words {
	char **at; /* owned, each owned */
	size_t count;
};

void words_done(struct words *w);
/*
 * True if text is one simple command of plain words (quotes and backslashes only) that needs no
 * shell: no variable, operator, redirection, pattern, comment, assignment, builtin or second line.
 */
bool words_parse(const char *text, struct words *out);
/* Does the shell text name a program that changes a firewall, where a program is looked for? */
bool words_use_firewall(const char *text);
/* Does it name a program that is wanted, where a program is looked for? */
bool words_find_program(const char *text, bool (*is_wanted)(const char *word, size_t len));
/* What stands behind the last pipe, if that is the last command of the text. Owned; NULL if not so. */
char *words_after_last_pipe(const char *text);

/* ---- facts.c ---- */

struct command {
	char *text;    /* owned; for `sh -c`, without the line that names the values */
	struct {
		char *name;  /* owned; "f2bV_matches" */
		char *value; /* owned */
	} *values; /* owned */
	size_t n_values;
};

void command_done(struct command *c);
/* As one text: the line naming the values first. What `sh -c` gets. Owned. */
char *command_script(const struct command *c);

enum piece_kind { PIECE_TEXT, PIECE_TAG, PIECE_GROUP };

struct piece {
	enum piece_kind kind;
	char *text; /* owned; the tag without <>; a group's name in lower case */
};

/* A command with its static tags replaced: what remains depends on the ticket. */
struct template {
	char *text; /* owned; as fail2ban compares it: "was this executed for the other family?" */
	struct piece *pieces; /* owned */
	size_t n_pieces;
	bool is_blank;
	bool wants_host;     /* <ip-host> */
	bool wants_own_name; /* <fq-hostname> */
};

struct property {
	char *name;
	struct value *value;
	UT_hash_handle hh;
};

/* Replaces the properties' tags recursively. false: they refer to themselves. */
bool facts_expand(const struct property *properties, const char *query, enum family f, struct str *out,
    struct err *err);
void template_make(struct template *t, char *text); /* takes text */
void template_done(struct template *t);

struct fact_source {
	const struct action_hooks *hooks;
	const char *jail;
	const struct ticket *ticket; /* NULL: an empty one */
	double now;
	enum family family;
	bool only_family;     /* compat: check and repair know <family> only */
	const char *host;     /* of the ticket's address, NULL unknown */
	const char *own_name; /* fully qualified */
	bool is_raw;          /* no shell will see it: values stand in the text as they are */
};

void facts_fill(const struct template *t, const struct fact_source *from, struct command *out);
void facts_ip_rev(const struct addr *a, struct str *out);

/* ---- run.c ---- */

struct run_result {
	bool ok;
	int exit_code;
	bool timed_out;
	const char *output; /* borrowed for the call */
};

typedef void (*run_fn)(void *arg, const struct run_result *r);

struct run;
/* Runs it: directly if it is plain, else by the shell. Takes nothing. done is called once, later. */
struct run *run_start(struct action_queue *q, const struct command *c, double timeout_s, run_fn done, void *arg);
/* Runs a program with input, on trial: its failure is logged as information only. */
struct run *run_program(struct action_queue *q, const char *const *argv, const struct str *input,
    double timeout_s, run_fn done, void *arg);

/* Ends whatever runs, at once. */
void run_kill_all(struct action_queue *q);

/* ---- action.c ---- */

struct action {
	struct action_queue *queue;
	char *jail, *name; /* owned */
	struct property *properties;
	struct template templates[ACTION_PHASES][FAMILY_COUNT];
	bool has_template[ACTION_PHASES][FAMILY_COUNT];
	/* compat: CommandAction.__started: bit 0 started, bit 1 holds bans; in the order of starting */
	unsigned started[FAMILY_COUNT];
	enum family order[FAMILY_COUNT];
	size_t n_order;
	bool is_left[FAMILY_COUNT]; /* an earlier engine started it and was killed: it is stopped with the others */
	char *executed[ACTION_PHASES][FAMILY_COUNT]; /* owned; what an operation ran */
	double timeout_s;
	bool is_firewall, is_classified; /* decides the shared lane; not changed while there are jobs */
	bool is_changed; /* since it was classified */
	bool is_slow;      /* its last command took longer than the queue's patience */
	struct digest *digest; /* NULL until it has mailed */
	struct lane *lane; /* its own, while it has left the shared one */
	size_t jobs;       /* queued or running */
	bool is_orphan;    /* action_free() came while it had jobs */
};

/* One queued piece of work. */
struct job {
	struct job *prev, *next;
	struct action *action;
	enum action_phase phase;
	enum family family;
	uint64_t seq, queued_ns;
	char *id;              /* owned; the ticket's */
	struct command command; /* filled when queued, unless a name must be resolved first */
	struct ticket *ticket; /* owned; kept only while a name must be resolved */
	struct template *own;  /* owned; NULL: the action's command for the phase */
	bool is_filled;
	bool is_silent;        /* it has nothing to run: a restored ban that must not be mailed, or … */
	bool is_digested;      /* … one that goes out with others in one mail */
	bool is_digest;        /* that mail */
	bool flush_first;
	bool is_leftover;      /* an unban of what an earlier engine banned */
	bool is_forced;        /* a repair that the action's own check does not see the need of */
	bool is_in_place;      /* a ban whose rule is there already */
};

void job_free(struct job *j);
void job_fill(struct job *j, const struct ticket *ticket, const char *host); /* its command's tags */
bool job_in_place(struct job *j);
const struct template *action_template(struct action *a, enum action_phase phase, enum family f);
bool action_is_firewall(struct action *a);
bool action_is_conditional(const struct action *a); /* it has ?family= keys */
bool action_has_command(struct action *a, enum action_phase phase);
bool action_starts_on_demand(struct action *a);
bool action_flag(const struct action *a, const char *property);
#define ACTION_IS_STARTED 1u
#define ACTION_HOLDS_BANS 2u
void action_holds(struct action *a, enum family f); /* it has banned something of this family */
void action_destroy(struct action *a);
enum family ticket_family(const struct ticket *t);

/* ---- queue.c ---- */

struct lane {
	struct action_queue *queue;
	char *name;           /* owned; "" of the firewall's */
	struct action *owner; /* of a lane of its own; NULL when the action is gone */
	bool is_own;
	bool is_stepping;
	struct job *jobs;     /* in order; those of the turn or batch are not in it */
	struct turn *turn;
	struct batch *batch;
	size_t limit;         /* members of the next batch: halved when one is refused, then doubled */
	size_t ceiling;
	size_t after;         /* a batch was refused: the limit after the one that goes by itself; 0: none was */
	unsigned refusals;    /* in a row */
	uint64_t rest_ns;     /* no work before: after a large batch the next one gathers */
	UT_hash_handle hh;
};

/* The work of one job, from its first command to its last. */
struct turn {
	struct action_queue *queue;
	struct lane *lane;
	struct job *job;
	struct run *run; /* what runs now */
	uint64_t run_ns;
	/* how it stands: the last command's */
	char *command;   /* owned */
	char *output;    /* owned */
	int exit_code;
	bool timed_out;
	int tries;
	bool was_repaired; /* a check failed, and what it looks for was made anew */
	bool did_run;    /* at least one command was run (or would have been) */
	bool has_asked;  /* for the host's name */
	/* where to go on; see action.c */
	void (*next)(struct turn *t, bool ok);
	struct {
		enum action_phase phase;
		enum family families[FAMILY_COUNT];
		size_t count, at;
		bool ok, did_run, force;
		void (*next)(struct turn *t, bool ok);
	} op;
	struct {
		enum family family;
		bool is_unban;
		void (*next)(struct turn *t, int result); /* 1 sane, 0 not restored, -1 not to be restored */
	} check;
	enum family families[FAMILY_COUNT];
	size_t n_families, at_family;
	bool ok;
};

/* Runs a command for the turn; next(t, ok) when it has ended. A blank one is ok at once. */
void turn_run(struct turn *t, struct command *c, void (*next)(struct turn *t, bool ok)); /* takes c's insides */
void turn_waits(struct turn *t); /* others are let past if it takes long */
void turn_outcome(struct turn *t, enum action_phase phase, bool ok);
void turn_end(struct turn *t, bool ok); /* reports the job's outcome; t is gone */
void turn_begin(struct turn *t); /* in course.c */
void turn_named(struct turn *t, const char *host); /* in course.c: a name is known, or never will be */

/* ---- operation.c ---- */

/* The families that have all of the flags, in the order of starting; how many. */
size_t action_families(const struct action *a, unsigned flags, enum family *out);
void operation_run(struct turn *t, enum action_phase phase, const enum family *families, size_t count,
    void (*next)(struct turn *t, bool ok));
void operation_check(struct turn *t, enum family f, bool is_unban, void (*next)(struct turn *t, int result));
/* What the check looks for is not there (t->check is set): repaired if the action knows how, else made anew. */
void operation_restore(struct turn *t);

struct action_queue {
	uv_loop_t *loop;
	const struct clock *clock;
	struct action_hooks hooks;
	bool dry_run;
	struct lane *lanes; /* by name */
	struct run *runs;   /* all that runs, also what commands left behind */
	uv_timer_t kick, patience, rest;
	int handles;        /* still to be closed */
	uint64_t seq;
	size_t waiting;
	size_t removing;    /* … of them may take something out of the kernel */
	struct drain *drains;
	unsigned held;      /* ACTION_HOLD_… */
	bool is_closing;
	void (*closed)(void *arg);
	void *closed_arg;
	struct resolve *resolve; /* made when first needed */
	struct question *questions;
	uv_timer_t names;
	char *own_name;          /* owned; NULL until known */
	struct digest *digests;  /* that wait for their time */
	uv_timer_t digest;
};

void queue_add(struct action *a, struct job *j);
void queue_add_first(struct action *a, struct job *j); /* before all that waits */
/* The job is over: fills in what o lacks and reports it. j is gone, its action may be. */
void job_end(struct job *j, struct outcome *o);
void queue_log(const struct action_queue *q, int level, const char *logger, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void queue_maybe_closed(struct action_queue *q);
void lane_widen(struct lane *lane);
void lane_next(struct lane *lane); /* goes on with what waits, if it is free */

/* ---- names.c ---- */

/* Each answers by turn_named(), perhaps at once. */
void names_ask_host(struct turn *t, const struct addr *addr);
void names_ask_own(struct turn *t);
void names_close(struct action_queue *q);

/* ---- digest.c ---- */

/* A ban that must not be mailed by itself is noted; false: it may. */
bool digest_takes(struct action *a, const struct ticket *t);
void digest_flush(struct action *a); /* queues the mail of what was noted, if anything */
void digest_free(struct action *a);
bool digest_is_mail_program(const char *word, size_t len);
/* In action.c: queues a mail; script is the administrator's text with tags, t what they mean. */
void queue_digest(struct action *a, const struct ticket *t, const char *script);

/* ---- plain.c ---- */

enum tool { TOOL_NONE, TOOL_IPTABLES, TOOL_IPSET, TOOL_NFT };

struct plain {
	struct words words;  /* [0]: the tool as it was written */
	struct str line;     /* as the restore program reads it; of nft what stands before the braces */
	struct str element;  /* nft: what stands in them */
	const char *table;   /* iptables; borrowed from words, or "filter"; "" of the others */
};

/* TOOL_NONE: no such command; p holds nothing then. */
enum tool plain_read(const char *text, struct plain *p);
void plain_done(struct plain *p);
const char *plain_base_name(const char *path);

/* ---- batch.c ---- */

#define BATCH_MAX 32768 /* members */
#define BATCH_LARGE 64  /* members: after that many … */
#define BATCH_EVERY_MS 80 /* … the next begins no earlier: each costs a fork of the whole server */

struct batch;
/* Starts a batch of two or more jobs from the lane's head, if that is possible. */
bool batch_start(struct lane *lane);

#endif
