/*
 * filterconf: one filter, read as a jail reads it or as fail2ban-regex does.
 *
 * Everything in struct filterconf is owned by it; filterconf_done() frees it. NULL strings and counts of 0
 * mean "not set".
 */
#ifndef CONFIG_FILTERCONF_H
#define CONFIG_FILTERCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/value.h"
#include "config/stream.h"

struct filterconf {
	char *name;        /* as fail2ban-regex shows it: "sshd", or the path of a file elsewhere, as it was given */
	char *file;        /* the file that `name` was found as */
	char *basedir;     /* configuration directory; NULL: a file elsewhere, read without .local and .d */
	struct value *given;   /* dict: the options in brackets */
	struct value *options; /* dict: "Real filter options" of fail2ban-regex -vv, in its order */
	char *prefregex, *datepattern, *usedns;
	char **failregex, **ignoreregex; /* <tag>s of the configuration are replaced, <HOST> and <F-…> are still there */
	size_t n_failregex, n_ignoreregex;
	bool is_unreadable;    /* why it failed: no file of it can be read, or is text */
	bool has_maxlines;
	int maxlines;
	struct value *journalmatch; /* list: one list of words for each addjournalmatch */
};

/* What stands before a filter is looked for. */
enum filterconf_kind {
	FILTERCONF_NONE,    /* not the form of a filter, or there is no such file: the text is an expression */
	FILTERCONF_FILE,    /* it is a filter; loaded */
	FILTERCONF_FAILED,  /* it is a filter; err says what is wrong with it */
};

/*
 * spec: `name[opt=val, …]`, `name.conf`, `filter.d/name.conf`, a path. dir: NULL is config_default_dir().
 * backend: "auto" or "systemd…", decides the implied option logtype. note may be NULL.
 */
enum filterconf_kind filterconf_load(const char *dir, const char *spec, const char *backend, config_note_fn note,
    void *arg, struct filterconf *out, struct err *err);
void filterconf_done(struct filterconf *f);

#endif
