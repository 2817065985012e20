/*
 * regex_explain: --explain: for each line what took it or how near the nearest expression came, and
 * what is doubtful about the expressions. Printed before the report.
 */
#include "applet/regex.h"

#include <string.h>

#include "base/text.h"

static void
print_clean(const char *bytes, size_t len)
{
	struct str clean = {0};

	text_clean(bytes, len, false, &clean);
	fputs(str_text(&clean), stdout);
	str_done(&clean);
}

void
explain_line(struct tester *t, const struct line *line)
{
	struct filter_last last;
	struct filter_reach reach;

	filter_last(t->filter, &last);
	filter_reach(t->filter, &reach);
	printf("%zu: ", t->tested + 1);
	print_clean(line->bytes, line->len);
	putchar('\n');
	if (t->first_regex != 0)
		printf("   %s by failregex %d", t->is_ignored ? "taken, but ignored," : "taken", t->first_regex);
	else if (t->is_ignored)
		fputs("   ignored", stdout);
	else if (last.over_limit)
		fputs("   given up: an expression needed too many steps", stdout);
	else if (reach.source == NULL)
		fputs("   missed", stdout);
	else if (reach.failregex == 0)
		fputs("   missed: prefregex holds up to ", stdout);
	else
		printf("   missed: failregex %d holds up to ", reach.failregex);
	if (t->first_regex == 0 && !t->is_ignored && !last.over_limit && reach.source != NULL) {
		if (reach.len == 0)
			fputs("its start", stdout);
		else
			print_clean(reach.source, reach.len);
	}
	printf(" (%llu steps)\n", (unsigned long long)reach.steps);
}

void
explain_end(struct tester *t)
{
	bool is_first = true;

	for (size_t i = 0; i < t->fail.count; i++) {
		struct filter_advice a;
		filter_advice(t->filter, (int)i + 1, &a);
		unsigned long long limit = filter_failregex_limit(t->filter, i);
		if (!a.is_forgeable && a.risk_column == 0 && limit == 0)
			continue;
		if (is_first)
			puts("\nWarnings:");
		is_first = false;
		if (a.is_forgeable)
			printf("  failregex %zu can be forged: nothing ties it to the start of the line\n", i + 1);
		if (a.risk_column != 0)
			printf("  failregex %zu can backtrack without bound: the repeat at column %zu\n", i + 1, a.risk_column);
		if (limit != 0)
			printf("  failregex %zu ran out of its budget %llu times\n", i + 1, limit);
	}
}
