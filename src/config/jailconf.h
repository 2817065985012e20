/*
 * jailconf: one jail: its section of jail.conf with its filter and its actions -> commands.
 */
#ifndef CONFIG_JAILCONF_H
#define CONFIG_JAILCONF_H

#include <stdbool.h>

#include "base/err.h"
#include "base/value.h"
#include "config/stream.h"
#include "config/tree.h"

#define JAILCONF_FILES_MAX 10000 /* log files of one jail; more are left out with an error */

enum jailconf_result {
	JAILCONF_OFF,    /* not enabled */
	JAILCONF_OK,
	JAILCONF_BAD,    /* left out: its part of the stream is a config-error */
	JAILCONF_FAILED, /* nothing can be used: err */
};

/*
 * jails: the merged jail.conf, to which what the filter says is added as known/… of the jail's section.
 * logs: what no log file means.
 */
enum jailconf_result jailconf_read(struct tree *t, struct ini *jails, const char *name, bool force_enable,
    enum config_logs logs, struct value *stream, struct err *err);

#endif
