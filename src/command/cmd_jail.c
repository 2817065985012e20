/* cmd_jail: the options of one jail: `get JAIL X`, `set JAIL X …`. Set answers what get would. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "ban/bantime.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "command/command.h"
#include "command/cmd_action.h"
#include "describe.h"
#include "engine.h"
#include "flow_stages.h"
#include "jail.h"
#include "store/store.h"

#define LINES_MAX 10000 /* `get JAIL lines` */

/* ---- plain values ---- */

static bool
answer_seconds(struct command *c, double s)
{
	return command_answer(c, s == floor(s) ? value_int((int64_t)s) : value_float(s));
}

static bool
set_idle(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	if (strcmp(v, "on") != 0 && strcmp(v, "off") != 0)
		return command_fail(c, "Exception", "Invalid idle option, must be 'on' or 'off'");
	jail_set_idle(c->jail, strcmp(v, "on") == 0);
	return command_answer(c, value_bool(c->jail->is_idle));
}

static bool
get_ignoreself(struct command *c)
{
	return command_answer(c, value_bool(c->jail->ignoreself));
}

static bool
set_ignoreself(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	char *low = str_lower_dup(v);
	c->jail->ignoreself = strcmp(low, "1") == 0 || strcmp(low, "on") == 0 || strcmp(low, "true") == 0 || strcmp(low, "yes") == 0;
	free(low);
	return get_ignoreself(c);
}

static bool
get_maxretry(struct command *c)
{
	return command_answer(c, value_int(c->jail->maxretry));
}

static bool
set_maxretry(struct command *c)
{
	const char *v = command_arg(c, 0);
	long long n;

	if (v == NULL || !command_int(c, v, &n))
		return false;
	c->jail->maxretry = (int)(n > INT32_MAX ? INT32_MAX : n < INT32_MIN ? INT32_MIN : n);
	log_write(LOG_LEVEL_INFO, "fail2ban.filter", "  maxRetry: %lld", n);
	jail_touch(c->jail);
	return get_maxretry(c);
}

static bool
get_maxmatches(struct command *c)
{
	return command_answer(c, value_int(c->jail->maxmatches));
}

static bool
set_maxmatches(struct command *c)
{
	const char *v = command_arg(c, 0);
	long long n;

	if (v == NULL || !command_int(c, v, &n))
		return false;
	c->jail->maxmatches = (int)(n > 10000 ? 10000 : n < 0 ? 0 : n);
	return get_maxmatches(c);
}

static bool
get_findtime(struct command *c)
{
	return answer_seconds(c, c->jail->findtime);
}

static bool
set_findtime(struct command *c)
{
	const char *v = command_arg(c, 0);
	double s;

	if (v == NULL || !command_time(c, v, &s))
		return false;
	jail_set_findtime(c->jail, s);
	jail_touch(c->jail);
	return get_findtime(c);
}

static bool
get_bantime(struct command *c)
{
	return command_answer(c, value_int(c->jail->bantime));
}

static bool
set_bantime(struct command *c)
{
	const char *v = command_arg(c, 0);
	double s;

	if (v == NULL || !command_time(c, v, &s))
		return false;
	jail_set_bantime(c->jail, s < 0 ? TICKET_FOREVER : (int64_t)s);
	jail_touch(c->jail);
	return get_bantime(c);
}

static bool
get_bantime_extra(struct command *c)
{
	const struct value *v = value_get(c->jail->increment, c->text[2] + strlen("bantime."));

	return command_answer(c, v != NULL ? value_dup(v) : value_none());
}

static bool
set_bantime_extra(struct command *c)
{
	struct err err;

	if (command_arg(c, 0) == NULL && value_at(c->words, c->at) == NULL)
		return false;
	command_reply_done(c->reply);
	if (!bantime_set(c->jail->increment, c->text[2] + strlen("bantime."), value_at(c->words, c->at), &err))
		return command_fail(c, "ValueError", "%s", err.text);
	if (bantime_is_increment(c->jail->increment) && c->engine->store == NULL)
		log_write(LOG_LEVEL_WARNING, "fail2ban.jail",
		    "[%s] ban time increment needs the database, and there is none (dbfile = None)", c->jail->name);
	return get_bantime_extra(c);
}

