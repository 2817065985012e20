/*
 * batch: the kernel ends in the state that the commands one by one lead to. Runs in a user and
 * network namespace of its own with the real tools; skipped where that cannot be had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "action/action.h"
#include "base/mem.h"

struct bed {
	uv_loop_t loop;
	struct clock clock;
	struct action_queue *q;
	size_t ok, failed, batched, repairs;
	struct str failures;
};

static void
on_outcome(void *arg, const struct outcome *o)
{
	struct bed *b = arg;

	b->repairs += o->phase == ACTION_REPAIR && o->ok;
	if (o->id == NULL)
		return;
	b->ok += o->ok;
	b->failed += !o->ok;
	b->batched += o->was_batched;
	if (!o->ok)
		str_addf(&b->failures, "%s %s\n", o->id, o->output);
}

static void
on_log(void *arg, int level, const char *logger, const char *text)
{
	(void)logger;
	(void)arg;
	(void)level;
	(void)text;
}

static void
bed_open(struct bed *b)
{
	struct action_hooks hooks = {.outcome = on_outcome, .log = on_log, .arg = b};

	memset(b, 0, sizeof *b);
	uv_loop_init(&b->loop);
	b->q = action_queue_new(&b->loop, &b->clock, false, &hooks);
}

static void
bed_close(struct bed *b)
{
	action_queue_close(b->q, NULL, NULL);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	str_done(&b->failures);
}

static void
on_drained(void *arg)
{
	*(bool *)arg = true;
}

static void
run_all(struct bed *b)
{
	bool drained = false;

	action_queue_drain(b->q, on_drained, &drained);
	while (!drained)
		uv_run(&b->loop, UV_RUN_ONCE);
}

static char *
output_of(const char *command)
{
	struct str text = {0};
	char part[4096];
	FILE *f = popen(command, "r");

	assert_non_null(f);
	for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
		str_addn(&text, part, n);
	assert_int_equal(pclose(f), 0);
	return str_take(&text);
}

/* Everything that the kernel holds; elements of nft sets and ipsets in order. */
static char *
kernel_state(void)
{
	return output_of("iptables-save | grep -v '^#'; ip6tables-save | grep -v '^#'; ipset save | sed 's/ initval .*//; s/ timeout [0-9]*$//' | sort;"
	                 " nft list table inet t 2>/dev/null | tr ',{}' '\\n\\n\\n' | tr -d ' \\t' | sort");
}

static void
kernel_reset(void)
{
	assert_int_equal(system("nft flush ruleset && ipset destroy && iptables -N f2b-a && iptables -N f2b-b &&"
	                        " ip6tables -N f2b-a && iptables -t nat -N f2b-n && ipset create s4 hash:ip timeout 0 &&"
	                        " ipset create s6 hash:ip timeout 0 family inet6 && nft add table inet t &&"
	                        " nft add set inet t s4 '{ type ipv4_addr; }' && nft add set inet t s6 '{ type ipv6_addr; }' &&"
	                        " nft add set inet t st '{ type ipv4_addr; flags timeout; }'"),
	    0);
}

static void
set(struct action *a, const char *key, const char *text)
{
	struct value *v = value_str(text);

	assert_true(action_set(a, key, v, NULL));
	value_free(v);
}

static struct action *
action_make(struct bed *b, const char *name, const char *start, const char *check, const char *ban_text,
    const char *unban_text)
{
	struct action *a = action_new(b->q, "j", name);

	set(a, "actionstart", start);
	set(a, "actioncheck", check);
	set(a, "actionban", ban_text);
	set(a, "actionunban", unban_text);
	return a;
}

struct pair {
	const char *ban, *unban;
	bool is_ipv6;
};

/* As the stock actions write them, and a few harder ones. */
static const struct pair pairs[] = {
	{"iptables -w -I f2b-a 1 -s <ip> -j REJECT --reject-with icmp-port-unreachable",
	    "iptables -w -D f2b-a -s <ip> -j REJECT --reject-with icmp-port-unreachable", false},
	{"iptables -I f2b-b -s <ip> -m comment --comment \"it's \\\"f2b\\\" <ip>\" -j DROP -w 5",
	    "iptables -D f2b-b -s <ip> -m comment --comment \"it's \\\"f2b\\\" <ip>\" -j DROP", false},
	{"iptables -A f2b-b ! -d <ip> -p tcp -m multiport --dports 22,80:90 -j LOG --log-prefix 'a b: '",
	    "iptables -D f2b-b ! -d <ip> -p tcp -m multiport --dports 22,80:90 -j LOG --log-prefix 'a b: '", false},
	{"iptables -t nat -A f2b-n -s <ip> -j RETURN", "iptables -t nat -D f2b-n -s <ip> -j RETURN", false},
	{"ip6tables -w -I f2b-a 1 -s <ip> -j REJECT", "ip6tables -w -D f2b-a -s <ip> -j REJECT", true},
	{"ipset -exist add s4 <ip> timeout 0", "ipset -exist del s4 <ip>", false},
	{"ipset add s6 <ip> timeout 4000 -exist", "ipset del s6 <ip> -exist", true},
	{"nft add element inet t s4 \\{ <ip> \\}", "nft delete element inet t s4 \\{ <ip> \\}", false},
	{"nft add element inet t s6 '{ <ip> }'", "nft delete element inet t s6 '{ <ip> }'", true},
	/* not a member: keeps its place all the same */
	{"ipset -exist add s4 <ip>; iptables -w -I f2b-b 1 -s <ip> -j DROP",
	    "iptables -w -D f2b-b -s <ip> -j DROP; true", false},
};

