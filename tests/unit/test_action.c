/* action: the course of the phases, with commands that append to a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "action/action.h"
#include "base/mem.h"

struct seen {
	char text[64];
	int tries;
	bool ok, timed_out, skipped;
	char *command, *output;
};

struct bed {
	uv_loop_t loop;
	struct clock clock;
	struct action_queue *q;
	char dir[64];
	struct seen seen[256];
	size_t n_seen;
	struct str log;
	bool is_closed;
};

static void
on_outcome(void *arg, const struct outcome *o)
{
	struct bed *b = arg;
	struct seen *s = &b->seen[b->n_seen];

	assert_true(b->n_seen < 256);
	b->n_seen++;
	snprintf(s->text, sizeof s->text, "%s %s %s%s%s", o->action, action_phase_name(o->phase),
	    o->id != NULL ? o->id : "-", o->ok ? "" : " failed", o->was_skipped ? " skipped" : "");
	s->tries = o->tries;
	s->ok = o->ok;
	s->timed_out = o->timed_out;
	s->command = xstrdup(o->command != NULL ? o->command : "");
	s->output = xstrdup(o->output != NULL ? o->output : "");
}

static bool
on_fact(void *arg, const char *jail, const struct ticket *t, const char *tag, struct str *out)
{
	(void)arg;
	(void)t;
	if (strcmp(tag, "jail.banned") == 0)
		str_addf(out, "7 in %s", jail);
	else if (strcmp(tag, "bantime") == 0)
		str_add(out, "611");
	else
		return false;
	return true;
}

static void
on_log(void *arg, int level, const char *logger, const char *text)
{
	(void)logger;
	struct bed *b = arg;

	str_addf(&b->log, "%d %s\n", level, text);
}

static void
bed_open(struct bed *b, bool dry)
{
	struct action_hooks hooks = {.outcome = on_outcome, .fact = on_fact, .log = on_log, .arg = b};

	memset(b, 0, sizeof *b);
	strcpy(b->dir, "/tmp/test-action-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	uv_loop_init(&b->loop);
	b->clock = (struct clock){.is_fixed = true, .fixed = 1795334752};
	b->q = action_queue_new(&b->loop, &b->clock, dry, &hooks);
}

static void
on_closed(void *arg)
{
	((struct bed *)arg)->is_closed = true;
}

static void
bed_close(struct bed *b)
{
	char command[128];

	action_queue_close(b->q, on_closed, b);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_true(b->is_closed);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	for (size_t i = 0; i < b->n_seen; i++) {
		free(b->seen[i].command);
		free(b->seen[i].output);
	}
	str_done(&b->log);
	snprintf(command, sizeof command, "rm -r %s", b->dir);
	assert_int_equal(system(command), 0);
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
	assert_int_equal(action_queue_waiting(b->q), 0);
}

/* Properties are name, value …, NULL; DIR in a value is the bed's directory. */
static struct action *
action_make(struct bed *b, const char *name, ...)
{
	struct action *a = action_new(b->q, "j", name);
	va_list args;
	const char *key;

	va_start(args, name);
	while ((key = va_arg(args, const char *)) != NULL) {
		const char *value = va_arg(args, const char *), *at;
		struct str text = {0};
		while ((at = strstr(value, "DIR")) != NULL) {
			str_addn(&text, value, (size_t)(at - value));
			str_add(&text, b->dir);
			value = at + 3;
		}
		str_add(&text, value);
		struct value *v = value_str(str_text(&text));
		assert_true(action_set(a, key, v, NULL));
		value_free(v);
		str_done(&text);
	}
	va_end(args);
	return a;
}

static struct ticket *
ticket_make(const char *id)
{
	struct ticket *t = ticket_new(id, 1795334752);

	t->failures = t->retry = 3;
	t->bancount = 1;
	return t;
}

static void
ban(struct action *a, const char *id)
{
	struct ticket *t = ticket_make(id);

	action_ban(a, t);
	ticket_free(t);
}

static void
unban(struct action *a, const char *id)
{
	struct ticket *t = ticket_make(id);

	action_unban(a, t);
	ticket_free(t);
}