/* ---- whom to ignore ---- */

static bool
get_ignoreip(struct command *c)
{
	struct value *list = value_list();

	ignore_list(c->jail->ignore, list, NULL);
	return command_answer(c, list);
}

static void
publish_white(struct engine *e, const char *jail, const char *ip, double until, bool gone)
{
	json_t *o = json_pack("{s:f,s:b}", "until", until, "gone", gone);

	json_object_set_new(o, "jail", describe_text(jail));
	json_object_set_new(o, "ip", describe_text(ip));
	bus_publish(e->bus, EVENT_WHITE, o);
}

/* addignoreip [--for S] IP...; shared by jails and `all`. */
bool
cmd_addignoreip_to(struct command *c, struct ignore *g, const char *owner)
{
	double until = -1, s;
	size_t from = 0;
	struct err err;

	if (command_args(c) > 1 && c->text[c->at] != NULL && strcmp(c->text[c->at], "--for") == 0) {
		if (!command_time(c, c->text[c->at + 1], &s))
			return false;
		if (s >= 0)
			until = clock_now(&c->engine->clock) + s;
		from = 2;
	}
	for (size_t i = from; i < command_args(c); i++) {
		const char *ip = command_arg(c, i);
		if (ip == NULL)
			return false;
		if (*ip == '\0')
			continue;
		if (!ignore_add(g, ip, until, &err))
			return command_fail(c, "ValueError", "%s", err.text);
		if (until >= 0)
			store_white_put(c->engine->store, owner, ignore_text(g, ip), until);
		else
			store_white_del(c->engine->store, owner, ignore_text(g, ip));
		publish_white(c->engine, owner, ip, until, false);
	}
	engine_refresh_names(c->engine, c->jail);
	return true;
}

bool
cmd_delignoreip_from(struct command *c, struct ignore *g, const char *owner)
{
	const char *ip = command_arg(c, 0);

	if (ip == NULL)
		return false;
	if (ignore_text(g, ip) != NULL)
		store_white_del(c->engine->store, owner, ignore_text(g, ip));
	if (!ignore_del(g, ip))
		return command_fail(c, "ValueError", "list.remove(x): x not in list");
	publish_white(c->engine, owner, ip, -1, true);
	return true;
}

static bool
set_addignoreip(struct command *c)
{
	return cmd_addignoreip_to(c, c->jail->ignore, c->jail->name) && get_ignoreip(c);
}

static bool
set_delignoreip(struct command *c)
{
	return cmd_delignoreip_from(c, c->jail->ignore, c->jail->name) && get_ignoreip(c);
}

static bool
get_ignorecommand(struct command *c)
{
	return command_answer(c, c->jail->ignorecommand != NULL ? value_str(c->jail->ignorecommand) : value_bool(false));
}

static bool
set_ignorecommand(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	free(c->jail->ignorecommand);
	c->jail->ignorecommand = xstrdup(v);
	return get_ignorecommand(c);
}

static bool
get_ignorecache(struct command *c)
{
	const struct ignore_cache *cache = &c->jail->ignorecache;

	if (cache->key == NULL)
		return command_answer(c, value_none());
	struct value *list = value_list();
	value_push(list, value_str(cache->key));
	value_push(list, value_int(cache->max_count));
	value_push(list, cache->max_time == floor(cache->max_time) ? value_int((int64_t)cache->max_time) : value_float(cache->max_time));
	return command_answer(c, list);
}

static bool
set_ignorecache(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;

	if (v == NULL)
		return false;
	if (!jail_set_ignorecache(c->jail, v, &err))
		return command_fail(c, "ValueError", "%s", err.text);
	return get_ignorecache(c);
}

/* ---- logs ---- */

static bool
get_logpath(struct command *c)
{
	struct value *list = value_list();
	struct jail_log *l;

	DL_FOREACH(c->jail->logs, l)
		if (!l->is_glob)
			value_push(list, value_str(l->path));
	return command_answer(c, list);
}

