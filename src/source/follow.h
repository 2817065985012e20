/*
 * follow: the insides of stage 1, shared by its own files only.
 *
 *   source -> file (a path) -> stream (an open inode) -> cursor (a position) -> tails (subscribers)
 *
 * A file has one current stream and, after a rotation, old ones that are read on until they are quiet.
 * A stream has one cursor for each distinct (encoding, position, in operation); cursors that meet become
 * one, so that in the long run each block is read once and each line is handed over in one round.
 */
#ifndef SOURCE_FOLLOW_H
#define SOURCE_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uthash.h>
#include <uv.h>

#include "base/str.h"
#include "source/lines.h"
#include "source/sha1.h"
#include "source/source.h"

#ifndef FOLLOW_BLOCK
#define FOLLOW_BLOCK (128 * 1024) /* bytes of one read */
#endif
#define FOLLOW_TURN (512 * 1024)  /* bytes read per loop turn, over all files */
#define FOLLOW_HEAD 256           /* first bytes of a log, kept to notice that it was written anew */
#define FOLLOW_OLD_MAX 8          /* rotated streams of one file that are still read */
#define FOLLOW_LINGER_MS 30000    /* a rotated or deleted log is let go when it was quiet for this long */
#define FOLLOW_SAFETY_MS 10000    /* how often a path is looked at when nothing was said about it */
#define FOLLOW_RETRY_MIN_MS 200
#define FOLLOW_RETRY_MAX_MS 60000 /* compat: fail2ban's doubling delay for pending files, 0.2 s to 60 s */
#define FOLLOW_FIRST_MAX (1024 * 1024) /* a first line longer than this has no hash */

struct cursor {
	struct stream *stream;
	struct lines *lines; /* owned */
	uint64_t off;        /* next byte to read */
	uint64_t pos;        /* end of the last complete line */
	bool in_operation;
	bool has_read;       /* something was read: reaching the end now means "in operation" */
	bool is_chosen;      /* takes part in the read under way */
	struct tail **tails; /* owned array, borrowed tails */
	size_t count, room;
	struct cursor *prev, *next;
};

struct stream {
	struct file *file;
	int fd;
	dev_t dev;
	ino_t ino;
	int wd;                       /* inotify watch of the inode, -1: none */
	int read_error;               /* errno of the last read */
	uint8_t head[FOLLOW_HEAD];
	size_t head_len;
	uint64_t size;                /* at the last read */
	char first_hash[SHA1_TEXT_MAX];
	uint64_t hashed_size;         /* size at the last try to hash the first line */
	uint64_t quiet_since;         /* loop time, ms, of the last data or of becoming old */
	struct cursor *cursors;       /* owned */
	struct stream *prev, *next;
};

struct tail {
	struct file *file;
	struct cursor *cursor; /* in the file's current stream; NULL while there is none */
	struct tail_hooks hooks;
	char *encoding;        /* owned; as lines_encoding() names it */
	struct tail_start start;
	char start_hash[SHA1_TEXT_MAX];
	bool is_started;       /* `start` was used up */
	bool in_operation;     /* carried from one stream to the next */
	bool is_dead;          /* freed inside a callback */
	uint64_t resume;       /* where the last stream was left, when there is no cursor */
	uint64_t lines;
	double last_line;
	struct tail *prev, *next;
};

struct file {
	struct source *source;
	char *key;             /* owned: backend and path */
	const char *path;      /* inside key */
	bool wants_polling;    /* by choice */
	bool is_polled;        /* by choice, or because inotify refused */
	struct tail *tails;    /* owned */
	struct stream *streams; /* owned, oldest first */
	struct stream *current; /* the one that `path` led to when it was last seen */
	enum tail_state state;
	int error;
	const char *why;       /* static */
	double rotated;
	double retry_at;
	bool needs_check;      /* the path must be looked at again */
	bool is_queued;
	bool was_open;         /* a stream was let go: left_* tell which */
	dev_t left_dev;
	ino_t left_ino;
	uint8_t left_head[FOLLOW_HEAD];
	size_t left_head_len;
	uint64_t due;          /* loop time, ms: when to look without being told */
	uint64_t wait_ms;      /* the present delay of polling or of retrying */
	int64_t poll_mtime_ns; /* the polling backend's last look */
	uint64_t poll_size;
	ino_t poll_ino;
	struct file *prev, *next; /* in the queue */
	UT_hash_handle hh;
};