static char *
file_read(struct bed *b, const char *name)
{
	char path[128], *text = xcalloc(1, 65536 * 8);

	snprintf(path, sizeof path, "%s/%s", b->dir, name);
	FILE *f = fopen(path, "r");
	if (f != NULL) {
		size_t n = fread(text, 1, 65536 * 8 - 1, f);
		text[n] = '\0';
		fclose(f);
	}
	return text;
}

static void
assert_file(struct bed *b, const char *name, const char *expected)
{
	char *text = file_read(b, name);

	assert_string_equal(text, expected);
	free(text);
}

static void
phases_run_in_order(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "actionstart", "echo start >> DIR/out", "actionban",
	    "echo ban <ip> <name> >> DIR/out", "actionunban", "echo unban <ip> >> DIR/out", "actionstop",
	    "echo stop >> DIR/out", "name", "x", NULL);
	action_start(a);
	ban(a, "192.0.2.1");
	ban(a, "2001:db8::1");
	unban(a, "192.0.2.1");
	action_stop(a, false);
	assert_int_equal(b.n_seen, 0);
	assert_int_equal(action_queue_waiting(b.q), 5);
	action_free(a); /* after its work */
	run_all(&b);
	assert_file(&b, "out", "start\nban 192.0.2.1 x\nban 2001:db8::1 x\nunban 192.0.2.1\nstop\n");
	assert_int_equal(b.n_seen, 5);
	assert_string_equal(b.seen[0].text, "a start -");
	assert_string_equal(b.seen[1].text, "a ban 192.0.2.1");
	assert_string_equal(b.seen[4].text, "a stop -");
	assert_int_equal(b.seen[1].tries, 1);
	bed_close(&b);
}

static void
start_is_on_demand_for_each_family_of_a_conditional_action(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "d", "actionstart", "echo \"S <family> <v>\" >> DIR/out", "actionban",
	    "echo \"B <v>\" >> DIR/out", "actionstop", "echo \"P <family>\" >> DIR/out", "v", "4",
	    "v?family=inet6", "6", NULL);
	action_start(a);
	ban(a, "2001:db8::1");
	ban(a, "192.0.2.1");
	action_stop(a, true);
	run_all(&b);
	assert_file(&b, "out", "S inet6 6\nB 6\nS inet4 4\nB 4\nP inet6\nP inet4\n");
	assert_string_equal(b.seen[0].text, "d start - skipped");
	assert_string_equal(b.seen[1].text, "d start -");
	assert_string_equal(b.seen[2].text, "d ban 2001:db8::1");
	action_free(a);
	bed_close(&b);
}

static void
the_same_text_is_run_for_one_family_only(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "d", "actionstart", "echo S >> DIR/out", "actionflush",
	    "echo F >> DIR/out", "actionstop", "echo P >> DIR/out", "v?family=inet6", "6", "actionban", "true", NULL);
	ban(a, "2001:db8::1");
	ban(a, "192.0.2.1");
	action_flush(a);
	ban(a, "192.0.2.1");
	action_flush(a);
	action_stop(a, false);
	run_all(&b);
	assert_file(&b, "out", "S\nF\nF\nP\n");
	action_free(a);
	bed_close(&b);
}

static void
a_failing_command_is_run_twice(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "f", "actionban", "echo x >> DIR/out; echo no >&2; exit 3", "actionunban",
	    "echo U >> DIR/out", NULL);
	ban(a, "192.0.2.18");
	unban(a, "192.0.2.18"); /* never banned: skipped */
	run_all(&b);
	assert_file(&b, "out", "x\nx\n");
	assert_string_equal(b.seen[0].text, "f ban 192.0.2.18 failed");
	assert_int_equal(b.seen[0].tries, 2);
	assert_string_equal(b.seen[0].output, "no\n");
	assert_string_equal(b.seen[1].text, "f unban 192.0.2.18 skipped");
	assert_non_null(strstr(str_text(&b.log), "returned 3"));
	assert_non_null(strstr(str_text(&b.log), "stderr: 'no'"));
	assert_non_null(strstr(str_text(&b.log), "Error banning 192.0.2.18"));
	action_free(a);
	bed_close(&b);
}

