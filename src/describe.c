#include "describe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/value.h"
#include "engine.h"
#include "jail.h"
#include "jailtop/applet.h"
#include "store/store.h"
#include "truth.h"

json_t *
describe_text(const char *text)
{
	return text_json(text, strlen(text));
}

#define REPLACEMENT "\xef\xbf\xbd"

/* How many U+FFFD are in text. */
static size_t
count_replaced(const char *text, size_t len)
{
	const char *at = text, *end = text + len;
	size_t n = 0;

	while (at != NULL && (at = memmem(at, (size_t)(end - at), REPLACEMENT, sizeof REPLACEMENT - 1)) != NULL) {
		at += sizeof REPLACEMENT - 1;
		n++;
	}
	return n;
}

/* For each U+FFFD of the shown text the log's own bytes, in hex. */
static json_t *
describe_raw(struct slice raw, size_t skip_from, size_t skip, size_t count)
{
	json_t *list = json_array();
	struct slice piece;

	for (size_t i = 0; json_array_size(list) < count && text_note_next(&raw, &piece); i++) {
		struct str hex = {0};
		if (i >= skip_from && i < skip_from + skip)
			continue;
		for (size_t k = 0; k < piece.len; k++)
			str_addf(&hex, "%02x", (unsigned char)piece.at[k]);
		json_array_append_new(list, json_string(str_text(&hex)));
		str_done(&hex);
	}
	return list;
}

void
describe_line(json_t *o, const char *name, const struct ticket_match *m)
{
	struct str text = {0};
	size_t from = m->date_from < m->len ? m->date_from : m->len;
	size_t to = m->date_to < m->len ? m->date_to : m->len;
	struct slice raw = ticket_text_raw(m->bytes);

	/* a date at the start is in a column of its own; in the middle it is cut out as the filter does */
	str_addn(&text, m->bytes, from);
	str_addn(&text, m->bytes + to, m->len - to);
	struct slice s = slice_trim((struct slice){str_text(&text), text.len});
	s.len = s.len > DESCRIBE_LINE_MAX ? DESCRIBE_LINE_MAX : s.len;
	json_object_set_new(o, name, text_json(s.at, s.len));
	if (raw.len > 0)
		json_object_set_new(o, "raw", describe_raw(raw, count_replaced(m->bytes, from), count_replaced(m->bytes + from, to - from),
		    count_replaced(s.at, s.len)));
	str_done(&text);
}

json_t *
describe_engine(const struct engine *e)
{
	static const char *const states[] = {"starting", "ok", "stopping"};
	char host[256] = "";
	size_t ready = 0;

	gethostname(host, sizeof host - 1);
	for (const struct jail *j = e->jails; j != NULL; j = j->hh.next)
		ready += j->is_running;
	json_t *o = json_pack("{s:s,s:i,s:f,s:s,s:s,s:i,s:i,s:b,s:i}", "version", JAILTOP_VERSION, "pid",
	    (int)getpid(), "started", e->started, "mode", e->is_dry ? "dry-run" : "live", "state",
	    states[e->state], "jails_ready", (int)ready, "jails_all",
	    e->jails_announced > (int)HASH_COUNT(e->jails) ? e->jails_announced : (int)HASH_COUNT(e->jails),
	    "owned", e->is_owned, "config_notes", e->config_notes);
	json_object_set_new(o, "host", describe_text(host));
	double hold = engine_hold_left(e);
	json_object_set_new(o, "hold", json_real(hold > 0 ? clock_now(&e->clock) + hold : 0));
	json_object_set_new(o, "why", e->is_dry && e->why_dry != NULL ? json_string(e->why_dry) : json_null());
	json_object_set_new(o, "config", e->dir != NULL ? describe_text(e->dir) : json_null());
	return o;
}

