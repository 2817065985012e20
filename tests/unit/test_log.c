#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/jailtop-log-XXXXXX";
static char text[65536 * 2];

static const char *
read_file(const char *path)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	return text;
}

static const char *
path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void
a_line_has_fail2bans_layout(void **state)
{
	(void)state;
	assert_true(log_open(path_of("a"), "auto", NULL));
	log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "[sshd] Ban %s", "192.0.2.1");
	const char *got = read_file(path_of("a"));
	char want[128];
	snprintf(want, sizeof want, " fail2ban.actions        [%d]: NOTICE  [sshd] Ban 192.0.2.1\n", (int)getpid());
	assert_string_equal(got + strlen("2026-11-22 08:00:00,123"), want);
	assert_int_equal(got[19], ',');
}

static void
a_message_stays_one_line(void **state)
{
	(void)state;
	assert_true(log_open(path_of("b"), "auto", NULL));
	log_write(LOG_LEVEL_ERROR, "fail2ban.filter", "a\nb\033[2J\x80 c\xc2\x85");
	const char *got = read_file(path_of("b"));
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
	assert_null(strchr(got, '\033'));
	assert_null(strstr(got, "\xc2\x85"));
	assert_non_null(strstr(got, "\\x1b[2J"));
}

static void
options_change_the_layout(void **state)
{
	char target[300];

	(void)state;
	snprintf(target, sizeof target, "%s[datetime=off, padding=no]", path_of("c"));
	assert_true(log_open(target, "auto", NULL));
	assert_string_equal(log_target(), path_of("c"));
	log_write(LOG_LEVEL_INFO, "fail2ban.jail", "hello");
	snprintf(target, sizeof target, "fail2ban.jail[%d]: INFO hello\n", (int)getpid());
	assert_string_equal(read_file(path_of("c")), target);
	snprintf(target, sizeof target, "%s[format=\"%%(levelname)-8s|%%(message)5.3s|%%%%\"]", path_of("d"));
	assert_true(log_open(target, "auto", NULL));
	log_write(LOG_LEVEL_INFO, "fail2ban.jail", "hello");
	assert_string_equal(read_file(path_of("d")), "INFO    |  hel|%\n");
}

static void
a_failed_open_keeps_the_old_sink(void **state)
{
	struct err err;

	(void)state;
	assert_true(log_open(path_of("e"), "auto", NULL));
	assert_false(log_open(path_of("no/such/dir"), "auto", &err));
	assert_non_null(strstr(err.text, "no/such/dir"));
	assert_false(log_open("SYSLOG", path_of("nosocket"), &err));
	assert_string_equal(log_target(), path_of("e"));
	log_write(LOG_LEVEL_INFO, "fail2ban", "still here");
	assert_non_null(strstr(read_file(path_of("e")), "still here"));
}

static void
reopen_follows_a_rename(void **state)
{
	char moved[300];

	(void)state;
	assert_true(log_open(path_of("f"), "auto", NULL));
	snprintf(moved, sizeof moved, "%s", path_of("f.1"));
	assert_int_equal(rename(path_of("f"), moved), 0);
	log_write(LOG_LEVEL_INFO, "fail2ban", "old");
	assert_string_equal(log_reopen(), "rolled over");
	log_write(LOG_LEVEL_INFO, "fail2ban", "new");
	assert_null(strstr(read_file(path_of("f")), "old"));
	assert_non_null(strstr(read_file(moved), "old"));
}

static void
syslog_gets_severity_and_no_padding(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	const char *path = path_of("dev-log");
	assert_true(strlen(path) < sizeof at.sun_path);
	memcpy(at.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_true(log_open("SYSLOG[facility=local3]", path_of("dev-log"), NULL));
	log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "Ban");
	text[recv(fd, text, sizeof text - 1, 0)] = '\0';
	char want[100];
	snprintf(want, sizeof want, "<%d>fail2ban.actions[%d]: NOTICE Ban", 19 << 3 | 5, (int)getpid());
	assert_string_equal(text, want);
	close(fd);
}