static void
a_failed_check_restarts_and_bans_again(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "c", "actionstart", "touch DIR/chain; echo start >> DIR/out", "actioncheck",
	    "echo check >> DIR/out; test -e DIR/chain", "actionstop", "echo stop >> DIR/out; rm DIR/chain", "actionban",
	    "test -e DIR/chain && echo ban <ip> >> DIR/out", NULL);
	action_start(a);
	ban(a, "192.0.2.1");
	run_all(&b);
	char path[128];
	snprintf(path, sizeof path, "%s/chain", b.dir);
	unlink(path);
	ban(a, "192.0.2.2");
	run_all(&b);
	assert_file(&b, "out", "start\nban 192.0.2.1\ncheck\nstop\nstart\ncheck\nban 192.0.2.2\n");
	assert_string_equal(b.seen[2].text, "c repair -");
	assert_string_equal(b.seen[3].text, "c ban 192.0.2.2");
	assert_int_equal(b.seen[3].tries, 2);
	action_free(a);
	bed_close(&b);
}

static void
actionrepair_is_preferred_to_a_restart(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "c", "actionstart", "echo start >> DIR/out", "actioncheck",
	    "test -e DIR/chain", "actionrepair", "touch DIR/chain; echo repair >> DIR/out", "actionban",
	    "test -e DIR/chain", NULL);
	action_start(a);
	ban(a, "192.0.2.1");
	run_all(&b);
	assert_file(&b, "out", "start\nrepair\n");
	assert_string_equal(b.seen[1].text, "c repair -");
	assert_string_equal(b.seen[2].text, "c ban 192.0.2.1");
	action_free(a);
	bed_close(&b);
}

static void
what_cannot_be_repaired_fails_with_one_try(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "c", "actioncheck", "false", "actionban", "echo b >> DIR/out; false", NULL);
	ban(a, "192.0.2.1");
	run_all(&b);
	assert_file(&b, "out", "b\n");
	assert_string_equal(b.seen[0].text, "c repair - failed");
	assert_string_equal(b.seen[1].text, "c ban 192.0.2.1 failed");
	assert_non_null(strstr(str_text(&b.log), "50 Unable to restore environment"));
	action_free(a);
	bed_close(&b);
}

static void
an_unban_repairs_only_when_told(void **state)
{
	struct bed b;

	(void)state;
	for (int told = 0; told < 2; told++) {
		bed_open(&b, false);
		struct action *a = action_make(&b, "c", "actionstart", "echo start >> DIR/out", "actioncheck", "false",
		    "actionban", "true", "actionunban", "false", "actionrepair_on_unban", told ? "1" : "0", NULL);
		ban(a, "192.0.2.1");
		unban(a, "192.0.2.1");
		run_all(&b);
		assert_file(&b, "out", told ? "start\n" : "");
		assert_true((strstr(str_text(&b.log), "Unban is impossible") != NULL) == !told);
		action_free(a);
		bed_close(&b);
	}
}

static void
a_consistency_check_covers_what_is_started(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "c", "actionstart", "echo start <family> >> DIR/out", "actioncheck",
	    "test -e DIR/<family>", "actionban", "touch DIR/<family>", "v?family=inet6", "", NULL);
	ban(a, "2001:db8::1");
	action_check(a);
	run_all(&b);
	assert_file(&b, "out", "start inet6\n");
	assert_string_equal(b.seen[2].text, "c check -");
	char path[128];
	snprintf(path, sizeof path, "%s/inet6", b.dir);
	unlink(path);
	action_check(a);
	run_all(&b);
	assert_file(&b, "out", "start inet6\nstart inet6\n");
	assert_string_equal(b.seen[3].text, "c repair - failed");
	assert_string_equal(b.seen[4].text, "c check - failed");
	action_free(a);
	bed_close(&b);
}

static void
norestored_actions_skip_restored_tickets(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "n", "actionban", "echo <ip> >> DIR/out", "norestored", "1", NULL);
	struct ticket *t = ticket_make("192.0.2.1");
	t->is_restored = true;
	action_ban(a, t);
	t->is_restored = false;
	action_ban(a, t);
	ticket_free(t);
	run_all(&b);
	assert_file(&b, "out", "192.0.2.1\n");
	assert_string_equal(b.seen[0].text, "n ban 192.0.2.1 skipped");
	action_free(a);
	bed_close(&b);
}

