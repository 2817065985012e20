#include "config/tags.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* How often a tag was replaced in a value. */
struct tag_count {
	const char *name;
	int count;
	unsigned nth; /* of those of the value */
	struct tag_count *next;
};

struct replacing {
	struct tree *tree;
	struct arena *counts; /* dropped at the end */
	struct opts *options;
	const char *const *ignore;
	tags_look_fn look;
	void *arg;
	struct err *err;
	struct str spare; /* where the next replacement is built */
};

static bool
is_ignored(const struct replacing *r, const char *name)
{
	for (const char *const *p = r->ignore; *p != NULL; p++)
		if ((*p)[0] == name[0] && strcmp(*p, name) == 0)
			return true;
	return false;
}

/* The first <tag> from `at` on: no blank, '<' or '>' within. NULL: none. */
static const char *
find_tag(const char *at, size_t *len)
{
	for (const char *open = strchr(at, '<'); open != NULL;) {
		size_t n = 0;
		while (open[1 + n] != ' ' && open[1 + n] != '<' && open[1 + n] != '>' && open[1 + n] != '\0')
			n++; /* names are short: this is faster than a call */
		if (n != 0 && open[1 + n] == '>') {
			*len = n;
			return open;
		}
		open = strchr(open + 1 + n, '<');
	}
	return NULL;
}

/* The next <name>; NULL: none. */
static const char *
find_name(const char *at, const char *name, size_t len)
{
	while ((at = strchr(at, '<')) != NULL && (at[1] != name[0] || strncmp(at + 1, name, len) != 0 || at[1 + len] != '>'))
		at++;
	return at;
}

/* Replaces every <name> of `old`, which has none before `from`, into *text; old may be what *text holds. */
static bool
replace_all(struct replacing *r, struct str *text, const char *old, size_t from, const char *name, const char *by)
{
	struct str out = r->spare;
	size_t len = strlen(name), by_len = strlen(by);
	const char *p = old;

	r->spare = *text;
	str_clear(&out);
	for (const char *at = old + from; (at = find_name(at, name, len)) != NULL && out.len <= TAGS_VALUE_MAX; at = p) {
		str_addn(&out, p, (size_t)(at - p));
		str_addn(&out, by, by_len);
		p = at + len + 2;
	}
	str_add(&out, p);
	*text = out;
	if (out.len > TAGS_VALUE_MAX)
		return err_set(r->err, "<...> makes more than %d bytes of one option", TAGS_VALUE_MAX);
	return tree_spend(r->tree, out.len, r->err);
}

/* "<a>, <b>": what was replaced on the way to a tag that refers to itself. */
static bool
fail_recursion(const struct replacing *r, const char *option, const char *name, const char *text,
    const struct tag_count *counts)
{
	struct str way = {0};

	for (const struct tag_count *c = counts; c != NULL && way.len < 200; c = c->next)
		str_addf(&way, "%s<%.50s>", way.len != 0 ? ", " : "", c->name);
	err_set(r->err, "option '%.100s': <%.100s> refers to itself%s%s, in '%.200s'", option, name,
	    way.len != 0 ? " by way of " : "", str_text(&way), text);
	str_done(&way);
	return false;
}

static struct tag_count *
find_count(struct tag_count *c, const char *name)
{
	while (c != NULL && (c->name[0] != name[0] || strcmp(c->name, name) != 0))
		c = c->next;
	return c;
}

