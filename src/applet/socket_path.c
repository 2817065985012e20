/*
 * socket_path: where the engine is to be found, for the screen; the configuration is read here, so that
 * neither src/link nor ui needs its reader.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/stream.h"
#include "jailtop/attach.h"

/* Who may not write where the system's engine lives gets a place of his own. */
static char *
private_path(struct err *err)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct stat st;
	char *dir, *path;

	if (runtime != NULL && *runtime == '/' && access(runtime, W_OK) == 0)
		return xasprintf("%s/jailtop.sock", runtime);
	dir = xasprintf("/tmp/jailtop-%u", (unsigned)getuid());
	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		err_set(err, "%s: %s", dir, strerror(errno));
		free(dir);
		return NULL;
	}
	if (lstat(dir, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077) != 0) {
		err_set(err, "%s belongs to somebody else, or others may write there; use -s", dir);
		free(dir);
		return NULL;
	}
	path = xasprintf("%s/jailtop.sock", dir);
	free(dir);
	return path;
}

char *
attach_socket_path(const char *given, const char *dir, struct err *err)
{
	const char *named = given != NULL ? given : getenv("JAILTOP_SOCKET");
	char *path;

	if (named != NULL && *named != '\0')
		return xstrdup(named);
	struct config_overrides over = {0};
	struct config_paths paths = {0};
	if (!config_read_paths(config_default_dir(dir), &over, &paths, err))
		return NULL;
	path = xstrdup(paths.socket);
	config_paths_done(&paths);
	if (geteuid() != 0 && access(path, F_OK) != 0) {
		char *slash = strrchr(path, '/');
		*slash = '\0';
		bool is_writable = access(path, W_OK) == 0;
		*slash = '/';
		if (!is_writable) {
			free(path);
			return private_path(err);
		}
	}
	return path;
}
