/* regex, pyregex, failregex: Python's dialect on PCRE2, tags, budgets, places of faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "match/failregex.h"
#include "match/regex.h"

static struct regex_room *room;

static int
set_up(void **state)
{
	(void)state;
	room = regex_room_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	regex_room_free(room);
	return 0;
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static enum regex_result
search(const char *pattern, unsigned options, const char *text, size_t spans[2])
{
	struct regex_fault fault;
	struct regex *r = regex_new(room, pattern, strlen(pattern), options, &fault);

	if (r == NULL)
		fail_msg("%s: %s", pattern, fault.text);
	enum regex_result result = regex_search(r, text, strlen(text), 0, is_ascii(text));
	if (result == REGEX_HIT && spans != NULL)
		memcpy(spans, regex_spans(r), 2 * sizeof *spans);
	regex_free(r);
	return result;
}

/* span "" : the match is empty; NULL: there is none */
static void
assert_finds(const char *pattern, const char *text, const char *expected)
{
	size_t spans[2];
	enum regex_result result = search(pattern, 0, text, spans);

	if (expected == NULL) {
		if (result != REGEX_MISS)
			fail_msg("%s finds something in '%s'", pattern, text);
		return;
	}
	if (result != REGEX_HIT)
		fail_msg("%s finds nothing in '%s'", pattern, text);
	char *found = xstrndup(text + spans[0], spans[1] - spans[0]);
	assert_string_equal(found, expected);
	free(found);
}

static void
assert_refused(const char *pattern, const char *reason, size_t column)
{
	struct regex_fault fault = {0};
	struct regex *r = regex_new(room, pattern, strlen(pattern), 0, &fault);

	if (r != NULL)
		fail_msg("%s was not refused", pattern);
	if (strstr(fault.text, reason) == NULL || fault.column != column)
		fail_msg("%s: '%s' at %zu, expected '%s' at %zu", pattern, fault.text, fault.column, reason, column);
}

/* What Python 3.11 finds, where PCRE2 as it is would find something else. */
static void
python_and_pcre_differ_and_python_wins(void **state)
{
	(void)state;
	assert_finds("a\\Z", "a\n", NULL);
	assert_finds("a\\Z", "ba", "a");
	assert_finds("a$", "a\n", "a");
	assert_finds("a\\s$", "a\n", "a\n");
	for (int c = 0x1c; c < 0x20; c++) { /* blanks to Python, also in a line that is not ASCII */
		const char ascii[] = {'a', (char)c, 'b', '\0'}, wide[] = {'a', (char)c, 'b', ' ', '\xc3', '\xa9', '\0'};
		const char *const lines[] = {ascii, wide};
		for (size_t i = 0; i < 2; i++) {
			assert_finds("^\\w+\\sb", lines[i], ascii);
			assert_finds("a[\\s]b", lines[i], ascii);
			assert_finds("^a\\Sb", lines[i], NULL);
			assert_finds("^a[^\\s]b", lines[i], NULL);
			assert_finds("(?a)^a\\sb", lines[i], NULL);
		}
	}
	assert_finds("^ *(?:a +)?(?:b[^ ]* +)?+ ", " a b c", " ");
	assert_finds("^ *(?:a +)?(?>(?:b[^ ]* +)?) ", " a b c", " ");
	assert_finds("\\(\\d{,3}\\)", "(12)", "(12)");
	assert_finds("^\\d{,3}$", "", "");
	assert_finds("a{,}b", "aaab", "aaab");
	assert_finds("a{}", "a{}", "a{}");
	assert_finds("x{a", "x{a", "x{a");
	assert_finds("x{1,a}", "x{1,a}", "x{1,a}");
	assert_finds("a{ 1}", "a{ 1}", "a{ 1}");
	assert_finds("\\v", "\x0b", "\x0b");
	assert_finds("\\v", "\n", NULL);
	assert_finds("[\\v]", "\x0c", NULL);
	assert_finds("[[:alpha:]]+", "al]", "l]"); /* one of [ : a l p h, then brackets */
	assert_finds("[[:alpha:]]", "x]", NULL);
	assert_finds("[]a]+", "a]", "a]");
	assert_finds("[^]a]", "]ab", "b");
	assert_finds("(?P<x>a)(?(x)b|c)", "ab", "ab");
	assert_finds("(a)?(?(1)b|c)", "c", "c");
	assert_finds("(?P<q>['\"]).(?P=q)", "'a'", "'a'");
	assert_finds("(a)\\1", "aa", "aa");
	assert_finds("\\101\\x42\\u0043", "ABC", "ABC");
	assert_finds("\\0", "", NULL);
	assert_finds("(?i)ABC", "xabc", "abc");
	assert_finds("(?iu)abc", "ABC", "ABC");
	assert_finds("(?i:A)b", "aB", NULL);
	assert_finds("(?i:A)b", "ab", "ab");
	assert_finds("(?i)(?-i:A)b", "aB", NULL);
	assert_finds("(?s)a.b", "a\nb", "a\nb");
	assert_finds("a.b", "a\nb", NULL);
	assert_finds("a(?#note)b", "ab", "ab");
	assert_finds("(?x) a b # and\n c", "abc", "abc");
	assert_finds("(?x)[ ]\\ x", "  x", "  x");
	assert_finds("a++b", "aab", "aab");
	assert_finds("(?>a+)ab", "aab", NULL);
	assert_finds("(?<=x)y", "xy", "y");
	assert_finds("\\#\\ \\-\\!\\é", "# -!é", "# -!é");
	assert_finds("]}", "]}", "]}");
}

