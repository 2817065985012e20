/*
 * client_send: commands to a running server, and the sequences start, restart and reload, with
 * fail2ban-client's messages and exit codes. Knows nothing of what the commands mean.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "applet/beautify.h"
#include "applet/client.h"
#include "applet/client_conn.h"
#include "applet/client_dialogue.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/pickle_read.h"
#include "server/server.h"

#define LOGGER "fail2ban"
#define PING_S 0.1
#define GONE_PAUSE_S 0.01  /* between two looks whether a stopped server has left */
#define LEFT_BEHIND_S 0.3  /* a socket that nobody listens on for so long is nobody's */

static void
print_line(struct str *s)
{
	str_addc(s, '\n');
	fwrite(s->at, 1, s->len, stdout);
	fflush(stdout);
	str_done(s);
}

/* What goes wrong here and not in the server. */
static bool __attribute__((format(printf, 3, 4)))
complain(const struct client_opts *o, const char *class_name, const char *format, ...)
{
	struct str text = {0}, line = {0};
	va_list args;

	va_start(args, format);
	str_addv(&text, format, args);
	va_end(args);
	if (o->json) {
		beautify_json_error(class_name, str_text(&text), &line);
		print_line(&line);
	} else {
		log_write(LOG_LEVEL_ERROR, LOGGER, "%s", str_text(&text));
	}
	str_done(&text);
	return false;
}

static bool
complain_socket(const struct client_opts *o, bool is_ping, const char *reason)
{
	const char *path = o->paths.socket;

	if (access(path, F_OK) != 0)
		return complain(o, "ConnectionError", "Failed to access socket path: %s. Is fail2ban running?", path);
	if (access(path, W_OK) != 0)
		return complain(o, "PermissionError", "Permission denied to socket: %s, (you must be root)", path);
	if (is_ping)
		return complain(o, "ConnectionError", "%s", reason);
	return complain(o, "ConnectionError", "[%s] Unable to contact server. Is it running?", reason);
}

/* ---- replies ---- */

static void
show(const struct client_opts *o, const struct value *command, const struct value *reply)
{
	struct str text = {0}, what = {0};

	if (o->json) {
		beautify_json(reply, &text);
	} else if (!beautify(command, reply, &text)) {
		str_add(&what, "Beautify ");
		value_repr(reply, &what);
		str_add(&what, " with ");
		value_repr(command, &what);
		str_add(&what, " failed");
		log_write(LOG_LEVEL_WARNING, "fail2ban.beautifier", "Beautifier error. Please report the error");
		log_write(LOG_LEVEL_ERROR, "fail2ban.beautifier", "%s", what.at);
	}
	print_line(&text);
	str_done(&what);
}

static void
show_error(const struct client_opts *o, const char *class_name, const struct value *args, bool is_shown)
{
	struct str text = {0}, line = {0};

	beautify_error(class_name, args, &text);
	if (o->json) {
		beautify_json_error(class_name, str_text(&text), &line);
		print_line(&line);
	} else {
		str_add(&line, "NOK: ");
		beautify_args(class_name, args, &line);
		log_write(LOG_LEVEL_ERROR, LOGGER, "%s", line.at);
		str_done(&line);
		if (is_shown)
			print_line(&text);
	}
	str_done(&text);
}

/* An answer that is no (code, value): a refusal as bare text, or ['SHUTDOWN'] while the server stops. */
static bool
show_odd(const struct client_opts *o, const struct value *reply)
{
	struct str text = {0};

	value_to_text(value_count(reply) == 1 ? value_at(reply, 0) : reply, &text);
	complain(o, "ProtocolError", "%s", str_text(&text));
	str_done(&text);
	return false;
}

static bool
is_one_of(const struct value *command, const char *a, const char *b)
{
	return value_text_is(value_at(command, 0), a) || value_text_is(value_at(command, 0), b);
}

/* ---- sending ---- */

static bool
is_jail_status(const struct value *command)
{
	return value_text_is(value_at(command, 0), "status") && value_count(command) >= 2;
}

/* A (label, value) pair of a status; takes v. */
static struct value *
labelled(const char *label, struct value *v)
{
	struct value *pair = value_tuple();

	value_push(pair, value_str(label));
	value_push(pair, v);
	return pair;
}

