#include "firewall/notify.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define READS_PER_TURN 64 /* messages per loop turn */
#define ROOM (1 << 20)    /* bytes that the kernel keeps of a storm; then it says that there were more */

struct notify {
	uv_poll_t poll; /* first */
	int fd;
	void (*changed)(void *arg, bool is_removal);
	void *arg;
	void (*done)(void *arg);
	void *done_arg;
};

/* All that is asked of a message is its type. */
static bool
has_removal(const unsigned char *at, size_t len)
{
	struct nlmsghdr h;

	while (len >= sizeof h) {
		memcpy(&h, at, sizeof h);
		if (h.nlmsg_len < sizeof h || h.nlmsg_len > len)
			break;
		unsigned type = h.nlmsg_type & 0xff;
		if (h.nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES &&
		    (type == NFT_MSG_DELTABLE || type == NFT_MSG_DELCHAIN || type == NFT_MSG_DELRULE || type == NFT_MSG_DELSET ||
		        type == NFT_MSG_DELSETELEM))
			return true;
		size_t step = NLMSG_ALIGN(h.nlmsg_len);
		at += step < len ? step : len;
		len -= step < len ? step : len;
	}
	return false;
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct notify *n = (struct notify *)poll;
	_Alignas(struct nlmsghdr) unsigned char bytes[16384];
	bool seen = false, is_removal = false;

	(void)status;
	(void)events;
	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t got = recv(n->fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (got < 0 && errno != ENOBUFS) /* ENOBUFS: there were more than the kernel could keep */
			break;
		seen = true;
		is_removal = is_removal || got < 0 || has_removal(bytes, (size_t)got);
	}
	if (seen)
		n->changed(n->arg, is_removal);
}

struct notify *
notify_new(uv_loop_t *loop, void (*changed)(void *arg, bool is_removal), void *arg)
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
	const int room = ROOM;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
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
