/* cmd_ignore: whom a jail ignores: addresses with and without an end, a command, remembered verdicts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "command/cmd_jail.h"
#include "describe.h"
#include "engine.h"
#include "jail.h"
#include "store/store.h"

bool
cmd_get_ignoreip(struct command *c)
{
	struct value *list = value_list();

	ignore_list(c->jail->ignore, list, NULL);
	for (size_t i = 0; i < value_count(list); i++) { /* compat: IPAddr shows no prefix of length 0 */
		struct value *v = list->seq.items[i];
		if (v->kind == VALUE_STR && v->text.len > 2 && strcmp(v->text.bytes + v->text.len - 2, "/0") == 0) {
			v->text.len -= 2;
			v->text.bytes[v->text.len] = '\0';
		}
	}
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

bool
cmd_set_addignoreip(struct command *c)
{
	return cmd_addignoreip_to(c, c->jail->ignore, c->jail->name) && cmd_get_ignoreip(c);
}

bool
cmd_set_delignoreip(struct command *c)
{
	return cmd_delignoreip_from(c, c->jail->ignore, c->jail->name) && cmd_get_ignoreip(c);
}

bool
cmd_get_ignorecommand(struct command *c)
{
	return command_answer(c, c->jail->ignorecommand != NULL ? value_str(c->jail->ignorecommand) : value_bool(false));
}

bool
cmd_set_ignorecommand(struct command *c)
{
	const char *v = command_arg(c, 0);

	if (v == NULL)
		return false;
	free(c->jail->ignorecommand);
	c->jail->ignorecommand = xstrdup(v);
	return cmd_get_ignorecommand(c);
}

bool
cmd_get_ignorecache(struct command *c)
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

bool
cmd_set_ignorecache(struct command *c)
{
	const char *v = command_arg(c, 0);
	struct err err;

	if (v == NULL)
		return false;
	if (!jail_set_ignorecache(c->jail, v, &err))
		return command_fail(c, strcmp(err.text, "key") == 0 ? "KeyError" : "ValueError", "%s", err.text);
	return cmd_get_ignorecache(c);
}
