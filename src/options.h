/*
 * options: the options that jail.conf, filter.d, action.d and fail2ban.conf know, in fail2ban's order
 * (which is the order of the commands that they become).
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum option_type {
	OPTION_TEXT,
	OPTION_BOOL,
	OPTION_INT,
	OPTION_TIME,     /* seconds or an abbreviation */
	OPTION_LIST,     /* words */
	OPTION_LINES,    /* one each line */
	OPTION_MATERIAL, /* for %(name)s only: never sent */
};

struct option_row {
	const char *name; /* NULL ends a table; a '*' at its end stands for any rest */
	enum option_type type;
	const char *fallback; /* what holds when no file says anything, as a person would write it; NULL: nothing */
	const char *help;     /* one line, lower case, no full stop */
};

extern const struct option_row options_jail[];
extern const struct option_row options_filter[];
extern const struct option_row options_action[];
extern const struct option_row options_main[];

const struct option_row *option_find(const struct option_row *table, const char *name); /* NULL: unknown */
/* The known name that is so near that it was probably meant; NULL when none is. */
const char *option_nearest(const struct option_row *table, const char *name);

#endif
