#include "command/complete.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "command/command.h"

struct search {
	const struct value *before, *jails;
	const char *part;
	struct value *found;
};

static void
offer(struct search *s, const char *word, size_t len)
{
	size_t at = 0;

	if (len == 0 || len < strlen(s->part) || strncmp(word, s->part, strlen(s->part)) != 0)
		return;
	for (; at < value_count(s->found); at++) {
		const struct value *v = value_at(s->found, at);
		size_t shorter = v->text.len < len ? v->text.len : len;
		int order = memcmp(v->text.bytes, word, shorter);
		if (order == 0)
			order = v->text.len < len ? -1 : v->text.len > len;
		if (order == 0)
			return;
		if (order > 0)
			break;
	}
	value_push(s->found, value_strn(word, len));
	struct value **items = s->found->seq.items;
	struct value *new = items[s->found->seq.count - 1];
	memmove(items + at + 1, items + at, (s->found->seq.count - 1 - at) * sizeof *items);
	items[at] = new;
}

static void
offer_jails(struct search *s)
{
	for (size_t i = 0; i < value_count(s->jails); i++) {
		const struct value *jail = value_at(s->jails, i);
		if (jail->kind == VALUE_STR)
			offer(s, jail->text.bytes, jail->text.len);
	}
}

/*
 * "[JAIL [basic|short]]": words in lower case and options are meant literally. What is nested deeper
 * than `given` arguments cannot stand next.
 */
static void
offer_arguments(struct search *s, const char *arguments, size_t given)
{
	size_t depth = 0;

	for (; *arguments != '\0'; arguments++) {
		size_t len = strcspn(arguments, " []|");
		if (len != 0 && depth <= given + 1) {
			if (len == 4 && strncmp(arguments, "JAIL", 4) == 0)
				offer_jails(s);
			else if (len > 1 && (*arguments == '-' || (*arguments >= 'a' && *arguments <= 'z')))
				offer(s, arguments, len);
		}
		arguments += len;
		depth += *arguments == '[';
		depth -= *arguments == ']' && depth != 0;
		if (*arguments == '\0')
			break;
	}
}

/* One row of the table: "set JAIL bantime" with "VALUE". */
static void
try_row(void *arg, const char *words, const char *arguments, const char *help)
{
	struct search *s = arg;

	(void)help;
	for (size_t i = 0; i <= value_count(s->before); i++) {
		size_t len = strcspn(words, " ");
		bool is_jail = len == 4 && strncmp(words, "JAIL", 4) == 0;
		if (i == value_count(s->before)) {
			if (is_jail)
				offer_jails(s);
			else if (len != 0)
				offer(s, words, len);
			else
				offer_arguments(s, arguments, 0);
			return;
		}
		const char *typed = value_text(value_at(s->before, i));
		if (len == 0) { /* all its own words are there: now the arguments, in any order */
			offer_arguments(s, arguments, value_count(s->before) - i);
			return;
		}
		if (typed == NULL || (!is_jail && (strncmp(typed, words, len) != 0 || typed[len] != '\0')))
			return;
		words += len + (words[len] == ' ');
	}
}

struct value *
complete_words(const struct value *before, const char *part, const struct value *jails)
{
	struct search s = {before, jails, part, value_list()};

	command_each(try_row, &s);
	/* what the client itself does */
	try_row(&s, "restart", "[--unban] [--if-exists] [JAIL]", "");
	try_row(&s, "exit", "", "");
	try_row(&s, "quit", "", "");
	try_row(&s, "help", "", "");
	return s.found;
}

char *
complete_common(const struct value *candidates)
{
	const char *first = value_text(value_at(candidates, 0));
	size_t len = first != NULL ? strlen(first) : 0;

	for (size_t i = 1; i < value_count(candidates); i++) {
		const char *word = value_text(value_at(candidates, i));
		size_t same = 0;
		while (same < len && word[same] == first[same])
			same++;
		len = same;
	}
	return xstrndup(first != NULL ? first : "", len);
}
