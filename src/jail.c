#include "jail.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "ban/bantime.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/value.h"
#include "describe.h"
#include "engine.h"
#include "flow_stages.h"
#include "leftover.h"
#include "source/lines.h"
#include "store/store.h"

#define GLOB_MAX_FILES 1000 /* files that one pattern may open; more are left out and said so */

/* ---- hooks ---- */

static void
on_failure(void *arg, const struct failure *f)
{
	flow_failure(arg, f);
}

static void
on_filter_log(void *arg, int level, const char *text)
{
	(void)arg;
	log_write(level, "fail2ban.filter", "%s", text);
}

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

/* ---- remembered verdicts of the ignore rules ---- */

#define IGNORE_CACHE_MAX 100000 /* max-count is cut to this */

struct ignore_verdict {
	char *key, *why; /* owned */
	double until;    /* monotonic */
	UT_hash_handle hh;
};

static void
verdict_free(struct ignore_cache *cache, struct ignore_verdict *v)
{
	HASH_DEL(cache->verdicts, v);
	free(v->key);
	free(v->why);
	free(v);
}

static void
ignore_cache_done(struct ignore_cache *cache)
{
	while (cache->verdicts != NULL)
		verdict_free(cache, cache->verdicts);
	free(cache->key);
	*cache = (struct ignore_cache){0};
}

/* One `name=value` of the list, quoted or not; *at moves behind it. */
static bool
next_option(const char **at, struct slice *name, struct slice *v)
{
	const char *p = *at + strspn(*at, " ,\t\n");
	size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	*at = p;
	if (n == 0 || p[n + strspn(p + n, " \t")] != '=')
		return false;
	*name = slice_trim((struct slice){p, n});
	p += n + strspn(p + n, " \t") + 1;
	p += strspn(p, " \t");
	if (*p == '"' || *p == '\'') {
		const char *end = strchr(p + 1, *p);
		if (end == NULL)
			return false;
		*v = (struct slice){p + 1, (size_t)(end - p - 1)};
		*at = end + 1;
	} else {
		*v = slice_trim((struct slice){p, strcspn(p, ",")});
		*at = p + strcspn(p, ",");
	}
	return true;
}

bool
jail_set_ignorecache(struct jail *j, const char *text, struct err *err)
{
	struct ignore_cache cache = {.max_count = 100, .max_time = 300};
	struct slice name, v;
	const char *p;

	for (p = text; next_option(&p, &name, &v);) {
		char *one = xstrndup(v.at, v.len);
		bool ok = true;
		if (slice_is(name, "key")) {
			free(cache.key);
			cache.key = xstrdup(one);
		} else if (slice_is(name, "max-count")) {
			char *end;
			long n = strtol(one, &end, 10);
			ok = (*one != '\0' && *end == '\0') || err_set(err, "invalid literal for int() with base 10: '%s'", one);
			cache.max_count = (int)(n < 1 ? 1 : n > IGNORE_CACHE_MAX ? IGNORE_CACHE_MAX : n);
		} else if (slice_is(name, "max-time")) {
			ok = duration_parse(one, &cache.max_time, err);
		}
		free(one);
		if (!ok) {
			free(cache.key);
			return false;
		}
	}
	if (*p != '\0') {
		free(cache.key);
		return err_set(err, "expected option, wrong syntax at %d: %.200s", (int)(p - text), p);
	}
	if (cache.key == NULL && *text != '\0')
		return err_set(err, "key");
	ignore_cache_done(&j->ignorecache);
	j->ignorecache = cache;
	return true;
}

static char *
verdict_key(const struct jail *j, const struct ticket *t)
{
	struct str key = {0};

	for (const char *p = j->ignorecache.key; *p != '\0';) {
		size_t n = strcspn(p, ">");
		if (*p != '<' || p[n] == '\0') {
			str_addc(&key, *p++);
			continue;
		}
		char *tag = xstrndup(p + 1, n - 1), *low = str_lower_dup(tag);
		const char *group = str_starts(tag, "F-") ? ticket_group(t, low + 2) : NULL;
		if (strcmp(low, "ip") == 0)
			str_add(&key, ticket_ip(t));
		else if (strcmp(low, "fid") == 0)
			str_add(&key, t->id);
		else if (strcmp(low, "jail.name") == 0)
			str_add(&key, j->name);
		else if (str_starts(tag, "F-"))
			str_add(&key, group != NULL ? group : "");
		else
			str_addn(&key, p, n + 1);
		free(tag);
		free(low);
		p += n + 1;
	}
	return str_take(&key);
}