json_t *
describe_stats(struct engine *e)
{
	struct engine_stats *s = &e->stats;
	double mono = clock_monotonic(&e->clock);
	size_t bans = 0, logs = 0, logs_ok = 0, white = ignore_count(e->white);

	for (struct jail *j = e->jails; j != NULL; j = j->hh.next) {
		bans += bans_count(j->bans);
		for (struct jail_log *l = j->logs; l != NULL; l = l->next) {
			if (l->is_glob)
				continue;
			logs++;
			logs_ok += (l->tail != NULL || j->is_idle) && l->state == TAIL_OK;
		}
	}
	json_t *o = json_pack("{s:I,s:f,s:I,s:I,s:I,s:i,s:o,s:I,s:i,s:i,s:I,s:s,s:I,s:I,s:I,s:I,s:f,s:I,s:I}",
	    "lines", (json_int_t)s->lines, "lines_s", rate_sum(&s->line_rate, mono, 10) / 10.0, "matched",
	    (json_int_t)s->matched, "found", (json_int_t)s->found, "found_sent", (json_int_t)s->found_sent,
	    "fail_min", (int)rate_sum(&s->fail_rate, mono, 60), "spark", rate_spark(&s->fail_rate, mono, 30),
	    "bans", (json_int_t)bans, "bans_min", (int)rate_sum(&s->ban_rate, mono, 60), "unbans_min",
	    (int)rate_sum(&s->unban_rate, mono, 60), "queue", (json_int_t)action_queue_waiting(e->queue), "fw",
	    s->action_fails != 0 ? "fail" : "ok", "fw_fails", (json_int_t)s->action_fails, "logs_ok",
	    (json_int_t)logs_ok, "logs_all", (json_int_t)logs, "drift", (json_int_t)truth_drift(e->truth), "lag", s->lag, "limit",
	    (json_int_t)s->limit, "white", (json_int_t)white);
	json_object_set_new(o, "fw_error", describe_text(s->action_error));
	const char *problem = store_problem(e->store);
	json_object_set_new(o, "db", json_string(e->store == NULL ? "off" : problem != NULL ? "fail" : "ok"));
	if (problem != NULL)
		json_object_set_new(o, "db_error", describe_text(problem));
	return o;
}

json_t *
describe_file(const struct jail *j, const struct jail_log *log)
{
	static const char *const states[] = {"ok", "missing", "denied", "error"};
	struct tail_status st = {0};

	if (log->tail != NULL)
		tail_status(log->tail, &st);
	double retry = st.retry_at > 0 ? st.retry_at - clock_monotonic(&j->engine->clock) : 0;
	json_t *o = json_pack("{s:s,s:I,s:I,s:f,s:f,s:f,s:s}", "state", states[st.state], "size",
	    (json_int_t)st.size, "pos", (json_int_t)st.pos, "last_line", st.last_line, "rotated", st.rotated,
	    "retry", retry > 0 ? retry : 0.0, "error", st.error != 0 ? strerror(st.error) : "");
	json_object_set_new(o, "path", describe_text(log->path));
	return o;
}

static json_t *
expressions(const struct filter *f, const char *(*get)(const struct filter *, size_t))
{
	json_t *list = json_array();
	const char *text;

	for (size_t i = 0; (text = get(f, i)) != NULL; i++)
		json_array_append_new(list, describe_text(text));
	return list;
}

json_t *
describe_jail(struct jail *j)
{
	struct filter_counters c;
	const char *pattern, *pattern_name;
	double mono = clock_monotonic(&j->engine->clock);

	filter_counters(j->filter, &c);
	filter_datepattern(j->filter, &pattern, &pattern_name);
	json_t *files = json_array(), *actions = json_array();
	for (struct jail_log *l = j->logs; l != NULL; l = l->next)
		if (!l->is_glob)
			json_array_append_new(files, describe_file(j, l));
	for (struct jail_action *a = j->actions; a != NULL; a = a->next)
		json_array_append_new(actions, describe_text(action_name(a->action)));

	json_t *o = json_pack("{s:s,s:s,s:I,s:I,s:i,s:I,s:I,s:i,s:f,s:I}", "state",
	    j->error != NULL ? "error" : !j->is_running ? "starting" : j->is_idle ? "idle" : "on", "backend",
	    j->backend, "fail_now", (json_int_t)failures_count(j->failures), "fail_total",
	    (json_int_t)failures_total(j->failures), "fail_min", (int)rate_sum(&j->fail_rate, mono, 60),
	    "ban_now", (json_int_t)bans_count(j->bans), "ban_total", (json_int_t)bans_total(j->bans), "maxretry",
	    j->maxretry, "findtime", j->findtime, "bantime", (json_int_t)j->bantime);
	json_object_set_new(o, "name", describe_text(j->name));
	json_object_set_new(o, "why", describe_text(j->error != NULL ? j->error : ""));
	json_t *counts = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "lines", (json_int_t)c.lines, "matched",
	    (json_int_t)c.matched, "missed", (json_int_t)c.missed, "ignored", (json_int_t)c.ignored, "limit",
	    (json_int_t)c.limit, "no_date", (json_int_t)c.no_date);
	json_object_update_new(o, counts);
	json_object_set_new(o, "spark", rate_spark(&j->fail_rate, mono, 30));
	json_object_set_new(o, "files", files);
	json_object_set_new(o, "actions", actions);
	json_object_set_new(o, "failregex", expressions(j->filter, filter_failregex_source));
	json_object_set_new(o, "ignoreregex", expressions(j->filter, filter_ignoreregex));
	json_object_set_new(o, "prefregex", describe_text(filter_prefregex(j->filter)));
	json_object_set_new(o, "maxlines", json_integer(filter_maxlines(j->filter)));
	json_object_set_new(o, "datepattern", pattern != NULL ? describe_text(pattern) : json_null());
	return o;
}

