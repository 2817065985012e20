/*
 * ignore: whose failures do not count: ignoreip (addresses, networks, names), ignoreself, and
 * entries with an end (the operator's timed whitelist).
 *
 * Answers at once; names are looked up in a cache that the caller keeps warm, so that nothing here
 * waits. ignorecommand is run by the engine, after this said "no".
 */
#ifndef BAN_IGNORE_H
#define BAN_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/value.h"

#define IGNORE_MAX 65536 /* entries per list; more are refused with an error */

struct ignore;

struct ignore *ignore_new(const struct clock *clock);
void ignore_free(struct ignore *g); /* NULL is fine */

/*
 * One entry in fail2ban's syntax: an address, address/len, address/mask, else a DNS name.
 * until: wall clock, -1 for ever. Adding one that is there replaces its end.
 * Refused: "a/b" that is no network, a mask with holes.
 */
bool ignore_add(struct ignore *g, const char *text, double until, struct err *err);
bool ignore_del(struct ignore *g, const char *text); /* false: not there */
const char *ignore_text(const struct ignore *g, const char *text); /* the entry's own text, NULL: not there */
void ignore_clear(struct ignore *g);
/* The wall clock was set by so much: ends move with it. */
void ignore_shift(struct ignore *g, double seconds);
void ignore_clear_lasting(struct ignore *g); /* keeps the entries that have an end (reload) */

/* What the names of the list resolve to now (the engine refreshes it). */
void ignore_set_name(struct ignore *g, const char *name, const struct addr *addrs, size_t count);
/* The names in the list, for the engine to resolve. */
void ignore_each_name(const struct ignore *g, void (*fn)(void *arg, const char *name), void *arg);

enum ignore_why { IGNORE_NOT, IGNORE_IP, IGNORE_DNS };
const char *ignore_why_name(enum ignore_why why); /* "ip", "dns" */
/* a: family 0 when id is no address; then only exact texts count. */
enum ignore_why ignore_check(const struct ignore *g, const char *id, const struct addr *a);

/* Takes out one entry whose time is over: its text, which the caller frees; NULL: none. */
char *ignore_pop_expired(struct ignore *g);
/* Texts in fail2ban's order, pushed to `list`; ends to `untils` as floats when not NULL. */
void ignore_list(const struct ignore *g, struct value *list, struct value *untils);
size_t ignore_count(const struct ignore *g);

#endif
