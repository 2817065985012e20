/*
 * journal: stage 1 for systemd's journal, through libsystemd, which the first journal loads. Without
 * HAVE_SYSTEMD it only says so.
 *
 * The journal's descriptor tells when there is more; a bounded number of entries is read per loop turn.
 * Fields come from programs that anybody may run: texts become valid UTF-8, LF becomes the two characters
 * \n (compat), lengths are capped.
 */
#include <errno.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/spec.h"
#include "base/systemd.h"
#include "base/text.h"
#include "source/follow.h"

/* ---- an entry as a line ---- */

static bool
is_set(const char *text)
{
	return text && *text;
}

/* A number without its leading zeros, as Python's int() reads it; false when it is none. */
static bool
add_number(const char *text, struct str *out)
{
	size_t len = strlen(text);

	if (!len || strspn(text, "0123456789") != len)
		return false;
	while (len > 1 && *text == '0')
		text++, len--;
	str_addn(out, text, len);
	return true;
}

static bool
is_zero(const char *text)
{
	return text[strspn(text, "0")] == '\0';
}

void
journal_render(const struct journal_entry *e, struct str *out, struct str *raw)
{
	const char *name = is_set(e->identifier) ? e->identifier : e->comm;
	const char *pid = is_set(e->syslog_pid) && !is_zero(e->syslog_pid) ? e->syslog_pid : e->pid;
	size_t start = out->len;

	if (is_set(e->hostname))
		text_to_utf8_noting(e->hostname, strlen(e->hostname), out, raw);
	if (is_set(name)) {
		size_t at;

		if (out->len > start)
			str_addc(out, ' ');
		at = out->len;
		text_to_utf8_noting(name, strlen(name), out, raw);
		if (is_set(pid) && !is_zero(pid)) {
			str_addc(out, '[');
			if (!add_number(pid, out))
				text_to_utf8_noting(pid, strlen(pid), out, raw);
			str_addc(out, ']');
		}
		str_addc(out, ':');
		if (strcmp(out->at + at, "kernel:") == 0)
			str_addf(out, " [%12.6f]", e->monotonic);
	}
	/* an entry without a message still has its place for one, and so the blank before it */
	if (out->len > start)
		str_addc(out, ' ');
	for (size_t i = 0; i < e->n_messages; i++) {
		if (i)
			str_addc(out, ' ');
		text_to_utf8_noting(e->messages[i].at, e->messages[i].len, out, raw);
	}
}

#ifdef HAVE_SYSTEMD

#define JOURNAL_TURN 256      /* entries per loop turn */
#define JOURNAL_MESSAGES 16   /* MESSAGE fields of one entry */
#define JOURNAL_FIELD_MAX 256 /* bytes kept of a name or pid */
#define JOURNAL_NOW_S 1.0     /* compat: an entry this young means "in operation" */

struct journal {
	struct source *source;
	struct tail_hooks hooks;
	struct systemd lib;
	sd_journal *sd;
	double not_before;
	bool has_match;
	bool is_started, is_closing;
	bool in_operation;
	double time, last_line;
	uint64_t lines;
	int error;
	struct str text;      /* the rendered lines of one turn */
	struct str raw;       /* what they have U+FFFD for (text_note()) */
	struct line *batch;   /* owned, JOURNAL_TURN */
	size_t *starts;       /* owned: where each begins in text, which may move while it grows */
	size_t *raw_starts;   /* owned: in raw */
	uv_poll_t poll;
	uv_idle_t idle;
	uv_timer_t timer;
	unsigned open_handles;
	struct journal *prev, *next;
};

bool
journal_available(void)
{
	struct systemd lib;
	struct err err;

	return systemd_load(&lib, &err);
}

static void
say(struct journal *j, int level, const char *text)
{
	if (j->hooks.log && !j->is_closing)
		j->hooks.log(j->hooks.arg, level, text);
}