static void
letters_of_all_scripts_count(void **state)
{
	(void)state;
	assert_finds("^\\w+$", "é", "é");
	assert_finds("^\\d$", "\xd9\xa3", "\xd9\xa3"); /* ARABIC-INDIC DIGIT THREE */
	assert_finds("(?a)^\\w$", "é", NULL);
	assert_finds("^.$", "\xe2\x82\xac", "\xe2\x82\xac");
	assert_finds("[é-ü]", "ö", "ö");
	assert_finds("é?x", "x", "x"); /* the expression is not ASCII, the line is */
	assert_finds("(?i)É", "é", "é");
}

static void
multiline_anchors_are_pythons(void **state)
{
	size_t spans[2];

	(void)state;
	assert_int_equal(search("^b$", REGEX_MULTILINE, "a\nb\nc\n", spans), REGEX_HIT);
	assert_int_equal(spans[0], 2);
	assert_int_equal(search("^$", REGEX_MULTILINE, "a\n", spans), REGEX_HIT); /* behind the last line feed */
	assert_int_equal(spans[0], 2);
	assert_int_equal(search("^b$", 0, "a\nb\n", spans), REGEX_MISS);
}

static void
what_python_refuses_is_refused_with_its_place(void **state)
{
	(void)state;
	assert_refused("a(b", "missing closing parenthesis", 2);
	assert_refused("ab)", "unbalanced parenthesis", 3);
	assert_refused("é(b", "missing closing parenthesis", 2);
	assert_refused("*a", "nothing to repeat", 1);
	assert_refused("a|*", "nothing to repeat", 3);
	assert_refused("^*", "nothing to repeat", 2);
	assert_refused("a**", "multiple repeat", 3);
	assert_refused("a{2}{3}", "multiple repeat", 5);
	assert_refused("a{3,2}", "out of order", 2);
	assert_refused("a{99999}", "repeat count above", 2);
	assert_refused("[a", "missing closing bracket", 1);
	assert_refused("x[z-a]", "bad range", 3);
	assert_refused("[\\w-z]", "bad range", 2);
	assert_refused("a\\", "backslash at the end", 2);
	assert_refused("\\N{DASH}", "unknown escape \\N", 1);
	assert_refused("a\\Q", "unknown escape \\Q", 2);
	assert_refused("a\\p{L}", "unknown escape \\p", 2);
	assert_refused("[\\Z]", "unknown escape \\Z", 2);
	assert_refused("\\x4", "incomplete escape", 1);
	assert_refused("\\u00e", "incomplete escape", 1);
	assert_refused("a(?|b)", "unknown extension (?|", 2);
	assert_refused("(?<n>b)", "unknown extension (?<n", 1);
	assert_refused("(*ACCEPT)", "nothing to repeat", 2);
	assert_refused("a(?i)b", "global flags not at the start", 2);
	assert_refused("(?a:b)", "not supported", 1);
	assert_refused("(?au)b", "exclude each other", 5);
	assert_refused("(?L)b", "flag L", 3);
	assert_refused("(?P<a>x)(?P<a>y)", "two groups 'a'", 9);
	assert_refused("(?P<a b>x)", "bad character in group name", 5);
	assert_refused("(?P<1>x)", "bad character in group name", 5);
	assert_refused("(?P=no)", "no group 'no'", 5);
	assert_refused("(?P>no)", "unknown extension (?P>", 1);
	assert_refused("\\2(a)", "no group 2", 1);
	assert_refused("(a\\1)", "refers to itself", 3);
	assert_refused("(?(2)a)(b)", "no group 2", 4);
	assert_refused("(a)(?(1)b|c|d)", "more than two branches", 12);
	assert_refused("(?<=a+)b", "look-behind", 1);
}

