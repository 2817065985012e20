/*
 * notify: the kernel says when nf_tables' rules changed (iptables of today are nf_tables too), so that
 * an idle machine polls nothing. Not available for iptables-legacy and ipset: those must be polled.
 */
#ifndef FIREWALL_NOTIFY_H
#define FIREWALL_NOTIFY_H

#include <stdbool.h>
#include <uv.h>

struct notify;

/*
 * NULL when the kernel or the rights do not allow it. `changed` is called once per loop turn at most; is_removal:
 * something was taken away, or may have been.
 */
struct notify *notify_new(uv_loop_t *loop, void (*changed)(void *arg, bool is_removal), void *arg);
void notify_close(struct notify *n, void (*done)(void *arg), void *arg); /* n NULL: done is called at once */

#endif
