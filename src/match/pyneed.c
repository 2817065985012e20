#include "match/pyneed.h"

#include <string.h>

/* The longer the rarer, but for blanks: " user " stands everywhere. One text is better than one of many. */
static int
worth(const struct need *n)
{
	size_t least = n->count == 0 ? 0 : SIZE_MAX;

	for (size_t i = 0; i < n->count; i++) {
		size_t len = strlen(n->at[i]), blanks = 0;
		if (len < NEED_TEXT_MIN)
			return 0;
		for (size_t k = 0; k < len; k++)
			blanks += n->at[i][k] == ' ';
		least = len - blanks < least ? len - blanks : least;
	}
	return (int)(4 * least) - (int)n->count;
}

static void
consider(struct need_frame *f, const struct need *n)
{
	if (worth(n) > worth(&f->best))
		f->best = *n;
}

void
need_break(struct need_frame *f)
{
	if (f->run_len >= NEED_TEXT_MIN) {
		struct need one = {.count = 1};
		memcpy(one.at[0], f->run, f->run_len);
		consider(f, &one);
	}
	f->run_len = 0;
}

void
need_literal(struct need_frame *f, char c, bool is_repeated)
{
	if (f->run_len < NEED_TEXT_MAX)
		f->run[f->run_len++] = c;
	if (is_repeated)
		need_break(f);
}

void
need_group(struct need_frame *f, const struct need *inner)
{
	need_break(f);
	consider(f, inner);
}

static bool
has(const struct need *n, const char *text)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->at[i], text) == 0)
			return true;
	return false;
}

static void
end_branch(struct need_frame *f)
{
	struct need *all = &f->alternatives;

	need_break(f);
	if (f->best.count == 0)
		f->is_open = true;
	for (size_t i = 0; i < f->best.count && !f->is_open; i++) {
		if (has(all, f->best.at[i]))
			continue;
		if (all->count == NEED_MAX)
			f->is_open = true;
		else
			memcpy(all->at[all->count++], f->best.at[i], sizeof all->at[0]);
	}
	f->best.count = 0;
}

void
need_bar(struct need_frame *f)
{
	end_branch(f);
}

void
need_end(struct need_frame *f, struct need *out)
{
	end_branch(f);
	*out = f->alternatives;
	if (f->is_open)
		out->count = 0;
}
