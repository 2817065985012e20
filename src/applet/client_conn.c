#include "applet/client_conn.h"

#include "base/clock.h"
#include "server/pickle_read.h"
#include "server/pickle_write.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static enum client_result
failed(struct err *err, int code)
{
	if (code == ETIMEDOUT)
		err_set(err, "timed out");
	else
		err_set(err, "[Errno %d] %s", code, strerror(code));
	return CLIENT_NO_SERVER;
}

/* Zero, or an errno. */
static int
wait_for(const struct client_conn *c, short events)
{
	const struct clock clock = {0};
	double end = clock_monotonic(&clock) + c->timeout_s;

	for (;;) {
		struct pollfd p = {.fd = c->fd, .events = events};
		double left_ms = (end - clock_monotonic(&clock)) * 1000;
		int n = poll(&p, 1, c->timeout_s < 0 ? -1 : left_ms > 0 ? (int)left_ms + 1 : 0);
		if (n > 0)
			return 0;
		if (n == 0)
			return ETIMEDOUT;
		if (errno != EINTR)
			return errno;
	}
}

static int
dial(struct client_conn *c, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof address.sun_path)
		return ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return errno;
	while (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN) /* EAGAIN: the queue of a UNIX socket is full, and poll does not tell when it is not */
			return errno;
		if (c->timeout_s >= 0 && c->timeout_s < 0.05)
			return EAGAIN;
		usleep(20000);
		if (c->timeout_s >= 0)
			c->timeout_s -= 0.02;
	}
	return 0;
}

static int
send_all(const struct client_conn *c, const char *bytes, size_t len)
{
	while (len != 0) {
		ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		int code = errno == EAGAIN ? wait_for(c, POLLOUT) : errno;
		if (code != 0)
			return code;
	}
	return 0;
}

static int
receive(const struct client_conn *c, struct str *in, ptrdiff_t *end)
{
	size_t seen = 0;

	for (;;) {
		int code = wait_for(c, POLLIN);
		if (code != 0)
			return code;
		str_reserve(in, 32768);
		ssize_t n = recv(c->fd, in->at + in->len, 32768, 0);
		if (n == 0)
			return ECONNRESET;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return errno;
		if (n < 0)
			continue;
		in->len += (size_t)n;
		in->at[in->len] = '\0';
		*end = pickle_frame_end(in->at, in->len, &seen);
		if (*end >= 0)
			return 0;
		if (in->len > PICKLE_MAX_REPLY)
			return EMSGSIZE;
	}
}

enum client_result
client_conn_call(struct client_conn *c, const char *path, const struct value *command, struct value **reply,
    struct err *err)
{
	struct str out = {0}, in = {0};
	ptrdiff_t end = -1;
	int code = 0;

	*reply = NULL;
	if (c->fd < 0)
		code = dial(c, path);
	if (code == 0) {
		pickle_write_request(command, &out);
		code = send_all(c, out.at, out.len);
		str_done(&out);
	}
	if (code == 0)
		code = receive(c, &in, &end);
	if (code == 0)
		*reply = pickle_read(in.at, (size_t)end, PICKLE_REPLY, err);
	str_done(&in);
	if (code != 0)
		return failed(err, code);
	return *reply != NULL ? CLIENT_OK : CLIENT_BAD_REPLY;
}

void
client_conn_close(struct client_conn *c)
{
	static const char bye[] = PICKLE_CLOSE PICKLE_END;

	if (c->fd < 0)
		return;
	send_all(&(struct client_conn){.fd = c->fd, .timeout_s = 1}, bye, sizeof bye - 1);
	close(c->fd);
	c->fd = -1;
}

bool
client_conn_is_ours(const char *path)
{
	struct client_conn c = {.fd = -1, .timeout_s = 1};
	struct ucred peer;
	socklen_t size = sizeof peer;
	char link[64], exe[4096];
	ssize_t len = -1;

	if (dial(&c, path) == 0 && getsockopt(c.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
		snprintf(link, sizeof link, "/proc/%d/exe", (int)peer.pid);
		len = readlink(link, exe, sizeof exe - 1);
	}
	client_conn_close(&c);
	if (len <= 0)
		return false;
	exe[len] = '\0';
	const char *slash = strrchr(exe, '/'), *name = slash != NULL ? slash + 1 : exe;
	return str_starts(name, "jailtop");
}