#define PAIRS (sizeof pairs / sizeof *pairs)

static void
address(char *text, size_t size, bool is_ipv6, unsigned n)
{
	snprintf(text, size, is_ipv6 ? "2001:db8::%x" : "192.0.2.%u", n % 50 + 1);
}

static void
command_run(const char *template, const char *ip)
{
	struct str text = {0};
	const char *at;

	while ((at = strstr(template, "<ip>")) != NULL) {
		str_addn(&text, template, (size_t)(at - template));
		str_add(&text, ip);
		template = at + 4;
	}
	str_add(&text, template);
	assert_int_equal(system(str_text(&text)), 0);
	str_done(&text);
}

static void
any_mix_of_commands_ends_in_the_same_kernel_state(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 3; seed++) {
		struct { unsigned pair, n; bool is_ban; } steps[120];
		bool banned[PAIRS][50] = {{false}};
		size_t n_steps = 0;
		char ip[64];
		srand(seed);
		while (n_steps < sizeof steps / sizeof *steps) {
			unsigned pair = (unsigned)rand() % PAIRS, n = (unsigned)rand() % 50;
			/* long runs of members, now and then something else */
			if (pair == PAIRS - 1 && rand() % 4 != 0)
				continue;
			bool is_ban = !banned[pair][n];
			banned[pair][n] = is_ban;
			steps[n_steps].pair = pair;
			steps[n_steps].n = n;
			steps[n_steps++].is_ban = is_ban;
		}
		kernel_reset();
		for (size_t i = 0; i < n_steps; i++) {
			const struct pair *p = &pairs[steps[i].pair];
			address(ip, sizeof ip, p->is_ipv6, steps[i].n);
			command_run(steps[i].is_ban ? p->ban : p->unban, ip);
		}
		char *expected = kernel_state();

		kernel_reset();
		struct bed b;
		struct action *actions[PAIRS];
		bed_open(&b);
		for (size_t i = 0; i < PAIRS; i++) {
			char name[24];
			snprintf(name, sizeof name, "a%zu", i);
			actions[i] = action_make(&b, name, "", "", pairs[i].ban, pairs[i].unban);
		}
		for (size_t i = 0; i < n_steps; i++) {
			address(ip, sizeof ip, pairs[steps[i].pair].is_ipv6, steps[i].n);
			struct ticket *t = ticket_new(ip, 0);
			if (steps[i].is_ban)
				action_ban(actions[steps[i].pair], t);
			else
				action_unban(actions[steps[i].pair], t);
			ticket_free(t);
		}
		run_all(&b);
		assert_string_equal(str_text(&b.failures), "");
		assert_int_equal(b.ok, n_steps);
		assert_true(b.batched > n_steps / 2);
		char *got = kernel_state();
		assert_string_equal(got, expected);
		free(got);
		free(expected);
		for (size_t i = 0; i < PAIRS; i++)
			action_free(actions[i]);
		bed_close(&b);
	}
}

static void
ban_many(struct action *a, const char *net, unsigned from, unsigned count)
{
	char ip[64];

	for (unsigned i = from; i < from + count; i++) {
		snprintf(ip, sizeof ip, "%s.%u.%u", net, i / 250, i % 250 + 1);
		struct ticket *t = ticket_new(ip, 0);
		action_ban(a, t);
		ticket_free(t);
	}
}

static void
one_bad_rule_names_itself_and_harms_no_other(void **state)
{
	struct bed b;

	(void)state;
	kernel_reset();
	bed_open(&b);
	struct action *a = action_make(&b, "a", "", "", "iptables -w -I f2b-a 1 -s <ip> -j <target>", "");
	struct action *bad = action_make(&b, "bad", "", "", "iptables -w -I f2b-nosuch 1 -s <ip> -j DROP", "");
	struct action *n = action_make(&b, "n", "", "", "nft add element inet t <set> \\{ <ip> \\}", "");
	struct action *bad_n = action_make(&b, "bad_n", "", "", "nft add element inet t nosuch \\{ <ip> \\}", "");
	set(a, "target", "DROP");
	set(n, "set", "s4");
	ban_many(a, "192.0", 0, 70);
	ban_many(n, "192.0", 0, 30);
	ban_many(bad, "198.51", 0, 1);
	ban_many(bad_n, "198.51", 0, 1);
	ban_many(a, "192.0", 70, 30);
	ban_many(n, "192.0", 30, 30);
	run_all(&b);
	assert_int_equal(b.ok, 160);
	assert_int_equal(b.failed, 2);
	assert_non_null(strstr(str_text(&b.failures), "198.51.0.1 "));
	char *count = output_of("iptables -S f2b-a | grep -c DROP; nft list set inet t s4 | grep -o '192.0.0.' | wc -l");
	assert_string_equal(count, "100\n60\n");
	free(count);
	/* the order of -I: the last one first */
	count = output_of("iptables -S f2b-a | sed -n '2p;$p'");
	assert_string_equal(count, "-A f2b-a -s 192.0.0.100/32 -j DROP\n-A f2b-a -s 192.0.0.1/32 -j DROP\n");
	free(count);
	action_free(a);
	action_free(bad);
	action_free(n);
	action_free(bad_n);
	bed_close(&b);
}

