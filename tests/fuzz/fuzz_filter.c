/*
 * fuzz_filter: the first lines of the input are settings, the others are log lines: @ a date pattern, ! the prefregex,
 * + a failregex, - an ignoreregex, = the number of lines. Whatever they are, the filter answers within its limits, and
 * finds the same beside other filters that get the same lines as alone.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"
#include "match/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 64
#define NOW 1795334800
#define USUAL "^ *bad <F-USER>\\S+</F-USER> from <HOST>"

static void
on_failure(void *arg, const struct failure *f)
{
	str_addf(arg, "%d %d %s %s %.6f", f->failregex, (int)f->kind, f->id, f->ip != NULL ? f->ip : "", f->time);
	for (size_t i = 0; i < f->n_groups; i++)
		str_addf(arg, " %s=%s", f->groups[i].name, f->groups[i].value != NULL ? f->groups[i].value : "");
	for (size_t i = 0; i < f->n_lines; i++)
		str_addf(arg, "|%.*s", (int)f->lines[i].len, f->lines[i].bytes);
	str_addc(arg, '\n');
}

static struct filter *
make(const struct filter_hooks *hooks, const char *settings, size_t n, bool with_defaults)
{
	struct filter *f = filter_new("fuzz", hooks);
	struct err err = {""};

	/* the many default formats take their time to compile: not for each input */
	if (!with_defaults)
		filter_set_datepattern(f, "%Y-%m-%d %H:%M:%S", &err);
	for (const char *at = settings; n > 0; n--, at += strlen(at) + 1) {
		bool ok = true;
		switch (at[0]) {
		case '@': ok = filter_set_datepattern(f, at + 1, &err); break;
		case '!': ok = filter_set_prefregex(f, at + 1, &err); break;
		case '+': ok = filter_add_failregex(f, at + 1, &err); break;
		case '-': ok = filter_add_ignoreregex(f, at + 1, &err); break;
		default: filter_set_maxlines(f, atoi(at + 1) % 12, &err);
		}
		if (!ok && err.text[0] == '\0')
			abort();
	}
	filter_add_failregex(f, USUAL, &err);
	return f;
}

static void
run(const char *settings, size_t n_settings, const struct line *lines, size_t n_lines, bool with_defaults, bool with_twin)
{
	struct clock clock = {.is_fixed = true, .fixed = NOW};
	struct str alone = {0}, found = {0}, twin = {0}, other = {0};
	struct filter_hooks hooks = {.clock = &clock, .failure = on_failure};
	struct filter *set[3];
	size_t n_set = 2;
	struct filter_counters a, b;

	hooks.arg = &alone;
	struct filter *f = make(&hooks, settings, n_settings, with_defaults);
	filter_feed(f, lines, n_lines);
	filter_counters(f, &a);
	filter_free(f);
	hooks.arg = &found;
	set[0] = make(&hooks, settings, n_settings, with_defaults);
	hooks.arg = &other;
	set[1] = make(&hooks, "", 0, with_defaults);
	hooks.arg = &twin;
	if (with_twin)
		set[n_set++] = make(&hooks, settings, n_settings, with_defaults);
	for (size_t i = 0; i < n_lines; i += 5)
		filters_feed(set, n_set, lines + i, n_lines - i < 5 ? n_lines - i : 5);
	filter_counters(set[0], &b);
	for (size_t i = 0; i < n_set; i++)
		filter_free(set[i]);
	if (strcmp(str_text(&alone), str_text(&found)) != 0 || (with_twin && strcmp(str_text(&alone), str_text(&twin)) != 0) ||
	    (a.limit == 0 && memcmp(&a, &b, sizeof a) != 0)) {
		fprintf(stderr, "alone:\n%sbeside others:\n%sits twin:\n%s", str_text(&alone), str_text(&found), str_text(&twin));
		abort();
	}
	str_done(&alone);
	str_done(&found);
	str_done(&twin);
	str_done(&other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {0};
	struct line lines[LINES_MAX];
	size_t n_settings = 0, n_lines = 0;

	if (size == 0 || size > 4096)
		return 0;
	text_to_utf8((const char *)data, size, &text);
	if (memchr(text.at, '\0', text.len) != NULL) {
		str_done(&text);
		return 0;
	}
	char *at = text.at;
	for (bool is_head = true; *at != '\0' && n_lines < LINES_MAX;) {
		char *end = at + strcspn(at, "\n");
		bool is_last = *end == '\0';
		*end = '\0';
		is_head = is_head && at[0] != '\0' && strchr("@!+-=", at[0]) != NULL && n_settings < 6;
		if (is_head)
			n_settings++;
		else
			lines[n_lines++] = (struct line){.bytes = at, .len = (size_t)(end - at), .time = NAN, .in_operation = size % 2 == 0};
		if (is_last)
			break;
		at = end + 1;
	}
	run(text.at, n_settings, lines, n_lines, size % 64 == 7, size % 4 == 0);
	str_done(&text);
	return 0;
}