const char *
jail_cached_verdict(struct jail *j, const struct ticket *t)
{
	struct ignore_verdict *v;

	if (j->ignorecache.key == NULL)
		return NULL;
	char *key = verdict_key(j, t);
	HASH_FIND_STR(j->ignorecache.verdicts, key, v);
	free(key);
	if (v != NULL && v->until <= clock_monotonic(&j->engine->clock)) {
		verdict_free(&j->ignorecache, v);
		v = NULL;
	}
	return v != NULL ? v->why : NULL;
}

void
jail_cache_verdict(struct jail *j, const struct ticket *t, const char *why)
{
	struct ignore_cache *cache = &j->ignorecache;
	struct ignore_verdict *v;

	if (cache->key == NULL)
		return;
	char *key = verdict_key(j, t);
	HASH_FIND_STR(cache->verdicts, key, v);
	if (v != NULL)
		verdict_free(cache, v);
	while ((int)HASH_COUNT(cache->verdicts) >= cache->max_count)
		verdict_free(cache, cache->verdicts); /* the oldest */
	v = xcalloc(1, sizeof *v);
	v->key = key;
	v->why = xstrdup(why);
	v->until = clock_monotonic(&j->engine->clock) + cache->max_time;
	HASH_ADD_KEYPTR(hh, cache->verdicts, v->key, strlen(v->key), v);
}

/* ---- life ---- */

/* What the jail will use of what the option may say. */
static bool
choose_backend(struct jail *j, const char *text, struct err *err)
{
	const char *bracket = strchr(text, '[');
	size_t len = bracket != NULL ? (size_t)(bracket - text) : strlen(text);
	struct slice name = {text, len};

	if (bracket != NULL) {
		size_t n = strlen(bracket + 1);
		j->backend_args = xstrndup(bracket + 1, n != 0 && bracket[n] == ']' ? n - 1 : n);
	}
	if (slice_is(name, "auto") || slice_is(name, "pyinotify")) {
		j->backend = xstrdup("pyinotify");
	} else if (slice_is(name, "gamin")) {
		log_write(LOG_LEVEL_WARNING, "fail2ban.jail", "[%s] backend gamin is gone: inotify is used", j->name);
		j->backend = xstrdup("pyinotify");
	} else if (slice_is(name, "polling")) {
		j->backend = xstrdup("polling");
	} else if (slice_is(name, "systemd")) {
		j->backend = xstrdup("systemd");
	} else {
		return err_set(err, "Unknown backend %s. Must be among ['pyinotify', 'gamin', 'polling', 'systemd'] or 'auto'", text);
	}
	return true;
}

struct jail *
jail_new(struct engine *e, const char *name, const char *backend, struct err *err)
{
	struct jail *j = xcalloc(1, sizeof *j);
	struct filter_hooks hooks = {.clock = &e->clock, .failure = on_failure, .log = on_filter_log, .arg = j};

	j->name = xstrdup(name);
	j->serial = ++e->jail_serial;
	j->engine = e;
	if (!choose_backend(j, backend, err)) {
		free(j->name);
		free(j->backend_args);
		free(j);
		return NULL;
	}
	j->filter = filter_new(name, &hooks);
	j->failures = failures_new();
	j->bans = bans_new(&e->clock);
	j->ignore = ignore_new(&e->clock);
	j->journalmatch = value_list();
	j->increment = value_dict();
	j->maxretry = 3;
	j->maxmatches = 5;
	j->findtime = 600;
	j->bantime = 600;
	j->ignoreself = true;
	j->logencoding = xstrdup("auto");
	j->fail_rate.slot_s = 60;
	filter_set_findtime(j->filter, j->findtime);
	HASH_ADD_KEYPTR(hh, e->jails, j->name, strlen(j->name), j);
	return j;
}