/* A socket that is a syslog's, and the log's target from now on if `is_new`. */
static int
listen_syslog(const char *name, bool is_new)
{
	const char *path = path_of(name);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	unlink(path);
	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	if (is_new)
		assert_true(log_open("STDERR", "auto", NULL) && log_open("SYSLOG", path, NULL));
	return fd;
}

static void
a_held_line_goes_out_with_its_release_whatever_the_target(void **state)
{
	char packet[512];

	(void)state;
	int fd = listen_syslog("held", true);
	log_hold();
	log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "[sshd] Ban 192.0.2.1");
	log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "[sshd] Unban 192.0.2.1");
	assert_int_equal(recv(fd, packet, sizeof packet, 0), -1);
	log_release();
	assert_true(recv(fd, packet, sizeof packet, 0) > 0);
	assert_non_null(strstr(packet, "Ban 192.0.2.1"));
	assert_true(recv(fd, packet, sizeof packet, 0) > 0);
	assert_non_null(strstr(packet, "Unban 192.0.2.1"));
	close(fd);

	assert_true(log_open(path_of("held-file"), "auto", NULL));
	log_hold();
	log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "one");
	assert_string_equal(read_file(path_of("held-file")), "");
	log_release();
	assert_non_null(strstr(read_file(path_of("held-file")), "one\n"));
}

static void
a_syslog_that_comes_back_is_spoken_to_again(void **state)
{
	char packet[512];

	(void)state;
	int fd = listen_syslog("again", true);
	close(fd);
	log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "first");
	fd = listen_syslog("again", false);
	log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "second");
	assert_true(recv(fd, packet, sizeof packet, 0) > 0);
	assert_non_null(strstr(packet, "first"));
	assert_true(recv(fd, packet, sizeof packet, 0) > 0);
	assert_non_null(strstr(packet, "second"));
	close(fd);
}

static void
what_a_slow_syslog_did_not_take_comes_later_in_order(void **state)
{
	enum { LINES = 3000 };
	char packet[512], want[32];
	int n = 0;

	(void)state;
	int fd = listen_syslog("slow", true);
	log_hold();
	for (int i = 0; i < LINES; i++)
		log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "line %d;", i);
	log_release(); /* more than the socket holds */
	for (int rounds = 0; n < LINES && rounds < LINES; rounds++) {
		while (recv(fd, packet, sizeof packet, 0) > 0) {
			snprintf(want, sizeof want, "line %d;", n++);
			assert_non_null(strstr(packet, want));
		}
		log_release();
	}
	assert_int_equal(n, LINES);
	close(fd);
}

static void
levels_are_known_by_name_and_number(void **state)
{
	(void)state;
	assert_int_equal(log_level_parse("notice"), 25);
	assert_int_equal(log_level_parse("HEAVYDEBUG"), 5);
	assert_int_equal(log_level_parse("30"), 30);
	assert_int_equal(log_level_parse("3"), LOG_LEVEL_INFO);
	assert_int_equal(log_level_parse("loud"), -1);
	assert_int_equal(log_level_parse(""), -1);
	assert_string_equal(log_level_name(5), "HEAVY");
	log_set_level(LOG_LEVEL_ERROR);
	assert_true(log_wants(LOG_LEVEL_ERROR));
	assert_false(log_wants(LOG_LEVEL_WARNING));
	log_set_level(LOG_LEVEL_INFO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_has_fail2bans_layout),
	    cmocka_unit_test(a_message_stays_one_line),
	    cmocka_unit_test(options_change_the_layout),
	    cmocka_unit_test(a_failed_open_keeps_the_old_sink),
	    cmocka_unit_test(reopen_follows_a_rename),
	    cmocka_unit_test(syslog_gets_severity_and_no_padding),
	    cmocka_unit_test(a_held_line_goes_out_with_its_release_whatever_the_target),
	    cmocka_unit_test(a_syslog_that_comes_back_is_spoken_to_again),
	    cmocka_unit_test(what_a_slow_syslog_did_not_take_comes_later_in_order),
	    cmocka_unit_test(levels_are_known_by_name_and_number),
	};

	if (mkdtemp(dir) == NULL)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	char command[300];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command) != 0 || failed;
}