struct source {
	uv_loop_t *loop;
	const struct clock *clock;
	struct file *files;
	struct file *queue;    /* files that may have something to read */
	struct journal *journals;
	struct watcher *watcher; /* inotify; NULL: not needed so far, or refused */
	bool watcher_failed;
	uv_idle_t idle;        /* keeps the loop turning while the queue is not empty */
	uv_timer_t timer;
	uint8_t *block;        /* owned, FOLLOW_BLOCK bytes */
	struct tail **round;   /* owned scratch: the tails of one callback round */
	size_t round_room;
	source_batch_fn batch;
	void *batch_arg;
	unsigned busy;         /* inside a turn: tails are only marked dead */
	bool has_dead;
	bool is_closing;
	uint64_t linger_ms;    /* FOLLOW_LINGER_MS; tests are less patient */
	unsigned open_handles;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* ---- source.c ---- */
void source_queue(struct source *s, struct file *f);
void source_arm(struct source *s); /* sets the timer to the earliest `due` */
uint64_t source_now_ms(const struct source *s);
void source_log(struct file *f, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
void source_handle_closed(struct source *s);

/* ---- file.c: a path ---- */
struct file *file_of(struct source *s, const char *path, enum source_backend backend); /* made if there is none */
bool file_check(struct file *f); /* looks at the path: opens, notices rotation; true: something is new */
bool file_turn(struct file *f, bool *has_read); /* reads at most a block; true: there is more */
void file_plan(struct file *f, bool has_changed); /* sets `due` */
void file_changed(struct file *f);
void file_sweep(struct file *f); /* frees dead tails */
void file_free(struct file *f);

/* ---- tail.c: a subscriber ---- */
void tail_begin(struct tail *t, struct stream *st, uint64_t size); /* reads st: the first from its start, others from byte 0 */
void tail_drop(struct tail *t); /* frees */

/* ---- stream.c: an open inode ---- */
struct stream *stream_new(struct file *f, int fd, dev_t dev, ino_t ino);
void stream_free(struct stream *st);
void stream_add(struct stream *st, struct tail *t, uint64_t off, bool in_operation);
void stream_remove(struct stream *st, struct tail *t);
bool stream_turn(struct stream *st, bool *has_read); /* true: there is more to read */
void stream_end(struct stream *st); /* hands over an unfinished last line */
void stream_hash(struct stream *st); /* fills first_hash if the first line is complete */
uint64_t stream_end_off(const struct stream *st); /* the furthest cursor */
bool stream_is_copy(const struct stream *old, int fd); /* fd's inode holds what was read of old */

/* ---- seek.c: where to begin ---- */
uint64_t seek_line_start(int fd, uint64_t size, const char *encoding);
uint64_t seek_time(struct tail *t, int fd, uint64_t from, uint64_t size);

/* ---- inotify.c ---- */
struct watcher *watcher_new(struct source *s, int *error);
void watcher_close(struct watcher *w);
bool watcher_follow(struct watcher *w, struct file *f); /* watches the directories that `path` goes through */
bool watcher_watch(struct watcher *w, struct stream *st);
void watcher_forget_stream(struct watcher *w, struct stream *st);
void watcher_forget_file(struct watcher *w, struct file *f);

/* ---- journal.c ---- */
void journal_close_all(struct source *s);

/* ---- journal_entry.c: an entry as a line ---- */

/* What a journal entry is made into; each may be NULL. */
struct journal_entry {
	const char *hostname, *identifier, *comm, *syslog_pid, *pid;
	const struct slice *messages; /* usually one */
	size_t n_messages;
	double monotonic; /* seconds, for the kernel's */
};
/* raw: text_note(); NULL: nobody asks */
void journal_entry_render(const struct journal_entry *e, struct str *out, struct str *raw);

struct systemd;
struct sd_journal;
struct journal_fields; /* room for those of an entry */
struct journal_fields *journal_fields_new(void);
void journal_fields_free(struct journal_fields *f);
/* Appends the line of the entry that sd stands at, without a line feed. True: it was cut. */
bool journal_entry_take(const struct systemd *lib, struct sd_journal *sd, struct journal_fields *f, struct str *text,
    struct str *raw, double *time);

/* ---- poll.c ---- */
bool poll_look(struct file *f); /* true: the file is not as it was at the last look */
uint64_t poll_delay(struct file *f, bool has_changed); /* ms to the next look */

#endif