static void
reban_and_prolong_have_their_commands(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "actionban", "echo ban >> DIR/out", "actionprolong",
	    "echo prolong <bantime> >> DIR/out", NULL);
	struct action *r = action_make(&b, "r", "actionban", "echo ban >> DIR/out2", "actionreban",
	    "echo reban >> DIR/out2", "actionunban", "echo unban >> DIR/out2", NULL);
	struct ticket *t = ticket_make("192.0.2.1");
	action_reban(a, t);
	action_prolong(a, t);
	action_reban(r, t);
	action_unban(r, t);
	action_prolong(r, t);
	ticket_free(t);
	run_all(&b);
	assert_file(&b, "out", "ban\nprolong 611\n");
	assert_file(&b, "out2", "reban\nunban\n");
	action_free(a);
	action_free(r);
	bed_close(&b);
}

static void
a_dry_run_runs_nothing(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, true);
	struct action *a = action_make(&b, "a", "actionstart", "touch DIR/out", "actionban", "touch DIR/<ip>",
	    "actionunban", "touch DIR/u", "actionstop", "touch DIR/s", NULL);
	action_start(a);
	ban(a, "192.0.2.1");
	unban(a, "192.0.2.1");
	action_stop(a, true);
	assert_int_equal(b.n_seen, 0);
	run_all(&b);
	assert_int_equal(b.n_seen, 4);
	assert_non_null(strstr(b.seen[1].command, "/192.0.2.1"));
	char command[128];
	snprintf(command, sizeof command, "test -z \"$(ls %s)\"", b.dir);
	assert_int_equal(system(command), 0);
	action_free(a);
	bed_close(&b);
}

static void
a_sleeping_action_delays_nobody_and_its_group_ends(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *s = action_make(&b, "sleepy", "actionban", "echo $$ >> DIR/pids; sleep 3600 & sleep 3600",
	    "timeout", "2", NULL);
	struct action *f = action_make(&b, "fire", "actionban", "iptables_is_no_command=1; sleep 3600; iptables -V",
	    "timeout", "2", NULL);
	struct action *a = action_make(&b, "quick", "actionban", "echo <ip> >> DIR/out; : ; nft_= true", NULL);
	struct action *w = action_make(&b, "wall", "actionban", "echo <ip> >> DIR/out; true || nft", NULL);
	uint64_t from = uv_hrtime();
	ban(s, "192.0.2.1");
	ban(f, "192.0.2.1");
	ban(a, "192.0.2.1");
	ban(w, "192.0.2.2");
	ban(s, "192.0.2.3");
	while (b.n_seen < 2)
		uv_run(&b.loop, UV_RUN_ONCE);
	/* the one in the firewall's queue was waited for a moment */
	assert_true(uv_hrtime() - from < (ACTION_PATIENCE_MS + 400) * 1000000ull);
	assert_true(b.seen[0].ok && b.seen[1].ok);
	ban(w, "192.0.2.4");
	ban(f, "192.0.2.4");
	from = uv_hrtime();
	while (b.n_seen < 3)
		uv_run(&b.loop, UV_RUN_ONCE);
	assert_true(uv_hrtime() - from < 400 * 1000000ull);
	assert_string_equal(b.seen[2].text, "wall ban 192.0.2.4");
	while (b.n_seen < 4) /* the first one is over after two tries of 2 s */
		uv_run(&b.loop, UV_RUN_ONCE);
	assert_true(b.seen[3].timed_out);
	char command[256];
	snprintf(command, sizeof command,
	    "ps -eo pgid=,stat= | awk -v p=$(head -n 1 %s/pids) '$1 == p && $2 !~ /^Z/ { n++ } END { exit n > 0 }'",
	    b.dir);
	assert_int_equal(system(command), 0);
	action_free(s);
	action_free(f);
	action_free(a);
	action_free(w);
	bed_close(&b);
}

