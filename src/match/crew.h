/*
 * crew: cores that get the same lines. What they have in common is done once for each line: its date, the search for
 * literal texts that tell which of them can match at all, and a prefregex that several have.
 *
 * A crew is a plan for one set of cores: made when the set or a setting changed, valid until the next change.
 */
#ifndef MATCH_CREW_H
#define MATCH_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"

#define CREW_MAX 64 /* cores; there is a bit for each */

struct core;
struct regex;
struct crew;

/* What a prefregex said about the line at hand, for others with the same one. */
struct crew_pref {
	uint64_t serial; /* of the line */
	int result;      /* enum regex_result */
	const struct regex *regex; /* whose spans they are */
};

/* Their stamps become one where they are the same; each core remembers the crew. */
void crew_new(struct core *const *cores, size_t count);
/* A core leaves: the plan is void for all. */
void crew_leave(struct core *c);
/* Is there a plan for this set, and does it still hold? */
bool crew_is_for(struct core *const *cores, size_t count);

/* The lines through all cores. With one core, or without a plan, nothing is shared but equal stamps. */
void crew_feed(struct core *const *cores, size_t count, const struct line *lines, size_t n_lines);

#endif
