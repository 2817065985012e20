/*
 * pickle_read: Python's pickles, protocols 0 to 5, as plain data.
 *
 * Reads what CPython's and other writers produce: the memo in all its forms, frames, every string
 * and number opcode, lists, tuples, dicts, sets. Nothing is ever called: GLOBAL, REDUCE, BUILD, INST,
 * OBJ, NEWOBJ, EXT and PERSID are refused, except the harmless constructors that writers need for
 * plain data (set, frozenset, str, bytes). Bytes become strings. A client that reads replies gets
 * exceptions as data (pickle_exception()).
 *
 * Policy, each with a clear error: longer, deeper, bigger than the caps below is refused; so are
 * integers beyond 64 bits and objects that contain themselves.
 */
#ifndef SERVER_PICKLE_READ_H
#define SERVER_PICKLE_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/value.h"

#define PICKLE_END "<F2B_END_COMMAND>"     /* ends each message on the socket */
#define PICKLE_CLOSE "<F2B_CLOSE_COMMAND>" /* as the whole body: the client leaves */
#define PICKLE_END_LEN (sizeof PICKLE_END - 1)

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* small, so that a fuzzer gets at them, and fast */
#define PICKLE_MAX_BYTES (1u << 16)
#define PICKLE_MAX_REPLY (1u << 16)
#define PICKLE_MAX_NODES 2000u
#define PICKLE_MAX_TEXT 100000u
#define PICKLE_MAX_DEPTH 16
#define PICKLE_MAX_MEMO 1000u
#define PICKLE_MAX_WORK 50000u
#else
#define PICKLE_MAX_BYTES (16u << 20) /* one request */
#define PICKLE_MAX_REPLY (64u << 20) /* one reply */
#define PICKLE_MAX_NODES 1000000u    /* values built, copies of shared ones included; four times as many in a reply */
#define PICKLE_MAX_TEXT (64u << 20)  /* bytes of all strings, copies included */
#define PICKLE_MAX_DEPTH 64          /* nesting */
#define PICKLE_MAX_MEMO 1000000u     /* memo entries and the largest index */
#define PICKLE_MAX_WORK 100000000u   /* key comparisons in dicts and sets */
#endif

enum pickle_side {
	PICKLE_REQUEST, /* client to server: data only */
	PICKLE_REPLY,   /* server to client: exceptions as data */
};

/* NULL and err on anything that is not one whole pickle. Bytes after its STOP are ignored, as Python does. */
struct value *pickle_read(const char *bytes, size_t len, enum pickle_side side, struct err *err);

/* An exception in a reply: a dict of this form. True, its class and arguments (a tuple) if v is one. */
bool pickle_exception(const struct value *v, const char **class_name, const struct value **args);

/*
 * Where the message ends that begins at bytes: the offset of PICKLE_END, or -1 if it is not complete.
 * *seen (0 at first) remembers how far was looked, so that a slow sender costs linear time.
 */
ptrdiff_t pickle_frame_end(const char *bytes, size_t len, size_t *seen);
bool pickle_is_close(const char *bytes, size_t len); /* the body of a message says good-bye */

#endif
