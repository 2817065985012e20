/*
 * doubled: rules of nftables that an actionstart made a second time.
 *
 * The action of the dialect adds its rule without asking whether it is there (those of iptables ask). After a
 * kill the rule is there; the start doubles it, and a stop takes out both, but until then each packet is
 * matched twice, and `nft list` shows it. Where a killed engine left sets, what a start makes twice is taken
 * out by its handle: of equal rules of one chain that ask for a set, the first one stays.
 */
#ifndef DOUBLED_H
#define DOUBLED_H

#include <uv.h>

struct doubled;

struct doubled *doubled_new(uv_loop_t *loop);
void doubled_close(struct doubled *d, void (*done)(void *arg), void *arg);
void doubled_watch(struct doubled *d, const char *table); /* a killed engine left a set in it */
void doubled_started(struct doubled *d); /* some action has started: looks, a moment later */

#endif