static void
log_free(struct jail *j, struct jail_log *log)
{
	DL_DELETE(j->logs, log);
	tail_free(log->tail);
	free(log->path);
	free(log);
}

void
jail_free(struct jail *j)
{
	HASH_DEL(j->engine->jails, j);
	while (j->logs != NULL)
		log_free(j, j->logs);
	while (j->actions != NULL) {
		struct jail_action *a = j->actions;
		DL_DELETE(j->actions, a);
		action_free(a->action);
		free(a);
	}
	journal_free(j->journal);
	filter_free(j->filter);
	failures_free(j->failures);
	bans_free(j->bans);
	ignore_free(j->ignore);
	value_free(j->journalmatch);
	value_free(j->increment);
	free(j->ignorecommand);
	ignore_cache_done(&j->ignorecache);
	free(j->logencoding);
	free(j->backend);
	free(j->backend_args);
	free(j->error);
	free(j->name);
	free(j);
}

/* ---- logs ---- */

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

static bool
open_log(struct jail_log *log, struct err *err)
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
	if (store_log_find(e->store, j->name, log->path, stored, &resume) && !log->at_end && *stored != '\0' && resume >= 0) {
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
	log_write(LOG_LEVEL_INFO, "fail2ban.filter", "[%s] Added logfile: '%s'", j->name, path);
	return j->is_running ? open_log(log, err) : true;
}

bool
jail_del_log(struct jail *j, const char *path)
{
	struct jail_log *l;

	DL_FOREACH(j->logs, l)
		if (strcmp(l->path, path) == 0) {
			log_write(LOG_LEVEL_INFO, "fail2ban.filter", "[%s] Removed logfile: '%s'", j->name, path);
			log_free(j, l);
			jail_touch(j);
			return true;
		}
	return false;
}

void
jail_scan_globs(struct jail *j)
{
	struct jail_log *l;
	bool started = j->is_running;

	DL_FOREACH(j->logs, l) {
		glob_t found = {0};
		if (!l->is_glob || glob(l->path, 0, NULL, &found) != 0) {
			globfree(&found);
			continue;
		}
		for (size_t i = 0; i < found.gl_pathc && i < GLOB_MAX_FILES; i++) {
			struct err err;
			if (find_log(j, found.gl_pathv[i]) != NULL)
				continue;
			struct jail_log *log = add_entry(j, found.gl_pathv[i], l->at_end, false, true);
			log_write(LOG_LEVEL_INFO, "fail2ban.filter", "[%s] Added logfile: '%s'", j->name, log->path);
			if (started && !open_log(log, &err))
				log_write(LOG_LEVEL_ERROR, "fail2ban.filter", "%s", err.text);
		}
		globfree(&found);
	}
}

/* ---- start and stop ---- */

static void
restore_ban(void *arg, struct ticket *t)
{
	struct jail *j = arg;

	if (ignore_check(j->ignore, t->id, &t->addr) != IGNORE_NOT || ignore_check(j->engine->white, t->id, &t->addr) != IGNORE_NOT ||
	    (t->addr.family != 0 && engine_is_own(j->engine, &t->addr))) {
		ticket_free(t);
		return;
	}
	flow_ban(j, t, FLOW_RESTORED);
}

bool
jail_match_journal(struct jail *j, struct err *err)
{
	bool ok = true;

	if (j->journal == NULL)
		return true;
	journal_clear_matches(j->journal);
	for (size_t i = 0; ok && i < value_count(j->journalmatch); i++) {
		const struct value *match = value_at(j->journalmatch, i);
		const char *words[64];
		size_t n = 0;
		for (; n < value_count(match) && n < 64; n++)
			words[n] = value_text(value_at(match, n));
		ok = n == 0 || journal_add_match(j->journal, words, n, err);
	}
	return ok;
}

static bool
start_journal(struct jail *j, struct err *err)
{
	struct tail_hooks hooks = {.lines = jail_journal_lines, .log = jail_journal_log, .arg = j};
	double now = clock_now(&j->engine->clock), since = now - j->findtime, stored;

	if (store_log_pos(j->engine->store, j->name, "systemd-journal", &stored) && stored > since)
		since = stored;
	j->journal = journal_new(j->engine->source, j->backend_args != NULL ? j->backend_args : "", since, &hooks, err);
	if (j->journal == NULL)
		return false;
	return jail_match_journal(j, err) && journal_start(j->journal, err);
}

