#include "jail.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "ban/bantime.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/value.h"
#include "describe.h"
#include "engine.h"
#include "flow_stages.h"
#include "leftover.h"
#include "store/store.h"
#include "trouble.h"

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
	j->failures = failures_new(e->book, j);
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
	log_write(LOG_LEVEL_INFO, "fail2ban.jail", "Jail '%s' uses %s {}", j->name, strcmp(j->backend, "polling") == 0 ? "poller" : j->backend);
	log_write(LOG_LEVEL_INFO, "fail2ban.jail", "Initiated '%s' backend", j->backend);
	return j;
}

void
jail_free(struct jail *j)
{
	HASH_DEL(j->engine->jails, j);
	while (j->logs != NULL)
		jail_log_free(j, j->logs);
	while (j->actions != NULL) {
		struct jail_action *a = j->actions;
		DL_DELETE(j->actions, a);
		action_free(a->action);
		trouble_free(a->trouble);
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
	jail_cache_done(&j->ignorecache);
	free(j->logencoding);
	free(j->backend);
	free(j->backend_args);
	free(j->error);
	free(j->name);
	free(j);
}

/* ---- start and stop ---- */

static void
restore_ban(void *arg, struct ticket *t)
{
	struct jail *j = arg;

	enum ignore_why why = ignore_check(j->ignore, t->id, &t->addr);
	bool is_self = j->ignoreself && t->addr.family != 0 && engine_is_self(j->engine, &t->addr);

	if (why == IGNORE_NOT)
		why = ignore_check(j->engine->white, t->id, &t->addr);
	if (is_self || why != IGNORE_NOT)
		log_write(LOG_LEVEL_INFO, "fail2ban.filter", "[%s] Ignore %s by %s", j->name, t->id, is_self ? "ignoreself rule" : ignore_why_name(why));
	if (is_self || why != IGNORE_NOT || (t->addr.family != 0 && engine_is_own(j->engine, &t->addr))) {
		ticket_free(t);
		return;
	}
	struct ban *ban = flow_ban(j, t, FLOW_RESTORED);
	if (ban != NULL)
		flow_ask_restored(j, ban);
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
	if (j->is_journal_left && j->journal_stored > since)
		since = j->journal_stored;
	j->is_journal_left = false;
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
		if (!l->is_glob && l->tail == NULL && !jail_open_log(l, err))
			ok = false;
	store_commit(e->store);
	if (!ok)
		j->error = xstrdup(err->text);
	log_write(LOG_LEVEL_INFO, "fail2ban.jail", "Jail '%s' started", j->name);
	bus_publish(e->bus, EVENT_JAIL, describe_jail(j));
	return ok;
}

void
jail_stop(struct jail *j, bool keep_bans)
{
	struct jail_action *a;
	struct jail_log *l;

	if (!j->is_running)
		return;
	jail_leave_logs(j);
	DL_FOREACH(j->logs, l)
		l->is_left = false; /* the next start takes what the database says */
	if (!keep_bans) {
		flow_unban_all(j, "stop");
		/* last in, first out, as fail2ban */
		for (a = j->actions != NULL ? j->actions->prev : NULL; a != NULL; a = a == j->actions ? NULL : a->prev)
			action_stop(a->action, false);
	}
	j->is_running = false;
	log_write(LOG_LEVEL_INFO, "fail2ban.jail", "Jail '%s' stopped", j->name);
}

static void
wake(struct jail *j)
{
	struct jail_log *l;
	struct err err;

	if (!j->is_running)
		return;
	if (strcmp(j->backend, "systemd") == 0 && j->journal == NULL && !start_journal(j, &err))
		log_write(LOG_LEVEL_ERROR, "fail2ban.filtersystemd", "[%s] %s", j->name, err.text);
	jail_scan_globs(j);
	DL_FOREACH(j->logs, l)
		if (!l->is_glob && l->tail == NULL && !jail_open_log(l, &err))
			log_write(LOG_LEVEL_ERROR, "fail2ban.filter", "%s", err.text);
}

void
jail_set_idle(struct jail *j, bool idle)
{
	bool was = j->is_idle;

	j->is_idle = idle;
	if (idle && !was)
		jail_leave_logs(j);
	else if (was && !idle)
		wake(j);
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
			trouble_free(a->trouble);
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
	j->cuts = false;
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
	wake(j);
	struct err err;
	if (!jail_match_journal(j, &err))
		log_write(LOG_LEVEL_ERROR, "fail2ban.filtersystemd", "[%s] %s", j->name, err.text);
	if (j->is_running)
		jail_scan_globs(j);
	jail_touch(j);
	engine_refresh_names(j->engine, j);
}

/* ---- settings ---- */

void
jail_set_findtime(struct jail *j, double seconds)
{
	j->findtime = seconds;
	filter_set_findtime(j->filter, seconds);
	failures_set_findtime(j->failures, seconds);
	log_write(LOG_LEVEL_INFO, "fail2ban.filter", j->has_float_findtime ? "  findtime: %.1f" : "  findtime: %.0f", seconds);
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