/* What a tag of the text is replaced by, counted; NULL: it stays. */
static const char *
find_replacement(struct replacing *r, const char *option, const char *text, const char *name, struct tag_count **counts,
    bool *is_ok)
{
	struct tag_count *c = find_count(*counts, name);

	if (r->tree->probe != TREE_PROBE_OFF && strchr(name, '\002') != NULL)
		r->tree->probe = TREE_PROBE_BROKEN;
	if (is_ignored(r, name))
		return NULL;
	if (strcmp(name, option) == 0 || (c != NULL && c->count > TAGS_REPLACE_MAX)) {
		*is_ok = fail_recursion(r, option, name, text, *counts);
		return NULL;
	}
	uint32_t hash = opts_hash(name);
	const struct opt *own = opts_find_hashed(r->options, name, hash);
	const char *by = own != NULL && own->kind == VALUE_STR ? own->text : r->look(r->arg, name, hash, is_ok, r->err);
	if (!*is_ok || by == NULL)
		return NULL; /* it stays: <HOST>, <ip>, something of the shell */
	if (c == NULL) {
		c = arena_alloc(r->counts, sizeof *c);
		c->name = arena_strdup(r->counts, name);
		c->next = *counts;
		c->nth = *counts != NULL ? (*counts)->nth + 1 : 1;
		*counts = c;
	}
	c->count++;
	return by;
}

/* Whether the tag at `at` is part of the name of another one: <a<b>>. */
static bool
is_within_name(const char *text, size_t at)
{
	const char *open = memrchr(text, '<', at);
	size_t len = open != NULL ? (size_t)(text + at - open) : 0;

	return open != NULL && memchr(open, '>', len) == NULL && memchr(open, ' ', len) == NULL;
}

/* Replaces what can be in one value. *now: `old` as long as nothing was, then text. *counts lives on over the rounds;
   *is_done: another one would find nothing new. */
static bool
replace_in(struct replacing *r, const char *option, const char *old, struct str *text, const char **now,
    struct tag_count **counts, bool *is_done)
{
	size_t len, from = 0;

	*now = old;
	*is_done = true;
	for (const char *tag; (tag = find_tag(*now + from, &len)) != NULL;) {
		char small[128], *name = len < sizeof small ? small : xmalloc(len + 1);
		size_t at = (size_t)(tag - *now);
		bool is_ok = true;
		memcpy(name, tag + 1, len);
		name[len] = '\0';
		is_ok = tree_spend(r->tree, 16 + (*counts != NULL ? (*counts)->nth : 0), r->err); /* steps count too */
		const char *by = !is_ok ? NULL : find_replacement(r, option, *now, name, counts, &is_ok);
		from = at + len + 2;
		if (by != NULL) {
			/* what stands before was looked at, unless it became a tag just now: <a<b>> */
			*is_done = *is_done && !is_within_name(*now, at);
			is_ok = replace_all(r, text, *now, *is_done ? at : 0, name, by);
			*now = str_text(text);
			from = at < text->len ? at : text->len; /* the same tag may have stood before as well */
		}
		if (name != small)
			free(name);
		if (!is_ok)
			return false;
	}
	return true;
}

bool
tags_replace(struct tree *t, struct opts *options, const char *const *ignore, tags_look_fn look, void *arg,
    struct err *err)
{
	struct replacing r = {t, arena_new(), options, ignore, look, arg, err, {0}};
	size_t count = options->count, len;
	struct tag_count **counts = xcalloc(count, sizeof *counts);
	bool *is_done = xcalloc(count, sizeof *is_done);
	bool is_ok = true, again = true;
	struct str text = {0};

	for (size_t i = 0; i < count; i++)
		is_done[i] = options->at[i].kind != VALUE_STR || find_tag(options->at[i].text, &len) == NULL ||
		    is_ignored(&r, options->at[i].key);
	while (is_ok && again) {
		again = false;
		for (size_t i = 0; is_ok && i < count; i++) {
			if (is_done[i])
				continue;
			const char *old = options->at[i].text, *now;
			is_ok = replace_in(&r, options->at[i].key, old, &text, &now, &counts[i], &is_done[i]);
			bool is_changed = is_ok && now != old && strcmp(old, now) != 0;
			/* what stays as it is now can change no more: no option comes or goes */
			is_done[i] = is_done[i] || !is_changed;
			again |= !is_done[i];
			if (is_changed)
				options->at[i].text = arena_strndup(t->arena, str_text(&text), text.len);
		}
	}
	str_done(&text);
	str_done(&r.spare);
	arena_free(r.counts);
	free(counts);
	free(is_done);
	return is_ok;
}
