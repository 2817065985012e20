/*
 * poll: the backend that asks instead of being told, for file systems that do not notify (NFS, FUSE) and
 * as the fall-back when inotify has no room left. Looks every 0.2 s while a log grows, then less, at least
 * every 2 s (compat: FilterPoll).
 */
#include <sys/stat.h>

#include "source/follow.h"

#define POLL_MIN_MS 200
#define POLL_MAX_MS 2000

bool
poll_look(struct file *f)
{
	struct stat st;

	if (stat(f->path, &st) != 0)
		return true;

	int64_t mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	bool is_new = mtime_ns != f->poll_mtime_ns || (uint64_t)st.st_size != f->poll_size ||
	    st.st_ino != f->poll_ino;

	f->poll_mtime_ns = mtime_ns;
	f->poll_size = (uint64_t)st.st_size;
	f->poll_ino = st.st_ino;
	return is_new;
}

uint64_t
poll_delay(struct file *f, bool has_changed)
{
	uint64_t ms = has_changed || !f->wait_ms ? POLL_MIN_MS : f->wait_ms * 2;

	return f->wait_ms = ms < POLL_MAX_MS ? ms : POLL_MAX_MS;
}
