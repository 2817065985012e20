/*
 * applet_server: the engine as a process: options, log, pid file, socket, configuration, signals.
 */
#include <errno.h>
#include <malloc.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "applet/supervisor.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "command/command.h"
#include "config/stream.h"
#include "describe.h"
#include "engine.h"
#include "jail.h"
#include "jailtop/applet.h"
#include "server/server.h"

#define PIDFILE_TRIES 60        /* … of PIDFILE_WAIT_US until a pid file counts as taken */
#define PIDFILE_WAIT_US 50000
#define LOAD_SLICE_NS 20000000 /* of one loop turn spent on the configuration */

struct process {
	uv_loop_t loop;
	struct engine *engine;
	struct server *server;
	struct config_overrides over;
	struct config_paths paths;
	struct supervisor supervisor;
	const char *dir;
	bool wants_dry, is_owned, is_background, is_async, is_forced;
	int pid_fd;            /* locked while we live; -1: none */
	int ready_fd;          /* background: the starter waits for a byte here; -1: none */
	struct value *stream;  /* owned: the configuration while it is being applied */
	size_t stream_at;
	bool has_errors;
	uv_idle_t loader;
	uv_signal_t signals[4];
	bool is_stopping, keep_bans;
	int exit_code;
};

static const char usage[] =
    "Usage: jailtop server [OPTIONS]\n"
    "Runs the engine: reads the configuration, follows the logs, bans.\n"
    "\n"
    "  -c, --conf DIR         configuration directory\n"
    "  -s, --socket PATH      socket for clients\n"
    "  -p, --pidfile PATH     file for the process id\n"
    "  -f, --foreground       stay in the foreground (the default)\n"
    "  -b, --background       become a daemon\n"
    "  -x, --force            start although a dead server's socket is there\n"
    "      --loglevel LEVEL   instead of the configuration's\n"
    "      --logtarget TARGET file, STDOUT, STDERR, SYSLOG, SYSTEMD-JOURNAL\n"
    "      --syslogsocket S   auto or a path\n"
    "      --async            read no configuration: a client sends it\n"
    "  -n, --dry-run          do everything but run commands\n"
    "      --owned            may be stopped by the screen that started it\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n";

enum { OPT_LOGLEVEL = 256, OPT_LOGTARGET, OPT_SYSLOGSOCKET, OPT_ASYNC, OPT_OWNED };

/* -1: go on; else the exit code. */
static int
parse_options(struct process *p, int argc, char **argv)
{
	static const struct option options[] = {
	    {"conf", required_argument, NULL, 'c'},
	    {"socket", required_argument, NULL, 's'},
	    {"pidfile", required_argument, NULL, 'p'},
	    {"foreground", no_argument, NULL, 'f'},
	    {"background", no_argument, NULL, 'b'},
	    {"force", no_argument, NULL, 'x'},
	    {"loglevel", required_argument, NULL, OPT_LOGLEVEL},
	    {"logtarget", required_argument, NULL, OPT_LOGTARGET},
	    {"syslogsocket", required_argument, NULL, OPT_SYSLOGSOCKET},
	    {"async", no_argument, NULL, OPT_ASYNC},
	    {"dry-run", no_argument, NULL, 'n'},
	    {"owned", no_argument, NULL, OPT_OWNED},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "c:s:p:fbxnvqhV", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			p->dir = optarg;
			break;
		case 's':
			p->over.socket = optarg;
			break;
		case 'p':
			p->over.pidfile = optarg;
			break;
		case 'f':
			p->is_background = false;
			break;
		case 'b':
			p->is_background = true;
			break;
		case 'x':
			p->is_forced = true;
			break;
		case 'n':
			p->wants_dry = true;
			break;
		case 'v':
			p->over.loglevel = "DEBUG";
			break;
		case 'q':
			p->over.loglevel = "ERROR";
			break;
		case OPT_LOGLEVEL:
			p->over.loglevel = optarg;
			break;
		case OPT_LOGTARGET:
			p->over.logtarget = optarg;
			break;
		case OPT_SYSLOGSOCKET:
			p->over.syslogsocket = optarg;
			break;
		case OPT_ASYNC:
			p->is_async = true;
			break;
		case OPT_OWNED:
			p->is_owned = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			printf("jailtop %s (behaves as fail2ban %s)\n", JAILTOP_VERSION, JAILTOP_COMPAT_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 255;
		}
	}
	if (optind < argc && strcmp(argv[optind], "start") != 0) {
		fprintf(stderr, "jailtop server: unexpected argument '%s'\n%s", argv[optind], usage);
		return 255;
	}
	return -1;
}

