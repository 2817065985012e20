#include "link/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define STEP_MS 20          /* between two tries while an engine starts */
#define WORDS_KEPT 16384    /* bytes of a starting engine's stderr */

struct reach {
	char *socket;
	int helper;      /* to the parent that connects; -1: this process connects itself */
	uv_loop_t *loop;
	uv_poll_t watch; /* of helper */
	bool is_watched, is_closed;
	reach_fn fn;     /* a connection is wanted */
	void *arg;
};

static int
connect_once(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, saved;

	if (strlen(path) >= sizeof to.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static void
nap(void)
{
	struct timespec t = {.tv_nsec = STEP_MS * 1000000L};

	nanosleep(&t, NULL);
}

/* ---- starting an engine ---- */
/* In the grandchild: a session of its own, no terminal, its words to `words` until it has a log. */
static void
server_exec(const struct attach_spec *spec, int words)
{
	const char *argv[64] = {"jailtop", "server", "-s", spec->socket, "--owned"};
	size_t n = 5;
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	for (size_t i = 0; spec->server_args != NULL && spec->server_args[i] != NULL && n < 62; i++)
		argv[n++] = spec->server_args[i];
	argv[n] = NULL;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(words, STDERR_FILENO);
	if (null > 2)
		close(null);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (chdir("/") != 0)
		_exit(127);
	execv(spec->exe != NULL ? spec->exe : "/proc/self/exe", (char *const *)(uintptr_t)argv);
	dprintf(STDERR_FILENO, "cannot run the engine: %s\n", strerror(errno));
	_exit(127);
}

/* Forks twice, so that nobody here is its parent. Returns its pid, -1. */
static pid_t
server_spawn(const struct attach_spec *spec, int words)
{
	int pipe_fd[2];
	pid_t first, pid = -1;

	if (pipe2(pipe_fd, O_CLOEXEC) != 0)
		return -1;
	first = fork();
	if (first == 0) {
		setsid();
		pid = fork();
		if (pid == 0)
			server_exec(spec, words);
		if (write(pipe_fd[1], &pid, sizeof pid) != sizeof pid)
			_exit(1);
		_exit(0);
	}
	close(pipe_fd[1]);
	if (first > 0) {
		if (read(pipe_fd[0], &pid, sizeof pid) != sizeof pid)
			pid = -1;
		while (waitpid(first, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(pipe_fd[0]);
	return pid;
}

static bool
is_alive(pid_t pid)
{
	char path[64], text[256];
	int fd;
	ssize_t n;

	if (kill(pid, 0) != 0 && errno == ESRCH)
		return false;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno != ENOENT;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	const char *after = strrchr(text, ')');
	return after == NULL || (after[1] == ' ' && after[2] != 'Z' && after[2] != 'X');
}

/* What it said on stderr, as one line. */
static void
words_read(int words, struct str *out)
{
	char *bytes = xcalloc(1, WORDS_KEPT + 1);
	ssize_t n = pread(words, bytes, WORDS_KEPT, 0);

	for (ssize_t i = 0; i < n && bytes[i] != '\0'; i++)
		str_addc(out, bytes[i] == '\n' ? ' ' : bytes[i]);
	while (out->len > 0 && out->at[out->len - 1] == ' ')
		str_cut(out, out->len - 1);
	free(bytes);
}

/* A file in memory that cannot grow: whatever the engine prints there in its life, it costs no more. */
static int
words_open(void)
{
	int fd = memfd_create("jailtop-start", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && ftruncate(fd, WORDS_KEPT) == 0)
		fcntl(fd, F_ADD_SEALS, F_SEAL_GROW);
	return fd;
}

static int
lock_take(const char *socket, struct err *err)
{
	char *path = xasprintf("%s.lock", socket), *slash = strrchr(path, '/');
	int fd;

	if (slash != NULL && slash != path) { /* /run is empty after a boot */
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		err_set(err, "cannot start an engine: %s: %s", path, strerror(errno));
	for (int waited = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; waited += STEP_MS) {
		if (waited > ATTACH_START_S * 1000) {
			err_set(err, "cannot start an engine: somebody else has held %s for %d s", path, ATTACH_START_S);
			close(fd);
			fd = -1;
			break;
		}
		nap();
	}
	free(path);
	return fd;
}

static int
start_and_connect(const struct attach_spec *spec, struct err *err)
{
	int lock = lock_take(spec->socket, err), words = -1, fd;
	struct str said = {0};
	pid_t pid;

	if (lock < 0)
		return -1;
	fd = connect_once(spec->socket); /* another jailtop may have been faster */
	if (fd >= 0)
		goto done;
	words = words_open();
	pid = server_spawn(spec, words);
	if (pid < 0) {
		err_set(err, "cannot start an engine: %s", strerror(errno));
		goto done;
	}
	for (int waited = 0; waited <= ATTACH_START_S * 1000; waited += STEP_MS) {
		fd = connect_once(spec->socket);
		if (fd >= 0)
			goto done;
		if (!is_alive(pid)) {
			words_read(words, &said);
			err_set(err, "the engine did not start: %s", said.len > 0 ? said.at : "it ended without a word");
			goto done;
		}
		nap();
	}
	words_read(words, &said);
	err_set(err, "the engine (pid %d) does not answer on %s after %d s%s%s", (int)pid, spec->socket, ATTACH_START_S,
	    said.len > 0 ? ": " : "", str_text(&said));
done:
	str_done(&said);
	if (words >= 0)
		close(words);
	close(lock);
	return fd;
}

static int
connect_or_start(const struct attach_spec *spec, struct err *err)
{
	int fd = connect_once(spec->socket);

	if (fd >= 0)
		return fd;
	if (errno == EACCES || errno == EPERM)
		err_set(err, "%s: permission denied (an engine of another user; try sudo jailtop)", spec->socket);
	else if (errno != ENOENT && errno != ECONNREFUSED)
		err_set(err, "%s: %s", spec->socket, strerror(errno));
	else if (spec->never_start)
		err_set(err, "no engine answers on %s", spec->socket);
	else
		return start_and_connect(spec, err);
	return -1;
}

/* ---- giving up root ---- */
/* A user namespace has no other users: its root is the user himself, and nothing is to be given up. */
static bool
is_real_root(void)
{
	unsigned long inside = 0, outside = 0, count = 0;
	FILE *map;

	if (geteuid() != 0)
		return false;
	map = fopen("/proc/self/uid_map", "re");
	if (map == NULL)
		return true;
	bool is_whole = fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && outside == 0 && count >= 65536;
	fclose(map);
	return is_whole;
}

static bool
root_drop(struct err *err)
{
	const char *sudo_uid = getenv("SUDO_UID"), *sudo_gid = getenv("SUDO_GID");
	struct passwd *pw = NULL;
	uid_t uid = 0;
	gid_t gid = 0;

	if (sudo_uid != NULL && sudo_gid != NULL) {
		uid = (uid_t)strtoul(sudo_uid, NULL, 10);
		gid = (gid_t)strtoul(sudo_gid, NULL, 10);
		pw = getpwuid(uid);
	}
	if (uid == 0) {
		pw = getpwnam("nobody");
		uid = pw != NULL ? pw->pw_uid : 65534;
		gid = pw != NULL ? pw->pw_gid : 65534;
	}
	if (pw != NULL)
		setenv("HOME", pw->pw_dir, 1);
	if (setgroups(1, &gid) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return err_set(err, "cannot give up root: %s", strerror(errno));
	if (setuid(0) == 0)
		return err_set(err, "cannot give up root: it came back");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return true;
}

/* ---- the parent that only connects ---- */
static bool
descriptor_send(int to, int fd, int error)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {.iov_base = &error, .iov_len = sizeof error};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof control;
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof fd);
	}
	return sendmsg(to, &message, MSG_NOSIGNAL) == (ssize_t)sizeof error;
}

static volatile sig_atomic_t screen_pid; /* for the handler below: it has no argument */

static void
pass_on(int signo)
{
	if (screen_pid > 0)
		kill((pid_t)screen_pid, signo);
}

/* Never returns. */
static void
parent_run(const char *socket, int helper, pid_t screen, const struct termios *tty)
{
	struct sigaction pass = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
	int status = 0;
	char byte;

	screen_pid = screen;
	sigaction(SIGTERM, &pass, NULL);
	sigaction(SIGHUP, &pass, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	for (;;) {
		ssize_t n = recv(helper, &byte, 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		int fd = connect_once(socket), error = fd < 0 ? errno : 0;
		bool ok = descriptor_send(helper, fd, error);
		if (fd >= 0)
			close(fd);
		if (!ok)
			break;
	}
	while (waitpid(screen, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status) && tty != NULL) {
		/* it had no chance to give the terminal back */
		static const char reset[] = "\033[?2004l\033[0m\033[?25h\033[?1049l\r\n";
		ssize_t n = write(STDOUT_FILENO, reset, sizeof reset - 1);
		(void)n;
		tcsetattr(STDIN_FILENO, TCSANOW, tty);
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

struct reach *
reach_begin(const struct attach_spec *spec, int *fd, struct err *err)
{
	int pair[2] = {-1, -1};

	*fd = connect_or_start(spec, err);
	if (*fd < 0)
		return NULL;
	if (is_real_root() && !spec->keep_user) {
		struct termios tty;
		bool has_tty = tcgetattr(STDIN_FILENO, &tty) == 0;
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
			err_set(err, "socketpair: %s", strerror(errno));
			close(*fd);
			return NULL;
		}
		pid_t pid = fork();
		if (pid < 0) {
			err_set(err, "fork: %s", strerror(errno));
			close(*fd);
			close(pair[0]);
			close(pair[1]);
			return NULL;
		}
		if (pid > 0) {
			close(*fd);
			close(pair[1]);
			parent_run(spec->socket, pair[0], pid, has_tty ? &tty : NULL);
		}
		close(pair[0]);
		prctl(PR_SET_PDEATHSIG, SIGHUP);
		if (!root_drop(err)) {
			close(*fd);
			close(pair[1]);
			return NULL;
		}
		prctl(PR_SET_PDEATHSIG, SIGHUP); /* giving up root cleared it */
	}
	struct reach *r = xcalloc(1, sizeof *r);
	r->socket = xstrdup(spec->socket);
	r->helper = pair[1];
	return r;
}

/* ---- the screen's end ---- */
static void
answer(struct reach *r, int fd, int error)
{
	reach_fn fn = r->fn;

	r->fn = NULL;
	if (fn != NULL)
		fn(r->arg, fd, error);
	else if (fd >= 0)
		close(fd);
}

static void
on_helper(uv_poll_t *watch, int status, int events)
{
	struct reach *r = watch->data;
	int error = 0, fd = -1;
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {.iov_base = &error, .iov_len = sizeof error};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};

	(void)events;
	ssize_t n = status < 0 ? -1 : recvmsg(r->helper, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0 && status >= 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		uv_poll_stop(watch);
		answer(r, -1, ECONNABORTED);
		return;
	}
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(head), sizeof fd);
	answer(r, fd, error != 0 ? error : ECONNREFUSED);
}

void
reach_run(struct reach *r, uv_loop_t *loop)
{
	r->loop = loop;
	if (r->helper < 0)
		return;
	uv_poll_init(loop, &r->watch, r->helper);
	r->watch.data = r;
	r->is_watched = true;
	uv_poll_start(&r->watch, UV_READABLE, on_helper);
	uv_unref((uv_handle_t *)&r->watch);
}

void
reach_again(struct reach *r, reach_fn fn, void *arg)
{
	r->fn = fn;
	r->arg = arg;
	if (r->helper < 0) {
		int fd = connect_once(r->socket);
		answer(r, fd, fd < 0 ? errno : 0);
	} else if (send(r->helper, "c", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) {
		answer(r, -1, ECONNABORTED);
	}
}

void
reach_close(struct reach *r)
{
	r->fn = NULL;
	if (r->is_watched && !r->is_closed)
		uv_close((uv_handle_t *)&r->watch, NULL);
	r->is_closed = true;
}

void
reach_free(struct reach *r)
{
	if (r == NULL)
		return;
	if (r->helper >= 0)
		close(r->helper);
	free(r->socket);
	free(r);
}
