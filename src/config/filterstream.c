#include "config/filterstream.h"

#include "base/str.h"

#include <string.h>

void
filterstream_imply(struct definition *d, const char *backend)
{
	const char *given = opts_text(&d->given, "logtype");

	if ((given == NULL || given[0] == '\0') && ini_get(d->own, "logtype") == NULL)
		opts_put(&d->given, d->tree->arena, "logtype", str_starts(backend, "systemd") ? "journal" : "file");
}

static void
insert(struct value *list, size_t at, struct value *item)
{
	value_push(list, item);
	memmove(list->seq.items + at + 1, list->seq.items + at, (list->seq.count - 1 - at) * sizeof *list->seq.items);
	list->seq.items[at] = item;
}

static struct value *
set_command(const char *jail, const char *option, struct value *v)
{
	struct value *command = value_words("set", jail, option, NULL);

	value_push(command, v);
	return command;
}

static void
add_expressions(struct value *stream, const char *jail, const char *option, const char *text)
{
	struct value *lines = value_list();
	char *name = xjoin("add", option, NULL);

	for (const char *p = text; p != NULL;) {
		const char *end = strchrnul(p, '\n');
		if (end != p)
			value_push(lines, value_strn(p, (size_t)(end - p)));
		p = *end != '\0' ? end + 1 : NULL;
	}
	if (value_count(lines) == 1)
		value_push(stream, set_command(jail, name, value_dup(value_at(lines, 0))));
	if (value_count(lines) > 1) {
		struct value *command = value_words("multi-set", jail, name, NULL);
		value_push(command, lines);
		value_push(stream, command);
	} else {
		value_free(lines);
	}
	free(name);
}

/* Words as a POSIX shell splits them: quotes and backslashes, nothing is expanded. */
static bool
add_words(struct value *command, struct slice line, struct err *err)
{
	struct str word = {0};
	bool in_word = false, is_escaped = false;
	char quote = '\0';

	for (size_t i = 0; i < line.len; i++) {
		char c = line.at[i];
		if (is_escaped) {
			if (quote == '"' && c != '"' && c != '\\')
				str_addc(&word, '\\');
			str_addc(&word, c);
			is_escaped = false;
		} else if (c == '\\' && quote != '\'') {
			is_escaped = in_word = true;
		} else if (quote != '\0') {
			if (c == quote)
				quote = '\0';
			else
				str_addc(&word, c);
		} else if (c == '"' || c == '\'') {
			quote = c;
			in_word = true;
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			if (in_word)
				value_push(command, value_strn(str_text(&word), word.len));
			str_clear(&word);
			in_word = false;
		} else {
			str_addc(&word, c);
			in_word = true;
		}
	}
	if (in_word)
		value_push(command, value_strn(str_text(&word), word.len));
	str_done(&word);
	if (quote == '\0' && !is_escaped)
		return true;
	return err_set(err, "journalmatch '%.*s': %s", (int)(line.len < 200 ? line.len : 200), line.at,
	    is_escaped ? "nothing follows the last backslash" : "a closing quote is missing");
}

static bool
add_matches(struct value *stream, const char *jail, const char *text, struct err *err)
{
	for (const char *p = text; p != NULL;) {
		const char *end = strchrnul(p, '\n');
		if (end != p) {
			struct value *command = value_words("set", jail, "addjournalmatch", NULL);
			value_push(stream, command);
			if (!add_words(command, (struct slice){p, (size_t)(end - p)}, err))
				return err_prefix(err, "jail '%s'", jail);
		}
		p = *end != '\0' ? end + 1 : NULL;
	}
	return true;
}

bool
filterstream_fill(struct value *stream, const struct opts *options, const char *jail, struct err *err)
{
	size_t front = 0;

	for (size_t i = 0; i < options->count; i++) {
		const struct opt *o = &options->at[i];
		const char *name = o->key;
		if (o->kind == VALUE_NONE || strchr("fiumj" "datepattern", name[0]) == NULL) /* most are material */
			continue;
		if (strcmp(name, "failregex") == 0 || strcmp(name, "ignoreregex") == 0) {
			add_expressions(stream, jail, name, o->text);
		} else if (strcmp(name, "usedns") == 0 || strcmp(name, "maxlines") == 0 || strcmp(name, "prefregex") == 0) {
			insert(stream, strcmp(name, "usedns") == 0 ? 0 : front, set_command(jail, name, opts_value(o)));
			front++;
		} else if (strstr("datepattern", name) != NULL) { /* compat: any part of that word is sent */
			value_push(stream, set_command(jail, name, opts_value(o)));
		} else if (strcmp(name, "journalmatch") == 0 && !add_matches(stream, jail, o->text, err)) {
			return false;
		}
	}
	return true;
}

bool
filterstream_filter(struct value *stream, struct definition *d, const char *jail, struct err *err)
{
	struct opts all = {0};

	if (!definition_combine(d, NULL, &all, err))
		return err_prefix(err, "jail '%s', filter", jail);
	bool is_ok = filterstream_fill(stream, &all, jail, err);
	opts_done(&all);
	return is_ok;
}
