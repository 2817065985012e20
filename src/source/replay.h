/*
 * replay: a file or standard input, read once to its end in large blocks: for the tester.
 */
#ifndef SOURCE_REPLAY_H
#define SOURCE_REPLAY_H

#include <stdbool.h>

#include "base/err.h"
#include "source/lines.h"

/* Feeds everything that fd gives. An unfinished last line stays pending: the caller decides. */
bool replay_fd(int fd, struct lines *l, struct err *err);

#endif
