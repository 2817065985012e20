/*
 * log: what the program says about itself, in fail2ban's levels and line format.
 *
 * The one piece of file-scope state in the program: the sink. Until log_open() it is stderr.
 * Text is neutralised here: a log line is always one line, without control bytes.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/err.h"

enum log_level { /* fail2ban's numbers */
	LOG_HEAVYDEBUG = 5,
	LOG_TRACEDEBUG = 7,
	LOG_LEVEL_DEBUG = 10,
	LOG_MSG = 18,
	LOG_LEVEL_INFO = 20,
	LOG_LEVEL_NOTICE = 25,
	LOG_LEVEL_WARNING = 30,
	LOG_LEVEL_ERROR = 40,
	LOG_LEVEL_CRITICAL = 50,
};

/* `logger` is fail2ban's: "fail2ban.actions", "fail2ban.filter", "fail2ban.server", … */
void log_write(int level, const char *logger, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool log_wants(int level);

/*
 * While held, lines wait in memory and are written by log_release() (those for a file in one piece), so that
 * what they tell of can be committed first. What syslog has no room for waits for the next release or line.
 */
void log_hold(void);
void log_release(void);

void log_set_level(int level);
int log_level(void);
/* Level by name in any case, or a number; the old numbers 1-4 (error … debug) too. -1 if unknown. */
int log_level_parse(const char *name);
const char *log_level_name(int level);

/*
 * target: a file, STDOUT, STDERR, SYSOUT, SYSLOG or SYSTEMD-JOURNAL, with fail2ban's options in
 * brackets. On failure the old sink stays. syslog_socket: "auto" or a path.
 */
bool log_open(const char *target, const char *syslog_socket, struct err *err);
const char *log_target(void);
/* Closes and opens a file again by name (flushlogs). Returns "rolled over" or "flushed". */
const char *log_reopen(void);

#endif
