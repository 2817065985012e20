#include "base/log.h"

#include "base/mem.h"
#include "base/spec.h"
#include "base/str.h"
#include "base/systemd.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX 65536 /* bytes of one message; the rest is cut */
#define SYSLOG_WAIT_MS 20          /* for a daemon that is behind, before the lines wait for the next turn */
#define SYSLOG_HELD_MAX (1u << 20) /* bytes of lines that syslog did not take yet; more are lost, and counted */
#define FORMAT "%(asctime)s %(name)-24s[%(process)d]: %(levelname)-7s %(message)s"

enum sink { SINK_STDERR, SINK_STDOUT, SINK_FILE, SINK_SYSLOG, SINK_JOURNAL };

static struct {
	enum sink kind;
	int level;      /* 0: nothing was set yet, INFO */
	int fd;         /* of a file or of the syslog socket */
	int facility;
	char *target;   /* as it was asked for, without the options; NULL: the first stderr */
	char *format;   /* NULL: FORMAT */
	bool no_date, no_padding;
	time_t stamped_at; /* the second that `stamp` shows: lines come in crowds */
	char stamp[32];
	bool is_held;   /* lines wait in `held` */
	struct str held; /* lines; of syslog: packets, each with its NUL; of the journal: see hold_journal() */
	char *socket;   /* owned: of syslog, to connect again */
	size_t lost;    /* packets that found no room since the last one that was sent */
	struct systemd journal; /* loaded for SINK_JOURNAL */
} sink = {.fd = -1};

static const struct {
	int level;
	const char *shown, *name, *other; /* in the lines; as an argument */
	int syslog;                       /* severity */
} levels[] = {
    {LOG_HEAVYDEBUG, "HEAVY", "HEAVYDEBUG", NULL, 7},
    {LOG_TRACEDEBUG, "TRACE", "TRACEDEBUG", NULL, 7},
    {LOG_LEVEL_DEBUG, "DEBUG", "DEBUG", NULL, 7},
    {LOG_MSG, "MSG", "MSG", NULL, 6},
    {LOG_LEVEL_INFO, "INFO", "INFO", NULL, 6},
    {LOG_LEVEL_NOTICE, "NOTICE", "NOTICE", NULL, 5},
    {LOG_LEVEL_WARNING, "WARNING", "WARNING", "WARN", 4},
    {LOG_LEVEL_ERROR, "ERROR", "ERROR", NULL, 3},
    {LOG_LEVEL_CRITICAL, "CRITICAL", "CRITICAL", "FATAL", 2},
};

#define N_LEVELS (sizeof levels / sizeof *levels)

static const char *const facilities[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp",
    "cron", "authpriv", "ftp", "ntp", "security", "console", "solaris_cron", "local0", "local1", "local2", "local3",
    "local4", "local5", "local6", "local7"};

#define FACILITY_DAEMON 3
#define LOG_EVERYTHING 1 /* below every level; 0 is "not set yet" here */

void
log_set_level(int level)
{
	sink.level = level;
}

int
log_level(void)
{
	return sink.level != 0 ? sink.level : LOG_LEVEL_INFO;
}

bool
log_wants(int level)
{
	return level >= log_level();
}

int
log_level_parse(const char *name)
{
	if (strcasecmp(name, "NOTSET") == 0)
		return LOG_EVERYTHING;
	static const int old[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG};

	for (size_t i = 0; i < N_LEVELS; i++)
		if (strcasecmp(name, levels[i].name) == 0 ||
		    (levels[i].other != NULL && strcasecmp(name, levels[i].other) == 0))
			return levels[i].level;
	if (name[0] == '\0' || strspn(name, "0123456789") != strlen(name) || strlen(name) > 9)
		return -1;
	int number = atoi(name);
	return number >= 1 && number <= 4 ? old[number - 1] : number;
}

const char *
log_level_name(int level)
{
	for (size_t i = N_LEVELS; i-- > 0;) /* a number in between shows the next lower name */
		if (level >= levels[i].level)
			return levels[i].shown;
	return levels[0].shown;
}

static int
syslog_severity(int level)
{
	for (size_t i = N_LEVELS; i-- > 0;)
		if (level >= levels[i].level)
			return levels[i].syslog;
	return 7;
}

/* ---- the line ---- */