static void
what_a_command_leaves_behind_is_not_waited_for(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "actionban", "sleep 3600 & echo $! >> DIR/pid", "timeout", "1", NULL);
	uint64_t from = uv_hrtime();
	ban(a, "192.0.2.1");
	run_all(&b);
	assert_true(uv_hrtime() - from < 900 * 1000000ull);
	assert_true(b.seen[0].ok);
	action_free(a);
	bed_close(&b); /* ends it */
	assert_true(uv_hrtime() - from < 900 * 1000000ull);
}

static void
closing_ends_what_runs_and_drops_what_waits(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "actionban", "touch DIR/ran; sleep 3600", NULL);
	char path[128];
	ban(a, "192.0.2.1");
	ban(a, "192.0.2.2");
	snprintf(path, sizeof path, "%s/ran", b.dir);
	while (access(path, F_OK) != 0)
		uv_run(&b.loop, UV_RUN_NOWAIT);
	action_free(a);
	uint64_t from = uv_hrtime();
	bed_close(&b);
	assert_true(uv_hrtime() - from < 2000 * 1000000ull);
}

/* ---- tags ---- */

static void
static_tags_are_replaced_recursively_and_by_family(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "actionban", "echo '<x-<kind>> <nope> <timeout>' >> DIR/out", "kind", "b",
	    "x-b", "<deep>", "deep", "D<family>", "deep?family=inet6", "6<br>", "timeout", "1m", NULL);
	ban(a, "192.0.2.1");
	ban(a, "2001:db8::1");
	run_all(&b);
	assert_file(&b, "out", "Dinet4 <nope> 60\n6\n <nope> 60\n");
	action_free(a);
	bed_close(&b);
}

static void
properties_that_refer_to_themselves_fail(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "actionban", "echo <p>", "p", "<q><q>", "q", "<p><p>", NULL);
	ban(a, "192.0.2.1");
	run_all(&b);
	assert_false(b.seen[0].ok);
	assert_non_null(strstr(str_text(&b.log), "refer to themselves"));
	action_free(a);
	bed_close(&b);
}

static void
ticket_tags_have_fail2bans_values(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "actionban",
	    "echo \"<ip>|<fid>|<family>|<ip-rev>|<failures>|<time>|<bantime>|<bancount>|<restored>|<matches>|"
	    "<F-USER>|<F-NONE>|<jail.banned>|<jail.found>|<F-ID>|<sp>|<ipfailures>\" >> DIR/out", NULL);
	struct ticket *t = ticket_make("some id");
	t->ip = xstrdup("192.0.2.9");
	addr_parse("192.0.2.9", &t->addr);
	ticket_set_group(t, "user", "root");
	ticket_set_group(t, "fid", "some id");
	ticket_add_match(t, "line one", 8, 0, 0, 5);
	ticket_add_match(t, "line two", 8, 0, 0, 5);
	action_ban(a, t);
	ticket_free(t);
	t = ticket_make("2001:db8::1");
	t->is_restored = true;
	t->bantime = -1;
	action_ban(a, t);
	ticket_free(t);
	ban(a, "999.1.1.1");
	run_all(&b);
	assert_file(&b, "out",
	    "192.0.2.9|some id|inet4|9.2.0.192.|3|1795334752.0|611|1|0|line one\nline two|root||7 in j|0|some id| |3\n"
	    "2001:db8::1|2001:db8::1|inet6|1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.|3|"
	    "1795334752|-1|1|1||||7 in j|0|| |3\n"
	    "999.1.1.1|999.1.1.1|None||3|1795334752.0|611|1|0||||7 in j|0|| |3\n");
	action_free(a);
	bed_close(&b);
}