static void
a_name_may_be_long(void **state)
{
	(void)state;
	assert_finds("(?P<a_name_that_is_far_longer_than_the_library_would_take>x)"
	             "(?P=a_name_that_is_far_longer_than_the_library_would_take)", "xx", "xx");
}

/* ---- tags ---- */

static void
assert_expands(const char *source, bool with_names, const char *expected)
{
	struct mapped m;

	failregex_expand(source, with_names, &m);
	assert_string_equal(str_text(&m.text), expected);
	mapped_done(&m);
}

#define IP4 "(?:::f{4,6}:)?(?P<ip4>(?:\\d{1,3}\\.){3}\\d{1,3})"
#define IP6 "(?P<ip6>(?:[0-9a-fA-F]{1,4}::?|::){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):))"

static void
tags_expand_to_what_fail2ban_shows(void **state)
{
	(void)state;
	assert_expands("<HOST>", true, "(?:\\[?(?:" IP4 "|" IP6 ")\\]?|(?P<dns>[\\w\\-.^_]*\\w))");
	assert_expands("<HOST>", false, "\\[?(?:" IP4 "|" IP6 ")\\]?");
	assert_expands("<ADDR>", true, "\\[?(?:" IP4 "|" IP6 ")\\]?");
	assert_expands("<IP4> <F-IP6/>", true, IP4 " " IP6);
	assert_expands("<SUBNET>", true, "\\[?(?:" IP4 "|" IP6 ")(?:/(?P<cidr>\\d+))?\\]?");
	assert_expands("<F-ID/> <F-PORT/>", true, "(?P<fid>\\S+) (?P<fport>\\w+)");
	assert_expands("<F-ID>a</F-ID><F-PORT>b</F-PORT><F-USER_2>c</F-USER_2>", true,
	    "(?P<fid>a)(?P<fport>b)(?P<user_2>c)");
	assert_expands("a<SKIPLINES>b<SKIPLINES>", true, "a\\n(?P<skiplines0>(?:(?:.*\\n)*?))b\\n(?P<skiplines1>(?:(?:.*\\n)*?))");
	assert_expands("<Host> <f-user> </F-X> <no> < x>", true, "<Host> <f-user> </F-X> <no> < x>");
	assert_expands("((?i)a) (?:(?i)b) \\((?i)c", true, "(?i:a) (?i:b) \\((?i)c");
}

static void
a_place_in_the_expansion_leads_back_to_the_source(void **state)
{
	struct mapped m;

	(void)state;
	failregex_expand("a <HOST> (b", true, &m);
	const char *open = strrchr(m.text.at, '(');
	assert_int_equal(mapped_from(&m, (size_t)(open - m.text.at)), 9);
	assert_int_equal(mapped_from(&m, 4), 2); /* inside of <HOST> */
	mapped_done(&m);
}

