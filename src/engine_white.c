/* engine_white: the whitelist's entries with an end: in the database, back from it, and over. */
#include <stdlib.h>

#include "base/log.h"
#include "describe.h"
#include "engine.h"
#include "jail.h"
#include "store/store.h"

void
engine_store_white(struct engine *e, struct jail *j)
{
	struct ignore *list = j != NULL ? j->ignore : e->white;
	const char *name = j != NULL ? j->name : "all";
	struct value *texts = value_list(), *untils = value_list();

	ignore_list(list, texts, untils);
	for (size_t i = 0; i < value_count(texts); i++)
		if (value_at(untils, i)->real >= 0)
			store_white_put(e->store, name, value_text(value_at(texts, i)), value_at(untils, i)->real);
	value_free(texts);
	value_free(untils);
}

void
engine_expire_white(struct engine *e, struct jail *j)
{
	struct ignore *g = j != NULL ? j->ignore : e->white;
	const char *jail = j != NULL ? j->name : "all";
	char *text;

	while ((text = ignore_pop_expired(g)) != NULL) {
		json_t *o = json_pack("{s:b,s:f}", "gone", 1, "until", -1.0);
		json_object_set_new(o, "ip", describe_text(text));
		json_object_set_new(o, "jail", describe_text(jail));
		bus_publish(e->bus, EVENT_WHITE, o);
		store_white_del(e->store, jail, text);
		free(text);
	}
}

struct white_owner {
	struct engine *engine;
	struct ignore *list;
	const char *name;
};

static void
restore_white(void *arg, const char *ip, double until)
{
	struct white_owner *w = arg;
	struct err err;

	if (until <= clock_now(&w->engine->clock))
		store_white_del(w->engine->store, w->name, ip);
	else if (!ignore_add(w->list, ip, until, &err))
		log_write(LOG_LEVEL_WARNING, "fail2ban.filter", "[%s] stored whitelist: %s", w->name, err.text);
}

void
engine_restore_white(struct engine *e, struct jail *j)
{
	struct white_owner w = {e, j != NULL ? j->ignore : e->white, j != NULL ? j->name : "all"};

	store_white_each(e->store, w.name, restore_white, &w);
}