static bool
set_addlogpath(struct command *c)
{
	const char *path = command_arg(c, 0);
	bool tail = false;
	struct err err;

	if (path == NULL)
		return false;
	if (command_args(c) > 2)
		return command_fail(c, "ValueError", "Only one file can be added at a time");
	if (command_args(c) == 2) {
		char *how = str_lower_dup(c->text[c->at + 1] != NULL ? c->text[c->at + 1] : "");
		tail = strcmp(how, "tail") == 0;
		bool known = tail || strcmp(how, "head") == 0;
		free(how);
		if (!known)
			return command_fail(c, "ValueError", "File option must be 'head' or 'tail'");
	}
	if (!c->is_quiet && strpbrk(path, "*?[") == NULL && access(path, F_OK) != 0) {
		/* a person is told at once; what the configuration names is waited for */
		const char *why = strerror(errno);
		command_fail(c, "OSError", "[Errno %d] %s: '%s'", errno, why, path);
		c->reply->args = value_tuple();
		value_push(c->reply->args, value_int(errno));
		value_push(c->reply->args, value_str(why));
		value_push(c->reply->args, value_str(path));
		return false;
	}
	if (!jail_add_log(c->jail, path, tail, &err))
		return command_fail(c, "OSError", "%s", err.text);
	return get_logpath(c);
}

static bool
set_dellogpath(struct command *c)
{
	const char *path = command_arg(c, 0);

	if (path == NULL)
		return false;
	jail_del_log(c->jail, path);
	return get_logpath(c);
}

static bool
get_logencoding(struct command *c)
{
	const char *e = c->jail->logencoding;

	return command_answer(c, value_str(strcmp(e, "auto") == 0 ? "UTF-8" : e));
}

static bool
set_logencoding(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;

	if (v == NULL)
		return false;
	if (!jail_set_encoding(c->jail, v, &err))
		return command_fail(c, "LookupError", "unknown encoding: %s", v);
	return get_logencoding(c);
}

static bool
get_journalmatch(struct command *c)
{
	return command_answer(c, value_dup(c->jail->journalmatch));
}

static bool
set_addjournalmatch(struct command *c)
{
	if (strcmp(c->jail->backend, "systemd") != 0)
		return get_journalmatch(c); /* compat: no JournalFilter, nothing to do */
	struct value *match = value_list();

	for (size_t i = 0; i < command_args(c); i++) {
		const char *word = command_arg(c, i);
		if (word == NULL) {
			value_free(match);
			return false;
		}
		value_push(match, value_str(word));
	}
	value_push(c->jail->journalmatch, match);
	return get_journalmatch(c);
}

static bool
set_deljournalmatch(struct command *c)
{
	if (strcmp(c->jail->backend, "systemd") != 0)
		return get_journalmatch(c);
	struct value *keep = value_list(), *gone = value_list();
	bool found = command_args(c) == 0;

	for (size_t i = 0; i < command_args(c); i++)
		value_push(gone, value_dup(value_at(c->words, c->at + i)));
	for (size_t i = 0; command_args(c) != 0 && i < value_count(c->jail->journalmatch); i++) {
		const struct value *m = value_at(c->jail->journalmatch, i);
		if (!found && value_equal(m, gone))
			found = true;
		else
			value_push(keep, value_dup(m));
	}
	value_free(gone);
	if (!found) {
		value_free(keep);
		return command_fail(c, "ValueError", "Match is not in the list of journal matches");
	}
	value_free(c->jail->journalmatch);
	c->jail->journalmatch = keep;
	return get_journalmatch(c);
}

/* ---- expressions ---- */

static bool
list_of(struct command *c, const char *(*get)(const struct filter *, size_t))
{
	struct value *list = value_list();
	const char *text;

	for (size_t i = 0; (text = get(c->jail->filter, i)) != NULL; i++)
		value_push(list, value_str(text));
	return command_answer(c, list);
}

static bool
get_failregex(struct command *c)
{
	return list_of(c, filter_failregex);
}

static bool
get_ignoreregex(struct command *c)
{
	return list_of(c, filter_ignoreregex);
}

