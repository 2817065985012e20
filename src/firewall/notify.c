#include "firewall/notify.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define READS_PER_TURN 64 /* messages thrown away per loop turn; that there was one is all we need */

struct notify {
	uv_poll_t poll; /* first */
	int fd;
	void (*changed)(void *arg);
	void *arg;
	void (*done)(void *arg);
	void *done_arg;
};

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct notify *n = (struct notify *)poll;
	char bytes[8192];
	bool seen = false;

	(void)status;
	(void)events;
	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t got = recv(n->fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (got < 0 && errno != ENOBUFS) /* ENOBUFS: there were more than the kernel could keep */
			break;
		seen = true;
	}
	if (seen)
		n->changed(n->arg);
}

struct notify *
notify_new(uv_loop_t *loop, void (*changed)(void *arg), void *arg)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	int group = NFNLGRP_NFTABLES;
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};

	if (fd < 0)
		return NULL;
	if (bind(fd, (struct sockaddr *)&any, sizeof any) != 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
		close(fd);
		return NULL;
	}
	struct notify *n = xcalloc(1, sizeof *n);
	n->fd = fd;
	n->changed = changed;
	n->arg = arg;
	uv_poll_init(loop, &n->poll, fd);
	uv_poll_start(&n->poll, UV_READABLE, on_readable);
	return n;
}

static void
on_closed(uv_handle_t *h)
{
	struct notify *n = (struct notify *)h;
	void (*done)(void *) = n->done;
	void *arg = n->done_arg;

	close(n->fd);
	free(n);
	done(arg);
}

void
notify_close(struct notify *n, void (*done)(void *arg), void *arg)
{
	if (n == NULL) {
		done(arg);
		return;
	}
	n->done = done;
	n->done_arg = arg;
	uv_close((uv_handle_t *)&n->poll, on_closed);
}