void
jail_journal_lines(void *arg, const struct line *lines, size_t count)
{
	struct jail *j = arg;

	engine_turn(j->engine);
	flow_lines(j->engine, &j, 1, "systemd-journal", lines, count);
}

void
jail_journal_log(void *arg, int level, const char *text)
{
	struct jail *j = arg;

	log_write(level, "fail2ban.filtersystemd", "[%s] %s", j->name, text);
}

bool
jail_start(struct jail *j, struct err *err)
{
	struct jail_action *a;
	struct jail_log *l;

	if (j->is_running)
		return true;
	struct engine *e = j->engine;
	j->is_running = true;
	j->is_idle = false;
	free(j->error);
	j->error = NULL;
	store_begin(e->store);
	store_jail_on(e->store, j->name);
	DL_FOREACH(j->actions, a)
		action_start(a->action);
	engine_restore_white(e, j);
	engine_refresh_names(e, j);

	struct store_restore rules = {
	    .now = clock_now(&e->clock),
	    .bantime = j->bantime,
	    .is_increment = bantime_is_increment(j->increment),
	    .maxtime = bantime_maxtime(j->increment),
	    .max_matches = (size_t)(j->maxmatches > 0 ? j->maxmatches : 0),
	};
	store_bans_current(e->store, j->name, &rules, restore_ban, j);

	flow_restore_parked(j);
	engine_arm_expiry(e);
	leftover_jail_started(e->leftover, j);

	bool ok = true;
	if (strcmp(j->backend, "systemd") == 0)
		ok = start_journal(j, err);
	jail_scan_globs(j);
	DL_FOREACH(j->logs, l)
		if (!l->is_glob && l->tail == NULL && !open_log(l, err))
			ok = false;
	store_commit(e->store);
	if (!ok)
		j->error = xstrdup(err->text);
	log_write(LOG_LEVEL_INFO, "fail2ban.jail", "Jail '%s' started", j->name);
	bus_publish(e->bus, EVENT_JAIL, describe_jail(j));
	return ok;
}

void
jail_store_positions(struct jail *j)
{
	struct jail_log *l;
	struct tail_status st;

	if (j->journal != NULL) {
		struct journal_status js;
		journal_status(j->journal, &js);
		if (js.time > 0 && js.time != j->journal_stored) {
			store_log_update(j->engine->store, j->name, "systemd-journal", js.iso, js.time);
			j->journal_stored = js.time;
		}
	}
	DL_FOREACH(j->logs, l) {
		if (l->tail == NULL)
			continue;
		tail_status(l->tail, &st);
		if (st.state == TAIL_OK && (st.pos != l->stored_pos || !l->is_stored)) {
			store_log_update(j->engine->store, j->name, l->path, st.first_hash, (double)st.pos);
			l->stored_pos = st.pos;
			l->is_stored = true;
		}
	}
}

void
jail_stop(struct jail *j, bool keep_bans)
{
	struct jail_action *a;
	struct jail_log *l;

	if (!j->is_running)
		return;
	jail_store_positions(j);
	DL_FOREACH(j->logs, l) {
		tail_free(l->tail);
		l->tail = NULL;
	}
	journal_free(j->journal);
	j->journal = NULL;
	if (!keep_bans) {
		flow_unban_all(j, "stop");
		/* last in, first out, as fail2ban */
		for (a = j->actions != NULL ? j->actions->prev : NULL; a != NULL; a = a == j->actions ? NULL : a->prev)
			action_stop(a->action, false);
	}
	j->is_running = false;
	log_write(LOG_LEVEL_INFO, "fail2ban.jail", "Jail '%s' stopped", j->name);
}

void
jail_set_idle(struct jail *j, bool idle)
{
	j->is_idle = idle;
	jail_touch(j);
}

/* ---- actions ---- */

