/*
 * resolve: names to addresses and back, outside the loop (libuv's pool), cached, capped.
 *
 * DNS answers are hostile: at most RESOLVE_MAX addresses of a name are used, and a host name from a
 * PTR record is cut to what a host name may hold.
 */
#ifndef BASE_RESOLVE_H
#define BASE_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/addr.h"
#include "base/clock.h"

#define RESOLVE_MAX 32        /* addresses per name */
#define RESOLVE_CACHE 1000    /* names kept, the oldest leaves */
#define RESOLVE_TTL_S 300     /* compat: fail2ban's DNSUtils caches for 300 s, empty answers too */
#define RESOLVE_PENDING 256   /* queries under way; more are answered "nothing" at once and counted */

struct resolve;

struct resolve *resolve_new(uv_loop_t *loop, const struct clock *clock);
void resolve_close(struct resolve *r, void (*done)(void *arg), void *arg); /* pending callbacks are dropped */
typedef void (*resolve_fn)(void *arg, const struct addr *addrs, size_t count);
/* Calls fn once: at once when cached, else later. count 0: unknown. */
void resolve_name(struct resolve *r, const char *name, resolve_fn fn, void *arg);
typedef void (*resolve_ptr_fn)(void *arg, const char *name); /* NULL: none */
void resolve_ptr(struct resolve *r, const struct addr *addr, resolve_ptr_fn fn, void *arg);
void resolve_flush(struct resolve *r); /* forgets the cache */

#endif
