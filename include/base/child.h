/*
 * child: one program with a deadline, in a session and process group of its own.
 *
 * Runs on the loop; stdout and stderr are pipes, collected up to a cap (the end is kept), stdin is
 * fed from memory. At the deadline the group gets TERM, 0.2 s later KILL. No shell unless asked for.
 * A program that ends but leaves children which hold its pipes is over when they are, or at the
 * deadline; what left the group and still holds a pipe then is let go.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/str.h"

struct child;

struct child_result {
	int exit_code;    /* 0-255, or -signal; of the program itself */
	bool timed_out;   /* it, or children that it left, had to be ended at the deadline */
	int spawn_error;  /* libuv's code when it could not be started, else 0 */
	double ms;
	const char *out, *err; /* the last bytes of stdout and stderr; borrowed for the call */
	size_t out_len, err_len;
	bool out_cut, err_cut; /* more was printed than kept */
};

typedef void (*child_fn)(void *arg, const struct child_result *r);

struct child_spec {
	const char *file;          /* found by PATH when it has no slash */
	const char *const *argv;   /* NULL-terminated, argv[0] included */
	const char *const *env;    /* NULL: inherit */
	const char *input;         /* fed to stdin; NULL: /dev/null; copied */
	size_t input_len;
	int pass_fd;               /* becomes the child's descriptor 3; 0: none */
	double timeout_s;          /* 0: none */
	size_t keep_out, keep_err; /* caps of what is kept, 0: 64 KiB */
	/*
	 * Optional: called once before done when the program itself has ended but children of it
	 * still hold its pipes, so that nobody has to wait for them. The child lives until done.
	 */
	child_fn exited;
	child_fn done;             /* exactly once, never from inside child_run() */
	void *arg;
};

/*
 * NULL never: a failed start is reported through done. The spec is copied as far as it is needed.
 * Ignores SIGPIPE for the process, as a program may end before it has read its input.
 */
struct child *child_run(uv_loop_t *loop, const struct child_spec *spec);
/* Ends it at once (KILL to the group); done is still called, later. */
void child_kill(struct child *c);
int child_pid(const struct child *c); /* 0 when it is not running */

#endif