/* ---- what the search of many lines relies on ---- */

static void
first_bytes_and_prefix_hold_for_every_match(void **state)
{
	static const struct {
		const char *pattern, *prefix;
		const char *first; /* NULL: not known */
	} rows[] = {
	    {"^Failed \\S+", "Failed ", "F"},
	    {"^(?P<a>Fail)ed", "Failed", "F"},
	    {"^[aA]uth", "", "aA"},
	    {"^(?:ab|cd)e", "", "ac"},
	    {"^ab?c", "a", "a"},
	    {"^ab*c", "a", "a"},
	    {"^(?:ab)?c", "", "ac"},
	    {"^(a(?:bc)?)d", "a", "a"},
	    {"^abc|^abd", "", "a"},
	    {"^abc|x", "", NULL},
	    {"abc", "", NULL},
	    {"^(?i)x", NULL, NULL},
	    {"(?i)^ab", "", NULL},
	    {"^a{2}b", "", "a"},
	    {"^\\w+", "", NULL},
	    {"^", "", NULL},
	    {"^x*", "", NULL},
	    {"^a\\.b", "a.b", "a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct regex *r = regex_new(room, rows[i].pattern, strlen(rows[i].pattern), 0, NULL);
		if (rows[i].prefix == NULL) {
			assert_null(r);
			continue;
		}
		assert_non_null(r);
		struct slice prefix = regex_prefix(r);
		if (!slice_is(prefix, rows[i].prefix))
			fail_msg("%s: prefix '%.*s'", rows[i].pattern, (int)prefix.len, prefix.at);
		const uint8_t *first = regex_first_bytes(r);
		for (const char *c = rows[i].first; c != NULL && *c != '\0'; c++)
			if (first == NULL || (first[(unsigned char)*c / 8] >> (unsigned char)*c % 8 & 1) == 0)
				fail_msg("%s: first byte %c is not expected", rows[i].pattern, *c);
		if (rows[i].first != NULL && (first['~' / 8] >> '~' % 8 & 1) != 0)
			fail_msg("%s: any first byte is expected", rows[i].pattern);
		regex_free(r);
	}
}

/* The start of a line is remembered by its shape; whatever lines come, the answer is the plain search's. */
static void
remembered_starts_change_nothing(void **state)
{
	static const char *const patterns[] = {
	    "^(?P<m>\\s*(?:\\S+\\s+)?(?:sshd(?:\\[\\d+\\])?:?\\s+)?(?:\\[ID \\d+ \\S+\\]\\s+)?)(?:error: )?(?P<content>.+)$",
	    "^(?P<m>a+)(?:b|bc)?(?P<c>.+)$",
	    "^\\S+ \\d+(?P<c>.+)$",
	    "^(?:x(?=1)|x)\\w(?P<c>.+)$", /* tells digits apart: not remembered */
	    "^(?P<c>.+)$",
	};
	static const char *const words[] = {" srv1 ", "srv2 ", "sshd[1]: ", "sshd[12]: ", "sshd[77]: ", "sshd: ", "[ID 1 x] ",
	    "error: ", "err", "F", "aab", "aabc", "x1", "x2", "12", " ", "CRON[5]: ", "su", "\xc3\xa9"};

	(void)state;
	srand(7);
	for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++) {
		struct regex *kept = regex_new(room, patterns[p], strlen(patterns[p]), 0, NULL);
		assert_non_null(kept);
		size_t n = 2 * (regex_n_groups(kept) + 1);
		for (int i = 0; i < 4000; i++) {
			char text[256] = "";
			for (int k = rand() % 6; k >= 0; k--)
				strcat(text, words[(size_t)rand() % (sizeof words / sizeof *words)]);
			strcat(text, "\n");
			struct regex *fresh = regex_new(room, patterns[p], strlen(patterns[p]), 0, NULL);
			enum regex_result a = regex_search_line(kept, text, strlen(text), is_ascii(text));
			enum regex_result b = regex_search(fresh, text, strlen(text), 0, false); /* the UTF copy: never from memory */
			assert_int_equal(a, b);
			if (a == REGEX_HIT)
				assert_memory_equal(regex_spans(kept), regex_spans(fresh), n * sizeof(size_t));
			regex_free(fresh);
		}
		regex_free(kept);
	}
}