static int
fail(const char *what, const char *why)
{
	struct str clean = {0};

	text_clean_z(why, &clean);
	fprintf(stderr, "jailtop server: %s%s%s\n", what, *what != '\0' ? ": " : "", str_text(&clean));
	str_done(&clean);
	return 255;
}

/* ---- pid file: locked for as long as the process lives ---- */

static bool
take_pidfile(struct process *p, struct err *err)
{
	const char *path = p->paths.pidfile;

	p->pid_fd = -1;
	if (path == NULL || *path == '\0')
		return true;
	char *dir = xstrdup(path), *slash = strrchr(dir, '/');
	if (slash != NULL && slash != dir) {
		*slash = '\0';
		mkdir(dir, 0755);
	}
	free(dir);
	int fd = -1, locked = -1;
	/* one that has just closed its socket needs a moment more to leave, and takes its file with it: a lock
	 * on a file that has no name any more is none */
	for (int tries = 0; locked != 0 && tries < PIDFILE_TRIES; tries++) {
		if (fd < 0)
			fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return err_set(err, "pid file %s: %s", path, strerror(errno));
		struct stat ours, named;
		locked = flock(fd, LOCK_EX | LOCK_NB);
		if (fstat(fd, &ours) != 0 || stat(path, &named) != 0 || ours.st_ino != named.st_ino || ours.st_dev != named.st_dev) {
			close(fd);
			fd = locked = -1;
		} else if (locked != 0) {
			usleep(PIDFILE_WAIT_US);
		}
	}
	if (locked != 0) {
		char text[32] = "";
		ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
		if (fd >= 0)
			close(fd);
		return err_set(err, "already running with pid %d (pid file %s)", n > 0 ? atoi(text) : 0, path);
	}
	char text[32];
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
		close(fd);
		return err_set(err, "pid file %s: %s", path, strerror(errno));
	}
	p->pid_fd = fd;
	return true;
}

/* ---- configuration, a slice at a time, so that clients are answered meanwhile ---- */

static void
on_note(void *arg, int level, const char *logger, const char *text)
{
	struct process *p = arg;

	if (p->engine != NULL && level >= LOG_LEVEL_WARNING)
		p->engine->config_notes++;
	log_write(level, logger, "%s", text);
}

static void
say_ready(struct process *p)
{
	char *state = xasprintf("READY=1\nSTATUS=%u jail(s)", HASH_COUNT(p->engine->jails));
	supervisor_tell(&p->supervisor, state);
	free(state);
	if (p->ready_fd >= 0) {
		/* whoever reads what the starter prints must not wait for our end */
		int null = strcmp(log_target(), "STDERR") != 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
		if (null >= 0) {
			dup2(null, STDERR_FILENO);
			close(null);
		}
		(void)!write(p->ready_fd, "r", 1);
		close(p->ready_fd);
		p->ready_fd = -1;
	}
}

static void
loaded(struct process *p)
{
	uv_idle_stop(&p->loader);
	value_free(p->stream);
	p->stream = NULL;
	if (p->engine->state == ENGINE_STARTING)
		p->engine->state = ENGINE_OK;
	log_write(LOG_LEVEL_INFO, "fail2ban.server", "Server ready: %u jail(s)", HASH_COUNT(p->engine->jails));
	bus_publish(p->engine->bus, EVENT_ENGINE, describe_engine(p->engine));
	engine_publish_stats(p->engine);
	say_ready(p);
}

