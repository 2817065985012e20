/* jail_logs: the files of one jail: found, followed, their positions kept. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/logglob.h"
#include "describe.h"
#include "engine.h"
#include "flow_stages.h"
#include "jail.h"
#include "source/lines.h"
#include "store/store.h"

#define GLOB_MAX_FILES 1000 /* files that one pattern may open; more are left out and said so */

static void
on_tail_changed(void *arg, struct tail *t)
{
	struct jail_log *log = arg;
	struct jail *j = log->jail;
	struct tail_status st;

	tail_status(t, &st);
	if (st.state != log->state)
		log_write(st.state == TAIL_OK ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "fail2ban.filter",
		    "[%s] log file %s: %s", j->name, log->path,
		    st.state == TAIL_OK ? "is being read" : strerror(st.error));
	log->state = st.state;
	jail_touch(j);
	json_t *event = describe_file(j, log);
	json_object_set_new(event, "jail", describe_text(j->name));
	bus_publish(j->engine->bus, EVENT_FILE, event);
}

static void
on_tail_log(void *arg, int level, const char *text)
{
	struct jail_log *log = arg;

	log_write(level, "fail2ban.filter", "[%s] %s", log->jail->name, text);
}

/* A tail that reads apart from the others of its file (it is behind them) comes here. */
static void
on_tail_lines(void *arg, const struct line *lines, size_t count)
{
	struct jail_log *log = arg;

	engine_turn(log->jail->engine);
	flow_lines(log->jail->engine, &log->jail, 1, log->path, lines, count);
}

static struct jail_log *
find_log(const struct jail *j, const char *path)
{
	struct jail_log *l;

	DL_FOREACH(j->logs, l)
		if (strcmp(l->path, path) == 0)
			return l;
	return NULL;
}

static double
seek_date(void *arg, const struct line *line)
{
	struct jail_log *log = arg;

	return filter_date(log->jail->filter, line);
}

bool
jail_open_log(struct jail_log *log, struct err *err)
{
	struct jail *j = log->jail;
	struct engine *e = j->engine;
	enum source_backend backend = strcmp(j->backend, "polling") == 0 ? SOURCE_POLLING : SOURCE_INOTIFY;
	struct tail_hooks hooks = {
	    .lines = on_tail_lines, .changed = on_tail_changed, .log = on_tail_log, .arg = log};
	/* compat: FileFilter.seekToTime: what is older than findtime cannot count, and is not read */
	struct tail_start start = {
	    .at_end = log->at_end,
	    .not_before = clock_now(&e->clock) - j->findtime,
	    .seek_date = seek_date,
	};
	char hash[41] = "";
	double resume = 0;

	source_first_hash(log->path, hash);
	char stored[41] = "";
	if (log->is_left) {
		start.at_end = false;
		start.pos = log->stored_pos;
		start.first_hash = log->left_hash;
		log->is_left = false;
	} else if (store_log_find(e->store, j->name, log->path, stored, &resume) && !log->at_end && *stored != '\0' && resume >= 0) {
		/* its hash may be that of the file as it is, or of the one that was rotated away meanwhile */
		start.pos = (uint64_t)resume;
		start.first_hash = stored;
	} else {
		store_log_add(e->store, j->name, log->path, hash, 0, &resume);
	}
	log->tail = tail_new(e->source, log->path, backend, j->logencoding, &start, &hooks, err);
	if (log->tail == NULL)
		return err_prefix(err, "jail %s: %s", j->name, log->path);
	struct tail_status st;
	tail_status(log->tail, &st);
	log->state = st.state;
	return true;
}

static struct jail_log *
add_entry(struct jail *j, const char *path, bool at_end, bool is_glob, bool from_glob)
{
	struct jail_log *log = xcalloc(1, sizeof *log);

	log->path = xstrdup(path);
	log->jail = j;
	log->at_end = at_end;
	log->is_glob = is_glob;
	log->from_glob = from_glob;
	DL_APPEND(j->logs, log);
	jail_touch(j);
	return log;
}

/* compat: Filter.addLogPath's words, which log summaries know */
static void
tell_added(const struct jail *j, const struct jail_log *log)
{
	char hash[41] = "", stored[41] = "";
	double pos = 0;
	struct stat st;

	if (!log_wants(LOG_LEVEL_INFO))
		return;
	source_first_hash(log->path, hash);
	if (log->at_end)
		pos = stat(log->path, &st) == 0 ? (double)st.st_size : 0;
	else if (!store_log_find(j->engine->store, j->name, log->path, stored, &pos) || strcmp(stored, hash) != 0 || pos < 0)
		pos = 0;
	log_write(LOG_LEVEL_INFO, "fail2ban.filter", "Added logfile: '%s' (pos = %.0f, hash = %s)", log->path, pos, hash);
}