static void
a_closed_search_did_not_look_further(void **state)
{
	const char *pattern = "^\\d+(?: x)?(?=\\b|\\W|$)";
	struct regex *r = regex_new(room, pattern, strlen(pattern), 0, NULL);

	(void)state;
	assert_non_null(r);
	assert_int_equal(regex_search_closed(r, "12", 2, true), REGEX_MISS);     /* more digits could follow */
	assert_int_equal(regex_search_closed(r, "12 ", 3, true), REGEX_MISS);    /* an x could follow */
	assert_int_equal(regex_search_closed(r, "12 y", 4, true), REGEX_HIT);
	assert_int_equal(regex_spans(r)[1], 2);
	regex_free(r);
}

/* ---- budgets ---- */

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Searches that never end by themselves: cut off within their budget, and counted. */
static void
search_endlessly(struct regex_room *in)
{
	static const char *const patterns[] = {"^(\\w+\\s?)+$", "^(a+)+$", "^(a|aa)+$", "(.*a){20}", "^(?:a?){40}a{40}$"};
	char line[4001];

	memset(line, 'a', 4000);
	line[60] = '!';
	line[61] = '\0';
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		struct regex *r = regex_new(in, patterns[i], strlen(patterns[i]), 0, NULL);
		assert_non_null(r);
		for (int ascii = 0; ascii < 2; ascii++) {
			regex_search(r, "a", 1, 0, ascii); /* compiled now */
			uint64_t before = regex_limit_hits(r);
			double start = seconds();
			enum regex_result result = regex_search(r, line, strlen(line), 0, ascii);
			double took = seconds() - start;
			if (i < 2) {
				assert_int_equal(result, REGEX_LIMIT);
				assert_int_equal(regex_limit_hits(r), before + 1);
			}
#if !defined(__SANITIZE_ADDRESS__)
			if (took > 0.02) /* of cpu; mostly it is 1 to 3 ms */
				fail_msg("%s took %.1f ms", patterns[i], took * 1e3);
#else
			(void)took;
#endif
		}
		regex_free(r);
	}
}

static void
endless_backtracking_is_cut_off_and_counted(void **state)
{
	(void)state;
	search_endlessly(room);
}

/* What costs no more than the line is long is searched to its end. */
static void
a_line_of_many_words_is_no_limit(void **state)
{
	static const char pattern[] = "^(?:(\\S+) )*from (\\d)$";
	struct str line = {0};
	struct regex *r = regex_new(room, pattern, strlen(pattern), 0, NULL);

	(void)state;
	while (line.len < 36000)
		str_add(&line, "a ");
	str_add(&line, "from 7\n");
#if !defined(__SANITIZE_ADDRESS__) /* which is slow enough for the limit of time */
	assert_int_equal(regex_search_line(r, line.at, line.len, true), REGEX_HIT);
	assert_int_equal(regex_spans(r)[4], line.len - 2);
#endif
	str_done(&line);
	regex_free(r);
}

/* As under systemd's MemoryDenyWriteExecute=: there is no JIT then. */
static void
nor_does_it_stall_where_executable_memory_is_refused(void **state)
{
	int status;

	(void)state;
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		static const struct sock_filter refuse[] = {
		    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 1, 0),
		    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mprotect, 0, 2),
		    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0),
		    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		};
		struct sock_fprog program = {sizeof refuse / sizeof *refuse, (struct sock_filter *)(uintptr_t)refuse};
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
			_exit(77);
		if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
			_exit(77);
		struct regex_room *in = regex_room_new();
		search_endlessly(in); /* a failure in it ends the process */
		struct regex *r = regex_new(in, "^(a)(b)?", 8, 0, NULL);
		bool ok = r != NULL && regex_search(r, "ab", 2, 0, true) == REGEX_HIT && regex_spans(r)[5] == 2;
		regex_free(r);
		regex_room_free(in);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