static void
say_error(struct journal *j, const char *what, int error)
{
	char text[256];

	if (j->error == -error)
		return; /* once is enough */
	j->error = -error;
	snprintf(text, sizeof text, "Unable to %s the systemd journal: %s", what, strerror(-error));
	say(j, LOG_LEVEL_ERROR, text);
}

/* ---- reading ---- */

struct fields {
	char hostname[JOURNAL_FIELD_MAX], identifier[JOURNAL_FIELD_MAX], comm[JOURNAL_FIELD_MAX],
	    syslog_pid[JOURNAL_FIELD_MAX], pid[JOURNAL_FIELD_MAX], realtime[32], monotonic[32];
	struct str message;
	struct slice messages[JOURNAL_MESSAGES];
	size_t lens[JOURNAL_MESSAGES], n_messages;
};

static bool
take_field(const char *data, size_t len, const char *name, char *value, size_t size)
{
	size_t name_len = strlen(name), n;

	if (len <= name_len || memcmp(data, name, name_len) != 0 || data[name_len] != '=')
		return false;
	n = len - name_len - 1;
	if (n >= size)
		n = size - 1;
	memcpy(value, data + name_len + 1, n);
	value[n] = '\0';
	return true;
}

static void
take_message(const char *data, size_t len, struct fields *f)
{
	static const char name[] = "MESSAGE=";

	if (len < sizeof name - 1 || memcmp(data, name, sizeof name - 1) != 0 || f->n_messages == JOURNAL_MESSAGES)
		return;
	data += sizeof name - 1;
	len -= sizeof name - 1;
	if (len > LINE_MAX_BYTES)
		len = LINE_MAX_BYTES;
	/* the library gives its memory only until the next field */
	str_addn(&f->message, data, len);
	f->lens[f->n_messages++] = len;
}

static void
read_fields(struct journal *j, struct fields *f)
{
	const void *data;
	size_t len, at = 0;

	j->lib.restart_data(j->sd);
	while (j->lib.enumerate_available_data(j->sd, &data, &len) > 0) {
		if (!take_field(data, len, "_HOSTNAME", f->hostname, sizeof f->hostname) &&
		    !take_field(data, len, "SYSLOG_IDENTIFIER", f->identifier, sizeof f->identifier) &&
		    !take_field(data, len, "_COMM", f->comm, sizeof f->comm) &&
		    !take_field(data, len, "SYSLOG_PID", f->syslog_pid, sizeof f->syslog_pid) &&
		    !take_field(data, len, "_PID", f->pid, sizeof f->pid) &&
		    !take_field(data, len, "_SOURCE_REALTIME_TIMESTAMP", f->realtime, sizeof f->realtime) &&
		    !take_field(data, len, "_SOURCE_MONOTONIC_TIMESTAMP", f->monotonic, sizeof f->monotonic))
			take_message(data, len, f);
	}
	for (size_t i = 0; i < f->n_messages; i++) {
		f->messages[i] = (struct slice){ f->message.at + at, f->lens[i] };
		at += f->lens[i];
	}
}

/* LF becomes \n, as one line must stay one; from `start` to the end of text. */
static void
escape_line_ends(struct str *text, size_t start)
{
	if (text->len == start || !memchr(text->at + start, '\n', text->len - start))
		return;

	char *copy = xstrndup(text->at + start, text->len - start);
	size_t len = text->len - start;

	str_cut(text, start);
	for (size_t i = 0; i < len; i++) {
		if (copy[i] == '\n')
			str_add(text, "\\n");
		else
			str_addc(text, copy[i]);
	}
	free(copy);
}