/* One expression, or with multi-set a list of them. */
static bool
add_expressions(struct command *c, bool (*add)(struct filter *, const char *, struct err *))
{
	const struct value *v = value_at(c->words, c->at);
	struct err err;

	if (v == NULL)
		return command_fail(c, "IndexError", "list index out of range");
	size_t n = c->is_multi ? value_count(v) : 1;
	for (size_t i = 0; i < n; i++) {
		const char *text = value_text(c->is_multi ? value_at(v, i) : v);
		if (text == NULL || !add(c->jail->filter, text, &err)) {
			log_write(LOG_LEVEL_ERROR, "fail2ban.filter", "[%s] %s", c->jail->name, text != NULL ? err.text : "not a text");
			return command_fail(c, "RegexException", "%s", text != NULL ? err.text : "not a text");
		}
	}
	jail_touch(c->jail);
	return true;
}

static bool
set_addfailregex(struct command *c)
{
	return add_expressions(c, filter_add_failregex) && (c->is_multi ? command_answer(c, value_bool(true)) : get_failregex(c));
}

static bool
set_addignoreregex(struct command *c)
{
	return add_expressions(c, filter_add_ignoreregex) && (c->is_multi ? command_answer(c, value_bool(true)) : get_ignoreregex(c));
}

static bool
del_expression(struct command *c, bool (*del)(struct filter *, size_t), const char *(*get)(const struct filter *, size_t))
{
	const char *v = command_arg(c, 0);
	long long i;

	if (v == NULL || !command_int(c, v, &i))
		return false;
	if (i < 0) { /* as Python counts from the end */
		long long n = 0;
		while (get(c->jail->filter, (size_t)n) != NULL)
			n++;
		i += n;
	}
	if (i < 0 || !del(c->jail->filter, (size_t)i))
		log_write(LOG_LEVEL_ERROR, "fail2ban.filter", "Cannot remove regular expression. Index %lld is not valid", i);
	jail_touch(c->jail);
	return list_of(c, get);
}

static bool
set_delfailregex(struct command *c)
{
	return del_expression(c, filter_del_failregex, filter_failregex);
}

static bool
set_delignoreregex(struct command *c)
{
	return del_expression(c, filter_del_ignoreregex, filter_ignoreregex);
}

static bool
get_prefregex(struct command *c)
{
	return command_answer(c, value_str(filter_prefregex(c->jail->filter)));
}

static bool
set_prefregex(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;

	if (v == NULL)
		return false;
	if (!filter_set_prefregex(c->jail->filter, v, &err))
		return command_fail(c, "RegexException", "%s", err.text);
	return get_prefregex(c);
}

static bool
get_datepattern(struct command *c)
{
	const char *pattern, *name;

	filter_datepattern(c->jail->filter, &pattern, &name);
	if (name == NULL || strcmp(c->jail->backend, "systemd") == 0)
		return command_answer(c, value_none());
	struct value *t = value_tuple();
	value_push(t, pattern != NULL ? value_str(pattern) : value_none());
	value_push(t, value_str(name));
	return command_answer(c, t);
}

static bool
set_datepattern(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;

	if (v == NULL)
		return false;
	if (!filter_set_datepattern(c->jail->filter, v, &err))
		return command_fail(c, "ValueError", "%s", err.text);
	return get_datepattern(c);
}

static bool
get_usedns(struct command *c)
{
	return command_answer(c, value_str(filter_usedns_name(filter_usedns(c->jail->filter))));
}

static bool
set_usedns(struct command *c)
{
	const char *v = command_arg(c, 0);
	enum filter_usedns mode;

	if (v == NULL)
		return false;
	char *low = str_lower_dup(v);
	if (!filter_usedns_parse(low, &mode)) {
		log_write(LOG_LEVEL_ERROR, "fail2ban.filter", "Incorrect value '%s' specified for usedns. Using safe 'no'", v);
		mode = USEDNS_NO;
	}
	free(low);
	filter_set_usedns(c->jail->filter, mode);
	return get_usedns(c);
}

static bool
get_maxlines(struct command *c)
{
	return command_answer(c, value_int(filter_maxlines(c->jail->filter)));
}

