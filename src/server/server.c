#include "server/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "command/command.h"
#include "engine.h"
#include "jailtop/wire.h"
#include "server/conn.h"
#include "server/server_internal.h"

#define ALIVE_WAIT_MS 500 /* a socket that holds for this long has somebody behind it */
#define ALIVE_TRIES 20

/* One try. A child that a killed server had just forked may hold the listener for a moment: then it hangs up. */
static bool
is_answered(const struct sockaddr_un *a, bool *has_hung_up)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	*has_hung_up = false;
	if (fd < 0)
		return false;
	bool alive = connect(fd, (const struct sockaddr *)a, sizeof *a) == 0;
	/* nobody speaks before he is asked: what comes is the end */
	if (alive && poll(&p, 1, ALIVE_WAIT_MS) > 0)
		*has_hung_up = true;
	close(fd);
	return alive;
}

bool
server_is_alive(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	bool has_hung_up = true, alive = false;

	if (strlen(path) >= sizeof a.sun_path)
		return false;
	strcpy(a.sun_path, path);
	for (int tries = 0; has_hung_up && tries < ALIVE_TRIES; tries++)
		alive = is_answered(&a, &has_hung_up);
	return alive && !has_hung_up;
}

/* The last missing level of the directory is made, as fail2ban does. */
static bool
make_parent(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return true;
	char *dir = xstrndup(path, (size_t)(slash - path));
	bool ok = mkdir(dir, 0755) == 0 || errno == EEXIST;
	if (!ok)
		err_set(err, "socket %s: cannot make %s: %s", path, dir, strerror(errno));
	free(dir);
	return ok;
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct server *s = listener->data;

	if (status == 0)
		conn_accept(s, (uv_pipe_t *)listener);
}

static void
on_tick(uv_timer_t *timer)
{
	struct server *s = timer->data;
	struct conn *c, *next;

	DL_FOREACH_SAFE(s->conns, c, next)
		conn_tick(c, clock_monotonic(&s->engine->clock));
}

struct server *
server_new(struct engine *e, const char *path, void (*stop)(void *arg, bool keep_bans), void *arg, struct err *err)
{
	if (server_is_alive(path)) {
		err_set(err, "a server is already running: it answers at %s", path);
		return NULL;
	}
	if (!make_parent(path, err))
		return NULL;
	if (unlink(path) != 0 && errno != ENOENT) {
		err_set(err, "socket %s: %s", path, strerror(errno));
		return NULL;
	}
	struct server *s = xcalloc(1, sizeof *s);
	s->engine = e;
	s->path = xstrdup(path);
	s->stop = stop;
	s->stop_arg = arg;
	uv_pipe_init(e->loop, &s->listener, 0);
	s->listener.data = s;
	mode_t old = umask(0077); /* root's alone from its first moment */
	int rc = uv_pipe_bind(&s->listener, path);
	umask(old);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&s->listener, 128, on_connection);
	if (rc != 0) {
		err_set(err, "socket %s: %s", path, uv_strerror(rc));
		uv_close((uv_handle_t *)&s->listener, NULL);
		uv_run(e->loop, UV_RUN_NOWAIT);
		free(s->path);
		free(s);
		return NULL;
	}
	chmod(path, 0700);
	s->open_handles = 2; /* the listener and the timer */
	uv_timer_init(e->loop, &s->tick);
	s->tick.data = s;
	uv_timer_start(&s->tick, on_tick, 1000, 1000);
	uv_unref((uv_handle_t *)&s->tick);
	return s;
}

/* Every handle that server_close() closes ends here; the last one reports. */
void
server_handle_closed(struct server *s)
{
	if (--s->open_handles != 0)
		return;
	void (*done)(void *) = s->done;
	void *arg = s->done_arg;
	free(s->path);
	free(s);
	done(arg);
}

static void
on_closed(uv_handle_t *h)
{
	server_handle_closed(h->data);
}

void
server_close(struct server *s, void (*done)(void *arg), void *arg)
{
	struct conn *c, *next;

	s->done = done;
	s->done_arg = arg;
	s->is_closing = true;
	unlink(s->path);

	uv_close((uv_handle_t *)&s->listener, on_closed);
	uv_close((uv_handle_t *)&s->tick, on_closed);
	DL_FOREACH_SAFE(s->conns, c, next)
		conn_close(c);
}
