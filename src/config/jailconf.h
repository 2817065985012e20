/*
 * jailconf: one jail: its section of jail.conf with its filter and its actions -> commands.
 */
#ifndef CONFIG_JAILCONF_H
#define CONFIG_JAILCONF_H

#include <stdbool.h>

#include "base/err.h"
#include "base/value.h"
#include "config/opts.h"
#include "config/stream.h"
#include "config/tree.h"

#define JAILCONF_FILES_MAX 10000 /* log files of one jail; more are left out with an error */

struct actionconf;
struct definition;

struct jailconf {
	struct tree *tree;
	struct ini *jails; /* the merged jail.conf */
	const char *name;
	struct opts first, options; /* what decides whether to go on; then all */
	struct definition *filter;  /* NULL: none */
	struct actionconf **actions;
	size_t n_actions;
	struct str why; /* the jail is left out */
};

enum jailconf_result {
	JAILCONF_OFF,    /* not enabled */
	JAILCONF_OK,
	JAILCONF_BAD,    /* left out: its part of the stream is a config-error */
	JAILCONF_FAILED, /* nothing can be used: err */
};

/* Adds what jail.conf may use without setting it; before the first jail is read. */
void jailconf_defaults(struct tree *t, struct ini *jails);

/* Reads one into j, of which tree, jails and name are set; what the filter says becomes known/… of its section. */
enum jailconf_result jailconf_load(struct jailconf *j, bool force_enable, struct err *err);
void jailconf_done(struct jailconf *j);

/* The same, and its commands. */
enum jailconf_result jailconf_read(struct tree *t, struct ini *jails, const char *name, bool force_enable,
    enum config_logs logs, struct value *stream, struct err *err);

#endif
