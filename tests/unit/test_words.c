/* words: what needs a shell, and what names a firewall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "action/internal.h"

static void
assert_words(const char *text, const char *expected)
{
	struct words w;
	struct str joined = {0};

	assert_true(words_parse(text, &w));
	for (size_t i = 0; i < w.count; i++)
		str_addf(&joined, "[%s]", w.at[i]);
	assert_string_equal(str_text(&joined), expected);
	str_done(&joined);
	words_done(&w);
}

static void
plain_words_are_read_as_a_shell_reads_them(void **state)
{
	(void)state;
	assert_words("iptables -w -I f2b-x 1 -s 192.0.2.1 -j REJECT --reject-with icmp-port-unreachable",
	    "[iptables][-w][-I][f2b-x][1][-s][192.0.2.1][-j][REJECT][--reject-with][icmp-port-unreachable]");
	assert_words("  nft add element inet t s \\{ 192.0.2.1 \\}\n", "[nft][add][element][inet][t][s][{][192.0.2.1][}]");
	assert_words("ipset a 'b  c' \"d \\\" \\\\ \\x 'e'\" f''g \"\" h\\ i", "[ipset][a][b  c][d \" \\ \\x 'e'][fg][][h i]");
	assert_words("x ! -s a=b {} %s -- ^", "[x][!][-s][a=b][{}][%s][--][^]");
}

static void
everything_else_needs_a_shell(void **state)
{
	static const char *const texts[] = {"", "  \n", "a; b", "a & b", "a | b", "a && b", "a > b", "a < b", "a $b",
	    "a \"$b\"", "a `b`", "a \"`b`\"", "a *", "a ?", "a [b]", "a ~", "a # b", "(a)", "{ a; }", "! a", "A=b c",
	    "a\nb", "a \\\nb", "a 'b", "a \"b", "a \\", "echo x", "if a", "cd /", ". x", "[ a ]", "''", "\"\" a",
	    "a \"b\\\nc\"", "a 2>&1"};
	struct words w;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (words_parse(texts[i], &w))
			fail_msg("taken for plain words: %s", texts[i]);
		assert_null(w.at);
	}
}

static void
firewall_programs_are_found_where_a_shell_looks_for_programs(void **state)
{
	static const char *const yes[] = {"iptables -w -I x", "/usr/sbin/ip6tables -S", "true; ipset flush x", "a | nft -f -",
	    "for p in tcp; do\n{ iptables -C x; } || b\ndone", "if ! iptables -C; then :; fi", "sudo -n ip route add x",
	    "x=$(ipset list)", "echo \"`nft list`\"", "echo \"$(ss -K)\"", "A=b ufw deny", "a && firewall-cmd x",
	    "case x in y) route add z;; esac", "iptables-restore < x", "timeout 5 pfctl -t x", "/usr/libexec/afctl -a x", "ip -6 r add x", "echo \"`date`\"; nft x"};
	static const char *const no[] = {"", "echo iptables", "printf %b \"the ip <ip> was banned; nft\" | mail root",
	    "mail -s 'iptables; ipset' root", "logger ip", "curl --data ip=1 https://x", "whois <ip>", "grep 'a|nft' x",
	    "echo a\\; nft", "ping x", "sed -i /ipset/d x", "echo x >> /etc/iptables", "ip addr show", "x=`ip -4 a`",
	    "printf \"at `date +\"%T\"` nft\" | mail root"};

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!words_use_firewall(yes[i]))
			fail_msg("no firewall found in: %s", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (words_use_firewall(no[i]))
			fail_msg("a firewall found in: %s", no[i]);
}

static void
the_program_behind_the_last_pipe_is_found(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"a | mail -s \"a | b; `c`\" root\n", "mail -s \"a | b; `c`\" root"},
		{"( a | b; c ) | sendmail x", "sendmail x"},
		{"printf \"Date: `date +\"%a, %d\"` | \" | x", "x"},
		{"a", NULL}, {"a || b", NULL}, {"a | b; c", NULL}, {"a | b\nc", NULL}, {"if a | b; then c; fi", NULL},
		{"(a | b)", NULL}, {"a |", NULL}, {"a | b &", NULL}, {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *got = words_after_last_pipe(cases[i].text);
		if (cases[i].expected == NULL ? got != NULL : got == NULL || strcmp(got, cases[i].expected) != 0)
			fail_msg("%s -> %s", cases[i].text, got != NULL ? got : "NULL");
		free(got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_words_are_read_as_a_shell_reads_them),
		cmocka_unit_test(everything_else_needs_a_shell),
		cmocka_unit_test(the_program_behind_the_last_pipe_is_found),
		cmocka_unit_test(firewall_programs_are_found_where_a_shell_looks_for_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