struct action *
jail_action(const struct jail *j, const char *name)
{
	struct jail_action *a;

	DL_FOREACH(j->actions, a)
		if (strcmp(action_name(a->action), name) == 0)
			return a->action;
	return NULL;
}

struct action *
jail_add_action(struct jail *j, const char *name, struct err *err)
{
	if (jail_action(j, name) != NULL) {
		err_set(err, "Action %s already exists", name);
		return NULL;
	}
	struct jail_action *a = xcalloc(1, sizeof *a);
	a->action = action_new(j->engine->queue, j->name, name);
	DL_APPEND(j->actions, a);
	return a->action;
}

bool
jail_del_action(struct jail *j, const char *name)
{
	struct jail_action *a, *next;

	DL_FOREACH_SAFE(j->actions, a, next)
		if (strcmp(action_name(a->action), name) == 0) {
			if (j->is_running)
				flow_undo_action(j, a->action);
			DL_DELETE(j->actions, a);
			action_free(a->action);
			free(a);
			return true;
		}
	return false;
}

/* ---- reload ---- */

void
jail_reload_begin(struct jail *j)
{
	struct jail_action *a;
	struct jail_log *l;

	j->is_reloading = true;
	j->is_in_stream = false;
	j->is_idle = true;
	filter_clear(j->filter);
	ignore_clear_lasting(j->ignore);
	value_free(j->journalmatch);
	j->journalmatch = value_list();
	value_free(j->increment);
	j->increment = value_dict();
	DL_FOREACH(j->logs, l)
		l->is_marked = true;
	DL_FOREACH(j->actions, a)
		a->is_marked = true;
}

bool
jail_reload_same_backend(const struct jail *j, const char *backend)
{
	struct jail probe = {.name = j->name};
	struct err err;
	bool same = choose_backend(&probe, backend, &err) && strcmp(probe.backend, j->backend) == 0 &&
	    strcmp(probe.backend_args != NULL ? probe.backend_args : "", j->backend_args != NULL ? j->backend_args : "") == 0;

	free(probe.backend);
	free(probe.backend_args);
	return same;
}

struct action *
jail_reload_action(struct jail *j, const char *name)
{
	struct jail_action *a;

	DL_FOREACH(j->actions, a)
		if (a->is_marked && strcmp(action_name(a->action), name) == 0) {
			a->is_marked = false;
			action_reload_begin(a->action);
			return a->action;
		}
	return NULL;
}

void
jail_reload_end(struct jail *j)
{
	struct jail_action *a, *next_action;
	struct jail_log *l, *next;

	DL_FOREACH_SAFE(j->logs, l, next)
		if (l->is_marked && !l->from_glob)
			jail_del_log(j, l->path);
	DL_FOREACH_SAFE(j->actions, a, next_action) {
		if (a->is_marked)
			jail_del_action(j, action_name(a->action));
		else if (j->is_running)
			action_reload(a->action);
	}
	j->is_reloading = false;
	j->is_idle = false;
	struct err err;
	if (!jail_match_journal(j, &err))
		log_write(LOG_LEVEL_ERROR, "fail2ban.filtersystemd", "[%s] %s", j->name, err.text);
	if (j->is_running)
		jail_scan_globs(j);
	jail_touch(j);
	engine_refresh_names(j->engine, j);
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
		if (!open_log(l, err))
			return false;
	}
	return true;
}

/* ---- settings ---- */

void
jail_set_findtime(struct jail *j, double seconds)
{
	j->findtime = seconds;
	filter_set_findtime(j->filter, seconds);
	log_write(LOG_LEVEL_INFO, "fail2ban.filter", "  findtime: %.0f", seconds);
}

void
jail_set_bantime(struct jail *j, int64_t seconds)
{
	j->bantime = seconds;
	bans_retime(j->bans, seconds);
	engine_arm_expiry(j->engine);
	log_write(LOG_LEVEL_INFO, "fail2ban.actions", "  banTime: %lld", (long long)seconds);
}

void
jail_touch(struct jail *j)
{
	j->is_changed = true;
}

struct failures_limits
jail_limits(const struct jail *j)
{
	return (struct failures_limits){j->findtime, j->maxretry, j->maxmatches};
}
