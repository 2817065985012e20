/*
 * journal: stage 1 for systemd's journal, through libsystemd, which the first journal loads. Without
 * HAVE_SYSTEMD it only says so.
 *
 * The journal's descriptor tells when there is more; a bounded number of entries is read per loop turn.
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
#include "source/follow.h"

#ifdef HAVE_SYSTEMD

#define JOURNAL_TURN 256  /* entries per loop turn */
#define JOURNAL_NOW_S 1.0 /* compat: an entry this young means "in operation" */

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

/* Appends the current entry to the batch as its i-th line. */
static void
add_entry(struct journal *j, struct journal_fields *f, size_t i)
{
	size_t start = j->text.len, raw_start = j->raw.len;
	bool is_cut = journal_entry_take(&j->lib, j->sd, f, &j->text, &j->raw, &j->time);

	j->starts[i] = start;
	j->raw_starts[i] = raw_start;
	/* compat: what is as young as this is new, whether or not the end was reached */
	if (!j->in_operation && j->time >= clock_now(j->source->clock) - JOURNAL_NOW_S)
		j->in_operation = true;
	j->batch[i] = (struct line){
		.len = j->text.len - start, .time = j->time, .in_operation = j->in_operation, .is_cut = is_cut,
		.raw = {NULL, j->raw.len - raw_start},
	};
}

/* Reads at most JOURNAL_TURN entries; true: there are more. */
static bool
read_turn(struct journal *j)
{
	struct journal_fields *f = journal_fields_new();
	size_t count = 0;
	int got = 1;

	str_clear(&j->text);
	str_clear(&j->raw);
	while (count < JOURNAL_TURN && j->text.len < FOLLOW_BLOCK && (got = j->lib.next(j->sd)) > 0)
		add_entry(j, f, count++);
	journal_fields_free(f);
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

/* NULL: not given, or empty. */
static const char *
value_of(const struct spec *spec, const char *name)
{
	const char *value = spec_get(spec, name);

	return value && *value ? value : NULL;
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
	path = value_of(&spec, "journalpath");
	files = value_of(&spec, "journalfiles");
	space = value_of(&spec, "namespace");
	flags_text = spec_get(&spec, "journalflags");
	/* compat: the system's journals only, unless a place is named */
	flags = flags_text ? atoi(flags_text) : path || files ? 0 : SD_JOURNAL_SYSTEM;
	if (files)
		error = open_files(j, files, flags);
	else if (path)
		error = j->lib.open_directory(&j->sd, path, flags);
	else if (space)
		error = j->lib.open_namespace(&j->sd, space, flags);
	else
		error = j->lib.open(&j->sd, flags);
	if (error < 0)
		err_set(err, "unable to open the systemd journal%s%s: %s", files || path ? " " : "",
		    files ? files : path ? path : "", strerror(-error));
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