static void
add_time(struct str *out)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != sink.stamped_at || sink.stamp[0] == '\0') {
		localtime_r(&now.tv_sec, &tm);
		strftime(sink.stamp, sizeof sink.stamp, "%Y-%m-%d %H:%M:%S", &tm);
		sink.stamped_at = now.tv_sec;
	}
	int ms = (int)(now.tv_nsec / 1000000);
	const char text[] = {',', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10)};
	str_add(out, sink.stamp);
	str_addn(out, text, sizeof text);
}

/* As %-*s. */
static void
add_padded(struct str *out, const char *text, size_t width)
{
	size_t len = strlen(text);

	str_addn(out, text, len);
	for (; len < width; len++)
		str_addc(out, ' ');
}

/* One `%(name)-24s` of a format in Python's way; returns what follows it. Unknown names stay empty. */
static const char *
add_field(struct str *out, const char *p, int level, const char *logger, const char *message)
{
	const char *name = p + 2, *close = strchr(name, ')');
	struct str value = {0};
	long width = 0, cut = -1;
	bool is_left = false, is_zero = false;

	if (close == NULL) {
		str_addc(out, *p);
		return p + 1;
	}
	struct slice field = {name, (size_t)(close - name)};
	p = close + 1;
	for (; *p == '-' || *p == '0' || *p == ' ' || *p == '+'; p++) {
		is_left |= *p == '-';
		is_zero |= *p == '0';
	}
	width = strtol(p, (char **)&p, 10);
	if (*p == '.')
		cut = strtol(p + 1, (char **)&p, 10);
	char kind = *p;
	p += kind != '\0';

	if (slice_is(field, "asctime"))
		add_time(&value);
	else if (slice_is(field, "name"))
		str_add(&value, logger);
	else if (slice_is(field, "process"))
		str_addf(&value, "%d", (int)getpid());
	else if (slice_is(field, "levelname"))
		str_add(&value, log_level_name(level));
	else if (slice_is(field, "levelno"))
		str_addf(&value, "%d", level);
	else if (slice_is(field, "message"))
		str_add(&value, message);
	else if (slice_is(field, "module"))
		str_add(&value, strrchr(logger, '.') != NULL ? strrchr(logger, '.') + 1 : logger);
	else if (slice_is(field, "thread") || slice_is(field, "lineno") || slice_is(field, "relativeCreated"))
		str_addc(&value, '0');
	else if (slice_is(field, "threadName"))
		str_add(&value, "MainThread");
	else if (slice_is(field, "created"))
		str_addf(&value, "%ld", (long)time(NULL));
	if (cut >= 0 && kind == 's')
		str_cut(&value, (size_t)cut);
	if (width > 256)
		width = 256;
	long pad = sink.no_padding && kind == 's' && sink.format == NULL ? 0 : width - (long)value.len;
	for (long i = 0; !is_left && i < pad; i++)
		str_addc(out, is_zero && kind == 'd' ? '0' : ' ');
	str_add(out, str_text(&value));
	for (long i = 0; is_left && i < pad; i++)
		str_addc(out, ' ');
	str_done(&value);
	return p;
}

static void
add_line(struct str *out, int level, const char *logger, const char *message)
{
	const char *p = sink.format != NULL ? sink.format : FORMAT;

	if (sink.format == NULL && !sink.no_date && !sink.no_padding) { /* FORMAT: thousands of lines in a storm */
		add_time(out);
		str_addc(out, ' ');
		add_padded(out, logger, 24);
		str_addc(out, '[');
		str_addi(out, getpid());
		str_add(out, "]: ");
		add_padded(out, log_level_name(level), 7);
		str_addc(out, ' ');
		str_add(out, message);
		return;
	}
	if (sink.format == NULL && sink.no_date)
		p += strlen("%(asctime)s ");
	while (*p != '\0') {
		if (p[0] == '%' && p[1] == '(') {
			p = add_field(out, p, level, logger, message);
		} else {
			p += p[0] == '%' && p[1] == '%';
			str_addc(out, *p++);
		}
	}
}

/* ---- the sinks ---- */

static void
write_all(int fd, const char *bytes, size_t len)
{
	while (len != 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody could be told */
		bytes += n;
		len -= (size_t)n;
	}
}