static bool
set_maxlines(struct command *c)
{
	const char *v = command_arg(c, 0);
	long long n;
	struct err err;

	if (v == NULL || !command_int(c, v, &n))
		return false;
	if (n <= 0 || n > 10000)
		return command_fail(c, "ValueError", n <= 0 ? "maxlines must be integer greater than zero" : "maxlines: more than 10000 lines");
	if (!filter_set_maxlines(c->jail->filter, (int)n, &err))
		return command_fail(c, "ValueError", "%s", err.text);
	log_write(LOG_LEVEL_INFO, "fail2ban.filter", "  maxLines: %lld", n);
	return get_maxlines(c);
}

static bool
get_logtimezone(struct command *c)
{
	const char *zone = filter_logtimezone(c->jail->filter);

	return command_answer(c, zone != NULL ? value_str(zone) : value_none());
}

static bool
set_logtimezone(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;

	if (v == NULL)
		return false;
	if (!filter_set_logtimezone(c->jail->filter, v, &err))
		return command_fail(c, "ValueError", "%s", err.text);
	return get_logtimezone(c);
}

/* ---- bans ---- */

static bool
get_banip(struct command *c)
{
	bool with_time = command_args(c) > 0 && value_text_is(value_at(c->words, c->at), "--with-time");
	size_t n;
	struct ban **list = bans_by_end(c->jail->bans, &n);
	struct value *v = value_list();

	for (size_t i = 0; i < n; i++) {
		const struct ban *b = list[i];
		char from[32], to[32];
		if (with_time)
			value_push(v, value_strf("%s \t%s + %lld = %s", b->ticket->id, clock_text(b->ticket->time, from),
			    (long long)b->bantime, b->bantime < 0 ? "9999-12-31 23:59:59" : clock_text(b->ticket->time + (double)b->bantime, to)));
		else
			value_push(v, value_str(b->ticket->id));
	}
	free(list);
	return command_answer(c, v);
}

static void
push_id(void *arg, struct ban *ban)
{
	value_push(arg, value_str(ban->ticket->id));
}

static bool
get_banned(struct command *c)
{
	struct value *list = value_list();

	if (command_args(c) == 0) {
		bans_each(c->jail->bans, push_id, list);
		return command_answer(c, list);
	}
	for (size_t i = 0; i < command_args(c); i++) {
		const char *ip = command_arg(c, i);
		if (ip == NULL) {
			value_free(list);
			return false;
		}
		value_push(list, value_int(bans_find(c->jail->bans, ip) != NULL));
	}
	if (value_count(list) > 1)
		return command_answer(c, list);
	int64_t one = value_at(list, 0)->integer;
	value_free(list);
	return command_answer(c, value_int(one));
}

/* The canonical text of an address, as the filter would make it; any other text stays. */
static const char *
canonical(const char *text, char buffer[ADDR_TEXT_MAX])
{
	struct addr a;

	if (!addr_parse(text, &a))
		return text;
	addr_format(&a, buffer);
	return buffer;
}

/* banip [--time S | --until T] IP... */
static bool
set_banip(struct command *c)
{
	struct engine *e = c->engine;
	double now = clock_now(&e->clock), s;
	int64_t bantime = TICKET_UNSET, count = 0;
	size_t from = 0;

	if (command_args(c) == 0)
		return command_answer(c, value_int(0));
	if (command_args(c) > 1 && c->text[c->at] != NULL && (strcmp(c->text[c->at], "--time") == 0 || strcmp(c->text[c->at], "--until") == 0)) {
		bool until = strcmp(c->text[c->at], "--until") == 0;
		const char *v = command_arg(c, 1);
		if (v == NULL || !command_time(c, v, &s))
			return false;
		if (s < 0)
			bantime = TICKET_FOREVER;
		else if (until && s <= now)
			return command_fail(c, "ValueError", "--until %s: that is over", v);
		else
			bantime = (int64_t)ceil(until ? s - now : s);
		from = 2;
	}
	for (size_t i = from; i < command_args(c); i++) {
		char buffer[ADDR_TEXT_MAX];
		const char *word = command_arg(c, i);
		if (word == NULL)
			return false;
		const char *ip = canonical(word, buffer);
		if (*ip == '\0')
			continue;
		struct ticket *t = ticket_new(ip, now);
		if (t->addr.family != 0 && engine_is_own(e, &t->addr)) {
			ticket_free(t);
			return command_fail(c, "ValueError", "%s is protected: it is (or holds) the address of an attached operator", ip);
		}
		t->bantime = bantime;
		failures_forget(c->jail->failures, ip);
		count += flow_ban(c->jail, t, FLOW_MANUAL) != NULL;
	}
	return command_answer(c, value_int(count));
}

