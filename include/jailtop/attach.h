/*
 * attach: the screen's side of the engine's socket: find it, start it, connect, send commands, re-attach.
 *
 * attach_begin() blocks and runs before the terminal is taken: it connects, or starts the engine and
 * waits for it. When it runs as root it leaves a small parent that only connects and hands descriptors
 * over, and returns in a child that is the user who called sudo, else nobody. From then on everything is
 * asynchronous on the caller's loop. A connection that ends is made again after 1, 2, 3 s ….
 */
#ifndef JAILTOP_ATTACH_H
#define JAILTOP_ATTACH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

#include "base/err.h"

#define ATTACH_START_S 10      /* how long a started engine may take to answer */
#define ATTACH_PENDING_MAX 256 /* commands without an answer; more are refused */
#define ATTACH_OWN_MAX 8

/* The socket's path: `given`, else $JAILTOP_SOCKET, else what the configuration in `dir` says. The caller frees. */
char *attach_socket_path(const char *given, const char *dir, struct err *err);

/*
 * The operator's own addresses: SSH_CONNECTION, else that variable of the nearest parent process, else
 * the host that utmp has for this terminal. Must be asked before root is given up. Returns how many.
 */
int attach_own_addresses(char own[ATTACH_OWN_MAX][64], int tty_fd);

struct attach_spec {
	const char *socket;
	const char *const *server_args; /* what `jailtop server` is given besides -s and --owned; NULL-terminated */
	const char *exe;                /* the program to start the engine with; NULL: this one */
	bool never_start;               /* only attach */
	bool keep_user;                 /* do not give up root (tests) */
	const char *own[ATTACH_OWN_MAX];
	int n_own;
	const char *client;             /* "top", "batch", "json" */
};

struct attach;

enum attach_state { ATTACH_DOWN, ATTACH_UP };

typedef void (*attach_message_fn)(void *arg, const json_t *message, const char *line, size_t len);
/* reason: why it is down, may be "". */
typedef void (*attach_state_fn)(void *arg, enum attach_state state, const char *reason);
/* value is borrowed and NULL when !ok; error is NULL when ok. Also called, with ok false, when the connection ends. */
typedef void (*attach_reply_fn)(void *arg, bool ok, const json_t *value, const char *error);

/* NULL and err when there is no engine and none could be started. In the root case this returns in the child only. */
struct attach *attach_begin(const struct attach_spec *spec, struct err *err);
/* Puts it on the loop; sends hello and subscribe on each new connection. */
void attach_run(struct attach *a, uv_loop_t *loop, attach_message_fn message, attach_state_fn state, void *arg);
/* Sends a command in fail2ban's words; false when it is down or too many are pending. fn may be NULL. */
bool attach_command(struct attach *a, const char *const *words, size_t count, attach_reply_fn fn, void *arg);
bool attach_is_up(const struct attach *a);
bool attach_can_write(const struct attach *a); /* the engine lets this user act */
double attach_retry_in(const struct attach *a); /* seconds; 0 when up or trying now */
double attach_down_for(const struct attach *a); /* seconds; 0 when up */
/* Ends the connection, drops what is pending; the memory lives until the loop closed its handles. */
void attach_close(struct attach *a);
void attach_free(struct attach *a); /* after the loop ran to its end */

/* ---- a stream on disk (src/link/record.c) ---- */
struct record;

struct record *record_open(const char *path, struct err *err); /* new file, 0600 */
void record_line(struct record *r, const char *line, size_t len);
void record_close(struct record *r); /* NULL is fine */
/* Calls fn with each message of the file. A line that is no JSON ends it with an error. */
bool replay_file(const char *path, attach_message_fn fn, void *arg, struct err *err);

#endif
