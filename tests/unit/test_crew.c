/* crew, stamps, literals, pyneed: many filters on one log find what each would find alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/filter.h"
#include "match/literals.h"
#include "match/regex.h"

#define NOW 1795334800.0 /* 2026-11-22 08:06:40 UTC */
#define SETTINGS 8

/* ---- what must stand in a match ---- */

static void
assert_needs(const char *pattern, const char *expected)
{
	struct regex_room *room = regex_room_new();
	struct regex *r = regex_new(room, pattern, strlen(pattern), 0, NULL);
	struct str out = {0};

	assert_non_null(r);
	for (size_t i = 0; i < regex_need(r)->count; i++)
		str_addf(&out, "%s%s", i > 0 ? "|" : "", regex_need(r)->at[i]);
	if (strcmp(str_text(&out), expected) != 0)
		fail_msg("%s needs '%s', not '%s'", pattern, str_text(&out), expected);
	str_done(&out);
	regex_free(r);
	regex_room_free(room);
}

static void
texts_that_every_match_holds_are_known(void **state)
{
	(void)state;
	assert_needs("^Failed \\S+ for user from", " for user from");
	assert_needs("abc", "abc");
	assert_needs("ab", "");
	assert_needs("abc?d", "");
	assert_needs("abcd?", "abc");
	assert_needs("abcd+efg", "abcd");
	assert_needs("abcd+efghi", "efghi");
	assert_needs("abc{0,2}", "");
	assert_needs("abcde{2}", "abcde");
	assert_needs("(?:abc)?", "");
	assert_needs("(?:abc)+", "abc");
	assert_needs("(?:abc){,3}", "");
	assert_needs("(abcd|xyz)", "abcd|xyz");
	assert_needs("(abcd|xy)", "");
	assert_needs("(abcd|)", "");
	assert_needs("abcd|xyz", "abcd|xyz");
	assert_needs("abcd|xyz?", "");
	assert_needs("(?P<a>(abcd|(wxyz|efgh)i?))", "abcd|wxyz|efgh");
	assert_needs("(abcd|abcd)", "abcd");
	assert_needs("abc(?=defgh)", "abc");
	assert_needs("abc(?!defgh)", "abc");
	assert_needs("(?<=abc)d", "");
	assert_needs("(?<!abc)defg", "defg");
	assert_needs("(x)?(?(1)abc|def)", "");
	assert_needs("(?i)abcd", "");
	assert_needs("(?i:abcd)efg", "efg");
	assert_needs("(?i:ab(?:xxx)cd)efg", "efg");
	assert_needs("(?x) a b c # defg\n d", "abcd");
	assert_needs("(?>abcd)", "abcd");
	assert_needs("ab\\.cd\\x65", "ab.cde");
	assert_needs("ab\xc3\xa9" "cdef", "cdef");
	assert_needs("(abc)\\1", "abc");
	assert_needs("abc\\bdef$", "abcdef");
	assert_needs("[a]bcd", "bcd");
	assert_needs("aaa|bbb|ccc|ddd|eee|fff|ggg|hhh", "aaa|bbb|ccc|ddd|eee|fff|ggg|hhh");
	assert_needs("aaa|bbb|ccc|ddd|eee|fff|ggg|hhh|iii", "");
	assert_needs("123456789012345678901234567890", "123456789012345678901234");
}

static void
texts_are_found_wherever_they_stand(void **state)
{
	struct literals *l = literals_new();
	static const struct { const char *text; uint64_t first, second; } rows[] = {
	    {"abc", 1, 0}, {"xabcd", 3, 0}, {"ab", 0, 0}, {"", 0, 0}, {"abx", 0, 0}, {"...xyz", 0, 12}, {"xyzabcdxyz", 3, 12}, {"bcde", 0, 0},
	    {"abcabd", 1, 0}, {"xy\0z", 0, 0},
	};

	(void)state;
	literals_add(l, "abc", (struct literal_marks){{1, 0}});
	literals_add(l, "abcd", (struct literal_marks){{2, 0}});
	literals_add(l, "xyz", (struct literal_marks){{0, 4}});
	literals_add(l, "xyz", (struct literal_marks){{0, 8}});
	literals_ready(l);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct literal_marks m = {{0}};
		char text[32] = "";
		strcpy(text, rows[i].text);
		strcat(text, "abcd"); /* what stands behind does not count */
		literals_scan(l, text, strlen(rows[i].text), &m);
		assert_int_equal(m.at[0], rows[i].first);
		assert_int_equal(m.at[1], rows[i].second);
	}
	literals_free(l);
}