struct members {
	struct addr net;
	struct value *ids;
};

static void
collect_member(void *arg, struct ban *ban)
{
	struct members *m = arg;

	if (ban->ticket->addr.family != 0 && addr_contains(&m->net, &ban->ticket->addr))
		value_push(m->ids, value_str(ban->ticket->id));
}

size_t
cmd_unban_one(struct jail *j, const char *text)
{
	char buffer[ADDR_TEXT_MAX];
	const char *id = canonical(text, buffer);
	struct members m = {.ids = value_list()};
	size_t count = 0;

	store_ban_del(j->engine->store, j->name, id);
	if (flow_unban(j, id, "command")) {
		count = 1;
	} else if (addr_parse(id, &m.net) && !addr_is_host(&m.net)) {
		bans_each(j->bans, collect_member, &m);
		for (size_t i = 0; i < value_count(m.ids); i++) {
			const char *member = value_text(value_at(m.ids, i));
			store_ban_del(j->engine->store, j->name, member);
			count += flow_unban(j, member, "command");
		}
	}
	value_free(m.ids);
	return count;
}

static bool
set_unbanip(struct command *c)
{
	struct value *missed = value_list();
	size_t from = 0, count = 0;
	bool report = command_args(c) > 0 && value_text_is(value_at(c->words, c->at), "--report-absent");

	if (command_arg(c, 0) == NULL) {
		value_free(missed);
		return false;
	}
	from = report;
	for (size_t i = from; i < command_args(c); i++) {
		const char *ip = command_arg(c, i);
		if (ip == NULL) {
			value_free(missed);
			return false;
		}
		size_t n = cmd_unban_one(c->jail, ip);
		count += n;
		if (n == 0)
			value_push(missed, value_str(ip));
	}
	if (report && value_count(missed) != 0) {
		struct str s = {0};
		value_repr(missed, &s);
		value_free(missed);
		command_fail(c, "ValueError", "not banned: %s", str_text(&s));
		str_done(&s);
		return false;
	}
	value_free(missed);
	return command_answer(c, value_int((int64_t)count));
}

static bool
set_attempt(struct command *c)
{
	char buffer[ADDR_TEXT_MAX];

	if (command_args(c) == 0)
		return command_fail(c, "TypeError", "Filter.addAttempt() missing 1 required positional argument: 'ip'");
	const char *ip = command_arg(c, 0);
	if (ip == NULL)
		return false;
	struct value *matches = value_list();
	for (size_t i = 1; i < command_args(c); i++)
		value_push(matches, value_dup(value_at(c->words, c->at + i)));
	ip = canonical(ip, buffer);
	flow_attempt(c->jail, ip, matches);
	value_free(matches);
	return command_answer(c, value_int(1));
}

/* ---- jailtop's own ---- */

static void
push_line(void *arg, const char *bytes, size_t len)
{
	value_push(arg, value_strn(bytes, len));
}

static bool
get_lines(struct command *c)
{
	long long n = 1000;
	struct value *list = value_list();
	struct jail_log *l;

	if (command_args(c) > 0 && (command_arg(c, 0) == NULL || !command_int(c, command_arg(c, 0), &n))) {
		value_free(list);
		return false;
	}
	n = n < 1 ? 1 : n > LINES_MAX ? LINES_MAX : n;
	if (strcmp(c->jail->backend, "systemd") == 0)
		recent_each(c->engine, "systemd-journal", (size_t)n, push_line, list);
	DL_FOREACH(c->jail->logs, l)
		if (!l->is_glob)
			recent_each(c->engine, l->path, (size_t)n, push_line, list);
	return command_answer(c, list);
}