static void
foreign_text_reaches_the_shell_as_data(void **state)
{
	static const char *const payloads[] = {"$(touch DIR/canary)", "`touch DIR/canary`", "\"; touch DIR/canary; \"",
	    "'; touch DIR/canary; '", "\n touch DIR/canary\n", "a & touch DIR/canary & b", "| touch DIR/canary",
	    "-e 's/x/touch canary/e'", "~!", "%s%n%s", "\\$(touch DIR/canary)", "<ip>$(touch DIR/canary)<matches>",
	    "${IFS}touch${IFS}DIR/canary", "a\rb\tc\x01\x1b[2J\xff\xfe", "$f2bV_matches$0`$1`"};
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "actionban",
	    "printf '%s' \"<fid>\" > DIR/fid; printf '%s' \"<F-USER>\" > DIR/user; printf '%s' \"<matches>\" > DIR/matches;"
	    " : <fid> <F-USER> <matches> <ip> <raw-ticket> <F-*> '<fid>'; echo <fid> >/dev/null", NULL);
	for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
		struct str text = {0};
		const char *from = payloads[i], *at;
		while ((at = strstr(from, "DIR")) != NULL) {
			str_addn(&text, from, (size_t)(at - from));
			str_add(&text, b.dir);
			from = at + 3;
		}
		str_add(&text, from);
		struct ticket *t = ticket_make(str_text(&text));
		ticket_set_group(t, "user", str_text(&text));
		ticket_add_match(t, text.at, text.len, 0, 0, 5);
		action_ban(a, t);
		ticket_free(t);
		run_all(&b);
		assert_true(b.seen[b.n_seen - 1].ok);
		assert_file(&b, "fid", str_text(&text));
		assert_file(&b, "user", str_text(&text));
		assert_file(&b, "matches", str_text(&text));
		assert_file(&b, "canary", "");
		str_done(&text);
	}
	char command[128];
	snprintf(command, sizeof command, "test ! -e %s/canary", b.dir);
	assert_int_equal(system(command), 0);
	action_free(a);
	bed_close(&b);
}

static void
long_values_and_many_are_passed(void **state)
{
	struct bed b;
	char *big = xmalloc(65536);

	(void)state;
	bed_open(&b, false);
	memset(big, 'x', 65535);
	big[65535] = '\0';
	struct action *a = action_make(&b, "a", "actionban",
	    "printf '%s' \"<matches>\" | wc -c > DIR/out; printf '%s' \"<F-USER><F-USER><F-USER>\" | wc -c >> DIR/out;"
	    "printf '%s' \"<F-A1><F-A2><F-A3><F-A4><F-A5><F-A6><F-A7><F-A8><F-A9><F-B1><F-B2>\" >> DIR/out", NULL);
	struct ticket *t = ticket_make("192.0.2.1");
	ticket_set_group(t, "user", big);
	for (int i = 0; i < 3; i++)
		ticket_add_match(t, big, 65535, 0, 0, 5);
	for (int i = 1; i <= 11; i++) {
		char name[24], value[24];
		snprintf(name, sizeof name, "%c%d", i < 10 ? 'a' : 'b', i < 10 ? i : i - 9);
		snprintf(value, sizeof value, "(%d)", i);
		ticket_set_group(t, name, value);
	}
	action_ban(a, t);
	ticket_free(t);
	run_all(&b);
	assert_true(b.seen[0].ok);
	/* of a value too long for a program's argument the end is kept */
	assert_file(&b, "out", "98304\n196605\n(1)(2)(3)(4)(5)(6)(7)(8)(9)(10)(11)");
	free(big);
	action_free(a);
	bed_close(&b);
}

static void
own_names_are_asked_before_the_first_command(void **state)
{
	struct bed b;
	char name[256] = "", expected[600];

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "actionstart", "echo '<fq-hostname> <sh-hostname>' >> DIR/out", "actionban",
	    "echo '<fq-hostname> <ip>' >> DIR/out", NULL);
	action_start(a);
	ban(a, "192.0.2.1");
	run_all(&b);
	gethostname(name, sizeof name - 1);
	char *text = file_read(&b, "out");
	assert_true(str_starts(text, name));
	snprintf(expected, sizeof expected, " %s\n", name);
	assert_non_null(strstr(text, expected));
	assert_non_null(strstr(text, " 192.0.2.1\n"));
	free(text);
	action_free(a);
	bed_close(&b);
}

static void
a_reverse_name_is_asked_or_is_none(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "actionban", "echo \"<ip> <ip-host>\" >> DIR/out", NULL);
	ban(a, "127.0.0.1");
	ban(a, "no address");
	run_all(&b);
	char *text = file_read(&b, "out");
	assert_true(str_starts(text, "127.0.0.1 "));
	assert_non_null(strstr(text, "\nno address None\n"));
	free(text);
	action_free(a);
	bed_close(&b);
}