json_t *
describe_ban(const struct jail *j, const struct ban *ban)
{
	const struct ticket *t = ban->ticket;
	char flags[3];
	/* compat: fail2ban counts a restored ban once more; to an operator it is still the same ban */
	int count = t->bancount > 1 && t->is_restored ? t->bancount - 1 : t->bancount;

	snprintf(flags, sizeof flags, "%s%s", count > 1 ? "R" : "", t->is_manual ? "M" : "");
	json_t *o = json_pack("{s:f,s:f,s:I,s:i,s:i,s:s,s:s,s:I,s:b}", "since", t->time, "until",
	    ban_until(j->bans, ban), "bantime", (json_int_t)ban->bantime, "count", count, "fails",
	    t->failures, "flags", flags, "rule", ban_rule_name(ban->rule), "hits", (json_int_t)ban->hits,
	    "restored", t->is_restored);
	json_object_set_new(o, "jail", describe_text(j->name));
	json_object_set_new(o, "id", describe_text(t->id));
	json_object_set_new(o, "ip", describe_text(ticket_ip(t)));
	return o;
}

/* ---- the whitelist that was made while running ---- */

static void
add_white(json_t *list, const struct ignore *g, const char *jail, bool timed_only)
{
	struct value *texts = value_list(), *untils = value_list();

	ignore_list(g, texts, untils);
	for (size_t i = 0; i < value_count(texts); i++) {
		double until = value_at(untils, i)->real;
		if (timed_only && until < 0)
			continue; /* from the configuration */
		json_t *o = json_pack("{s:f}", "until", until);
		json_object_set_new(o, "ip", describe_text(value_text(value_at(texts, i))));
		json_object_set_new(o, "jail", describe_text(jail));
		json_array_append_new(list, o);
	}
	value_free(texts);
	value_free(untils);
}

json_t *
describe_white(const struct engine *e)
{
	json_t *list = json_array();

	add_white(list, e->white, "all", false);
	for (const struct jail *j = e->jails; j != NULL; j = j->hh.next)
		add_white(list, j->ignore, j->name, true);
	return list;
}

/* ---- all that is known of one address ---- */

static json_t *
lines_of(const struct ticket *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n_matches; i++) {
		const struct ticket_match *m = &t->matches[i];
		json_t *o = json_pack("{s:f}", "t", m->time);
		describe_line(o, "text", m);
		json_array_append_new(list, o);
	}
	return list;
}

static bool
concerns(const struct ticket *t, const char *ip)
{
	return strcmp(t->id, ip) == 0 || (t->ip != NULL && strcmp(t->ip, ip) == 0);
}

struct host_search {
	struct jail *jail;
	const char *ip;
	json_t *bans, *fails, *users;
};

/* The name as it stands in its line: what the log has for each U+FFFD of it; NULL: nothing was replaced. */
static json_t *
user_raw(const struct ticket_match *m)
{
	size_t len = strlen(m->user);
	struct slice raw = ticket_text_raw(m->bytes);
	const char *at = raw.len > 0 && len > 0 ? memmem(m->bytes, m->len, m->user, len) : NULL;
	size_t count = at != NULL ? count_replaced(m->user, len) : 0;

	return count > 0 ? describe_raw(raw, 0, count_replaced(m->bytes, (size_t)(at - m->bytes)), count) : NULL;
}