bool
jail_add_log(struct jail *j, const char *path, bool at_end, struct err *err)
{
	struct jail_log *old = find_log(j, path);
	if (old != NULL) {
		old->is_marked = false;
		return true;
	}
	if (strpbrk(path, "*?[") != NULL) {
		add_entry(j, path, at_end, true, false);
		if (j->is_running)
			jail_scan_globs(j);
		return true;
	}
	struct jail_log *log = add_entry(j, path, at_end, false, false);
	tell_added(j, log);
	return j->is_running && (!j->is_idle || j->is_reloading) ? jail_open_log(log, err) : true;
}

static void
store_position(struct jail_log *l)
{
	struct tail_status st;

	if (l->tail == NULL)
		return;
	tail_status(l->tail, &st);
	if (st.state == TAIL_OK && (st.pos != l->stored_pos || !l->is_stored)) {
		store_log_update(l->jail->engine->store, l->jail->name, l->path, st.first_hash, (double)st.pos);
		l->stored_pos = st.pos;
		l->is_stored = true;
	}
}

bool
jail_del_log(struct jail *j, const char *path)
{
	struct jail_log *l;

	DL_FOREACH(j->logs, l)
		if (strcmp(l->path, path) == 0) {
			log_write(LOG_LEVEL_INFO, "fail2ban.filter", "Removed logfile: '%s'", path);
			store_position(l); /* who comes back goes on from here: no line counts twice */
			jail_log_free(j, l);
			jail_touch(j);
			return true;
		}
	return false;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(value_text(*(struct value *const *)a), value_text(*(struct value *const *)b));
}

void
jail_scan_globs(struct jail *j)
{
	struct jail_log *l;
	bool started = j->is_running && (!j->is_idle || j->is_reloading);

	DL_FOREACH(j->logs, l) {
		if (!l->is_glob)
			continue;
		struct value *found = value_list();
		logglob(l->path, GLOB_MAX_FILES, found);
		qsort(found->seq.items, value_count(found), sizeof *found->seq.items, by_path);
		for (size_t i = 0; i < value_count(found); i++) {
			struct err err;
			const char *path = value_text(value_at(found, i));
			if (find_log(j, path) != NULL)
				continue;
			struct jail_log *log = add_entry(j, path, l->at_end, false, true);
			tell_added(j, log);
			if (started && !jail_open_log(log, &err))
				log_write(LOG_LEVEL_ERROR, "fail2ban.filter", "%s", err.text);
		}
		value_free(found);
	}
}

void
jail_log_free(struct jail *j, struct jail_log *log)
{
	DL_DELETE(j->logs, log);
	tail_free(log->tail);
	free(log->path);
	free(log);
}

void
jail_store_positions(struct jail *j)
{
	struct jail_log *l;

	if (j->journal != NULL) {
		struct journal_status js;
		journal_status(j->journal, &js);
		if (js.time > 0 && js.time != j->journal_stored) {
			store_log_update(j->engine->store, j->name, "systemd-journal", js.iso, js.time);
			j->journal_stored = js.time;
		}
	}
	DL_FOREACH(j->logs, l)
		store_position(l);
}

void
jail_leave_logs(struct jail *j)
{
	struct jail_log *l;
	struct tail_status st;

	jail_store_positions(j);
	DL_FOREACH(j->logs, l) {
		if (l->tail == NULL)
			continue;
		tail_status(l->tail, &st);
		l->is_left = st.state == TAIL_OK && st.first_hash[0] != '\0';
		l->stored_pos = st.pos;
		memcpy(l->left_hash, st.first_hash, sizeof l->left_hash);
		tail_free(l->tail);
		l->tail = NULL;
	}
	j->is_journal_left = j->journal != NULL;
	journal_free(j->journal);
	j->journal = NULL;
}

bool
jail_set_encoding(struct jail *j, const char *encoding, struct err *err)
{
	struct jail_log *l;
	struct lines *probe = lines_new(encoding, NULL, NULL, err);

	if (probe == NULL)
		return false;
	lines_free(probe);
	if (strcmp(encoding, j->logencoding) == 0)
		return true;
	free(j->logencoding);
	j->logencoding = xstrdup(encoding);
	DL_FOREACH(j->logs, l) { /* goes on where it was, read the other way */
		if (l->tail == NULL)
			continue;
		jail_store_positions(j);
		tail_free(l->tail);
		l->tail = NULL;
		if (!jail_open_log(l, err))
			return false;
	}
	return true;
}
