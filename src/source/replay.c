#include "source/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define BLOCK (256 * 1024)

bool
replay_fd(int fd, struct lines *l, struct err *err)
{
	char *block = xmalloc(BLOCK);
	bool ok = true;

	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (;;) {
		ssize_t n = read(fd, block, BLOCK);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ok = err_set(err, "cannot read: %s", strerror(errno));
			break;
		}
		lines_feed(l, block, (size_t)n, false);
	}
	free(block);
	return ok;
}
