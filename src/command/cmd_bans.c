/* cmd_bans: who is banned; bans, lifts bans and counts failures by hand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "command/cmd_jail.h"
#include "engine.h"
#include "flow_stages.h"
#include "jail.h"
#include "store/store.h"

bool
cmd_get_banip(struct command *c)
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

bool
cmd_get_banned(struct command *c)
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
bool
cmd_set_banip(struct command *c)
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

bool
cmd_set_unbanip(struct command *c)
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

bool
cmd_set_attempt(struct command *c)
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