static void
closing_does_not_wait_for_a_name(void **state)
{
	struct bed b;
	uint64_t from = uv_hrtime();

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "actionban", "echo \"<ip-host>\" >> DIR/out", NULL);
	ban(a, "192.0.2.66");
	for (int i = 0; i < 3; i++)
		uv_run(&b.loop, UV_RUN_NOWAIT);
	action_free(a);
	bed_close(&b);
	assert_true(uv_hrtime() - from < 2000 * 1000000ull);
}

/* An action in the form of the stock ones; `program` is called sendmail or mail and keeps what it gets. */
static struct action *
mailer_make(struct bed *b, const char *program, const char *ban_text)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", b->dir, program);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\nprintf '[%%s]' \"$@\" >> %s/out; cat >> %s/out; echo mail >> %s/count\n", b->dir, b->dir, b->dir);
	fchmod(fileno(f), 0755);
	fclose(f);
	return action_make(b, "m", "actionban", ban_text, "dest", "root", "sender", "f2b@<sh-hostname>", "sendername", "F",
	    "mailcmd", "DIR/sendmail -f \"<sender>\" \"<dest>\"", "name", "sshd", NULL);
}

static size_t
lines_of(struct bed *b, const char *name)
{
	char *text = file_read(b, name);
	size_t n = 0;

	for (const char *c = text; *c != '\0'; c++)
		n += *c == '\n';
	free(text);
	return n;
}

static void
ban_range(struct action *a, int count)
{
	char ip[32];

	for (int i = 1; i <= count; i++) {
		snprintf(ip, sizeof ip, "198.51.100.%d", i);
		ban(a, ip);
	}
}

static void
a_storm_of_mails_is_one_digest(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = mailer_make(&b, "sendmail", "printf %b \"Subject: <ip>\n\n<matches>\" | <mailcmd>");
	ban_range(a, 50);
	run_all(&b);
	assert_int_equal(b.n_seen, 50);
	assert_int_equal(lines_of(&b, "count"), 20);
	action_stop(a, false);
	run_all(&b);
	assert_int_equal(b.n_seen, 51);
	assert_int_equal(lines_of(&b, "count"), 21);
	char *text = file_read(&b, "out");
	char *mail = strstr(text, "Subject: [Fail2Ban] sshd: banned 30 addresses from ");
	assert_non_null(mail);
	assert_non_null(strstr(mail, "From: F <f2b@"));
	assert_non_null(strstr(mail, "To: root\n\n"));
	assert_non_null(strstr(mail, "\n198.51.100.21 (3 failures)\n"));
	assert_non_null(strstr(mail, "\n198.51.100.50 (3 failures)\n"));
	assert_null(strstr(mail, "198.51.100.20 "));
	free(text);
	/* a minute later mails go out singly again */
	b.clock.fixed += 61;
	ban(a, "203.0.113.1");
	run_all(&b);
	assert_int_equal(lines_of(&b, "count"), 22);
	action_free(a);
	bed_close(&b);
}

static void
a_digest_comes_by_itself_and_has_the_subject_of_the_action(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = mailer_make(&b, "mail", "printf %b \"x\" | DIR/mail -s \"[Fail2Ban] <name>: banned <ip>\" <dest>");
	struct value *limit = value_str("2"), *seconds = value_str("1s");
	assert_true(action_set(a, "mail.digest", limit, NULL));
	assert_true(action_set(a, "mail.digest.seconds", seconds, NULL));
	ban_range(a, 5);
	run_all(&b);
	assert_int_equal(lines_of(&b, "count"), 2);
	while (lines_of(&b, "count") < 3)
		uv_run(&b.loop, UV_RUN_ONCE);
	char *text = file_read(&b, "out");
	assert_non_null(strstr(text, "[-s][[Fail2Ban] sshd: banned 3 addresses][root]More bans than mails"));
	free(text);
	value_free(limit);
	limit = value_str("off");
	b.clock.fixed += 10;
	assert_true(action_set(a, "mail.digest", limit, NULL));
	ban_range(a, 5);
	run_all(&b);
	assert_int_equal(lines_of(&b, "count"), 8);
	value_free(limit);
	value_free(seconds);
	action_free(a);
	bed_close(&b);
}