/* Appends the current entry to the batch as its i-th line. */
static void
add_entry(struct journal *j, struct fields *f, size_t i)
{
	uint64_t realtime = 0, monotonic = 0;
	struct journal_entry e;
	sd_id128_t boot;
	size_t start = j->text.len, len;
	bool is_cut;

	f->n_messages = 0;
	str_clear(&f->message);
	*f->hostname = *f->identifier = *f->comm = *f->syslog_pid = *f->pid = *f->realtime = *f->monotonic = '\0';
	read_fields(j, f);
	if (*f->realtime)
		realtime = strtoull(f->realtime, NULL, 10);
	else
		j->lib.get_realtime_usec(j->sd, &realtime);
	if (*f->monotonic)
		monotonic = strtoull(f->monotonic, NULL, 10);
	else
		j->lib.get_monotonic_usec(j->sd, &monotonic, &boot);
	e = (struct journal_entry){
		.hostname = f->hostname,
		.identifier = f->identifier,
		.comm = f->comm,
		.syslog_pid = f->syslog_pid,
		.pid = f->pid,
		.messages = f->messages,
		.n_messages = f->n_messages,
		.monotonic = (double)monotonic / 1e6,
	};
	j->raw_starts[i] = j->raw.len;
	journal_render(&e, &j->text, &j->raw);
	escape_line_ends(&j->text, start);
	len = j->text.len - start;
	is_cut = len > LINE_MAX_BYTES;
	if (is_cut) {
		len = LINE_MAX_BYTES;
		/* not in the middle of a character */
		while (len && ((unsigned char)j->text.at[start + len] & 0xc0) == 0x80)
			len--;
		str_cut(&j->text, start + len);
	}
	j->starts[i] = start;
	j->time = (double)realtime / 1e6;
	/* compat: what is as young as this is new, whether or not the end was reached */
	if (!j->in_operation && j->time >= clock_now(j->source->clock) - JOURNAL_NOW_S)
		j->in_operation = true;
	j->batch[i] = (struct line){
		.len = len, .time = j->time, .in_operation = j->in_operation, .is_cut = is_cut,
		.raw = {NULL, j->raw.len - j->raw_starts[i]},
	};
}

/* Reads at most JOURNAL_TURN entries; true: there are more. */
static bool
read_turn(struct journal *j)
{
	struct fields *f = xcalloc(1, sizeof *f);
	size_t count = 0;
	int got = 1;

	str_clear(&j->text);
	str_clear(&j->raw);
	while (count < JOURNAL_TURN && j->text.len < FOLLOW_BLOCK && (got = j->lib.next(j->sd)) > 0)
		add_entry(j, f, count++);
	str_done(&f->message);
	free(f);
	if (got < 0)
		say_error(j, "read", got);
	else
		j->error = 0;
	for (size_t i = 0; i < count; i++) {
		j->batch[i].bytes = j->text.at + j->starts[i];
		j->batch[i].raw.at = str_text(&j->raw) + j->raw_starts[i];
	}
	if (count) {
		j->lines += count;
		j->last_line = clock_now(j->source->clock);
		j->hooks.lines(j->hooks.arg, j->batch, count);
	}
	if (got == 0)
		j->in_operation = true;
	return got > 0;
}

static void
on_idle(uv_idle_t *idle)
{
	struct journal *j = idle->data;

	if (!read_turn(j) && !j->is_closing)
		uv_idle_stop(&j->idle);
}

static void wait_for_more(struct journal *j);

static void
look(struct journal *j)
{
	int what = j->lib.process(j->sd);

	if (what < 0)
		say_error(j, "watch", what);
	/* files came or went (rotation, vacuum): step back and forth, so as not to stand beyond the end */
	if (what == SD_JOURNAL_INVALIDATE && j->lib.previous(j->sd) > 0)
		j->lib.next(j->sd);
	if (what == SD_JOURNAL_APPEND || what == SD_JOURNAL_INVALIDATE)
		uv_idle_start(&j->idle, on_idle);
	wait_for_more(j);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	look(poll->data);
}

static void
on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

