#include "config/tags.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* How often a tag was replaced in a value. */
struct tag_count {
	char *name;
	int count;
	UT_hash_handle hh;
};

struct replacing {
	struct tree *tree;
	struct value *options;
	const struct value *ignore;
	tags_look_fn look;
	void *arg;
	struct err *err;
};

static bool
is_ignored(const struct replacing *r, const char *name)
{
	for (size_t i = 0; i < value_count(r->ignore); i++)
		if (value_text_is(value_at(r->ignore, i), name))
			return true;
	return false;
}

/* The first <tag> from `at` on: no blank, '<' or '>' within. NULL: none. */
static const char *
find_tag(const char *at, size_t *len)
{
	for (const char *open = strchr(at, '<'); open != NULL;) {
		size_t n = strcspn(open + 1, " <>");
		if (n != 0 && open[1 + n] == '>') {
			*len = n;
			return open;
		}
		open = strchr(open + 1 + n, '<');
	}
	return NULL;
}

/* Replaces every <name> of *text. */
static bool
replace_all(const struct replacing *r, struct str *text, const char *name, const char *by)
{
	struct str out = {0};
	size_t len = strlen(name), by_len = strlen(by);

	for (const char *p = str_text(text);;) {
		const char *at = p;
		while ((at = strchr(at, '<')) != NULL && (strncmp(at + 1, name, len) != 0 || at[1 + len] != '>'))
			at++;
		if (at == NULL) {
			str_add(&out, p);
			break;
		}
		str_addn(&out, p, (size_t)(at - p));
		str_addn(&out, by, by_len);
		p = at + len + 2;
		if (out.len > TAGS_VALUE_MAX) {
			str_done(&out);
			return err_set(r->err, "<...> makes more than %d bytes of one option", TAGS_VALUE_MAX);
		}
	}
	str_done(text);
	*text = out;
	return tree_spend(r->tree, out.len, r->err);
}

static void
counts_free(struct tag_count **counts)
{
	struct tag_count *c, *next;

	HASH_ITER(hh, *counts, c, next)
	{
		HASH_DEL(*counts, c);
		free(c->name);
		free(c);
	}
}

/* "<a>, <b>": what was replaced on the way to a tag that refers to itself. */
static bool
fail_recursion(const struct replacing *r, const char *option, const char *name, const char *text,
    const struct tag_count *counts)
{
	struct str way = {0};

	for (const struct tag_count *c = counts; c != NULL && way.len < 200; c = c->hh.next)
		str_addf(&way, "%s<%.50s>", way.len != 0 ? ", " : "", c->name);
	err_set(r->err, "option '%.100s': <%.100s> refers to itself%s%s, in '%.200s'", option, name,
	    way.len != 0 ? " by way of " : "", str_text(&way), text);
	str_done(&way);
	return false;
}

/* Replaces what can be in one value. *counts lives on over the rounds. */
static bool
replace_in(const struct replacing *r, const char *option, struct str *text, struct tag_count **counts)
{
	size_t len, from = 0;

	for (const char *tag; (tag = find_tag(str_text(text) + from, &len)) != NULL;) {
		size_t at = (size_t)(tag - str_text(text));
		char *name = xstrndup(tag + 1, len);
		struct tag_count *c;
		bool is_ok = true;

		HASH_FIND_STR(*counts, name, c);
		if (is_ignored(r, name)) {
			from = at + len + 2;
			free(name);
			continue;
		}
		if (strcmp(name, option) == 0 || (c != NULL && c->count > TAGS_REPLACE_MAX)) {
			is_ok = fail_recursion(r, option, name, str_text(text), *counts);
			free(name);
			return is_ok;
		}
		const char *by = value_text(value_get(r->options, name));
		if (by == NULL)
			by = r->look(r->arg, name, &is_ok, r->err);
		if (is_ok && by == NULL)
			from = at + len + 2; /* stays: <HOST>, <ip>, something of the shell */
		if (is_ok && by != NULL) {
			char *copy = xstrdup(by);
			is_ok = replace_all(r, text, name, copy);
			free(copy);
			if (c == NULL) {
				c = xcalloc(1, sizeof *c);
				c->name = xstrdup(name);
				HASH_ADD_KEYPTR(hh, *counts, c->name, strlen(c->name), c);
			}
			c->count++;
			from = at <= text->len ? at : text->len;
		}
		free(name);
		if (!is_ok)
			return false;
	}
	return true;
}

bool
tags_replace(struct tree *t, struct value *options, const struct value *ignore, tags_look_fn look, void *arg,
    struct err *err)
{
	struct replacing r = {t, options, ignore, look, arg, err};
	size_t count = value_count(options);
	struct tag_count **counts = xcalloc(count, sizeof *counts);
	bool *is_done = xcalloc(count, sizeof *is_done);
	bool is_ok = true, again = true;

	while (is_ok && again) {
		again = false;
		for (size_t i = 0; is_ok && i < count; i++) {
			const char *name = value_text(options->seq.items[2 * i]);
			const char *old = value_text(options->seq.items[2 * i + 1]);
			if (is_done[i] || old == NULL || is_ignored(&r, name))
				continue;
			if (strchr(old, '<') == NULL) {
				is_done[i] = true;
				continue;
			}
			struct str text = {0};
			size_t len;
			str_add(&text, old);
			/* compat: the counts are kept only if the value has tags left and is looked at again */
			struct tag_count *fresh = counts[i];
			is_ok = replace_in(&r, name, &text, &fresh);
			bool is_changed = strcmp(old, str_text(&text)) != 0;
			bool has_more = is_ok && is_changed && find_tag(str_text(&text), &len) != NULL;
			again |= has_more;
			counts[i] = fresh;
			if (!has_more && !is_changed)
				counts_free(&counts[i]);
			is_done[i] = strchr(str_text(&text), '<') == NULL;
			if (is_changed)
				value_put(options, name, value_strn(str_text(&text), text.len));
			str_done(&text);
		}
	}
	for (size_t i = 0; i < count; i++)
		counts_free(&counts[i]);
	free(counts);
	free(is_done);
	return is_ok;
}