static void
what_is_no_plain_mail_is_never_gathered(void **state)
{
	static const char *const texts[] = {"echo <ip> >> DIR/count", "echo x | DIR/sendmail x; true",
	    "if true; then echo x | DIR/sendmail y; fi"};
	struct bed b;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		bed_open(&b, false);
		struct action *a = mailer_make(&b, "sendmail", texts[i]);
		ban_range(a, 25);
		run_all(&b);
		assert_int_equal(lines_of(&b, "count"), 25);
		action_free(a);
		bed_close(&b);
	}
}

static void
restored_bans_are_never_mailed(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b, false);
	struct action *a = mailer_make(&b, "sendmail", "if true; then echo x | DIR/sendmail y; fi");
	struct ticket *t = ticket_make("192.0.2.1");
	t->is_restored = true;
	action_ban(a, t);
	ticket_free(t);
	run_all(&b);
	assert_string_equal(b.seen[0].text, "m ban 192.0.2.1 skipped");
	assert_int_equal(lines_of(&b, "count"), 0);
	action_free(a);
	bed_close(&b);
}

static void
properties_can_be_listed_and_read(void **state)
{
	struct bed b;
	struct err err;
	struct value *names = value_list(), *bad = value_str("2 fortnights");

	(void)state;
	bed_open(&b, false);
	struct action *a = action_make(&b, "a", "timeout", "1h", "actionban", "true", "bantime", "5", NULL);
	action_properties(a, names);
	assert_int_equal(value_count(names), 2);
	assert_true(value_text_is(value_at(names, 0), "actionban"));
	assert_int_equal(action_get(a, "timeout")->integer, 3600);
	assert_null(action_get(a, "bantime"));
	assert_false(action_set(a, "timeout", bad, &err));
	assert_non_null(strstr(err.text, "timeout"));
	value_free(bad);
	value_free(names);
	action_free(a);
	bed_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phases_run_in_order),
		cmocka_unit_test(start_is_on_demand_for_each_family_of_a_conditional_action),
		cmocka_unit_test(the_same_text_is_run_for_one_family_only),
		cmocka_unit_test(a_failing_command_is_run_twice),
		cmocka_unit_test(a_failed_check_restarts_and_bans_again),
		cmocka_unit_test(actionrepair_is_preferred_to_a_restart),
		cmocka_unit_test(what_cannot_be_repaired_fails_with_one_try),
		cmocka_unit_test(an_unban_repairs_only_when_told),
		cmocka_unit_test(a_consistency_check_covers_what_is_started),
		cmocka_unit_test(norestored_actions_skip_restored_tickets),
		cmocka_unit_test(reban_and_prolong_have_their_commands),
		cmocka_unit_test(a_dry_run_runs_nothing),
		cmocka_unit_test(a_sleeping_action_delays_nobody_and_its_group_ends),
		cmocka_unit_test(what_a_command_leaves_behind_is_not_waited_for),
		cmocka_unit_test(closing_ends_what_runs_and_drops_what_waits),
		cmocka_unit_test(static_tags_are_replaced_recursively_and_by_family),
		cmocka_unit_test(properties_that_refer_to_themselves_fail),
		cmocka_unit_test(ticket_tags_have_fail2bans_values),
		cmocka_unit_test(foreign_text_reaches_the_shell_as_data),
		cmocka_unit_test(long_values_and_many_are_passed),
		cmocka_unit_test(own_names_are_asked_before_the_first_command),
		cmocka_unit_test(a_reverse_name_is_asked_or_is_none),
		cmocka_unit_test(closing_does_not_wait_for_a_name),
		cmocka_unit_test(a_storm_of_mails_is_one_digest),
		cmocka_unit_test(a_digest_comes_by_itself_and_has_the_subject_of_the_action),
		cmocka_unit_test(what_is_no_plain_mail_is_never_gathered),
		cmocka_unit_test(restored_bans_are_never_mailed),
		cmocka_unit_test(properties_can_be_listed_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
