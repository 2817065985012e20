#include "server/server.h"

#include <errno.h>
#include <grp.h>
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
	memcpy(a.sun_path, path, strlen(path) + 1);
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
on_connection(uv_stream_t *pipe, int status)
{
	if (status == 0)
		conn_accept(pipe->data);
}

static void
on_tick(uv_timer_t *timer)
{
	struct server *s = timer->data;
	struct conn *c, *next;

	DL_FOREACH_SAFE(s->conns, c, next)
		conn_tick(c, clock_monotonic(&s->engine->clock));
}

static bool
make_socket(struct listener *l, const char *path, mode_t mode, struct err *err)
{
	struct stat there;

	if (!make_parent(path, err))
		return false;
	if (stat(path, &there) == 0 && !S_ISSOCK(there.st_mode)) /* a slip in the configuration must cost nobody a file */
		return err_set(err, "socket %s: it is there, and is no socket", path);
	if (unlink(path) != 0 && errno != ENOENT)
		return err_set(err, "socket %s: %s", path, strerror(errno));
	mode_t old = umask(0077); /* root's alone from its first moment */
	int rc = uv_pipe_bind(&l->pipe, path);
	umask(old);
	if (rc != 0)
		return err_set(err, "socket %s: %s", path, uv_strerror(rc));
	l->path = xstrdup(path);
	if ((l->gid != (gid_t)-1 && chown(path, (uid_t)-1, l->gid) != 0) || chmod(path, mode) != 0)
		return err_set(err, "socket %s: %s", path, strerror(errno));
	return true;
}

/* On failure the handle is closed with the others. */
static bool
open_listener(struct server *s, const char *path, int fd, enum command_right right, gid_t gid, struct err *err)
{
	struct listener *l = &s->listeners[s->n_listeners++];
	int rc = 0;

	*l = (struct listener){.server = s, .right = right, .gid = gid};
	uv_pipe_init(s->engine->loop, &l->pipe, 0);
	s->open_handles++;
	l->pipe.data = l;
	if (fd >= 0)
		rc = uv_pipe_open(&l->pipe, fd);
	else if (!make_socket(l, path, right == COMMAND_WRITE || gid == (gid_t)-1 ? 0700 : 0660, err))
		return false;
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&l->pipe, 128, on_connection);
	return rc == 0 || err_set(err, "socket %s: %s", path, uv_strerror(rc));
}

/* The group of the second socket; -1: root alone. */
static bool
find_group(const char *name, gid_t *gid, struct err *err)
{
	*gid = (gid_t)-1;
	if (name == NULL || *name == '\0')
		return true;
	const struct group *g = getgrnam(name);
	if (g == NULL)
		return err_set(err, "there is no group '%s'", name);
	*gid = g->gr_gid;
	return true;
}

static void
open_monitor(struct server *s, const struct server_spec *spec)
{
	struct err err;
	gid_t gid;

	if ((spec->monitor == NULL || *spec->monitor == '\0') && spec->monitor_fd < 0)
		return;
	if (!find_group(spec->monitor_group, &gid, &err) ||
	    (spec->monitor_fd < 0 && strcmp(spec->monitor, spec->path) == 0 && !err_set(&err, "it is the path of the other socket")) ||
	    !open_listener(s, spec->monitor, spec->monitor_fd, COMMAND_READ, gid, &err))
		log_write(LOG_LEVEL_ERROR, "fail2ban.asyncserver", "no socket for monitors: %s", err.text);
}

static void
ignore_end(void *arg)
{
	(void)arg;
}

struct server *
server_new(struct engine *e, const struct server_spec *spec, struct err *err)
{
	if (spec->fd < 0 && server_is_alive(spec->path)) {
		err_set(err, "a server is already running: it answers at %s", spec->path);
		return NULL;
	}
	struct server *s = xcalloc(1, sizeof *s);
	s->engine = e;
	s->stop = spec->stop;
	s->stop_arg = spec->arg;
	s->open_handles = 1; /* the timer */
	uv_timer_init(e->loop, &s->tick);
	s->tick.data = s;
	if (!open_listener(s, spec->path, spec->fd, COMMAND_WRITE, (gid_t)-1, err)) {
		server_close(s, ignore_end, NULL);
		uv_run(e->loop, UV_RUN_NOWAIT);
		return NULL;
	}
	open_monitor(s, spec);
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
	for (size_t i = 0; i < s->n_listeners; i++)
		free(s->listeners[i].path);
	free(s);
	done(arg);
}

static void
on_tick_closed(uv_handle_t *h)
{
	server_handle_closed(h->data);
}

static void
on_listener_closed(uv_handle_t *h)
{
	server_handle_closed(((struct listener *)h->data)->server);
}

void
server_close(struct server *s, void (*done)(void *arg), void *arg)
{
	struct conn *c, *next;

	s->done = done;
	s->done_arg = arg;
	s->is_closing = true;
	uv_close((uv_handle_t *)&s->tick, on_tick_closed);
	for (size_t i = 0; i < s->n_listeners; i++) {
		if (s->listeners[i].path != NULL)
			unlink(s->listeners[i].path);
		uv_close((uv_handle_t *)&s->listeners[i].pipe, on_listener_closed);
	}
	DL_FOREACH_SAFE(s->conns, c, next) {
		conn_say_farewell(c);
		conn_close(c);
	}
}