/* Whom it tried, among the lines that are kept. */
static void
count_users(json_t *users, const struct ticket *t)
{
	for (size_t k = 0; k < t->n_matches; k++) {
		json_t *row, *name, *raw, *found = NULL;
		size_t i;
		if (t->matches[k].user == NULL)
			continue;
		name = describe_text(t->matches[k].user);
		raw = user_raw(&t->matches[k]);
		json_array_foreach(users, i, row) {
			const json_t *other = json_object_get(row, "raw");
			if (json_equal(json_object_get(row, "name"), name) && (raw == NULL ? other == NULL : json_equal(other, raw)))
				found = row;
		}
		if (found == NULL) {
			found = json_pack("{s:i,s:O}", "count", 0, "name", name);
			if (raw != NULL)
				json_object_set(found, "raw", raw);
			json_array_append_new(users, found);
		}
		json_object_set_new(found, "count", json_integer(json_integer_value(json_object_get(found, "count")) + 1));
		json_decref(name);
		json_decref(raw);
	}
}

static void
match_ban(void *arg, struct ban *ban)
{
	struct host_search *s = arg;
	const struct ticket *t = ban->ticket;

	if (!concerns(t, s->ip))
		return;
	json_t *o = describe_ban(s->jail, ban);
	const char *regex = t->failregex > 0 ? filter_failregex_source(s->jail->filter, (size_t)t->failregex - 1) : NULL;
	json_t *more = json_pack("{s:i,s:f,s:i,s:f}", "maxretry", s->jail->maxretry, "findtime",
	    s->jail->findtime, "failregex", t->failregex, "span", t->time - t->first);
	json_object_update_new(o, more);
	json_object_set_new(o, "regex", describe_text(regex != NULL ? regex : ""));
	json_object_set_new(o, "lines", lines_of(t));
	json_object_set_new(o, "outcomes", ban->failed != NULL ? json_incref(ban->failed) : json_array());
	json_array_append_new(s->bans, o);
	count_users(s->users, t);
}

static void
match_failure(void *arg, const struct ticket *t)
{
	struct host_search *s = arg;

	if (!concerns(t, s->ip))
		return;
	json_t *o = json_pack("{s:i,s:i,s:f,s:f,s:i}", "count", t->retry, "max", s->jail->maxretry, "first",
	    t->first, "last", t->time, "failregex", t->failregex);
	json_object_set_new(o, "jail", describe_text(s->jail->name));
	json_object_set_new(o, "lines", lines_of(t));
	json_array_append_new(s->fails, o);
	count_users(s->users, t);
}

/* Bans before those that hold now. */
static json_t *
history_of(const struct engine *e, const char *ip, json_t *now)
{
	struct value *rows = store_bans_of(e->store, ip, 20);
	json_t *all = rows != NULL ? value_to_json(rows) : json_array(), *past = json_array(), *row, *ban;
	size_t i, k;

	value_free(rows);
	json_array_foreach(all, i, row) {
		bool is_now = false;
		json_array_foreach(now, k, ban)
			is_now = is_now || (json_equal(json_object_get(row, "jail"), json_object_get(ban, "jail")) &&
			    fabs(json_number_value(json_object_get(row, "t")) - json_number_value(json_object_get(ban, "since"))) < 1);
		if (!is_now)
			json_array_append(past, row);
	}
	json_decref(all);
	return past;
}

json_t *
describe_host(const struct engine *e, const char *ip)
{
	struct addr addr = {0};
	struct host_search s = {.ip = ip, .bans = json_array(), .fails = json_array(), .users = json_array()};
	json_t *o = json_object(), *white = describe_white(e), *row, *found = NULL;
	size_t i;

	addr_parse(ip, &addr);
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next) {
		s.jail = j;
		bans_each(j->bans, match_ban, &s);
		failures_each(j->failures, match_failure, &s);
	}
	json_array_foreach(white, i, row) {
		struct addr net;
		if (addr.family != 0 && addr_parse(json_string_value(json_object_get(row, "ip")), &net) && addr_contains(&net, &addr))
			found = row;
	}
	json_object_set_new(o, "ip", describe_text(ip));
	json_object_set_new(o, "own", json_boolean(addr.family != 0 && engine_is_own(e, &addr)));
	json_object_set(o, "white", found != NULL ? found : json_null());
	json_object_set_new(o, "bans", s.bans);
	json_object_set_new(o, "fails", s.fails);
	json_object_set_new(o, "history", history_of(e, ip, s.bans));
	json_object_set_new(o, "users", s.users);
	json_object_set_new(o, "rule", truth_rules(e->truth, ip));
	json_decref(white);
	return o;
}