/* Of any lengths, and so many that the pass looks at each place, or at some: as strstr(3) finds them. */
static void
many_texts_are_found_as_one_by_one(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct literals *l = literals_new();
		char texts[60][16];
		size_t n = 1 + round % 60, least = LITERAL_MIN + round % 7;
		for (size_t i = 0; i < n; i++) {
			size_t len = least + (seed = seed * 1103515245 + 12345, seed >> 16) % 5;
			for (size_t k = 0; k < len; k++)
				texts[i][k] = (char)('a' + (seed = seed * 1103515245 + 12345, seed >> 16) % 3);
			texts[i][len] = '\0';
			literals_add(l, texts[i], (struct literal_marks){{UINT64_C(1) << i, 0}});
		}
		literals_ready(l);
		for (size_t k = 0; k < 50; k++) {
			struct literal_marks m = {{0}};
			uint64_t found = 0, extra = 0;
			size_t len = (seed = seed * 1103515245 + 12345, seed >> 16) % 40, n_short = 0;
			char *line = xmalloc(len + 1); /* a byte behind it is seen by the sanitizer */
			for (size_t i = 0; i < len; i++)
				line[i] = (char)('a' + (seed = seed * 1103515245 + 12345, seed >> 16) % 3);
			line[len] = '\0';
			for (size_t i = 0; i < n; i++) {
				found |= strstr(line, texts[i]) != NULL ? UINT64_C(1) << i : 0;
				n_short += strlen(texts[i]) < 4;
				if (n_short > 32)
					extra |= strlen(texts[i]) < 4 ? UINT64_C(1) << i : 0;
			}
			literals_scan(l, line, len, &m);
			assert_int_equal(m.at[0] & found, found);
			assert_int_equal(m.at[0] & ~found & ~extra, 0);
			free(line);
		}
		literals_free(l);
	}
}

/* ---- together and alone ---- */

static void
on_failure(void *arg, const struct failure *f)
{
	str_addf(arg, "%d %s %s %.3f", f->failregex, f->id, f->ip != NULL ? f->ip : "-", f->time - NOW);
	for (size_t i = 0; i < f->n_groups; i++)
		str_addf(arg, " %s=%s", f->groups[i].name, f->groups[i].value != NULL ? f->groups[i].value : "-");
	for (size_t i = 0; i < f->n_lines; i++)
		str_addf(arg, "|%u-%u %.*s", f->lines[i].date_from, f->lines[i].date_to, (int)f->lines[i].len, f->lines[i].bytes);
	str_addc(arg, '\n');
}

static void
on_log(void *arg, int level, const char *text)
{
	const char *body = strstr(text, "] "); /* behind the jail's name */

	str_addf(arg, "log %d %s\n", level, body != NULL ? body : text);
}

/* '!' prefregex, '+' failregex, '-' ignoreregex, '=' maxlines, '@' datepattern, 'z' logtimezone, 'f' findtime */
static const char *const kinds[][SETTINGS] = {
    {"!^ \\S+ <F-MLFID>srv\\[\\d+\\]</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$", "+^bad <F-USER>\\S+</F-USER> from <HOST>$",
        "+^<F-NOFAIL>hello</F-NOFAIL> from <ADDR>$", "+^wrong <F-USER>\\S+</F-USER>$"},
    {"!^ \\S+ <F-MLFID>srv\\[\\d+\\]</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$", "+^worse \\S+ from <HOST>$", "+^gone <HOST>"},
    {"+^ \\S+ \\S+: (?:worse|worst) \\S+ from <HOST>", "-192\\.0\\.2\\.3", "+ gone <HOST>"},
    {"=3", "+ first (?P<n>\\d)$<SKIPLINES> then (?P=n) from <HOST>$", "-never"},
    {"=2", "!^ gate <F-CONTENT>.*</F-CONTENT>", "+worst \\S+ from <HOST>"},
    /* what they need stands in two pieces until the one date or the other is taken out */
    {"+ at : 22/11/\\S+ \\S+ worse <HOST>"},
    {"@%d/%m/%y %H:%M:%S", "+ at 2026\\S+ \\S+:  worse <HOST>"},
    {"=2", "+x1\\n gate srv\\[\\d\\]: gone <HOST>"}, /* what it needs goes over the end of a line */
    {"@{^LN-BEG}", "+ bad \\S+ from <HOST>", "f30"},
    {"@^{DATE}", "+ bad \\S+ from <HOST>"},
    {"@EPOCH", "+ bad \\S+ from <HOST>", "+^ gate srv\\[1\\]: worse \\S+ from <HOST>"},
    {"@{^LN-BEG}EPOCH\n{^LN-BEG}", "+ worst \\S+ from <HOST>"},
    {"@%b %d %H:%M:%S", "+ bad \\S+ from <HOST>", "+ worst .* <HOST>", "-x1", "-x2"},
    {"zUTC+0100", "+(?i) BAD \\S+ from <HOST>"},
    {"+<HOST>"},
    {"@{NONE}", "+from <HOST>", "-gone", "-first", "-then", "+ never \\S+ from <HOST>", "+ nor \\S+ by <HOST>"},
    {"+^ .*: bad \xc3\xa9\\S* from <HOST>", "+ nobody <HOST>", "+ no <HOST>", "+ n <HOST>", "-^ gate srv\\[1\\]: bad"},
};
#define N (2 * sizeof kinds / sizeof *kinds) /* each twice */

