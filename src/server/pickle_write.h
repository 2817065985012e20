/*
 * pickle_write: plain values -> a pickle of protocol 2, which every reader of any language loads.
 *
 * Requests keep bytes that are not UTF-8 as Python's surrogate escapes, so that file names survive;
 * in replies each such byte is U+FFFD, because the stock client could not print it.
 * The framed forms append the terminator of the socket.
 */
#ifndef SERVER_PICKLE_WRITE_H
#define SERVER_PICKLE_WRITE_H

#include "base/str.h"
#include "base/value.h"
#include "server/pickle_read.h"

void pickle_write(const struct value *v, enum pickle_side side, struct str *out);

/* The framed request of a client. */
void pickle_write_request(const struct value *command, struct str *out);

/* The framed answer (0, value). */
void pickle_write_ok(const struct value *v, struct str *out);

/*
 * The framed answer (1, exception). class_name: "UnknownJailException" and "DuplicateJailException"
 * are fail2ban's, all others Python's own ("KeyError", "IndexError", "ValueError", "Exception", …;
 * a name that Python 3 does not have becomes "Exception"). args: a list or tuple.
 */
void pickle_write_error(const char *class_name, const struct value *args, struct str *out);

/* The framed bare string that answers what could not be decoded: "ERROR: " and the text. */
void pickle_write_refusal(const char *text, struct str *out);

#endif
