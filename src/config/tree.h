/*
 * tree: the files of one configuration directory: which belong to a name, and what they say together, with
 * what they include (inclusion.h), each read once (treefile.h). Lives as long as one reading of the configuration.
 */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/ini.h"
#include "config/stream.h"

#define TREE_BYTES_MAX (64 << 20)  /* of all files together */
#define TREE_FILES_MAX 4000        /* of one name, with what is included */
#define TREE_DEPTH_MAX 480         /* of inclusion; compat: fail2ban gets about as far before Python's limit */
#define TREE_EXPAND_MAX (64 << 20) /* bytes that %(…)s and <…> may make of it all */

struct tree_name;
struct treefile;
struct inclusion;
struct treedir;
struct actionplan;

/* While a plan is made (actionplan.h): BROKEN once something was asked for that only a jail can tell. */
enum tree_probe { TREE_PROBE_OFF, TREE_PROBE_ON, TREE_PROBE_BROKEN };

struct tree {
	char *dir;              /* owned, without a slash at its end */
	struct arena *arena;    /* what interpolation makes of one jail */
	struct arena *plans_arena; /* and of the plans; dropped with the tree */
	bool keeps_known;       /* jails refer to what the filters of others say: nothing is dropped before the end */
	size_t bytes, expanded; /* so far, of the two caps */
	struct str reading;     /* the file that is being read */
	struct str expansion;   /* what %(...)s has come to so far */
	char **paths;           /* owned; by file number - 1 */
	unsigned n_paths;
	struct treefile *files;
	struct inclusion *lists;
	struct tree_name *names;
	struct treedir *dirs; /* what is in filter.d and action.d */
	struct actionplan *plans;
	enum tree_probe probe;
	bool has_checked_jail;
	size_t searched;        /* bytes, for names that nothing seems to know */
	config_note_fn note;
	void *arg;
};

/* dir must exist. */
struct tree *tree_new(const char *dir, config_note_fn note, void *arg, struct err *err);
void tree_free(struct tree *t);

enum tree_result {
	TREE_OK,
	TREE_NONE,   /* no file could be read; it was noted. *out is an empty one */
	TREE_FAILED, /* a file is wrong; err */
};

/*
 * name: "jail", "filter.d/sshd", "./x" (of the working directory) or an absolute one:
 * name.conf, name.d/x.conf, name.local, name.d/x.local and what they include. *out is shared and belongs
 * to the tree.
 */
enum tree_result tree_read(struct tree *t, const char *name, struct ini **out, struct err *err);
/* True once for each merged one: to remark on it only once. */
bool tree_is_new(struct tree *t, const struct ini *ini);
/* One file (and its .local), not by name. */
enum tree_result tree_read_file(struct tree *t, const char *path, struct ini **out, struct err *err);

/* "jail.local:12", or the whole path where the file is not under the directory; "" for no place. */
const char *tree_where(const struct tree *t, struct ini_place place, char *text, size_t size);
/* A path without the directory, where it is under it. */
const char *tree_short(const struct tree *t, const char *path);
/* The path of a file number; NULL for 0. */
const char *tree_path(const struct tree *t, unsigned file);

void tree_note(const struct tree *t, int level, const char *logger, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Counts bytes that an expansion made; false with err set when it is too much. */
bool tree_spend(struct tree *t, size_t bytes, struct err *err);

#endif