/* Connected, or -1 with err. */
static int
open_syslog(const char *path, struct err *err)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (path == NULL || path[0] == '\0' || strcmp(path, "auto") == 0)
		path = "/dev/log";
	if (strlen(path) >= sizeof to.sun_path) {
		err_set(err, "syslogsocket: the path is too long: %s", path);
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
		err_set(err, "syslog socket %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/*
 * One packet, with its NUL, as fail2ban sends it: the daemons take it as the end. False: not now. Waits for
 * room once for all packets of a flush: the engine has other things to do.
 */
static bool
send_packet(const char *packet, bool *has_waited)
{
	struct pollfd p = {.fd = sink.fd, .events = POLLOUT};
	struct err err;
	bool is_again = false;

	for (;;) {
		if (send(sink.fd, packet, strlen(packet) + 1, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return true;
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS) {
			if (*has_waited || poll(&p, 1, SYSLOG_WAIT_MS) <= 0)
				return false;
			*has_waited = true;
			continue;
		}
		if (errno == EMSGSIZE)
			return true; /* nobody will ever take it */
		int fd = is_again ? -1 : open_syslog(sink.socket, &err); /* the daemon was restarted */
		if (fd < 0)
			return false;
		is_again = true;
		close(sink.fd);
		sink.fd = fd;
	}
}

/* What the daemon has no room for now stays for the next time, up to a cap. */
static void
flush_syslog(void)
{
	size_t done = 0;
	bool has_waited = false;

	while (done < sink.held.len && send_packet(sink.held.at + done, &has_waited))
		done += strlen(sink.held.at + done) + 1;
	if (done == 0)
		return;
	memmove(sink.held.at, sink.held.at + done, sink.held.len - done);
	str_cut(&sink.held, sink.held.len - done);
	if (sink.held.len == 0 && sink.lost != 0) {
		size_t lost = sink.lost;
		sink.lost = 0;
		log_write(LOG_LEVEL_WARNING, "fail2ban", "syslog took no lines for a while: %zu are lost", lost);
	}
}

static void
hold_syslog(int level, const char *line)
{
	if (sink.held.len > SYSLOG_HELD_MAX) {
		sink.lost++;
		return;
	}
	str_addf(&sink.held, "<%d>%s", sink.facility << 3 | syslog_severity(level), line);
	str_addc(&sink.held, '\0');
}

/* The digit of the severity and the logger's name; NUL; the message; NUL. */
static void
hold_journal(int level, const char *logger, const char *message)
{
	str_addf(&sink.held, "%d%s", syslog_severity(level), logger);
	str_addc(&sink.held, '\0');
	str_add(&sink.held, message);
	str_addc(&sink.held, '\0');
}

static void
flush_journal(void)
{
	for (size_t at = 0; at < sink.held.len;) {
		const char *logger = sink.held.at + at, *message = logger + strlen(logger) + 1;
#ifdef HAVE_SYSTEMD
		sink.journal.send("MESSAGE=%s", message, "PRIORITY=%d", *logger - '0', "SYSLOG_IDENTIFIER=fail2ban",
		    "LOGGER=%s", logger + 1, NULL);
#endif
		at += (size_t)(message - logger) + strlen(message) + 1;
	}
	str_clear(&sink.held);
}

/* What is held goes where it was meant to go. */
static void
flush(void)
{
	switch (sink.kind) {
	case SINK_SYSLOG:
		flush_syslog();
		break;
	case SINK_JOURNAL:
		flush_journal();
		break;
	case SINK_STDERR:
	case SINK_STDOUT:
	case SINK_FILE:
		write_all(sink.kind == SINK_FILE ? sink.fd : sink.kind == SINK_STDOUT ? 1 : 2, sink.held.at, sink.held.len);
		str_clear(&sink.held);
		break;
	}
	if (sink.held.len == 0 && sink.held.cap > 65536)
		str_done(&sink.held);
}

static bool
is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
			return false;
	return true;
}

void
log_write(int level, const char *logger, const char *format, ...)
{
	struct str raw = {0}, clean = {0}, line = {0};
	va_list args;

	if (!log_wants(level))
		return;
	int saved = errno;
	va_start(args, format);
	str_addv(&raw, format, args);
	va_end(args);
	if (raw.len > MESSAGE_MAX) {
		str_cut(&raw, MESSAGE_MAX);
		str_add(&raw, "...");
	}
	if (!is_plain(str_text(&raw)))
		text_clean_z(str_text(&raw), &clean);
	const char *message = clean.len != 0 ? str_text(&clean) : str_text(&raw);
	switch (sink.kind) {
	case SINK_SYSLOG:
		add_line(&line, level, logger, message);
		hold_syslog(level, str_text(&line));
		break;
	case SINK_JOURNAL:
		hold_journal(level, logger, message);
		break;
	case SINK_STDERR:
	case SINK_STDOUT:
	case SINK_FILE:
		add_line(&sink.held, level, logger, message);
		str_addc(&sink.held, '\n');
		break;
	}
	if (!sink.is_held)
		flush();
	str_done(&raw);
	str_done(&clean);
	str_done(&line);
	errno = saved;
}

void
log_hold(void)
{
	sink.is_held = true;
}

void
log_release(void)
{
	sink.is_held = false;
	if (sink.held.len != 0)
		flush();
}

/* ---- opening ---- */

static int
open_file(const char *path, struct err *err)
{
	struct stat st;

	if (path[0] == '\0') {
		err_set(err, "logtarget is empty");
		return -1;
	}
	/* not blocking: a FIFO that nobody reads must not stop the engine */
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0 || fstat(fd, &st) != 0) {
		err_set(err, "unable to log to %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int
facility_parse(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof facilities / sizeof *facilities; i++)
		if (strcasecmp(name, facilities[i]) == 0)
			return (int)i;
	return FACILITY_DAEMON;
}

static bool
is_true(const char *text)
{
	return strcmp(text, "1") == 0 || strcasecmp(text, "on") == 0 || strcasecmp(text, "true") == 0 ||
	    strcasecmp(text, "yes") == 0;
}

bool
log_open(const char *target, const char *syslog_socket, struct err *err)
{
	struct spec spec;
	int fd = -1;
	enum sink kind = SINK_FILE;

	if (!spec_parse(target, &spec, err))
		return err_prefix(err, "logtarget '%s'", target);
	if (sink.target != NULL && strcmp(sink.target, spec.name) == 0) {
		spec_done(&spec); /* compat: the same name again changes nothing, not even the options */
		return true;
	}
	if (strcasecmp(spec.name, "SYSTEMD-JOURNAL") == 0) {
		kind = SINK_JOURNAL;
		if (!systemd_load(&sink.journal, err)) {
			spec_done(&spec);
			return err_prefix(err, "logtarget SYSTEMD-JOURNAL");
		}
	} else if (strcasecmp(spec.name, "SYSLOG") == 0) {
		kind = SINK_SYSLOG;
		fd = open_syslog(syslog_socket, err);
	} else if (strcasecmp(spec.name, "STDOUT") == 0 || strcasecmp(spec.name, "SYSOUT") == 0) {
		kind = SINK_STDOUT;
	} else if (strcasecmp(spec.name, "STDERR") == 0) {
		kind = SINK_STDERR;
	} else {
		fd = open_file(spec.name, err);
	}
	if (fd < 0 && (kind == SINK_FILE || kind == SINK_SYSLOG)) {
		spec_done(&spec);
		return false;
	}
	bool was_held = sink.is_held;
	log_release(); /* to where it was meant to go */
	if (sink.fd >= 0)
		close(sink.fd);
	free(sink.target);
	free(sink.format);
	free(sink.socket);
	str_clear(&sink.held); /* the old syslog would not have it */
	sink.lost = 0;
	sink.socket = kind == SINK_SYSLOG ? xstrdup(syslog_socket != NULL ? syslog_socket : "auto") : NULL;
	sink.kind = kind;
	sink.fd = fd;
	const char *date = spec_get(&spec, "datetime"), *padding = spec_get(&spec, "padding");
	const char *format = spec_get(&spec, "format");
	sink.no_date = date != NULL ? !is_true(date) : kind == SINK_SYSLOG || strcasecmp(spec.name, "SYSOUT") == 0;
	sink.no_padding = padding != NULL ? !is_true(padding) : kind == SINK_SYSLOG;
	sink.format = format != NULL && format[0] != '\0' ? xstrdup(format) : NULL;
	sink.facility = facility_parse(spec_get(&spec, "facility"));
	sink.target = spec.name;
	if (was_held)
		log_hold();
	spec.name = NULL;
	spec_done(&spec);
	return true;
}

const char *
log_target(void)
{
	return sink.target != NULL ? sink.target : "STDERR";
}

const char *
log_reopen(void)
{
	if (sink.kind != SINK_FILE) {
		log_write(LOG_LEVEL_INFO, "fail2ban.server", "flush performed on %s", log_target());
		return "flushed";
	}
	struct err err;
	int fd = open_file(sink.target, &err);
	if (fd < 0) {
		log_write(LOG_LEVEL_ERROR, "fail2ban.server", "%s; the old file is kept", err.text);
		return "flushed";
	}
	bool was_held = sink.is_held;
	log_release();
	close(sink.fd);
	sink.fd = fd;
	if (was_held)
		log_hold();
	log_write(LOG_LEVEL_INFO, "fail2ban.server", "rollover performed on %s", sink.target);
	return "rolled over";
}
