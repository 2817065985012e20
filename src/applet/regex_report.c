#include "applet/regex.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/spec.h"
#include "base/text.h"
#include "match/datedetect.h"
#include "match/failregex.h"

#define SHORT 53

/* ---- setting up ---- */

void
report_say(const struct tester *t, const char *format, ...)
{
	va_list args;

	if (t->opts.out != NULL || t->opts.json)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

bool
report_error(const struct tester *t, const char *in, size_t index, const struct err *err)
{
	struct filter_fault fault = {0};

	if (t->filter != NULL && in != NULL)
		filter_fault(t->filter, &fault);
	if (t->opts.json)
		json_print_error(fault.text != NULL && fault.text[0] != '\0' ? fault.text : err->text, fault.column, in, index);
	else
		printf("ERROR: %s\n", err->text);
	if (!t->opts.json && fault.column != 0) /* the position above is one of the expanded text */
		printf("       column %zu: %s\n", fault.column, fault.text);
	return false;
}

void
report_log(void *arg, int level, const char *text)
{
	report_log_of(arg, "fail2ban.filter", level, text);
}

void
report_log_of(const struct tester *t, const char *logger, int level, const char *text)
{
	if (level < t->opts.log_level || t->opts.json)
		return;
	const char *name = log_level_name(level);
	double now = clock_now(&t->clock);
	time_t whole = (time_t)now;
	struct tm tm;
	char when[32];
	localtime_r(&whole, &tm);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
	int ms = (int)((now - (double)whole) * 1000);
	if (t->opts.verbose <= 1)
		printf("%s,%03d %-24s[%d]: %-7s%.1s: %s\n", when, ms, logger, (int)getpid(), name, name, text);
	else if (t->opts.verbose == 2)
		printf(" %s,%03d %lX %-5.5s %s\n", when, ms, (unsigned long)pthread_self(), name, text);
	else
		printf(" +%5.0f %lX %-25.25s %-5.5s %s\n", (now - t->start) * 1000, (unsigned long)pthread_self(), logger,
		    name, text);
}

void
report_short(const char *text, struct str *out)
{
	size_t chars = 0, cut = 0;

	for (size_t i = 0; text[i] != '\0'; i++) {
		if (((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (chars == SHORT - 3)
			cut = i;
		chars++;
	}
	if (chars > SHORT) {
		str_addn(out, text, cut);
		str_add(out, "...");
	} else {
		str_add(out, text);
	}
}

/* ---- blocks: a head, "|  " before each row, "`-" below ---- */

struct block {
	const char *head; /* NULL: none */
	bool is_open;
};

static void
block_row(struct block *b, const struct str *row) /* which may hold a NUL */
{
	if (!b->is_open && b->head != NULL)
		printf("|- %s\n", b->head);
	b->is_open = true;
	fputs("|  ", stdout);
	fwrite(str_text(row), 1, row->len, stdout);
	putchar('\n');
}

static void
block_end(struct block *b)
{
	if (b->is_open)
		puts("`-");
}

static void
print_regexes(const struct tester *t, const char *title, const struct tester_regexes *r)
{
	struct block b = {.head = " #) [# of hits] regular expression"};
	struct str row = {0};
	size_t total = 0;

	for (size_t i = 0; i < r->count; i++)
		total += r->at[i].hits;
	printf("\n%s: %zu total\n", title, total);
	for (size_t i = 0; i < r->count; i++) {
		const struct tester_regex *x = &r->at[i];
		if (x->hits > 0 || t->opts.verbose != 0) {
			str_clear(&row);
			str_addf(&row, "%2zu) [%zu] %s", i + 1, x->hits, x->source);
			block_row(&b, &row);
		}
		for (size_t k = 0; k < x->n_list; k++) {
			char when[64];
			time_t whole = (time_t)(isnan(x->list[k].time) ? clock_now(&t->clock) : x->list[k].time);
			struct tm tm;
			localtime_r(&whole, &tm);
			strftime(when, sizeof when, "%a %b %d %H:%M:%S %Y", &tm);
			str_clear(&row);
			str_addf(&row, "    %s  %s%s", x->list[k].id != NULL ? x->list[k].id : "None", when,
			    x->list[k].is_one_of_many ? " (multiple regex matched)" : "");
			block_row(&b, &row);
		}
	}
	block_end(&b);
	str_done(&row);
}

static void
print_pref(const struct tester *t)
{
	const char *pref = filter_prefregex(t->filter);

	if (pref[0] == '\0')
		return;
	printf("\nPrefregex: %zu total\n|  %s\n", t->pref_matched, pref);
	fputs(str_text(&t->pref_groups), stdout);
	puts("`-");
}

static void
print_dates(const struct tester *t)
{
	struct block b = {.head = "[# of hits] date format"};
	const struct datedetect *d = filter_dates(t->filter);
	size_t n = d != NULL ? datedetect_count(d) : 0;
	struct str row = {0};

	if (!t->has_dates)
		return;
	puts("\nDate template hits:");
	for (size_t i = 0; i < n; i++) {
		struct datedetect_template x;
		datedetect_template(d, i, &x);
		if (x.hits == 0 && t->opts.verbose == 0)
			continue;
		str_clear(&row);
		str_addf(&row, "[%llu] %s", (unsigned long long)x.hits, x.name);
		block_row(&b, &row);
		if (t->opts.verbose_date) {
			str_clear(&row);
			str_addf(&row, "    # weight: %.3f (%.3f), pattern: %s", x.weight, x.own_weight, x.pattern);
			block_row(&b, &row);
			str_clear(&row);
			str_addf(&row, "    # regex:   %s", x.text);
			block_row(&b, &row);
		}
	}
	block_end(&b);
	str_done(&row);
}

/* ---- the lists of lines ---- */

static void
add_quoted(struct str *out, const char *text, size_t len) /* as in a query of an URL */
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || memchr("_.-~", c, 4) != NULL)
			str_addc(out, (char)c);
		else if (c == ' ')
			str_addc(out, '+');
		else
			str_addf(out, "%%%02X", c);
	}
}

static void
trim_end(struct str *s)
{
	while (s->len > 0) {
		size_t at = s->len - 1;
		while (at > 0 && ((unsigned char)s->at[at] & 0xc0) == 0x80)
			at--;
		if (spec_space(s->at + at, s->len - at) != s->len - at)
			return;
		str_cut(s, at);
	}
}

static void
print_debuggex(const struct tester *t, struct block *b, const struct tester_lines *l, bool is_ignored)
{
	const struct tester_regexes *r = is_ignored ? &t->ignore : &t->fail;
	struct str row = {0};

	for (size_t i = 0; i < l->n_list; i++) {
		for (size_t k = 0; k < r->count; k++) {
			struct mapped expanded = {0};
			failregex_expand(r->at[k].source, t->opts.usedns == NULL || strcmp(t->opts.usedns, "no") != 0, &expanded);
			str_clear(&row);
			str_addn(&row, str_text(&l->list[i]), l->list[i].len);
			str_addf(&row, " | %s |  https://www.debuggex.com/?re=", r->at[k].source);
			add_quoted(&row, str_text(&expanded.text), expanded.text.len);
			mapped_done(&expanded);
			str_add(&row, "&str=");
			add_quoted(&row, str_text(&l->list[i]), l->list[i].len);
			str_add(&row, "&flavor=python");
			if (filter_maxlines(t->filter) > 1)
				str_add(&row, "&flags=m");
			trim_end(&row);
			block_row(b, &row);
		}
	}
	str_done(&row);
}

static void
print_lines(const struct tester *t, const char *title, const char *word, const struct tester_lines *l, bool all)
{
	char *head = xasprintf("%s line(s):", title);
	struct block b = {.head = head};

	if (l->count == 0) {
		free(head);
		return;
	}
	if (!all && l->count >= t->maxlines) {
		printf("%s too many to print.  Use --print-all-%s to print all %ld lines\n", head, word, l->count);
	} else if (t->opts.debuggex) {
		print_debuggex(t, &b, l, l == &t->ignored);
	} else {
		struct str row = {0};
		for (size_t i = 0; i < l->n_list; i++) {
			str_clear(&row);
			str_addn(&row, str_text(&l->list[i]), l->list[i].len);
			trim_end(&row);
			block_row(&b, &row);
		}
		str_done(&row);
	}
	block_end(&b);
	free(head);
}

void
report_print(struct tester *t)
{
	puts("\nResults\n=======");
	print_pref(t);
	print_regexes(t, "Failregex", &t->fail);
	print_regexes(t, "Ignoreregex", &t->ignore);
	print_dates(t);
	printf("\nLines: %zu lines, %ld ignored, %ld matched, %ld missed\n[processed in %.2f sec]\n\n", t->tested,
	    t->ignored.count, t->matched.count, t->missed.count, t->elapsed);
	if (t->opts.all_matched)
		print_lines(t, "Matched", "matched", &t->matched, true);
	if (!t->opts.no_ignored)
		print_lines(t, "Ignored", "ignored", &t->ignored, t->opts.all_ignored);
	if (!t->opts.no_missed)
		print_lines(t, "Missed", "missed", &t->missed, t->opts.all_missed);
}