static void
on_load(uv_idle_t *idle)
{
	struct process *p = idle->data;
	uint64_t until = uv_hrtime() + LOAD_SLICE_NS;

	while (p->stream_at < value_count(p->stream) && !p->is_stopping) {
		const struct value *words = value_at(p->stream, p->stream_at++);
		struct command_reply reply = {0};
		if (!command_run_quiet(p->engine, words, &reply)) {
			p->has_errors = true;
			const char *verb = value_text(value_at(words, 0)), *jail = value_text(value_at(words, 1));
			struct jail *j = verb != NULL && jail != NULL && strcmp(verb, "set") != 0 ? engine_jail(p->engine, jail) :
			    jail != NULL ? engine_jail(p->engine, jail) : NULL;
			if (j != NULL && j->error == NULL) /* it is shown, and left out */
				j->error = xstrdup(reply.text != NULL ? reply.text : "failed");
		}
		command_reply_done(&reply);
		if (value_text_is(value_at(words, 0), "start") || uv_hrtime() > until) {
			bus_publish(p->engine->bus, EVENT_ENGINE, describe_engine(p->engine));
			return;
		}
	}
	loaded(p);
}

/* An engine without a configuration still runs: the screen says what is wrong. */
static bool
load(struct process *p, struct err *err)
{
	struct config_request req = {.dir = p->dir, .over = p->over, .logs = CONFIG_LOGS_AWAITED, .note = on_note, .arg = p};
	enum config_result r = config_read(&req, &p->stream, err);

	if (r == CONFIG_FAILED)
		return false;
	p->has_errors = r == CONFIG_JAIL_ERRORS;
	for (size_t i = 0; i < value_count(p->stream); i++)
		if (value_text_is(value_at(value_at(p->stream, i), 0), "start"))
			p->engine->jails_announced++;
	uv_idle_start(&p->loader, on_load);
	return true;
}

/* ---- the end ---- */

static void
on_server_closed(void *arg)
{
	struct process *p = arg;

	p->server = NULL;
	for (size_t i = 0; i < sizeof p->signals / sizeof *p->signals; i++)
		uv_close((uv_handle_t *)&p->signals[i], NULL);
	uv_close((uv_handle_t *)&p->loader, NULL);
}

static void
on_engine_stopped(void *arg)
{
	struct process *p = arg;

	server_close(p->server, on_server_closed, p);
}

static void
stop(void *arg, bool keep_bans)
{
	struct process *p = arg;

	if (p->is_stopping)
		return;
	p->is_stopping = true;
	supervisor_tell(&p->supervisor, "STOPPING=1");
	log_write(LOG_LEVEL_INFO, "fail2ban.server", keep_bans ? "Shutdown in progress, bans stay in the kernel..." : "Shutdown in progress...");
	uv_idle_stop(&p->loader);
	engine_stop(p->engine, keep_bans, on_engine_stopped, p);
}

static void
on_signal(uv_signal_t *s, int number)
{
	struct process *p = s->data;

	if (number == SIGTERM || number == SIGINT) {
		log_write(LOG_LEVEL_INFO, "fail2ban.server", "Caught signal %d: exiting", number);
		stop(p, false);
	} else {
		log_reopen();
	}
}

/* ---- the beginning ---- */

/* The starter waits until the daemon is ready, and hears why it is not. Returns in the daemon; exits in the starter. */
static bool
become_daemon(struct process *p)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return false;
	pid_t pid = fork();
	if (pid < 0)
		return false;
	if (pid > 0) {
		char byte;
		int status = 255;
		close(fds[1]);
		bool ready = read(fds[0], &byte, 1) == 1;
		if (!ready && waitpid(pid, &status, 0) == pid)
			status = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
		_exit(ready ? 0 : status);
	}
	close(fds[0]);
	p->ready_fd = fds[1];
	setsid();
	int null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	return chdir("/") == 0;
}

