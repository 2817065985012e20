/*
 * hosts: the tap behind the Hosts pane: per address, over all jails, how often it failed lately.
 * Rows that changed are collected, so that a flood costs one small message per slice.
 */
#ifndef EVENT_HOSTS_H
#define EVENT_HOSTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

#define HOSTS_MAX 20000  /* addresses kept; the one that failed longest ago leaves first */
#define HOSTS_CHANGES 400 /* rows per change message; the rest follows in the next */

struct hosts;

struct hosts *hosts_new(const struct clock *clock);
void hosts_free(struct hosts *h); /* NULL is fine */

/* One failure of `ip` in `jail`: `now_failed` of `max` counted there. */
void hosts_failed(struct hosts *h, const char *ip, const char *jail, int now_failed, int max, double time);
/* The count in `jail` is over (expired, banned, forgiven). */
void hosts_set_failed(struct hosts *h, const char *ip, const char *jail, int now_failed);
/* Drops addresses that were quiet for `quiet_s`. */
void hosts_expire(struct hosts *h, double quiet_s);

/* {"items":[HOST…],"gone":[ip…]} of what changed since the last call; NULL if nothing did. */
json_t *hosts_changes(struct hosts *h);
/* All rows, at most `chunk` per call of fn, which takes the array. */
void hosts_all(struct hosts *h, size_t chunk, void (*fn)(void *arg, json_t *items), void *arg);

#endif