static void
a_chain_deleted_meanwhile_is_repaired_in_the_middle_of_a_storm(void **state)
{
	struct bed b;

	(void)state;
	kernel_reset();
	bed_open(&b);
	struct action *a = action_make(&b, "a", "iptables -w -N f2b-x; iptables -w -I INPUT -j f2b-x",
	    "iptables -w -C INPUT -j f2b-x", "iptables -w -I f2b-x 1 -s <ip> -j DROP", "");
	set(a, "actionstop", "iptables -w -D INPUT -j f2b-x; iptables -w -F f2b-x; iptables -w -X f2b-x");
	action_start(a);
	ban_many(a, "192.0", 0, 100);
	run_all(&b);
	assert_int_equal(system("iptables -F && iptables -X f2b-x"), 0);
	ban_many(a, "192.0", 100, 100);
	run_all(&b);
	assert_int_equal(b.failed, 0);
	assert_int_equal(b.repairs, 1);
	char *count = output_of("iptables -S f2b-x | grep -c DROP");
	assert_string_equal(count, "100\n"); /* the older ones are the engine's to ban again */
	free(count);
	action_free(a);
	bed_close(&b);
}

static void
a_restore_program_that_is_another_is_not_used(void **state)
{
	struct bed b;
	char dir[] = "/tmp/test-batch-XXXXXX", command[512];
	char *path = xstrdup(getenv("PATH"));

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof command,
	    "printf '#!/bin/sh\\necho \"$*\" >> %s/out\\n' > %s/iptables && chmod +x %s/iptables", dir, dir, dir);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof command, "%s:%s", dir, path);
	setenv("PATH", command, 1);
	bed_open(&b);
	struct action *a = action_make(&b, "a", "", "", "iptables -w -I x 1 -s <ip> -j DROP", "");
	ban_many(a, "192.0", 0, 3);
	run_all(&b);
	setenv("PATH", path, 1);
	free(path);
	assert_int_equal(b.ok, 3);
	assert_int_equal(b.batched, 0);
	snprintf(command, sizeof command, "cat %s/out; rm -r %s", dir, dir);
	char *out = output_of(command);
	assert_string_equal(out, "-w -I x 1 -s 192.0.0.1 -j DROP\n-w -I x 1 -s 192.0.0.2 -j DROP\n"
	                         "-w -I x 1 -s 192.0.0.3 -j DROP\n");
	free(out);
	action_free(a);
	bed_close(&b);
}

static double
storm(const char *ban_text, unsigned count)
{
	struct bed b;

	kernel_reset();
	bed_open(&b);
	struct action *a = action_make(&b, "a", "", "", ban_text, "");
	uint64_t from = uv_hrtime();
	ban_many(a, "10.1", 0, count);
	run_all(&b);
	double ms = (double)(uv_hrtime() - from) / 1e6;
	assert_int_equal(b.ok, count);
	action_free(a);
	bed_close(&b);
	return ms;
}

/* Loose bounds: a machine may be busy. The figures are for reading. */
static void
a_storm_is_one_transaction(void **state)
{
	double ms;

	(void)state;
	ms = storm("iptables -w -I f2b-a 1 -s <ip> -j REJECT --reject-with icmp-port-unreachable", 5000);
	print_message("5000 iptables rules: %.0f ms\n", ms);
	assert_true(ms < 5000);
	ms = storm("ipset -exist add s4 <ip> timeout 0", 20000);
	print_message("20000 ipset elements: %.0f ms\n", ms);
	assert_true(ms < 5000);
	ms = storm("nft add element inet t s4 \\{ <ip> \\}", 20000);
	print_message("20000 nft elements: %.0f ms\n", ms);
	assert_true(ms < 5000);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_mix_of_commands_ends_in_the_same_kernel_state),
		cmocka_unit_test(one_bad_rule_names_itself_and_harms_no_other),
		cmocka_unit_test(a_chain_deleted_meanwhile_is_repaired_in_the_middle_of_a_storm),
		cmocka_unit_test(a_restore_program_that_is_another_is_not_used),
		cmocka_unit_test(a_storm_is_one_transaction),
	};

	if (argc < 2) {
		if (system("unshare -Urn sh -c 'iptables -S && ipset list && nft list ruleset' >/dev/null 2>&1") != 0) {
			printf("1..1\nok 1 - batch # SKIP no network namespace with iptables, ipset and nft here\n");
			return 0;
		}
		execlp("unshare", "unshare", "-Urn", argv[0], "inside", (char *)NULL);
		perror("unshare");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
