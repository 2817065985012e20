/*
 * filter_internal: what the files of filter share.
 *
 *   filter.c           who shares a core; lines in, failures out
 *   filter_settings.c  what a jail sets, and reads back
 *   filter_trial.c     what the tester wants to see of a line and of an expression
 */
#ifndef MATCH_FILTER_INTERNAL_H
#define MATCH_FILTER_INTERNAL_H

#include "match/core.h"
#include "match/filter.h"

struct filter {
	char *jail;
	struct filter_hooks hooks;
	struct filter_trial trial;
	struct core *core;            /* shared with filters that do the same to the same lines */
	struct regex_fault fault;
	struct filter_counters before; /* what it had counted when it came to its core, less what the core had */
};

/* Its core for it alone, to be changed or fed. */
struct core *filter_own(struct filter *f);

#endif