const struct command_row command_jail_rows[] = {
    {"idle", NULL, set_idle, "on|off", "whether the jail rests"},
    {"ignoreself", get_ignoreself, set_ignoreself, "true|false", "whether this host's own addresses are ignored"},
    {"ignoreip", get_ignoreip, NULL, NULL, "addresses, networks and names that are ignored"},
    {"addignoreip", NULL, set_addignoreip, "[--for TIME] IP…", "ignore these too"},
    {"delignoreip", NULL, set_delignoreip, "IP", "do not ignore it any more"},
    {"ignorecommand", get_ignorecommand, set_ignorecommand, "COMMAND", "a command whose success means: ignore"},
    {"ignorecache", get_ignorecache, set_ignorecache, "key=…,max-count=…,max-time=…", "remembers what was ignored"},
    {"logpath", get_logpath, NULL, NULL, "the log files"},
    {"addlogpath", NULL, set_addlogpath, "FILE [tail|head]", "follow a file (a glob is looked at again and again)"},
    {"dellogpath", NULL, set_dellogpath, "FILE", "do not follow it any more"},
    {"logencoding", get_logencoding, set_logencoding, "ENCODING", "the logs' encoding"},
    {"journalmatch", get_journalmatch, NULL, NULL, "which journal entries"},
    {"addjournalmatch", NULL, set_addjournalmatch, "MATCH…", "also these journal entries"},
    {"deljournalmatch", NULL, set_deljournalmatch, "[MATCH…]", "not these journal entries"},
    {"prefregex", get_prefregex, set_prefregex, "REGEX", "what each line must match first"},
    {"failregex", get_failregex, NULL, NULL, "the expressions that find failures"},
    {"addfailregex", NULL, set_addfailregex, "REGEX", "one more"},
    {"delfailregex", NULL, set_delfailregex, "INDEX", "one less"},
    {"ignoreregex", get_ignoreregex, NULL, NULL, "lines that do not count"},
    {"addignoreregex", NULL, set_addignoreregex, "REGEX", "one more"},
    {"delignoreregex", NULL, set_delignoreregex, "INDEX", "one less"},
    {"usedns", get_usedns, set_usedns, "yes|warn|no|raw", "what is done with host names in logs"},
    {"findtime", get_findtime, set_findtime, "TIME", "failures within this time count"},
    {"datepattern", get_datepattern, set_datepattern, "PATTERN", "how dates look"},
    {"logtimezone", get_logtimezone, set_logtimezone, "ZONE", "the logs' time zone"},
    {"maxmatches", get_maxmatches, set_maxmatches, "N", "log lines kept for each address"},
    {"maxretry", get_maxretry, set_maxretry, "N", "failures until a ban"},
    {"maxlines", get_maxlines, set_maxlines, "N", "lines that an expression may span"},
    {"bantime", get_bantime, set_bantime, "TIME", "how long a ban lasts, -1 for ever"},
    {"bantime.*", get_bantime_extra, set_bantime_extra, "VALUE", "increment, factor, formula, multipliers, maxtime, rndtime, overalljails"},
    {"attempt", NULL, set_attempt, "IP [LINE…]", "counts failures by hand"},
    {"banip", get_banip, set_banip, "[--time TIME|--until EPOCH] IP…", "who is banned (get: [--with-time]); bans (set)"},
    {"unbanip", NULL, set_unbanip, "[--report-absent] IP…", "lifts bans"},
    {"banned", get_banned, NULL, NULL, "who is banned, or whether IP… are"},
    {"actions", cmd_get_actions, NULL, NULL, "the actions"},
    {"addaction", NULL, cmd_addaction, "ACTION", "one more action"},
    {"delaction", NULL, cmd_delaction, "ACTION", "one less"},
    {"action", cmd_get_action, cmd_set_action, "ACTION PROPERTY VALUE", "a property of an action"},
    {"actionproperties", cmd_get_actionproperties, NULL, NULL, "an action's properties"},
    {"actionmethods", cmd_get_actionmethods, NULL, NULL, "an action's methods"},
    {"lines", get_lines, NULL, NULL, "the last raw log lines [N]"},
    {0},
};
