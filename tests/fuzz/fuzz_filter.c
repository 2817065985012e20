/*
 * fuzz_filter: the first line of the input is an expression or a date pattern, the others are log lines.
 * Whatever they are, the filter answers within its limits.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"
#include "match/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_failure(void *arg, const struct failure *f)
{
	(void)arg;
	(void)f;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clock clock = {0};
	struct filter_hooks hooks = {.clock = &clock, .failure = on_failure};
	struct str text = {0};
	struct err err = {0};

	if (size > 4096)
		return 0;
	text_to_utf8((const char *)data, size, &text);
	if (text.len == 0 || memchr(text.at, '\0', text.len) != NULL) {
		str_done(&text);
		return 0;
	}
	struct filter *f = filter_new("fuzz", &hooks);
	char *line = text.at, *end = strchr(line, '\n');
	if (end != NULL)
		*end = '\0';
	if (line[0] == '@')
		filter_set_datepattern(f, line + 1, &err);
	else if (line[0] == '!')
		filter_set_prefregex(f, line + 1, &err);
	else
		filter_add_failregex(f, line, &err);
	filter_add_failregex(f, "^ *bad <F-USER>\\S+</F-USER> from <HOST>", &err);
	while (end != NULL) {
		line = end + 1;
		end = strchr(line, '\n');
		if (end != NULL)
			*end = '\0';
		struct line l = {.bytes = line, .len = strlen(line), .time = NAN, .in_operation = true};
		filter_feed(f, &l, 1);
	}
	filter_free(f);
	str_done(&text);
	return 0;
}