static int
serve(struct process *p)
{
	struct err err;
	bool root = geteuid() == 0;
	const char *why_dry = p->wants_dry ? "asked for" : root ? NULL : "not root";

	signal(SIGPIPE, SIG_IGN);
	umask(0077);
	int level = log_level_parse(p->paths.loglevel != NULL ? p->paths.loglevel : "INFO");
	if (level < 0)
		return fail("", "Invalid log level");
	log_set_level(level);
	supervisor_init(&p->supervisor);
	if (p->supervisor.fd < 0 && server_is_alive(p->paths.socket)) {
		err_set(&err, "a server is already running: it answers at %s", p->paths.socket);
		return fail("", err.text);
	}
	if (!take_pidfile(p, &err) && root)
		return fail("", err.text);
	if (!log_open(p->paths.logtarget, p->paths.syslogsocket, &err)) {
		fail("log", err.text);
		if (!log_open("STDERR", "auto", &err))
			return 255;
	}
	uv_loop_init(&p->loop);
	p->engine = engine_new(&p->loop, why_dry != NULL, why_dry);
	p->engine->dir = p->dir;
	p->engine->is_owned = p->is_owned;
	log_write(LOG_LEVEL_INFO, "fail2ban.server", "--------------------------------------------------");
	log_write(LOG_LEVEL_INFO, "fail2ban.server", "Starting jailtop v%s (as Fail2ban v%s)", JAILTOP_VERSION, JAILTOP_COMPAT_VERSION);
	if (why_dry != NULL)
		log_write(LOG_LEVEL_WARNING, "fail2ban.server", "DRY-RUN: %s, nothing will be banned", why_dry);

	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		uv_signal_init(&p->loop, &p->signals[i]);
		p->signals[i].data = p;
		uv_signal_start(&p->signals[i], on_signal, numbers[i]);
		uv_unref((uv_handle_t *)&p->signals[i]);
	}
	uv_idle_init(&p->loop, &p->loader);
	p->loader.data = p;
	struct server_spec spec = {.path = p->paths.socket, .fd = p->supervisor.fd,
	    .monitor = p->paths.monitorsocket, .monitor_fd = p->supervisor.monitor_fd,
	    .monitor_group = p->paths.monitorgroup, .stop = stop, .arg = p};
	p->server = server_new(p->engine, &spec, &err);
	if (p->server == NULL) {
		log_write(LOG_LEVEL_ERROR, "fail2ban.server", "%s", err.text);
		p->exit_code = fail("", err.text);
		p->is_stopping = true;
		engine_stop(p->engine, true, on_server_closed, p);
	} else if (!p->is_async && !load(p, &err)) {
		log_write(LOG_LEVEL_ERROR, "fail2ban", "Failed during configuration: %s", err.text);
		p->exit_code = fail("configuration", err.text);
		stop(p, true);
	} else if (p->is_async) {
		p->engine->state = ENGINE_OK;
		say_ready(p);
	}
	uv_run(&p->loop, UV_RUN_DEFAULT);
	engine_free(p->engine);
	log_write(LOG_LEVEL_INFO, "fail2ban.server", "Exiting jailtop");
	uv_loop_close(&p->loop);
	if (p->pid_fd >= 0) {
		unlink(p->paths.pidfile);
		close(p->pid_fd);
	}
	return p->exit_code;
}

int
applet_server(int argc, char **argv)
{
	struct process p = {.pid_fd = -1, .ready_fd = -1};
	struct err err;
	int rc = parse_options(&p, argc, argv);

	if (rc >= 0)
		return rc;
	mallopt(M_MMAP_THRESHOLD, 64 << 10); /* a listing of the kernel's goes back whole */
	p.dir = config_default_dir(p.dir);
	if (!config_read_paths(p.dir, &p.over, &p.paths, &err))
		return fail("configuration", err.text);
	if (p.is_background && !become_daemon(&p))
		return fail("background", strerror(errno));
	rc = serve(&p);
	value_free(p.stream);
	config_paths_done(&p.paths);
	return rc;
}
