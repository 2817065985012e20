/*
 * inotify: tells which files to read and which paths to look at again. An inotify descriptor of our own on
 * uv_poll, not uv_fs_event, for three reasons: a directory is watched for names only, so that writes to
 * its other files do not wake us (libuv's mask is fixed); an overflow of the kernel's queue is seen and
 * answered by looking at everything (libuv drops it); a watch is bound to the inode that was opened.
 *
 * Watched: the inode of each open stream, the directory of the path (of each link on the way; the nearest
 * one that exists). A symbolic link among the directories is left to the slow look every few seconds.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <utlist.h>

#include "base/mem.h"
#include "source/follow.h"

#define WATCH_DIR \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define WATCH_INODE (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)
#define WATCH_LINKS 8 /* symbolic links on the way */
#define WATCH_DEPTH 64 /* directories looked up for one that exists */

struct interest {
	struct file *file;
	char *name; /* owned: the entry to hear of; NULL: the inode itself */
	bool is_stale;
	struct interest *prev, *next;
};

struct watch {
	int wd;
	struct interest *interests; /* owned */
	UT_hash_handle hh;
};

struct watcher {
	struct source *source;
	int fd;
	uv_poll_t poll;
	struct watch *watches;
};

static void
look_again(struct file *f)
{
	f->needs_check = true;
	source_queue(f->source, f);
}

static void
drop_interest(struct watch *w, struct interest *i)
{
	DL_DELETE(w->interests, i);
	free(i->name);
	free(i);
}

static void
drop_watch(struct watcher *w, struct watch *watch, bool is_gone)
{
	struct interest *i, *next;

	if (!is_gone)
		inotify_rm_watch(w->fd, watch->wd);
	DL_FOREACH_SAFE (watch->interests, i, next) {
		drop_interest(watch, i);
	}
	HASH_DEL(w->watches, watch);
	free(watch);
}

static void
on_event(struct watcher *w, const struct inotify_event *event)
{
	struct watch *watch;
	struct interest *i;

	if (event->mask & IN_Q_OVERFLOW) {
		struct file *f, *next;

		HASH_ITER (hh, w->source->files, f, next) {
			look_again(f);
		}
		return;
	}
	HASH_FIND_INT(w->watches, &event->wd, watch);
	if (!watch)
		return;
	DL_FOREACH (watch->interests, i) {
		if (!i->name) {
			if (event->mask & ~(uint32_t)IN_MODIFY)
				i->file->needs_check = true;
			source_queue(w->source, i->file);
		} else if (!event->len || strcmp(event->name, i->name) == 0) {
			look_again(i->file);
		}
	}
	if (event->mask & IN_IGNORED)
		drop_watch(w, watch, true);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct watcher *w = poll->data;
	_Alignas(struct inotify_event) char bytes[16384];
	ssize_t n;

	(void)status, (void)events;
	/* one read a turn: what is left makes the descriptor readable again */
	n = read(w->fd, bytes, sizeof bytes);
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const struct inotify_event *)(bytes + at);

		on_event(w, event);
		at += (ssize_t)(sizeof *event + event->len);
	}
}

static bool
add_interest(struct watcher *w, int wd, struct file *f, const char *name)
{
	struct watch *watch;
	struct interest *i;

	HASH_FIND_INT(w->watches, &wd, watch);
	if (!watch) {
		watch = xcalloc(1, sizeof *watch);
		watch->wd = wd;
		HASH_ADD_INT(w->watches, wd, watch);
	}
	DL_FOREACH (watch->interests, i) {
		if (i->file == f && !i->name == !name && (!name || strcmp(i->name, name) == 0)) {
			i->is_stale = false;
			return true;
		}
	}
	i = xcalloc(1, sizeof *i);
	i->file = f;
	i->name = name ? xstrdup(name) : NULL;
	DL_APPEND(watch->interests, i);
	return true;
}