struct side {
	struct filter *filters[N];
	struct str found[N];
};

static void
set(struct filter *f, const char *setting)
{
	struct err err = {""};
	bool ok = true;

	switch (setting[0]) {
	case '!': ok = filter_set_prefregex(f, setting + 1, &err); break;
	case '+': ok = filter_add_failregex(f, setting + 1, &err); break;
	case '-': ok = filter_add_ignoreregex(f, setting + 1, &err); break;
	case '=': ok = filter_set_maxlines(f, atoi(setting + 1), &err); break;
	case '@': ok = filter_set_datepattern(f, setting + 1, &err); break;
	case 'z': ok = filter_set_logtimezone(f, setting + 1, &err); break;
	default: filter_set_findtime(f, atof(setting + 1));
	}
	if (!ok)
		fail_msg("%s", err.text);
}

static void
make(struct side *s, const struct clock *clock)
{
	*s = (struct side){0};
	for (size_t i = 0; i < N; i++) {
		struct filter_hooks hooks = {.clock = clock, .failure = on_failure, .log = on_log, .arg = &s->found[i]};
		s->filters[i] = filter_new("jail", &hooks);
		for (size_t k = 0; k < SETTINGS && kinds[i / 2][k] != NULL; k++)
			set(s->filters[i], kinds[i / 2][k]);
	}
}

static void
compare(struct side *a, struct side *b)
{
	for (size_t i = 0; i < N; i++) {
		struct filter_counters x, y;
		filter_counters(a->filters[i], &x);
		filter_counters(b->filters[i], &y);
		assert_string_equal(str_text(&a->found[i]), str_text(&b->found[i]));
		assert_memory_equal(&x, &y, sizeof x);
		assert_true(filter_last_date(a->filters[i]) == filter_last_date(b->filters[i]));
	}
}

static void
done(struct side *s)
{
	for (size_t i = 0; i < N; i++) {
		filter_free(s->filters[i]);
		str_done(&s->found[i]);
	}
}

static char *
make_line(void)
{
	static const char *const dates[] = {"2026-11-22 08:06:%02d", "2026-11-22 08:06:%02d", "2026-11-22 08:06:%02d", "Nov 22 08:06:%02d",
	    "", "2026-11-22 07:00:%02d", "2026-02-30 07:00:%02d", "1795334%02d0"};
	static const char *const texts[] = {"bad joe from 192.0.2.%d", "hello from 192.0.2.%d", "wrong x%d", "worse x1 from 192.0.2.%d",
	    "worst x from 2001:db8::%d", "gone 192.0.2.%d", "first %d", "then %d from 192.0.2.9", "nothing %d", "bad \xc3\xa9 from 192.0.2.%d",
	    "bad \xff from 192.0.2.%d", "BAD x2 from 192.0.2.%d"};
	char *date = NULL, *text = NULL, *line, padding[401];

	memset(padding, 'y', 400);
	padding[400] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	date = xasprintf(dates[(size_t)rand() % (sizeof dates / sizeof *dates)], 10 + rand() % 30);
	text = xasprintf(texts[(size_t)rand() % (sizeof texts / sizeof *texts)], rand() % 4);
#pragma GCC diagnostic pop
	switch (rand() % 13) {
	case 12: line = xasprintf("gate at 2026-11-22 08:06:%02d: 22/11/26 08:06:%02d worse 192.0.2.%d", 10 + rand() % 30, 10 + rand() % 30, rand() % 4); break;
	case 0: line = xasprintf("gate at %s: %s", date, text); break; /* the date is in the middle, the text in two pieces */
	case 1: line = xasprintf("1795334012 [%s] worse %s", date, text); break;
	case 2: line = xasprintf("%s %s %.*s", date, text, rand() % 400, padding); break; /* more than a window's line has room for */
	case 3:
	case 4: line = xasprintf("%s %s", date, text); break;
	default: line = xasprintf("%s gate srv[%d]: %s", date, rand() % 3, text);
	}
	free(date);
	free(text);
	return line;
}

