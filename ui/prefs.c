#include "prefs.h"

#include <iniparser/iniparser.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"

#define PREFS_MAX_BYTES 65536

static int
quiet(const char *format, ...)
{
	(void)format;
	return 0;
}

void
prefs_load(struct prefs *p)
{
	const char *dir = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	struct stat st;
	char *path;

	if (dir != NULL && *dir == '/')
		path = xasprintf("%s/jailtop/jailtop.conf", dir);
	else if (home != NULL && *home == '/')
		path = xasprintf("%s/.config/jailtop/jailtop.conf", home);
	else
		return;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= PREFS_MAX_BYTES) {
		iniparser_set_error_callback(quiet);
		dictionary *d = iniparser_load(path);
		iniparser_set_error_callback(NULL);
		if (d != NULL) {
			theme_parse(iniparser_getstring(d, "screen:theme", "dark"), &p->theme);
			p->no_color = !iniparser_getboolean(d, "screen:color", 1);
			p->is_slow = iniparser_getboolean(d, "screen:slow", 0);
			p->can_copy = iniparser_getboolean(d, "screen:clipboard", 0);
			iniparser_freedict(d);
		}
	}
	free(path);
}
