/*
 * sha1: SHA-1 of a few bytes, to recognise a log by its first line as fail2ban's database does.
 *
 * An identity mark, not a protection. By hand because none of the libraries linked here exports it, and
 * libcrypto would cost a build dependency and megabytes for one hash per opened log.
 */
#ifndef SOURCE_SHA1_H
#define SOURCE_SHA1_H

#include <stddef.h>

#define SHA1_TEXT_MAX 41 /* 40 hex digits and the NUL */

void sha1_hex(const void *bytes, size_t len, char text[SHA1_TEXT_MAX]);

#endif
