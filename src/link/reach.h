/*
 * reach: descriptors of the engine's socket: connects, starts the engine when there is none, and, as root,
 * leaves a parent behind that does nothing but connect and hand descriptors to the unprivileged screen.
 */
#ifndef LINK_REACH_H
#define LINK_REACH_H

#include <uv.h>

#include "jailtop/attach.h"

struct reach;

typedef void (*reach_fn)(void *arg, int fd, int error); /* fd -1: error is an errno */

/* Blocks. *fd: the first connection. NULL and err: there is no engine. As root it returns in a child only. */
struct reach *reach_begin(const struct attach_spec *spec, int *fd, struct err *err);
void reach_run(struct reach *r, uv_loop_t *loop);
/* One more connection; never starts an engine. fn is called once, unless closed before. */
void reach_again(struct reach *r, reach_fn fn, void *arg);
void reach_close(struct reach *r);
void reach_free(struct reach *r); /* NULL is fine */

#endif
