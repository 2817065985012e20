/*
 * stream: configuration files -> the list of server commands that they mean, in fail2ban's order:
 * what `fail2ban-client -d` prints. The one reading of the configuration: the engine starts from it.
 */
#ifndef CONFIG_STREAM_H
#define CONFIG_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/value.h"

/* What the command line says; NULL: the files decide. */
struct config_overrides {
	const char *socket, *pidfile, *loglevel, *logtarget, *syslogsocket;
};

/* Where server and client meet, needed before anything else is read. All owned. */
struct config_paths {
	char *socket, *pidfile, *loglevel, *logtarget, *syslogsocket, *dbfile;
	char *monitorsocket, *monitorgroup; /* NULL: not set */
};

/* A remark about the files: printed to stderr in log format, or shown in the UI. */
typedef void (*config_note_fn)(void *arg, int level, const char *logger, const char *text);

struct tree;

enum config_logs {
	CONFIG_LOGS_NEEDED,  /* a jail without any log file is a failure, as it is for fail2ban */
	CONFIG_LOGS_WARN,    /* it is only warned about (-d) */
	CONFIG_LOGS_AWAITED, /* every logpath is named as it is written, globs too: the engine waits for files and finds new ones */
};

typedef void (*config_take_fn)(void *arg, const struct value *commands);

#define CONFIG_BYTES_MAX (128 << 20) /* of all commands together */

struct config_request {
	const char *dir;              /* base directory */
	struct config_overrides over;
	const char *only_jail;        /* NULL: all enabled ones; else this one, if it is enabled (reload JAIL) */
	bool force_enable;            /* treat only_jail as enabled */
	enum config_logs logs;
	bool is_strict;               /* a test: a jail with errors is not said to be skipped */
	config_note_fn note;
	/* NULL, or is handed the commands in pieces as they are read, and *stream keeps only the last ones: a short run
	   needs far less memory so. They count for nothing when the reading fails in the end. */
	config_take_fn take;
	void *arg;                    /* of both */
	struct tree **left;           /* NULL: the files are given up; else what was read of them stays here, for a process
	                                 that ends soon and leaves freeing to the kernel */
};

enum config_result {
	CONFIG_OK,
	CONFIG_JAIL_ERRORS, /* some jail was left out; the stream holds the others and a config-error entry */
	CONFIG_ALL_BAD,     /* the same, and no other jail is left: fail2ban does not go on (exit 255), -d prints it */
	CONFIG_FAILED,      /* nothing usable; err says why */
};

/* *stream: a list of lists; the caller frees. Set unless CONFIG_FAILED. */
enum config_result config_read(const struct config_request *req, struct value **stream, struct err *err);

bool config_read_paths(const char *dir, const struct config_overrides *over, struct config_paths *out, struct err *err);
void config_paths_done(struct config_paths *p);

/* `jailtop config show JAIL`: every effective option with its value, file and line. */
bool config_explain(const struct config_request *req, const char *jail, struct str *out, struct err *err);

/* The directory to use: `dir` if given, else the first of /etc/jailtop, /etc/fail2ban, the installed sample-configs. */
const char *config_default_dir(const char *dir);

#endif