/* In JSON there is room for what went wrong with the jail's actions; an engine that does not know is not missed. */
static void
show_jail_status(const struct client_opts *o, struct client_conn *conn, const struct value *command, const struct value *answer)
{
	struct value *ask = value_words("get", value_text(value_at(command, 1)), "failingactions", NULL), *reply = NULL;
	struct value *whole = value_list();
	struct err err;
	bool knows = client_conn_call(conn, o->paths.socket, ask, &reply, &err) == CLIENT_OK && value_count(reply) == 2 &&
	    value_at(reply, 0)->kind == VALUE_INT && value_at(reply, 0)->integer == 0;

	for (size_t i = 0; i < value_count(answer); i++) {
		const struct value *part = value_at(answer, i);
		if (!knows || !value_text_is(value_at(part, 0), "Actions") || value_count(part) != 2) {
			value_push(whole, value_dup(part));
			continue;
		}
		struct value *actions = value_dup(value_at(part, 1));
		value_push(actions, labelled("Failing actions", value_dup(value_at(reply, 1))));
		value_push(whole, labelled("Actions", actions));
	}
	show(o, command, whole);
	value_free(reply);
	value_free(whole);
	value_free(ask);
}

/*
 * Sends the commands of a list over one connection and prints the replies (not is_shown: only what
 * must be seen in any case). False when one failed; a failed connection ends it.
 */
static bool
send_commands(const struct client_opts *o, const struct value *commands, bool is_shown, double timeout_s)
{
	struct client_conn conn = CLIENT_CONN_NEW;
	bool ok = true;

	conn.timeout_s = timeout_s;
	for (size_t i = 0; i < value_count(commands); i++) {
		const struct value *command = value_at(commands, i), *args = NULL;
		struct value *reply = NULL;
		struct err err = {""};
		const char *class_name = NULL;
		enum client_result result = client_conn_call(&conn, o->paths.socket, command, &reply, &err);
		if (result != CLIENT_OK) {
			if (is_shown || (result == CLIENT_NO_SERVER && o->verbose > 1 && !is_one_of(command, "ping", "ping"))) {
				if (result == CLIENT_NO_SERVER)
					complain_socket(o, is_one_of(command, "ping", "ping"), err.text);
				else
					complain(o, "ProtocolError", "%s", err.text);
			}
			ok = false;
			break;
		}
		const struct value *code = value_at(reply, 0), *answer = value_at(reply, 1);
		if (answer != NULL && code->kind == VALUE_INT && code->integer == 0) {
			if (is_shown && o->json && is_jail_status(command))
				show_jail_status(o, &conn, command, answer);
			else if (is_shown || is_one_of(command, "echo", "server-status"))
				show(o, command, answer);
		} else if (answer != NULL && pickle_exception(answer, &class_name, &args)) {
			show_error(o, class_name, args, is_shown);
			ok = false;
		} else {
			if (is_shown)
				show_odd(o, reply);
			ok = false;
		}
		bool is_odd = answer == NULL;
		value_free(reply);
		if (is_odd)
			break;
	}
	client_conn_close(&conn);
	return ok;
}

static bool
send_one(const struct client_opts *o, const struct value *command, bool is_shown, double timeout_s)
{
	struct value *list = value_list();

	value_push(list, value_dup(command));
	bool ok = send_commands(o, list, is_shown, timeout_s);
	value_free(list);
	return ok;
}

static bool
ping(const struct client_opts *o, double timeout_s)
{
	struct value *command = value_words("ping", NULL);

	if (timeout_s >= 0)
		value_push(command, value_float(timeout_s));
	bool ok = send_one(o, command, false, timeout_s);
	value_free(command);
	return ok;
}

static void
nap(double seconds)
{
	struct timespec t = {(time_t)seconds, (long)(fmod(seconds, 1) * 1e9)};

	nanosleep(&t, NULL);
}

/* Until the server answers. *child: the program that becomes it; leaving with an error ends the wait. */
static bool
wait_until_up(const struct client_opts *o, pid_t *child)
{
	const struct clock clock = {0};
	double start = clock_monotonic(&clock), pause = 0.0125 / 2, waited;
	int status;

	do {
		if (access(o->paths.socket, F_OK) == 0 && ping(o, pause))
			return true;
		if (*child > 0 && waitpid(*child, &status, WNOHANG) == *child) {
			*child = 0;
			if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
				return false;
		}
		waited = clock_monotonic(&clock) - start;
		pause = fmin(pause * 2, waited > 0.2 ? 0.5 : 0.1);
		nap(pause);
	} while (waited < o->timeout_s);
	return false;
}

/* Until the server has taken its socket away. One that is slow to answer has not left, so no ping decides; a
 * socket that stays behind although nobody listens (a server that died) ends the wait too, a moment later. */
