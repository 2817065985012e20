#include "doubled.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/child.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define TABLES_MAX 16
#define LOOK_AFTER_MS 50 /* the starts of several jails come together */
#define TOOL_TIMEOUT_S 20
#define LISTING_MAX (8u << 20)

struct doubled {
	uv_loop_t *loop;
	char *tables[TABLES_MAX]; /* owned */
	size_t n_tables;
	uv_timer_t timer;
	struct child *child;
	bool is_wanted;           /* a start came while a look was under way */
	void (*done)(void *arg);  /* closing */
	void *arg;
};

static void on_timer(uv_timer_t *timer);

static void
on_closed(uv_handle_t *h)
{
	struct doubled *d = h->data;

	for (size_t i = 0; i < d->n_tables; i++)
		free(d->tables[i]);
	d->done(d->arg);
	free(d);
}

static void
run_nft(struct doubled *d, const char *const *argv, const char *input, child_fn done)
{
	struct child_spec spec = {
	    .file = "nft",
	    .argv = argv,
	    .input = input,
	    .input_len = input != NULL ? strlen(input) : 0,
	    .timeout_s = TOOL_TIMEOUT_S,
	    .keep_out = LISTING_MAX,
	    .done = done,
	    .arg = d,
	};
	d->child = child_run(d->loop, &spec);
}

/* Back to rest; or closed, or on to the next look. */
static void
rest(struct doubled *d)
{
	d->child = NULL;
	if (d->done != NULL) {
		uv_close((uv_handle_t *)&d->timer, on_closed);
	} else if (d->is_wanted) {
		d->is_wanted = false;
		uv_timer_start(&d->timer, on_timer, LOOK_AFTER_MS, 0);
	}
}

static void
on_deleted(void *arg, const struct child_result *r)
{
	if (r->exit_code != 0)
		log_write(LOG_LEVEL_WARNING, "fail2ban.actions", "a rule that is there twice could not be taken out: %.*s",
		    (int)(r->err_len > 300 ? 300 : r->err_len), r->err);
	rest(arg);
}

static const char *
text_at(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

static bool
is_word(const char *text) /* of an nft command: a name that needs no quotes */
{
	return *text != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == strlen(text);
}

static bool
is_watched(const struct doubled *d, const json_t *rule)
{
	for (size_t i = 0; i < d->n_tables; i++)
		if (strcmp(d->tables[i], text_at(rule, "table")) == 0)
			return is_word(text_at(rule, "family")) && is_word(text_at(rule, "table")) && is_word(text_at(rule, "chain"));
	return false;
}

/* The rule without what makes it this one; NULL: it asks for no set. The caller frees. */
static char *
meaning_of(const json_t *rule)
{
	char *expr = json_dumps(json_object_get(rule, "expr"), JSON_COMPACT | JSON_SORT_KEYS);
	char *all = NULL;

	if (expr != NULL && strstr(expr, "\"@") != NULL)
		all = xasprintf("%s %s %s %s", text_at(rule, "family"), text_at(rule, "table"), text_at(rule, "chain"), expr);
	free(expr);
	return all;
}

/* nft commands that take out what an earlier rule says already. */
static void
find_doubled(const struct doubled *d, const json_t *listing, struct str *commands)
{
	json_t *seen = json_object(), *item;
	size_t i;

	json_array_foreach(json_object_get(listing, "nftables"), i, item) {
		const json_t *rule = json_object_get(item, "rule");
		char *meaning = rule != NULL && is_watched(d, rule) ? meaning_of(rule) : NULL;
		if (meaning == NULL)
			continue;
		if (json_object_get(seen, meaning) != NULL)
			str_addf(commands, "delete rule %s %s %s handle %lld\n", text_at(rule, "family"), text_at(rule, "table"),
			    text_at(rule, "chain"), (long long)json_integer_value(json_object_get(rule, "handle")));
		json_object_set_new(seen, meaning, json_true());
		free(meaning);
	}
	json_decref(seen);
}

static void
on_listed(void *arg, const struct child_result *r)
{
	static const char *const argv[] = {"nft", "-f", "-", NULL};
	struct doubled *d = arg;
	struct str commands = {0};
	json_error_t error;
	json_t *listing = r->exit_code == 0 && !r->out_cut ? json_loadb(r->out, r->out_len, 0, &error) : NULL;

	if (listing != NULL && d->done == NULL)
		find_doubled(d, listing, &commands);
	json_decref(listing);
	if (commands.len != 0) {
		log_write(LOG_LEVEL_INFO, "fail2ban.actions", "rules that a start made twice are taken out");
		run_nft(d, argv, commands.at, on_deleted);
	} else {
		rest(d);
	}
	str_done(&commands);
}

static void
on_timer(uv_timer_t *timer)
{
	static const char *const argv[] = {"nft", "-j", "-t", "list", "ruleset", NULL};

	run_nft(timer->data, argv, NULL, on_listed);
}

struct doubled *
doubled_new(uv_loop_t *loop)
{
	struct doubled *d = xcalloc(1, sizeof *d);

	d->loop = loop;
	uv_timer_init(loop, &d->timer);
	d->timer.data = d;
	return d;
}

void
doubled_watch(struct doubled *d, const char *table)
{
	for (size_t i = 0; i < d->n_tables; i++)
		if (strcmp(d->tables[i], table) == 0)
			return;
	if (d->n_tables < TABLES_MAX)
		d->tables[d->n_tables++] = xstrdup(table);
}

void
doubled_started(struct doubled *d)
{
	if (d == NULL || d->n_tables == 0 || d->done != NULL)
		return;
	if (d->child != NULL)
		d->is_wanted = true;
	else
		uv_timer_start(&d->timer, on_timer, LOOK_AFTER_MS, 0);
}

void
doubled_close(struct doubled *d, void (*done)(void *arg), void *arg)
{
	d->done = done;
	d->arg = arg;
	uv_timer_stop(&d->timer);
	if (d->child != NULL)
		child_kill(d->child);
	else
		uv_close((uv_handle_t *)&d->timer, on_closed);
}
