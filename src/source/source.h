/*
 * source: stage 1, where log bytes come from. One struct source serves all jails of the engine:
 * a file that several jails follow is opened and read once.
 *
 * Owns descriptors, offsets, rotation, retry; knows nothing of lines' meaning. Reads a bounded
 * number of bytes per loop turn, then yields, so that a flood in one file starves nobody.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "flow.h"

struct source;  /* all files and journals of one engine */
struct tail;    /* one followed file, as one (jail, encoding) subscribes to it */

enum tail_state { TAIL_OK, TAIL_MISSING, TAIL_DENIED, TAIL_ERROR };

struct tail_status {
	enum tail_state state;
	int error;           /* errno, when not TAIL_OK */
	const char *why;     /* the error in words: "is a directory"; NULL when TAIL_OK; lives as long as the tail */
	uint64_t size;       /* of the file now, bytes */
	uint64_t pos;        /* raw bytes consumed: the end of the last complete line handed over */
	char first_hash[41]; /* SHA-1 hex of the raw first line with its LF (compat: firstlinemd5); "" unknown */
	double last_line;    /* wall clock of the last line handed over, 0 never */
	double rotated;      /* wall clock of the last rotation seen, 0 never */
	double retry_at;     /* monotonic: when a missing or denied file is tried again, 0 not waiting */
	bool in_operation;   /* has reached the end once */
	uint64_t lines;      /* handed over */
};

struct tail_hooks {
	/* A batch of lines; borrowed for the call. */
	void (*lines)(void *arg, const struct line *lines, size_t count);
	/* state, rotation or error changed. May be NULL. */
	void (*changed)(void *arg, struct tail *t);
	/* for fail2ban.log (level: base/log.h). May be NULL. */
	void (*log)(void *arg, int level, const char *text);
	void *arg;
};

struct tail_start {
	bool at_end;             /* "tail": only what comes from now on, at once in operation */
	uint64_t pos;            /* resume here ... */
	const char *first_hash;  /* ... if the file's first line still has this hash; NULL: from the start */
	double not_before;       /* seek by the date to this time, if `seek_date` is given; 0: no */
	/* Date of a line in seconds since the epoch, NAN if it has none: for the bisection. May be NULL. */
	double (*seek_date)(void *arg, const struct line *line);
};

enum source_backend { SOURCE_INOTIFY, SOURCE_POLLING };

/* SHA-1 of the raw first line of a file with its LF, as the database keeps it; "" and false while it has none. */
bool source_first_hash(const char *path, char hash[41]);

struct source *source_new(uv_loop_t *loop, const struct clock *clock);
/*
 * When set, this replaces the per-tail lines hook: called once for each batch, with all tails that stand at
 * the same position of a file (same encoding), so that the engine can match a batch once for all its jails.
 */
typedef void (*source_batch_fn)(void *arg, struct tail *const *tails, size_t n_tails, const struct line *lines,
    size_t count);
void source_on_batch(struct source *s, source_batch_fn fn, void *arg);
/* Closes everything; `done` runs when the loop has let go of it. No tail may be used after this. */
void source_close(struct source *s, void (*done)(void *arg), void *arg);

/*
 * Follows `path` (no glob). The file need not exist: it is watched for. Returns NULL only for an
 * unknown encoding. Rotation by rename reads the old file to its end before it opens the new one;
 * copytruncate starts again at 0. No line is lost and none handed over twice.
 */
struct tail *tail_new(struct source *s, const char *path, enum source_backend backend,
    const char *encoding, const struct tail_start *start, const struct tail_hooks *hooks, struct err *err);
void tail_free(struct tail *t);
const char *tail_path(const struct tail *t);
void *tail_arg(const struct tail *t); /* hooks.arg */
void tail_status(const struct tail *t, struct tail_status *out);
/* Reads now what is there, without waiting for the watcher (used before stop). Bounded by one turn. */
void tail_poke(struct tail *t);

/*
 * ---- journal (libsystemd, when built with it) ----
 *
 * Lines are "HOST IDENT[PID]: MESSAGE" with the entry's time in struct line (compat: formatJournalEntry).
 * Entries are handed over by the hooks of the journal itself, never by source_on_batch().
 */
struct journal;

struct journal_status {
	double time;       /* of the last entry handed over, to resume from; 0: none */
	char iso[40];      /* the same, local time, as fail2ban's database keeps it */
	double last_line;  /* wall clock of the last line handed over, 0 never */
	bool in_operation; /* has reached the end once */
	uint64_t lines;
	int error;         /* errno of the last failed read, 0 none */
};

bool journal_available(void);
/* backend_args: what stands in the brackets of systemd[…]: "journalpath=…, journalflags=…" or "" or NULL. */
struct journal *journal_new(struct source *s, const char *backend_args, double not_before,
    const struct tail_hooks *hooks, struct err *err);
/* matches: one list of "FIELD=value" and "+" words for each addjournalmatch. Before or after the start. */
bool journal_add_match(struct journal *j, const char *const *words, size_t count, struct err *err);
void journal_clear_matches(struct journal *j); /* then add those that stay */
bool journal_start(struct journal *j, struct err *err);
void journal_status(const struct journal *j, struct journal_status *out);
void journal_free(struct journal *j);

#endif