/* The library asks to be called at a time of its own where the file system does not notify. */
static void
wait_for_more(struct journal *j)
{
	uint64_t at = UINT64_MAX, now;
	struct timespec t;

	if (j->lib.get_timeout(j->sd, &at) <= 0 || at == UINT64_MAX) {
		uv_timer_stop(&j->timer);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
	uv_timer_start(&j->timer, on_timer, at > now ? (at - now) / 1000 + 1 : 1, 0);
}

/* ---- opening ---- */

static int
open_files(struct journal *j, const char *patterns, int flags)
{
	char *copy = xstrdup(patterns), *rest = copy, *word;
	glob_t found = { 0 };
	bool has_any = false;
	int error = -ENOENT;

	while ((word = strtok_r(rest, ", \t\r\n", &rest))) {
		if (glob(word, has_any ? GLOB_APPEND : 0, NULL, &found) == 0)
			has_any = true;
	}
	if (has_any) {
		error = j->lib.open_files(&j->sd, (const char **)found.gl_pathv, flags);
		globfree(&found);
	}
	free(copy);
	return error;
}

static bool
open_journal(struct journal *j, const char *args, struct err *err)
{
	char *text = xasprintf("systemd[%s]", args ? args : "");
	struct spec spec = { 0 };
	const char *path, *files, *space, *flags_text;
	bool ok = spec_parse(args && *args ? text : "systemd", &spec, err);
	int flags, error;

	free(text);
	if (!ok)
		return false;
	path = spec_get(&spec, "journalpath");
	files = spec_get(&spec, "journalfiles");
	space = spec_get(&spec, "namespace");
	flags_text = spec_get(&spec, "journalflags");
	/* compat: the system's journals only, unless a place is named */
	flags = flags_text ? atoi(flags_text) : is_set(path) || is_set(files) ? 0 : SD_JOURNAL_SYSTEM;
	if (is_set(files))
		error = open_files(j, files, flags);
	else if (is_set(path))
		error = j->lib.open_directory(&j->sd, path, flags);
	else if (is_set(space))
		error = j->lib.open_namespace(&j->sd, space, flags);
	else
		error = j->lib.open(&j->sd, flags);
	if (error < 0)
		err_set(err, "unable to open the systemd journal%s%s: %s", is_set(files) || is_set(path) ? " " : "",
		    is_set(files) ? files : is_set(path) ? path : "", strerror(-error));
	spec_done(&spec);
	if (error >= 0)
		j->lib.set_data_threshold(j->sd, LINE_MAX_BYTES + sizeof "MESSAGE=");
	return error >= 0;
}

struct journal *
journal_new(struct source *s, const char *backend_args, double not_before, const struct tail_hooks *hooks,
    struct err *err)
{
	struct journal *j = xcalloc(1, sizeof *j);

	j->source = s;
	j->hooks = *hooks;
	j->not_before = not_before;
	if (!systemd_load(&j->lib, err) || !open_journal(j, backend_args, err)) {
		free(j);
		return NULL;
	}
	j->batch = xcalloc(JOURNAL_TURN, sizeof *j->batch);
	j->starts = xcalloc(JOURNAL_TURN, sizeof *j->starts);
	j->raw_starts = xcalloc(JOURNAL_TURN, sizeof *j->raw_starts);
	DL_APPEND(s->journals, j);
	return j;
}

bool
journal_add_match(struct journal *j, const char *const *words, size_t count, struct err *err)
{
	int error = 0;

	if (j->has_match)
		error = j->lib.add_disjunction(j->sd);
	for (size_t i = 0; i < count && error >= 0; i++) {
		if (strcmp(words[i], "+") == 0)
			error = j->lib.add_disjunction(j->sd);
		else
			error = j->lib.add_match(j->sd, words[i], 0);
		if (error < 0)
			return err_set(err, "invalid journal match %s: %s", words[i], strerror(-error));
	}
	if (error < 0)
		return err_set(err, "unable to add a journal match: %s", strerror(-error));
	j->has_match |= count > 0;
	return true;
}

void
journal_clear_matches(struct journal *j)
{
	j->lib.flush_matches(j->sd);
	j->has_match = false;
}

bool
journal_start(struct journal *j, struct err *err)
{
	double now = clock_now(j->source->clock), from = now;
	int fd = j->lib.get_fd(j->sd);

	if (fd < 0)
		return err_set(err, "unable to watch the systemd journal: %s", strerror(-fd));
	if (!j->has_match)
		say(j, LOG_LEVEL_NOTICE, "No journalmatch is set: every entry of the journal is read, which is slow");
	/* nothing there yet: all that comes is new */
	if (j->lib.seek_tail(j->sd) < 0 || j->lib.previous(j->sd) <= 0)
		j->in_operation = true;
	else
		from = j->not_before;
	j->lib.seek_realtime_usec(j->sd, from > 0 ? (uint64_t)(from * 1e6) : 0);
	/* one back, so as not to stand beyond the end when the time is later than all entries */
	j->lib.previous(j->sd);
	uv_poll_init(j->source->loop, &j->poll, fd);
	uv_idle_init(j->source->loop, &j->idle);
	uv_timer_init(j->source->loop, &j->timer);
	j->poll.data = j->idle.data = j->timer.data = j;
	j->open_handles = 3;
	j->source->open_handles += 3;
	j->is_started = true;
	uv_poll_start(&j->poll, j->lib.get_events(j->sd), on_readable);
	uv_idle_start(&j->idle, on_idle);
	wait_for_more(j);
	return true;
}

void
journal_status(const struct journal *j, struct journal_status *out)
{
	time_t seconds = (time_t)j->time;
	long micros = lround((j->time - (double)seconds) * 1e6) % 1000000;
	struct tm tm;

	*out = (struct journal_status){
		.time = j->time,
		.last_line = j->last_line,
		.in_operation = j->in_operation,
		.lines = j->lines,
		.error = j->error,
	};
	if (!j->time || !localtime_r(&seconds, &tm))
		return;

	size_t len = strftime(out->iso, sizeof out->iso, "%Y-%m-%dT%H:%M:%S", &tm);

	if (micros)
		snprintf(out->iso + len, sizeof out->iso - len, ".%06ld", micros);
}

static void
journal_gone(struct journal *j)
{
	DL_DELETE(j->source->journals, j);
	j->lib.close(j->sd);
	str_done(&j->text);
	str_done(&j->raw);
	free(j->batch);
	free(j->starts);
	free(j->raw_starts);
	free(j);
}

static void
on_closed(uv_handle_t *handle)
{
	struct journal *j = handle->data;
	struct source *s = j->source;

	if (--j->open_handles == 0)
		journal_gone(j);
	source_handle_closed(s);
}

void
journal_free(struct journal *j)
{
	if (!j || j->is_closing)
		return;
	j->is_closing = true;
	if (!j->is_started) {
		journal_gone(j);
		return;
	}
	uv_close((uv_handle_t *)&j->poll, on_closed);
	uv_close((uv_handle_t *)&j->idle, on_closed);
	uv_close((uv_handle_t *)&j->timer, on_closed);
}

void
journal_close_all(struct source *s)
{
	struct journal *j, *next;

	DL_FOREACH_SAFE (s->journals, j, next) {
		journal_free(j);
	}
}

#else

bool
journal_available(void)
{
	return false;
}

struct journal *
journal_new(struct source *s, const char *backend_args, double not_before, const struct tail_hooks *hooks,
    struct err *err)
{
	(void)s, (void)backend_args, (void)not_before, (void)hooks;
	err_set(err, "backend systemd is not available: this jailtop was built without libsystemd");
	return NULL;
}

/* Without journal_new() there is no struct journal to call these with. */

bool
journal_add_match(struct journal *j, const char *const *words, size_t count, struct err *err)
{
	(void)j, (void)words, (void)count;
	return err_set(err, "backend systemd is not available");
}

void
journal_clear_matches(struct journal *j)
{
	(void)j;
}

bool
journal_start(struct journal *j, struct err *err)
{
	(void)j;
	return err_set(err, "backend systemd is not available");
}

void
journal_status(const struct journal *j, struct journal_status *out)
{
	(void)j;
	*out = (struct journal_status){ 0 };
}

void
journal_free(struct journal *j)
{
	(void)j;
}

void
journal_close_all(struct source *s)
{
	(void)s;
}

#endif
