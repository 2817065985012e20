/*
 * ini: one configuration file in fail2ban's dialect -> sections of iniparser dictionaries.
 *
 * The library stores, we read: its own reader refuses long lines and knows neither ';' rules nor duplicates.
 * Every value keeps the file and the line that it came from. One dictionary per section, because the
 * library searches one from its start. Option names are lower case, section names are as written.
 */
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include <iniparser/dictionary.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "base/err.h"
#include "base/str.h"

#define INI_FILE_MAX (8 << 20)   /* bytes; a larger file is an error */
#define INI_VALUE_MAX (1 << 20)  /* bytes of one value; a longer one is an error */
#define INI_VALUE_LONG (64 << 10) /* worth a warning */
#define INI_SECTIONS_MAX 2000
#define INI_OPTIONS_MAX 2000     /* of one section; what inclusion adds does not count */
#define INI_STORE_FEW 20         /* options of most sections */

struct ini_place {
	unsigned file; /* number of the file, 0: none, the program itself */
	unsigned line;
};

/* The options of a section; sections that were merged from it alone share it until one changes. */
struct ini_store {
	dictionary *options;
	unsigned refs, room;
	uint8_t *kinds; /* of each name, in the library's order, with that room: `few`, or owned when there are more */
	uint8_t few[INI_STORE_FEW];
};

struct opts;

struct ini_section {
	char *name;                /* in one piece with it */
	struct ini_store *store;   /* NULL: no options */
	const struct opts *known;  /* over it: what known/<name> stands for; borrowed; NULL: nothing */
	UT_hash_handle hh;
};

struct ini {
	struct ini_section *sections; /* in order of appearance (uthash keeps it), without the defaults */
	struct ini_section *defaults; /* [DEFAULT] */
};

struct ini *ini_new(void);
void ini_free(struct ini *ini); /* NULL is fine */

/*
 * Adds a file's content; `file` is the number stored with each value, `path` is for messages.
 * bytes must be valid UTF-8.
 */
bool ini_parse(struct ini *ini, const char *bytes, size_t len, unsigned file, const char *path, struct err *err);

/* DEFAULT is found too. NULL when there is none. */
struct ini_section *ini_section(const struct ini *ini, const char *name);
struct ini_section *ini_section_add(struct ini *ini, const char *name);

/* One that belongs to no file: the variables of an interpolation. */
struct ini_section *ini_section_new(const char *name);
void ini_section_free(struct ini_section *s); /* NULL is fine */

/* NULL when absent. key: lower case. The text is borrowed until the option is set again. */
const char *ini_get(const struct ini_section *s, const char *key);
const char *ini_get_either(const struct ini_section *s, const struct ini_section *other, const char *key); /* where s lacks it */
struct ini_place ini_place(const struct ini_section *s, const char *key);
void ini_put(struct ini_section *s, const char *key, const char *value, struct ini_place place);
size_t ini_count(const struct ini_section *s);
const char *ini_key(const struct ini_section *s, size_t i); /* in order of appearance */

/*
 * As fail2ban merges: options of `from` replace those of `into`, what they replace is kept in a
 * section KNOWN/<name>, and a section word?cond becomes options key?cond of the section word.
 */
void ini_merge(struct ini *into, const struct ini *from);

/* str.lower() of Python for option names. */
void ini_lower(const char *text, size_t len, struct str *out);

#endif
