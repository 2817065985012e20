#include "firewall/ipsets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define PROTOCOL 6 /* every kernel that has ipset speaks it */
#define HEADER (NLMSG_HDRLEN + sizeof(struct nfgenmsg))

struct ipsets {
	int fd;
	uint32_t seq;
};

struct question {
	size_t len;
	_Alignas(struct nlmsghdr) unsigned char bytes[256];
};

struct ipsets *
ipsets_open(void)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);

	if (fd < 0)
		return NULL;
	if (connect(fd, (struct sockaddr *)&kernel, sizeof kernel) != 0) {
		close(fd);
		return NULL;
	}
	struct ipsets *s = xcalloc(1, sizeof *s);
	s->fd = fd;
	return s;
}

void
ipsets_close(struct ipsets *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	free(s);
}

static void
put(struct question *q, unsigned type, const void *value, size_t len)
{
	struct nlattr a = {.nla_type = (uint16_t)type, .nla_len = (uint16_t)(NLA_HDRLEN + len)};

	memcpy(q->bytes + q->len, &a, sizeof a);
	memcpy(q->bytes + q->len + NLA_HDRLEN, value, len);
	q->len += NLA_ALIGN(a.nla_len);
}

/* An attribute's value, inside of `len` bytes of attributes; NULL: there is none of this type. */
static const unsigned char *
find(const unsigned char *at, size_t len, unsigned type, size_t *value_len)
{
	struct nlattr a;

	while (len >= NLA_HDRLEN) {
		memcpy(&a, at, sizeof a);
		if (a.nla_len < NLA_HDRLEN || a.nla_len > len)
			return NULL;
		if ((a.nla_type & NLA_TYPE_MASK) == type) {
			*value_len = a.nla_len - NLA_HDRLEN;
			return at + NLA_HDRLEN;
		}
		size_t step = NLA_ALIGN(a.nla_len);
		at += step < len ? step : len;
		len -= step < len ? step : len;
	}
	return NULL;
}

static int64_t
elements_of(const unsigned char *message, size_t len)
{
	size_t data_len, number_len;
	uint32_t number;

	if (len < HEADER)
		return -2;
	const unsigned char *data = find(message + HEADER, len - HEADER, IPSET_ATTR_DATA, &data_len);
	const unsigned char *value = data != NULL ? find(data, data_len, IPSET_ATTR_ELEMENTS, &number_len) : NULL;
	if (value == NULL || number_len != sizeof number)
		return -2;
	memcpy(&number, value, sizeof number);
	return ntohl(number);
}

/* One datagram of the answer; true: it is over. */
static bool
read_part(const struct ipsets *s, const unsigned char *bytes, size_t len, int64_t *count)
{
	while (len >= NLMSG_HDRLEN) {
		struct nlmsghdr h;
		int error = 0;

		memcpy(&h, bytes, sizeof h);
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > len)
			return true;
		if (h.nlmsg_seq == s->seq && h.nlmsg_type == NLMSG_DONE)
			return true;
		if (h.nlmsg_seq == s->seq && h.nlmsg_type == NLMSG_ERROR) {
			if (h.nlmsg_len >= NLMSG_HDRLEN + sizeof error)
				memcpy(&error, bytes + NLMSG_HDRLEN, sizeof error);
			if (error == -ENOENT)
				*count = -1;
			return true;
		}
		if (h.nlmsg_seq == s->seq && h.nlmsg_type == ((NFNL_SUBSYS_IPSET << 8) | IPSET_CMD_LIST))
			*count = elements_of(bytes, h.nlmsg_len);
		size_t step = NLMSG_ALIGN(h.nlmsg_len);
		bytes += step < len ? step : len;
		len -= step < len ? step : len;
	}
	return false;
}

int64_t
ipsets_count(struct ipsets *s, const char *name)
{
	const uint8_t protocol = PROTOCOL;
	const uint32_t flags = htonl(IPSET_FLAG_LIST_HEADER);
	struct question q = {.len = HEADER};
	_Alignas(struct nlmsghdr) unsigned char bytes[8192];
	int64_t count = -2;
	bool is_over = false;

	if (strlen(name) >= IPSET_MAXNAMELEN)
		return -2;
	put(&q, IPSET_ATTR_PROTOCOL, &protocol, sizeof protocol);
	put(&q, IPSET_ATTR_SETNAME, name, strlen(name) + 1);
	put(&q, IPSET_ATTR_FLAGS | NLA_F_NET_BYTEORDER, &flags, sizeof flags);
	struct nlmsghdr h = {
		.nlmsg_len = (uint32_t)q.len,
		.nlmsg_type = (NFNL_SUBSYS_IPSET << 8) | IPSET_CMD_LIST,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP,
		.nlmsg_seq = ++s->seq,
	};
	struct nfgenmsg g = {.nfgen_family = AF_INET, .version = NFNETLINK_V0};
	memcpy(q.bytes, &h, sizeof h);
	memcpy(q.bytes + NLMSG_HDRLEN, &g, sizeof g);
	if (send(s->fd, q.bytes, q.len, 0) != (ssize_t)q.len)
		return -2;
	/* the kernel has answered when send() comes back */
	while (!is_over) {
		ssize_t got = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (got <= 0)
			break;
		is_over = read_part(s, bytes, (size_t)got, &count);
	}
	return count;
}