static bool
wait_until_gone(const struct client_opts *o)
{
	const struct clock clock = {0};
	double start = clock_monotonic(&clock), refused_since = 0, now = start;

	for (; now - start < o->timeout_s; now = clock_monotonic(&clock)) {
		if (access(o->paths.socket, F_OK) != 0)
			return true;
		if (server_is_alive(o->paths.socket))
			refused_since = 0;
		else if (refused_since == 0)
			refused_since = now;
		else if (now - refused_since > LEFT_BEHIND_S)
			return true;
		nap(GONE_PAUSE_S);
	}
	return false;
}

/* ---- start, restart, reload ---- */

/* Becomes this very program as fail2ban-server; returns only on failure. */
static void
exec_server(const struct client_opts *o, bool is_foreground)
{
	char exe[4096], verbose[16];
	const char *argv[32] = {"fail2ban-server"};
	size_t n = 1;
	ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (len <= 0)
		return;
	exe[len] = '\0';
	if (!is_foreground)
		argv[n++] = "--async"; /* it reads no configuration: the client sends it */
	argv[n++] = is_foreground ? "-f" : "-b";
	const char *const pairs[][2] = {
	    {"-c", o->dir}, {"-s", o->paths.socket}, {"-p", o->paths.pidfile}, {"--loglevel", o->paths.loglevel},
	    {"--logtarget", o->paths.logtarget}, {"--syslogsocket", o->paths.syslogsocket}, {"--pname", o->pname},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (pairs[i][1] != NULL) {
			argv[n++] = pairs[i][0];
			argv[n++] = pairs[i][1];
		}
	if (o->force)
		argv[n++] = "-x";
	if (o->verbose > 1) {
		snprintf(verbose, sizeof verbose, "-%.*s", o->verbose < 8 ? o->verbose - 1 : 7, "vvvvvvv");
		argv[n++] = verbose;
	}
	if (is_foreground)
		argv[n++] = "start";
	execv(exe, (char *const *)(uintptr_t)argv);
}

static pid_t
spawn_server(const struct client_opts *o)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		close_range(3, ~0u, 0); /* what the caller left open is nothing to a daemon */
		exec_server(o, false);
		_exit(127);
	}
	return pid;
}

static bool
start(const struct client_opts *o)
{
	struct value *stream = NULL;

	if (ping(o, PING_S) || server_is_alive(o->paths.socket)) /* it may be slow to answer */
		return complain(o, "RuntimeError", "Server already running");
	if (!client_read_config(o, NULL, CONFIG_LOGS_AWAITED, &stream)) {
		value_free(stream);
		return false;
	}
	if (!o->force && access(o->paths.socket, F_OK) == 0) {
		value_free(stream);
		return complain(o, "RuntimeError",
		    "Fail2ban seems to be in unexpected state (not running but the socket exists)");
	}
	if (o->foreground) { /* it reads the configuration again, itself */
		value_free(stream);
		fflush(stdout);
		exec_server(o, true);
		return complain(o, "OSError", "Exception while starting server foreground: %s", strerror(errno));
	}
	pid_t child = spawn_server(o);
	bool ok = child > 0 && wait_until_up(o, &child);
	if (ok) {
		struct value *commands = value_list(), *configure = value_words("server-stream", NULL);
		value_push(configure, stream);
		value_push(commands, configure);
		value_push(commands, value_words("server-status", NULL));
		ok = send_commands(o, commands, false, -1);
		value_free(commands);
	} else {
		value_free(stream);
		complain(o, "RuntimeError", "Could not start server. Maybe an old socket file is still present. Try to remove %s. "
		         "If you used fail2ban-client to start the server, adding the -x option will do it", o->paths.socket);
	}
	if (child > 0)
		waitpid(child, NULL, WNOHANG);
	return ok;
}

static void
step(const struct client_opts *o, const char *text)
{
	if (o->interactive && !o->json) {
		puts(text);
		fflush(stdout);
	}
}

static bool
restart(const struct client_opts *o)
{
	struct value *stop = value_words("stop", NULL);

	step(o, "  ## stop ... ");
	send_one(o, stop, true, -1);
	value_free(stop);
	if (!wait_until_gone(o))
		return complain(o, "TimeoutError", "Could not stop server");
	step(o, "  ## start ... ");
	return start(o);
}