/* Watches the directory that holds `path`, or the nearest one above it that exists. */
static bool
follow_path(struct watcher *w, struct file *f, const char *path, unsigned links)
{
	char dir[PATH_MAX], target[PATH_MAX], next[2 * PATH_MAX];
	const char *name, *slash;
	ssize_t len;

	if (strlen(path) >= sizeof dir)
		return false;
	memcpy(dir, path, strlen(path) + 1);
	for (unsigned depth = 0; depth < WATCH_DEPTH; depth++) {
		slash = strrchr(dir, '/');
		name = slash ? path + (slash - dir) + 1 : path;
		char entry[PATH_MAX];

		snprintf(entry, sizeof entry, "%.*s", (int)strcspn(name, "/"), name);
		if (!slash)
			snprintf(dir, sizeof dir, ".");
		else if (slash == dir)
			dir[1] = '\0';
		else
			dir[slash - dir] = '\0';

		int wd = inotify_add_watch(w->fd, dir, WATCH_DIR | IN_MASK_ADD);

		if (wd >= 0) {
			add_interest(w, wd, f, entry);
			if (depth)
				return true; /* the path ends here for now */
			break;
		}
		if ((errno != ENOENT && errno != ENOTDIR) || !slash || slash == dir)
			return false;
	}
	/* the entry itself may be a link: then its target's directory matters as well */
	len = readlink(path, target, sizeof target - 1);
	if (len <= 0)
		return true;
	target[len] = '\0';
	if (links >= WATCH_LINKS)
		return true; /* stat() will say ELOOP */
	slash = strrchr(path, '/');
	if (*target == '/' || !slash)
		snprintf(next, sizeof next, "%s", target);
	else
		snprintf(next, sizeof next, "%.*s/%s", (int)(slash - path), path, target);
	return follow_path(w, f, next, links + 1);
}

/* Drops what file f wanted of directories and does not want any more. */
static void
drop_stale(struct watcher *w, struct file *f)
{
	struct watch *watch, *next_watch;
	struct interest *i, *next;

	HASH_ITER (hh, w->watches, watch, next_watch) {
		DL_FOREACH_SAFE (watch->interests, i, next) {
			if (i->file == f && i->is_stale)
				drop_interest(watch, i);
		}
		if (!watch->interests)
			drop_watch(w, watch, false);
	}
}

bool
watcher_follow(struct watcher *w, struct file *f)
{
	struct watch *watch, *next;
	struct interest *i;
	bool ok;
	int error;

	HASH_ITER (hh, w->watches, watch, next) {
		DL_FOREACH (watch->interests, i) {
			if (i->file == f && i->name)
				i->is_stale = true;
		}
	}
	ok = follow_path(w, f, f->path, 0);
	error = errno;
	drop_stale(w, f);
	errno = error;
	return ok;
}

bool
watcher_watch(struct watcher *w, struct stream *st)
{
	char path[64];
	int wd;

	/* by the descriptor: the path may lead elsewhere by now */
	snprintf(path, sizeof path, "/proc/self/fd/%d", st->fd);
	wd = inotify_add_watch(w->fd, path, WATCH_INODE | IN_MASK_ADD);
	if (wd < 0 && errno == ENOENT) /* no /proc */
		wd = inotify_add_watch(w->fd, st->file->path, WATCH_INODE | IN_MASK_ADD);
	if (wd < 0)
		return false;
	st->wd = wd;
	return add_interest(w, wd, st->file, NULL);
}

void
watcher_forget_stream(struct watcher *w, struct stream *st)
{
	struct watch *watch;
	struct interest *i, *next;

	HASH_FIND_INT(w->watches, &st->wd, watch);
	if (!watch)
		return;
	DL_FOREACH_SAFE (watch->interests, i, next) {
		if (i->file == st->file && !i->name)
			drop_interest(watch, i);
	}
	if (!watch->interests)
		drop_watch(w, watch, false);
}

void
watcher_forget_file(struct watcher *w, struct file *f)
{
	struct watch *watch, *next;
	struct interest *i;

	HASH_ITER (hh, w->watches, watch, next) {
		DL_FOREACH (watch->interests, i) {
			if (i->file == f)
				i->is_stale = true;
		}
	}
	drop_stale(w, f);
}

/* ---- life ---- */

struct watcher *
watcher_new(struct source *s, int *error)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct watcher *w;

	if (fd < 0) {
		*error = errno;
		return NULL;
	}
	w = xcalloc(1, sizeof *w);
	w->source = s;
	w->fd = fd;
	uv_poll_init(s->loop, &w->poll, fd);
	w->poll.data = w;
	uv_poll_start(&w->poll, UV_READABLE, on_readable);
	s->open_handles++;
	return w;
}

static void
on_closed(uv_handle_t *handle)
{
	struct watcher *w = handle->data;
	struct watch *watch, *next;
	struct source *s = w->source;

	HASH_ITER (hh, w->watches, watch, next) {
		drop_watch(w, watch, true);
	}
	close(w->fd);
	free(w);
	source_handle_closed(s);
}

void
watcher_close(struct watcher *w)
{
	uv_close((uv_handle_t *)&w->poll, on_closed);
}