a_search_through_a_long_text_is_cut_off_too(void **state)
{
	static const char pattern[] = "(?:\\d+\\.)*\\d+x", plain[] = "^.* from (\\S+)$";
	char *line = malloc(60000);

	(void)state;
	memset(line, '1', 59980);
	memcpy(line + 59980, " . x from 192.0.2.1", 19);
	struct regex *r = regex_new(room, pattern, strlen(pattern), 0, NULL);
	assert_non_null(r);
	assert_int_equal(regex_search(r, line, 59999, 0, true), REGEX_LIMIT);
	assert_int_equal(regex_search(r, line, 59999, 0, false), REGEX_LIMIT);
	assert_int_equal(regex_limit_hits(r), 2);
	regex_free(r);
	r = regex_new(room, plain, strlen(plain), 0, NULL);
	assert_int_equal(regex_search(r, line, 59999, 0, true), REGEX_HIT);
	assert_int_equal(regex_spans(r)[2], 59990);
	regex_free(r);
	free(line);
}

static void
repeats_that_may_backtrack_without_bound_are_pointed_out(void **state)
{
	static const struct { const char *pattern; size_t offset; } rows[] = {
	    {"^(\\w+\\s?)+$", 9}, {"(a+)+", 4}, {"(?:.*)*x", 6}, {"(a*b*)*", 6}, {"((a+))+", 6},
	    {"(?:\\S+\\s+)*x", SIZE_MAX}, {"a+b+", SIZE_MAX}, {"(?:ab)+", SIZE_MAX}, {"(?:a+b)+", SIZE_MAX}, {"(?:a+){2}", SIZE_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct regex *r = regex_new(room, rows[i].pattern, strlen(rows[i].pattern), 0, NULL);
		assert_non_null(r);
		if (regex_risk(r) != rows[i].offset)
			fail_msg("%s: %zu", rows[i].pattern, regex_risk(r));
		regex_free(r);
	}
}

static void
a_trace_tells_how_far_it_got(void **state)
{
	const char *pattern = "^Failed \\w+ for (\\w+) from";
	struct regex *r = regex_new(room, pattern, strlen(pattern), 0, NULL);
	size_t reach;
	uint64_t steps;

	(void)state;
	assert_int_equal(regex_trace(r, "Failed password for root by\n", 28, &reach, &steps), REGEX_MISS);
	assert_true(reach >= strlen("^Failed \\w+ for (\\w+) ") && reach <= strlen("^Failed \\w+ for (\\w+) f"));
	assert_true(steps > 10);
	regex_trace(r, "Failure\n", 8, &reach, &steps);
	assert_int_equal(reach, strlen("^Fail"));
	regex_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(python_and_pcre_differ_and_python_wins),
	    cmocka_unit_test(letters_of_all_scripts_count),
	    cmocka_unit_test(multiline_anchors_are_pythons),
	    cmocka_unit_test(what_python_refuses_is_refused_with_its_place),
	    cmocka_unit_test(a_name_may_be_long),
	    cmocka_unit_test(tags_expand_to_what_fail2ban_shows),
	    cmocka_unit_test(a_place_in_the_expansion_leads_back_to_the_source),
	    cmocka_unit_test(first_bytes_and_prefix_hold_for_every_match),
	    cmocka_unit_test(remembered_starts_change_nothing),
	    cmocka_unit_test(a_closed_search_did_not_look_further),
	    cmocka_unit_test(a_line_of_many_words_is_no_limit),
	    cmocka_unit_test(endless_backtracking_is_cut_off_and_counted),
	    cmocka_unit_test(nor_does_it_stall_where_executable_memory_is_refused),
	    cmocka_unit_test(a_search_through_a_long_text_is_cut_off_too),
	    cmocka_unit_test(repeats_that_may_backtrack_without_bound_are_pointed_out),
	    cmocka_unit_test(a_trace_tells_how_far_it_got),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