static bool
reload(const struct client_opts *o, const struct value *words)
{
	struct value *options = value_list();
	size_t i = 1, n = value_count(words);

	for (; i < n; i++) {
		const struct value *w = value_at(words, i);
		if (!value_text_is(w, "--restart") && !value_text_is(w, "--unban") && !value_text_is(w, "--if-exists"))
			break;
		value_push(options, value_dup(w));
	}
	if (n > i + 1) {
		struct value *rest = value_list();
		struct str text = {0};
		for (; i < n; i++)
			value_push(rest, value_dup(value_at(words, i)));
		value_repr(rest, &text);
		complain(o, "ValueError", "Unexpected argument(s) for reload: %s", text.at);
		str_done(&text);
		value_free(rest);
		value_free(options);
		return false;
	}
	if (!ping(o, -1)) {
		value_free(options);
		return complain(o, "ConnectionError", "Could not find server");
	}
	const char *jail = i < n ? value_text(value_at(words, i)) : "--all";
	struct value *stream = NULL;
	/* our engine waits for files that are not there yet; fail2ban's must not be told of them */
	enum config_logs logs = client_conn_is_ours(o->paths.socket) ? CONFIG_LOGS_AWAITED : CONFIG_LOGS_NEEDED;
	if (!client_read_config(o, strcmp(jail, "--all") == 0 ? NULL : jail, logs, &stream)) {
		value_free(stream);
		value_free(options);
		return false;
	}
	step(o, "  ## reload ... ");
	struct value *command = value_words("reload", jail, NULL);
	value_push(command, options);
	value_push(command, stream);
	bool ok = send_one(o, command, true, -1);
	value_free(command);
	return ok;
}

/* ---- commands ---- */

static bool
ping_with_timeout(const struct client_opts *o, const struct value *words)
{
	const char *text = value_text(value_at(words, 1));
	char *end;
	double seconds = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || isnan(seconds)) {
		struct str repr = {0};
		value_repr(value_at(words, 1), &repr);
		complain(o, "ValueError", "could not convert string to float: %s", repr.at);
		str_done(&repr);
		return false;
	}
	return send_one(o, words, true, seconds);
}

bool
client_command(const struct client_opts *o, const struct value *words)
{
	size_t n = value_count(words);

	if (value_text_is(value_at(words, 0), "start") && n == 1)
		return start(o);
	if (value_text_is(value_at(words, 0), "restart") && n == 1)
		return restart(o);
	if (value_text_is(value_at(words, 0), "restart")) { /* a jail: the server restarts it in a reload */
		struct value *again = value_words("reload", "--restart", NULL);
		for (size_t i = 1; i < n; i++)
			value_push(again, value_dup(value_at(words, i)));
		bool ok = reload(o, again);
		value_free(again);
		return ok;
	}
	if (value_text_is(value_at(words, 0), "reload"))
		return reload(o, words);
	if (value_text_is(value_at(words, 0), "ping") && n > 1)
		return ping_with_timeout(o, words);
	return send_one(o, words, true, -1);
}

struct value *
client_jails(const struct client_opts *o)
{
	struct client_conn conn = {.fd = -1, .timeout_s = 0.5};
	struct value *command = value_words("status", NULL), *reply = NULL, *jails = value_list();
	struct err err;

	if (client_conn_call(&conn, o->paths.socket, command, &reply, &err) == CLIENT_OK) {
		/* (0, [("Number of jail", n), ("Jail list", "a, b")]) */
		const char *names = value_text(value_at(value_at(value_at(reply, 1), 1), 1));
		while (names != NULL && *names != '\0') {
			size_t len = strcspn(names, ",");
			value_push(jails, value_strn(names, len));
			names += len + strspn(names + len, ", ");
		}
	}
	client_conn_close(&conn);
	value_free(command);
	value_free(reply);
	return jails;
}

static void
on_signal(int number)
{
	/* only what is safe in a handler */
	char text[64] = "\n", *end = text + 1;

	if (write(STDOUT_FILENO, text, 1) < 0)
		_exit(255);
	memcpy(end, "Caught signal ", 14);
	end += 14;
	if (number > 9)
		*end++ = (char)('0' + number / 10);
	*end++ = (char)('0' + number % 10);
	memcpy(end, ". Exiting\n", 10);
	end += 10;
	if (write(STDERR_FILENO, text + 1, (size_t)(end - text - 1)) < 0)
		_exit(255);
	_exit(255);
}

int
client_send(const struct client_opts *o, int argc, char **argv)
{
	struct value *words = value_list();
	struct sigaction action = {.sa_handler = on_signal};
	bool ok = true;

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < argc; i++)
		value_push(words, value_str(argv[i]));
	if (argc > 0)
		ok = client_command(o, words);
	if (o->interactive)
		ok = ok && client_dialogue(o);
	value_free(words);
	return ok ? 0 : 255;
}