static void
filters_find_together_what_each_finds_alone(void **state)
{
	struct clock clock = {.is_fixed = true, .fixed = NOW};
	struct side together, alone;

	(void)state;
	srand(11);
	make(&together, &clock);
	make(&alone, &clock);
	for (int round = 0; round < 300; round++) {
		struct line lines[90];
		/* a line at a time, or many; for all, or some of them */
		size_t n = rand() % 2 == 0 ? 1 + (size_t)rand() % 3 : 1 + (size_t)rand() % 90;
		size_t from = rand() % 5 == 0 ? (size_t)rand() % N : 0, to = rand() % 5 == 0 ? from + 1 + (size_t)rand() % (N - from) : N;
		bool in_operation = round > 20 && rand() % 4 != 0;
		for (size_t i = 0; i < n; i++) {
			char *text = make_line();
			lines[i] = (struct line){.bytes = text, .len = strlen(text), .time = rand() % 50 == 0 ? NOW - 5 : NAN, .in_operation = in_operation};
		}
		filters_feed(together.filters + from, to - from, lines, n);
		for (size_t i = from; i < to; i++)
			filter_feed(alone.filters[i], lines, n);
		for (size_t i = 0; i < n; i++)
			free((char *)(uintptr_t)lines[i].bytes);
		clock.fixed += rand() % 3 == 0 ? 0 : 1;
		if (round % 60 == 59) { /* a setting changes */
			size_t i = (size_t)rand() % N;
			set(together.filters[i], "+ nothing \\d from <HOST>|^ gate srv\\[<F-ID>2</F-ID>\\]: nothing");
			set(alone.filters[i], "+ nothing \\d from <HOST>|^ gate srv\\[<F-ID>2</F-ID>\\]: nothing");
		}
		if (round % 100 == 50) {
			size_t i = (size_t)rand() % N;
			set(together.filters[i], "@{^LN-BEG}%Y-%m-%d %H:%M:%S");
			set(alone.filters[i], "@{^LN-BEG}%Y-%m-%d %H:%M:%S");
		}
		compare(&together, &alone);
	}
	size_t found = 0;
	for (size_t i = 0; i < N; i++)
		found += together.found[i].len > 0;
	assert_true(found > N - 4);
	done(&together);
	done(&alone);
}

/* Jails that were started one after the other read the same lines, each at its time. */
static void
who_read_the_same_before_shares_from_then_on(void **state)
{
	struct clock clock = {.is_fixed = true, .fixed = NOW};
	struct side a, b;

	(void)state;
	srand(12);
	make(&a, &clock);
	make(&b, &clock);
	for (int round = 0; round < 40; round++) {
		struct line lines[40];
		for (size_t i = 0; i < 40; i++) {
			char *text = make_line();
			lines[i] = (struct line){.bytes = text, .len = strlen(text), .time = NAN, .in_operation = true};
		}
		for (size_t i = 0; i < N; i++) {
			if (round < 3)
				filter_feed(a.filters[i], lines, 40);
			filter_feed(b.filters[i], lines, 40);
		}
		if (round >= 3)
			filters_feed(a.filters, N, lines, 40);
		for (size_t i = 0; i < 40; i++)
			free((char *)(uintptr_t)lines[i].bytes);
		if (round == 20) { /* one of a pair leaves */
			filter_free(a.filters[0]);
			filter_free(b.filters[0]);
			memmove(a.filters, a.filters + 1, (N - 1) * sizeof *a.filters);
			memmove(b.filters, b.filters + 1, (N - 1) * sizeof *b.filters);
			break;
		}
	}
	for (size_t i = 0; i < N - 1; i++) {
		struct filter_counters x, y;
		filter_counters(a.filters[i], &x);
		filter_counters(b.filters[i], &y);
		assert_memory_equal(&x, &y, sizeof x);
	}
	for (size_t i = 0; i < N; i++) {
		assert_string_equal(str_text(&a.found[i]), str_text(&b.found[i]));
		str_done(&a.found[i]);
		str_done(&b.found[i]);
	}
	for (size_t i = 0; i < N - 1; i++) {
		filter_free(a.filters[i]);
		filter_free(b.filters[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_that_every_match_holds_are_known),
	    cmocka_unit_test(texts_are_found_wherever_they_stand),
	    cmocka_unit_test(many_texts_are_found_as_one_by_one),
	    cmocka_unit_test(filters_find_together_what_each_finds_alone),
	    cmocka_unit_test(who_read_the_same_before_shares_from_then_on),
	};
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
