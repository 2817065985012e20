/*
 * mirror: wire messages -> struct view. JSON in, plain structs out; knows no socket and no screen.
 *
 * A snapshot is gathered in a second view that replaces the first at its end, but for the log, which
 * goes on: rows that are known already are told by their sequence number. Input is untrusted in shape:
 * a field of the wrong type reads as zero or "", what has no name is dropped, caps are view.h's.
 */
#include "jailtop/view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "base/str.h"
#include "link/fields.h"

struct ban_node {
	struct view_ban ban; /* first: the view points here */
	UT_hash_handle hh;
};

struct host_node {
	struct view_host host; /* first */
	UT_hash_handle hh;
};

/* What stands behind a struct view: it is the first member, so that lookups need no other handle. */
struct holder {
	struct view view;
	struct ban_node *ban_index;
	struct host_node *host_index;
	uint32_t *free_bans, *free_hosts; /* slots to use again */
	uint64_t *serials; /* the model's counter: rows of all views share it */
	size_t n_free_bans, n_free_hosts, room_bans, room_hosts, slots_bans, slots_hosts;
};

struct mirror {
	struct holder *now, *next; /* next: NULL while no snapshot is being received */
	uint64_t serials;
	int64_t last_seq;
	double last_t;
	long last_pid;
	double last_started;
	bool is_same_engine;
	json_t *pending_log; /* of the snapshot that is being received */
};

/* ---- freeing ---- */
static void
jail_free(struct view_jail *j)
{
	free(j->name);
	free(j->state);
	free(j->why);
	free(j->backend);
	for (size_t i = 0; i < j->n_files; i++) {
		free(j->files[i].path);
		free(j->files[i].state);
		free(j->files[i].error);
	}
	free(j->files);
	fields_words_free(j->actions);
	fields_words_free(j->failregex);
	fields_words_free(j->ignoreregex);
	free(j->prefregex);
	free(j->datepattern);
	free(j);
}

static void
chains_done(struct view_chains *c)
{
	for (size_t i = 0; i < c->n_chains; i++) {
		struct view_chain *chain = &c->chains[i];
		for (size_t k = 0; k < chain->n_items; k++) {
			free(chain->items[k].target);
			free(chain->items[k].source);
			free(chain->items[k].ban);
			free(chain->items[k].text);
		}
		free(chain->items);
		free(chain->name);
		free(chain->jail);
		free(chain->from);
		free(chain->jump);
	}
	free(c->chains);
	for (size_t i = 0; i < c->n_drift; i++) {
		free(c->drift[i].kind);
		free(c->drift[i].jail);
		free(c->drift[i].ip);
		free(c->drift[i].chain);
	}
	free(c->drift);
	for (size_t i = 0; i < c->n_policy; i++) {
		free(c->policy[i].chain);
		free(c->policy[i].policy);
	}
	free(c->policy);
	free(c->error);
	memset(c, 0, sizeof *c);
}

static void
engine_done(struct view_engine *e)
{
	free(e->version);
	free(e->host);
	free(e->config);
	free(e->why);
}

static void
white_done(struct view *v)
{
	for (size_t i = 0; i < v->n_white; i++) {
		free(v->white[i].ip);
		free(v->white[i].jail);
	}
	free(v->white);
	v->white = NULL;
	v->n_white = 0;
}

static void
holder_free(struct holder *h)
{
	struct view *v = &h->view;
	struct ban_node *ban, *ban_next;
	struct host_node *host, *host_next;

	HASH_ITER(hh, h->ban_index, ban, ban_next) {
		HASH_DEL(h->ban_index, ban);
		free(ban->ban.key);
		free(ban);
	}
	HASH_ITER(hh, h->host_index, host, host_next) {
		HASH_DEL(h->host_index, host);
		free(host->host.ip);
		free(host->host.jail);
		free(host);
	}
	free(h->free_bans);
	free(h->free_hosts);
	free(v->bans);
	free(v->hosts);
	for (size_t i = 0; i < v->n_jails; i++)
		jail_free(v->jails[i]);
	free(v->jails);
	for (size_t i = 0; v->log != NULL && i < VIEW_LOG_MAX; i++)
		free(v->log[i].own);
	free(v->log);
	white_done(v);
	chains_done(&v->chains);
	engine_done(&v->engine);
	free(v->stats.fw_error);
	free(v->stats.db_error);
	for (int i = 0; i < v->n_own; i++)
		free(v->own[i]);
	free(h);
}

static struct holder *
holder_new(uint64_t *serials)
{
	struct holder *h = xcalloc(1, sizeof *h);
	struct view *v = &h->view;

	v->engine.version = xstrdup("");
	v->engine.host = xstrdup("");
	v->engine.config = xstrdup("");
	v->engine.why = xstrdup("");
	v->stats.fw_error = xstrdup("");
	v->stats.db_error = xstrdup("");
	v->chains.error = xstrdup("");
	h->serials = serials;
	return h;
}

struct mirror *
mirror_new(void)
{
	struct mirror *m = xcalloc(1, sizeof *m);

	m->now = holder_new(&m->serials);
	return m;
}

void
mirror_free(struct mirror *m)
{
	if (m == NULL)
		return;
	holder_free(m->now);
	if (m->next != NULL)
		holder_free(m->next);
	json_decref(m->pending_log);
	free(m);
}

struct view *
mirror_view(struct mirror *m)
{
	return &m->now->view;
}

/* ---- rows of bans and hosts ---- */
static uint32_t
slot_take(void ***slots, size_t *used, size_t *room, uint32_t *free_slots, size_t *n_free)
{
	if (*n_free > 0)
		return free_slots[--*n_free];
	if (*used == *room) {
		*room = *room == 0 ? 64 : *room * 2;
		*slots = xreallocarray(*slots, *room, sizeof **slots);
	}
	return (uint32_t)(*used)++;
}

static void
slot_give(uint32_t slot, uint32_t **free_slots, size_t *n_free, size_t *room)
{
	if (*n_free == *room) {
		*room = *room == 0 ? 64 : *room * 2;
		*free_slots = xreallocarray(*free_slots, *room, sizeof **free_slots);
	}
	(*free_slots)[(*n_free)++] = slot;
}

static struct ban_node *
ban_find(const struct holder *h, const char *jail, const char *id)
{
	size_t jail_len = strlen(jail), id_len = strlen(id);
	struct ban_node *node;
	char small[256], *key = small;

	if (jail_len + id_len + 2 > sizeof small)
		key = xmalloc(jail_len + id_len + 2);
	memcpy(key, jail, jail_len);
	key[jail_len] = '\n';
	memcpy(key + jail_len + 1, id, id_len + 1);
	HASH_FIND(hh, ((struct holder *)(uintptr_t)h)->ban_index, key, jail_len + 1 + id_len, node);
	if (key != small)
		free(key);
	return node;
}

static uint8_t
rule_of(const char *name)
{
	return strcmp(name, "ok") == 0 ? VIEW_RULE_OK
	    : strcmp(name, "fail") == 0 ? VIEW_RULE_FAIL
	    : strcmp(name, "none") == 0 ? VIEW_RULE_NONE
	    : strcmp(name, "dry") == 0 ? VIEW_RULE_DRY : VIEW_RULE_WAIT;
}

static void
ban_put(struct holder *h, const json_t *j)
{
	struct view *v = &h->view;
	const char *jail = field_text(j, "jail"), *id = field_text(j, "id"), *ip = field_text(j, "ip");
	if (*id == '\0')
		id = ip;
	if (*jail == '\0' || *id == '\0' || strlen(id) > VIEW_LINE_MAX || strlen(jail) > VIEW_LINE_MAX)
		return;

	struct ban_node *node = ban_find(h, jail, id);
	if (node == NULL) {
		if (v->n_bans >= VIEW_BANS_MAX) {
			v->bans_over++;
			return;
		}
		node = xcalloc(1, sizeof *node);
		struct view_ban *b = &node->ban;
		size_t jail_len = strlen(jail), id_len = strlen(id), ip_len = strlen(ip);
		bool is_same = strcmp(ip, id) == 0;
		/* one allocation: key, then jail, then ip when it differs from id */
		b->key = xmalloc(jail_len + 1 + id_len + 1 + jail_len + 1 + (is_same ? 0 : ip_len + 1));
		memcpy(b->key, jail, jail_len);
		b->key[jail_len] = '\n';
		memcpy(b->key + jail_len + 1, id, id_len + 1);
		char *rest = b->key + jail_len + 1 + id_len + 1;
		memcpy(rest, jail, jail_len + 1);
		b->jail = rest;
		b->id = b->key + jail_len + 1;
		b->ip = b->id;
		if (!is_same) {
			memcpy(rest + jail_len + 1, ip, ip_len + 1);
			b->ip = rest + jail_len + 1;
		}
		if (!addr_parse(b->ip, &b->addr))
			b->addr.family = 0;
		b->slot = slot_take((void ***)&v->bans, &v->n_ban_slots, &h->slots_bans, h->free_bans, &h->n_free_bans);
		b->serial = ++*h->serials;
		v->bans[b->slot] = b;
		v->n_bans++;
		HASH_ADD_KEYPTR(hh, h->ban_index, b->key, jail_len + 1 + id_len, node);
	}
	struct view_ban *b = &node->ban;
	const char *flags = field_text(j, "flags");
	b->since = field_real(j, "since");
	b->until = field_real(j, "until");
	b->bantime = field_real(j, "bantime");
	b->count = (int)field_int(j, "count");
	b->fails = (int)field_int(j, "fails");
	b->hits = field_int(j, "hits");
	b->rule = rule_of(field_text(j, "rule"));
	b->is_repeat = strchr(flags, 'R') != NULL;
	b->is_manual = strchr(flags, 'M') != NULL;
	b->is_restored = field_bool(j, "restored");
	v->generation[VIEW_BANS]++;
}

static void
ban_drop(struct holder *h, struct ban_node *node)
{
	struct view *v = &h->view;

	HASH_DEL(h->ban_index, node);
	v->bans[node->ban.slot] = NULL;
	v->n_bans--;
	slot_give(node->ban.slot, &h->free_bans, &h->n_free_bans, &h->room_bans);
	free(node->ban.key);
	free(node);
	v->generation[VIEW_BANS]++;
}

static void
host_put(struct holder *h, const json_t *j)
{
	struct view *v = &h->view;
	const char *ip = field_text(j, "ip"), *jail = field_text(j, "jail");
	struct host_node *node;

	if (*ip == '\0' || strlen(ip) > VIEW_LINE_MAX || strlen(jail) > VIEW_LINE_MAX)
		return;
	HASH_FIND_STR(h->host_index, ip, node);
	if (node == NULL) {
		if (v->n_hosts >= VIEW_HOSTS_MAX) {
			v->hosts_over++;
			return;
		}
		node = xcalloc(1, sizeof *node);
		node->host.ip = xstrdup(ip);
		if (!addr_parse(ip, &node->host.addr))
			node->host.addr.family = 0;
		node->host.slot = slot_take((void ***)&v->hosts, &v->n_host_slots, &h->slots_hosts, h->free_hosts, &h->n_free_hosts);
		node->host.serial = ++*h->serials;
		v->hosts[node->host.slot] = &node->host;
		v->n_hosts++;
		HASH_ADD_KEYPTR(hh, h->host_index, node->host.ip, strlen(node->host.ip), node);
	}
	struct view_host *host = &node->host;
	if (host->jail == NULL || strcmp(host->jail, jail) != 0) {
		free(host->jail);
		host->jail = xstrdup(jail);
	}
	host->fail = (int)field_int(j, "fail");
	host->max = (int)field_int(j, "max");
	host->per_min = (int)field_int(j, "min");
	host->total = field_int(j, "total");
	host->first = field_real(j, "first");
	host->last = field_real(j, "last");
	v->generation[VIEW_HOSTS]++;
}

static void
host_drop(struct holder *h, const char *ip)
{
	struct view *v = &h->view;
	struct host_node *node;

	HASH_FIND_STR(h->host_index, ip, node);
	if (node == NULL)
		return;
	HASH_DEL(h->host_index, node);
	v->hosts[node->host.slot] = NULL;
	v->n_hosts--;
	slot_give(node->host.slot, &h->free_hosts, &h->n_free_hosts, &h->room_hosts);
	free(node->host.ip);
	free(node->host.jail);
	free(node);
	v->generation[VIEW_HOSTS]++;
}

/* ---- jails, files ---- */
static void
spark_read(struct view_spark *spark, const json_t *j)
{
	size_t n = json_array_size(j), skip = n > VIEW_SPARK_MAX ? n - VIEW_SPARK_MAX : 0;

	spark->count = 0;
	for (size_t i = skip; i < n; i++) {
		double value = json_number_value(json_array_get(j, i));
		spark->at[spark->count++] = value > 0 && value < 4e9 ? (uint32_t)value : 0;
	}
}

static void
file_read(struct view_file *f, const json_t *j)
{
	f->path = field_dup(j, "path");
	f->state = field_dup(j, "state");
	f->error = field_dup(j, "error");
	f->size = field_int(j, "size");
	f->pos = field_int(j, "pos");
	f->last_line = field_real(j, "last_line");
	f->rotated = field_real(j, "rotated");
	f->retry = field_real(j, "retry");
}

static struct view_jail *
jail_read(const json_t *j)
{
	struct view_jail *jail = xcalloc(1, sizeof *jail);
	const json_t *files = json_object_get(j, "files");

	jail->name = field_dup(j, "name");
	jail->state = field_dup(j, "state");
	jail->why = field_dup(j, "why");
	jail->backend = field_dup(j, "backend");
	jail->fail_now = field_int(j, "fail_now");
	jail->fail_total = field_int(j, "fail_total");
	jail->fail_min = field_int(j, "fail_min");
	jail->ban_now = field_int(j, "ban_now");
	jail->ban_total = field_int(j, "ban_total");
	jail->lines = field_int(j, "lines");
	jail->matched = field_int(j, "matched");
	jail->missed = field_int(j, "missed");
	jail->ignored = field_int(j, "ignored");
	jail->limit = field_int(j, "limit");
	jail->no_date = field_int(j, "no_date");
	jail->maxretry = (int)field_int(j, "maxretry");
	jail->maxlines = (int)field_int(j, "maxlines");
	jail->findtime = field_real(j, "findtime");
	jail->bantime = field_real(j, "bantime");
	spark_read(&jail->spark, json_object_get(j, "spark"));
	jail->n_files = json_array_size(files);
	jail->files = xcalloc(jail->n_files + 1, sizeof *jail->files);
	for (size_t i = 0; i < jail->n_files; i++)
		file_read(&jail->files[i], json_array_get(files, i));
	jail->actions = fields_words(j, "actions");
	jail->failregex = fields_words(j, "failregex");
	jail->ignoreregex = fields_words(j, "ignoreregex");
	jail->prefregex = field_dup(j, "prefregex");
	jail->datepattern = field_dup(j, "datepattern");
	return jail;
}

static size_t
jail_index(const struct view *v, const char *name)
{
	size_t i = 0;

	while (i < v->n_jails && strcmp(v->jails[i]->name, name) != 0)
		i++;
	return i;
}

static void
jail_put(struct view *v, const json_t *j)
{
	const char *name = field_text(j, "name");
	size_t i = jail_index(v, name);

	if (*name == '\0' || i >= VIEW_JAILS_MAX)
		return;
	if (i == v->n_jails) {
		v->jails = xreallocarray(v->jails, v->n_jails + 1, sizeof(struct view_jail *));
		v->n_jails++;
	} else {
		jail_free(v->jails[i]);
	}
	v->jails[i] = jail_read(j);
	v->generation[VIEW_JAILS]++;
}

static void
jail_drop(struct view *v, const char *name)
{
	size_t i = jail_index(v, name);

	if (i == v->n_jails)
		return;
	jail_free(v->jails[i]);
	memmove(&v->jails[i], &v->jails[i + 1], (v->n_jails - i - 1) * sizeof(struct view_jail *));
	v->n_jails--;
	v->generation[VIEW_JAILS]++;
}

static void
file_event(struct view *v, const json_t *j)
{
	size_t i = jail_index(v, field_text(j, "jail"));
	const char *path = field_text(j, "path");

	if (i == v->n_jails)
		return;
	struct view_jail *jail = v->jails[i];
	for (size_t k = 0; k < jail->n_files; k++) {
		struct view_file *f = &jail->files[k];
		if (strcmp(f->path, path) != 0)
			continue;
		struct view_file old = *f;
		file_read(f, j);
		/* an event tells what changed: the rest is what it was */
		if (json_object_get(j, "size") == NULL)
			f->size = old.size, f->pos = old.pos;
		if (json_object_get(j, "last_line") == NULL)
			f->last_line = old.last_line;
		if (json_object_get(j, "rotated") == NULL)
			f->rotated = old.rotated;
		free(old.path);
		free(old.state);
		free(old.error);
		v->generation[VIEW_JAILS]++;
		return;
	}
	jail->files = xreallocarray(jail->files, jail->n_files + 1, sizeof *jail->files);
	memset(&jail->files[jail->n_files], 0, sizeof *jail->files);
	file_read(&jail->files[jail->n_files++], j);
	v->generation[VIEW_JAILS]++;
}

/* ---- engine, stats, white list ---- */
static void
engine_read(struct view *v, const json_t *j)
{
	struct view_engine *e = &v->engine;
	const char *state = field_text(j, "state");

	engine_done(e);
	e->version = field_dup(j, "version");
	e->host = field_dup(j, "host");
	e->config = field_dup(j, "config");
	e->why = field_dup(j, "why");
	e->pid = (long)field_int(j, "pid");
	e->started = field_real(j, "started");
	e->is_dry = strcmp(field_text(j, "mode"), "dry-run") == 0;
	e->is_owned = field_bool(j, "owned");
	e->state = strcmp(state, "starting") == 0 ? VIEW_STARTING : strcmp(state, "stopping") == 0 ? VIEW_STOPPING : VIEW_OK;
	e->jails_ready = (int)field_int(j, "jails_ready");
	e->jails_all = (int)field_int(j, "jails_all");
	e->config_notes = (int)field_int(j, "config_notes");
	v->generation[VIEW_ENGINE]++;
}

static void
stats_read(struct view *v, const json_t *j, double monotonic)
{
	struct view_stats *s = &v->stats;
	int64_t old_found = s->found, old_sent = s->found_sent;
	bool had_any = s->received > 0;

	s->lines = field_int(j, "lines");
	s->lines_s = field_real(j, "lines_s");
	s->matched = field_int(j, "matched");
	s->found = field_int(j, "found");
	s->found_sent = field_int(j, "found_sent");
	s->fail_min = field_int(j, "fail_min");
	s->bans = field_int(j, "bans");
	s->bans_min = field_int(j, "bans_min");
	s->unbans_min = field_int(j, "unbans_min");
	s->queue = field_int(j, "queue");
	s->fw_failed = strcmp(field_text(j, "fw"), "fail") == 0;
	s->fw_fails = (int)field_int(j, "fw_fails");
	s->logs_ok = (int)field_int(j, "logs_ok");
	s->logs_all = (int)field_int(j, "logs_all");
	s->drift = field_int(j, "drift");
	s->lag = field_real(j, "lag");
	s->limit = field_int(j, "limit");
	s->white = field_int(j, "white");
	s->db_failed = strcmp(field_text(j, "db"), "fail") == 0;
	s->db_off = strcmp(field_text(j, "db"), "off") == 0;
	free(s->fw_error);
	s->fw_error = field_dup(j, "fw_error");
	free(s->db_error);
	s->db_error = field_dup(j, "db_error");
	spark_read(&s->spark, json_object_get(j, "spark"));
	s->received = monotonic > 0 ? monotonic : 1;
	s->sample_found = s->sample_sent = 0;
	if (had_any && s->found - old_found > s->found_sent - old_sent) {
		s->sample_found = s->found - old_found;
		s->sample_sent = s->found_sent - old_sent;
	}
	v->generation[VIEW_STATS]++;
}

static void
white_put(struct view *v, const json_t *j)
{
	const char *ip = field_text(j, "ip"), *jail = field_text(j, "jail");
	bool is_gone = field_bool(j, "gone");
	size_t i = 0;

	if (*ip == '\0')
		return;
	while (i < v->n_white && (strcmp(v->white[i].ip, ip) != 0 || strcmp(v->white[i].jail, jail) != 0))
		i++;
	v->generation[VIEW_WHITE]++;
	if (is_gone) {
		if (i == v->n_white)
			return;
		free(v->white[i].ip);
		free(v->white[i].jail);
		memmove(&v->white[i], &v->white[i + 1], (v->n_white - i - 1) * sizeof *v->white);
		v->n_white--;
		return;
	}
	if (i == v->n_white) {
		v->white = xreallocarray(v->white, v->n_white + 1, sizeof *v->white);
		struct view_white *w = &v->white[v->n_white++];
		memset(w, 0, sizeof *w);
		w->ip = xstrdup(ip);
		w->jail = xstrdup(jail);
		if (!addr_parse(ip, &w->addr))
			w->addr.family = 0;
	}
	v->white[i].until = field_real(j, "until");
}

/* ---- the firewall ---- */
static void
chain_read(struct view_chain *chain, const json_t *j)
{
	const json_t *items = json_object_get(j, "items");

	chain->name = field_dup(j, "name");
	chain->jail = field_dup(j, "jail");
	chain->from = field_dup(j, "from");
	chain->jump = field_dup(j, "jump");
	chain->family = (int)field_int(j, "family");
	chain->rules = (int)field_int(j, "rules");
	chain->cut = (int)field_int(j, "cut");
	chain->pkts = field_int(j, "pkts");
	chain->bytes = field_int(j, "bytes");
	chain->n_items = json_array_size(items);
	chain->items = xcalloc(chain->n_items + 1, sizeof *chain->items);
	for (size_t i = 0; i < chain->n_items; i++) {
		const json_t *row = json_array_get(items, i);
		struct view_rule_item *item = &chain->items[i];
		item->n = (int)field_int(row, "n");
		item->pkts = field_int(row, "pkts");
		item->bytes = field_int(row, "bytes");
		item->target = field_dup(row, "target");
		item->source = field_dup(row, "source");
		item->ban = field_dup(row, "ban");
		item->text = field_dup(row, "text");
	}
}

/* Rates: against the same rule of the listing before, which stands within a few places of where it stood. */
static void
rates_fill(struct view_chains *now, const struct view_chains *old)
{
	double span = now->t - old->t;

	if (!old->is_known || !(span > 0))
		return;
	for (size_t i = 0; i < now->n_chains; i++) {
		struct view_chain *a = &now->chains[i];
		const struct view_chain *b = NULL;
		for (size_t k = 0; k < old->n_chains && b == NULL; k++)
			if (old->chains[k].family == a->family && strcmp(old->chains[k].name, a->name) == 0)
				b = &old->chains[k];
		if (b == NULL)
			continue;
		a->pkts_s = a->pkts > b->pkts ? (double)(a->pkts - b->pkts) / span : 0;
		for (size_t k = 0; k < a->n_items; k++)
			for (size_t near = k > 8 ? k - 8 : 0; near < b->n_items && near <= k + 8; near++)
				if (strcmp(a->items[k].source, b->items[near].source) == 0 &&
				    strcmp(a->items[k].target, b->items[near].target) == 0) {
					int64_t more = a->items[k].pkts - b->items[near].pkts;
					a->items[k].pkts_s = more > 0 ? (double)more / span : 0;
					break;
				}
	}
}

static void
chains_read(struct view *v, const json_t *j)
{
	struct view_chains now = {.is_known = json_is_object(j)}, old = v->chains;
	const json_t *chains = json_object_get(j, "chains"), *drift = json_object_get(j, "drift"),
	             *policy = json_object_get(j, "policy");

	now.t = field_real(j, "t");
	now.ms = field_real(j, "ms");
	now.every = field_real(j, "every");
	now.error = field_dup(j, "error");
	now.n_chains = json_array_size(chains);
	now.chains = xcalloc(now.n_chains + 1, sizeof *now.chains);
	for (size_t i = 0; i < now.n_chains; i++)
		chain_read(&now.chains[i], json_array_get(chains, i));
	now.n_drift = json_array_size(drift);
	now.drift = xcalloc(now.n_drift + 1, sizeof *now.drift);
	for (size_t i = 0; i < now.n_drift; i++) {
		const json_t *row = json_array_get(drift, i);
		now.drift[i].kind = field_dup(row, "kind");
		now.drift[i].jail = field_dup(row, "jail");
		now.drift[i].ip = field_dup(row, "ip");
		now.drift[i].chain = field_dup(row, "chain");
	}
	now.n_policy = json_array_size(policy);
	now.policy = xcalloc(now.n_policy + 1, sizeof *now.policy);
	for (size_t i = 0; i < now.n_policy; i++) {
		const json_t *row = json_array_get(policy, i);
		now.policy[i].chain = field_dup(row, "chain");
		now.policy[i].policy = field_dup(row, "policy");
		now.policy[i].family = (int)field_int(row, "family");
	}
	rates_fill(&now, &old);
	chains_done(&old);
	v->chains = now;
	v->generation[VIEW_CHAINS]++;
}

/* ---- the log ---- */
struct log_row {
	enum view_event_kind kind;
	size_t text_len; /* 0: up to the NUL; a log line may hold NULs */
	const char *jail, *ip, *text, *verdict, *why;
	int n, max, regex, level;
	bool is_dry;
};

static void
log_push(struct view *v, double t, const struct log_row *row)
{
	const char *part[5] = {row->jail, row->ip, row->verdict, row->why, row->text};
	size_t len[5], size = 0;
	struct view_event *e;

	if (v->log == NULL)
		v->log = xcalloc(VIEW_LOG_MAX, sizeof *v->log);
	if (v->n_log == VIEW_LOG_MAX) {
		e = &v->log[v->log_first];
		free(e->own);
		v->log_first = (v->log_first + 1) % VIEW_LOG_MAX;
	} else {
		e = &v->log[(v->log_first + v->n_log++) % VIEW_LOG_MAX];
	}
	memset(e, 0, sizeof *e);
	for (int i = 0; i < 5; i++) {
		len[i] = i == 4 && row->text_len > 0 ? row->text_len : strlen(part[i]);
		if (len[i] > VIEW_LINE_MAX)
			len[i] = VIEW_LINE_MAX;
		size += len[i] + 1;
	}
	char *at = e->own = xmalloc(size);
	const char **to[5] = {&e->jail, &e->ip, &e->verdict, &e->why, &e->text};
	for (int i = 0; i < 5; i++) {
		memcpy(at, part[i], len[i]);
		at[len[i]] = '\0';
		*to[i] = at;
		at += len[i] + 1;
	}
	e->text_len = len[4];
	e->serial = ++v->log_serial;
	e->t = t;
	e->kind = row->kind;
	e->n = row->n;
	e->max = row->max;
	e->regex = row->regex;
	e->level = row->level;
	e->is_dry = row->is_dry;
	v->generation[VIEW_LOG]++;
}

static bool
log_event(struct view *v, const char *name, const json_t *j, double t)
{
	struct log_row row = {.jail = field_text(j, "jail"), .ip = field_text(j, "ip"), .text = "",
	                      .verdict = "", .why = field_text(j, "why")};
	struct str text = {0};

	if (strcmp(name, "found") == 0) {
		row.kind = VIEW_FOUND;
		row.verdict = field_text(j, "verdict");
		row.n = (int)field_int(j, "n");
		row.max = (int)field_int(j, "max");
		row.regex = (int)field_int(j, "regex");
		row.text = field_text(j, "line");
		row.text_len = json_string_length(json_object_get(j, "line"));
	} else if (strcmp(name, "ban") == 0 || strcmp(name, "prolong") == 0) {
		row.kind = *name == 'b' ? VIEW_BAN : VIEW_PROLONG;
		row.is_dry = field_bool(j, "dry");
		row.n = (int)field_int(j, "count");
		str_addf(&text, "%.0f", field_real(j, "bantime")); /* put in words when drawn */
		row.text = str_text(&text);
	} else if (strcmp(name, "unban") == 0) {
		row.kind = VIEW_UNBAN;
		str_addf(&text, "%.0f", field_real(j, "left"));
		row.text = str_text(&text);
	} else if (strcmp(name, "action") == 0) {
		if (field_bool(j, "ok"))
			return false;
		row.kind = VIEW_ACTION_FAILED;
		str_addf(&text, "%s %s: ", field_text(j, "action"), field_text(j, "phase"));
		if (field_bool(j, "timeout"))
			str_add(&text, "timed out");
		else
			str_addf(&text, "exit %d", (int)field_int(j, "exit"));
		if (*field_text(j, "output") != '\0')
			str_addf(&text, ", %s", field_text(j, "output"));
		while (text.len > 0 && text.at[text.len - 1] == '\n')
			str_cut(&text, text.len - 1);
		row.text = str_text(&text);
	} else if (strcmp(name, "file") == 0) {
		const char *state = field_text(j, "state");
		row.kind = VIEW_FILE;
		row.verdict = state;
		str_addf(&text, "%s: ", field_text(j, "path"));
		if (strcmp(state, "ok") == 0)
			str_add(&text, json_is_null(json_object_get(j, "rotated")) || field_real(j, "rotated") <= 0 ? "is read" : "rotated, goes on");
		else if (strcmp(state, "missing") == 0)
			str_add(&text, "no such file");
		else if (strcmp(state, "denied") == 0)
			str_add(&text, "permission denied");
		else
			str_add(&text, field_text(j, "error"));
		row.text = str_text(&text);
	} else if (strcmp(name, "notice") == 0) {
		const char *level = field_text(j, "level");
		row.kind = VIEW_NOTICE;
		row.level = strcmp(level, "error") == 0 ? 2 : strcmp(level, "warning") == 0 ? 1 : 0;
		row.text = field_text(j, "text");
	} else if (strcmp(name, "repair") == 0) {
		row.kind = VIEW_REPAIR;
		str_addf(&text, "%s", field_text(j, "what"));
		if (field_int(j, "count") > 0)
			str_addf(&text, " (%d)", (int)field_int(j, "count"));
		row.text = str_text(&text);
	} else {
		return false;
	}
	log_push(v, t, &row);
	str_done(&text);
	return true;
}

/* ---- messages ---- */
static void
snapshot_begin(struct mirror *m, const json_t *j)
{
	struct view *v;
	size_t i;
	const json_t *row;

	if (m->next != NULL)
		holder_free(m->next);
	m->next = holder_new(&m->serials);
	v = &m->next->view;
	engine_read(v, json_object_get(j, "engine"));
	stats_read(v, json_object_get(j, "stats"), 0);
	v->now = field_real(j, "now");
	json_array_foreach(json_object_get(j, "jails"), i, row)
		jail_put(v, row);
	json_array_foreach(json_object_get(j, "white"), i, row)
		white_put(v, row);
	chains_read(v, json_object_get(j, "chains"));
	json_decref(m->pending_log);
	m->pending_log = json_deep_copy(json_object_get(j, "log"));
	m->is_same_engine = v->engine.pid == m->last_pid && v->engine.started == m->last_started;
}

static void
snapshot_end(struct mirror *m, double monotonic)
{
	struct view *old = &m->now->view, *v;
	size_t i;
	const json_t *row;

	if (m->next == NULL)
		return;
	v = &m->next->view;
	for (int part = 0; part < VIEW_PARTS; part++)
		v->generation[part] += old->generation[part] + 1;
	/* the log goes on */
	v->log = old->log;
	v->log_first = old->log_first;
	v->n_log = old->n_log;
	v->log_serial = old->log_serial;
	old->log = NULL;
	memcpy(v->own, old->own, sizeof v->own);
	memcpy(v->own_addr, old->own_addr, sizeof v->own_addr);
	v->n_own = old->n_own;
	old->n_own = 0;
	json_array_foreach(m->pending_log, i, row) {
		double t = field_real(row, "t");
		int64_t seq = field_int(row, "seq");
		if (m->is_same_engine ? seq > m->last_seq : t > m->last_t)
			log_event(v, field_text(row, "ev"), row, t);
	}
	if (!m->is_same_engine)
		m->last_seq = 0;
	json_array_foreach(m->pending_log, i, row) {
		if (field_int(row, "seq") > m->last_seq)
			m->last_seq = field_int(row, "seq");
		if (field_real(row, "t") > m->last_t)
			m->last_t = field_real(row, "t");
	}
	json_decref(m->pending_log);
	m->pending_log = NULL;
	m->last_pid = v->engine.pid;
	m->last_started = v->engine.started;
	v->is_filled = true;
	v->now_at = monotonic;
	v->stats.received = monotonic > 0 ? monotonic : 1;
	v->epoch = old->epoch + 1;
	/* the contents change places, the address that everybody holds stays */
	struct holder gone = *m->now;
	*m->now = *m->next;
	*m->next = gone;
	holder_free(m->next);
	m->next = NULL;
}

static void
rule_event(struct holder *h, const json_t *j)
{
	const char *rule = field_text(j, "rule"), *jail = field_text(j, "jail");
	const char *id = field_text(j, *field_text(j, "id") != '\0' ? "id" : "ip");

	if (*rule == '\0')
		return;
	struct ban_node *node = ban_find(h, jail, id);
	if (node == NULL)
		return;
	node->ban.rule = rule_of(rule);
	h->view.generation[VIEW_BANS]++;
}

/* What the kernel shows of bans. */
static void
rules_event(struct holder *h, const json_t *j)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(j, "items"), i, row) {
		struct ban_node *node = ban_find(h, field_text(row, "jail"), field_text(row, "id"));
		if (node == NULL)
			continue;
		if (*field_text(row, "rule") != '\0')
			node->ban.rule = rule_of(field_text(row, "rule"));
		if (json_object_get(row, "hits") != NULL)
			node->ban.hits = field_int(row, "hits");
		h->view.generation[VIEW_BANS]++;
	}
}

static void
event_feed(struct mirror *m, const char *name, const json_t *j)
{
	struct holder *h = m->now;
	struct view *v = &h->view;
	double t = field_real(j, "t");
	size_t i;
	const json_t *row;

	if (field_int(j, "seq") > m->last_seq)
		m->last_seq = field_int(j, "seq");
	if (t > m->last_t)
		m->last_t = t;
	if (t > v->now || strcmp(name, "stats") == 0) /* stats also follow a clock that was set back */
		v->now = t;
	if (strcmp(name, "ban") == 0 || strcmp(name, "prolong") == 0) {
		ban_put(h, j);
	} else if (strcmp(name, "unban") == 0) {
		struct ban_node *node = ban_find(h, field_text(j, "jail"), field_text(j, *field_text(j, "id") != '\0' ? "id" : "ip"));
		if (node != NULL)
			ban_drop(h, node);
	} else if (strcmp(name, "action") == 0) {
		rule_event(h, j);
	} else if (strcmp(name, "rules") == 0) {
		rules_event(h, j);
	} else if (strcmp(name, "jail") == 0) {
		jail_put(v, j);
	} else if (strcmp(name, "jail_gone") == 0) {
		jail_drop(v, field_text(j, "name"));
	} else if (strcmp(name, "file") == 0) {
		file_event(v, j);
	} else if (strcmp(name, "hosts") == 0) {
		json_array_foreach(json_object_get(j, "items"), i, row)
			host_put(h, row);
		json_array_foreach(json_object_get(j, "gone"), i, row)
			if (json_is_string(row))
				host_drop(h, json_string_value(row));
	} else if (strcmp(name, "stats") == 0) {
		stats_read(v, j, v->now_at);
	} else if (strcmp(name, "chains") == 0) {
		chains_read(v, j);
	} else if (strcmp(name, "white") == 0) {
		white_put(v, j);
	} else if (strcmp(name, "engine") == 0) {
		engine_read(v, j);
	}
	log_event(v, name, j, t);
}

bool
mirror_feed(struct mirror *m, const json_t *j, double monotonic)
{
	const json_t *part;
	const char *name;
	size_t i;
	const json_t *row;

	if (json_object_get(j, "id") != NULL && json_object_get(j, "ok") != NULL)
		return false;
	m->now->view.now_at = monotonic;
	if ((part = json_object_get(j, "snapshot")) != NULL) {
		snapshot_begin(m, part);
	} else if ((part = json_object_get(j, "bans")) != NULL && json_object_get(j, "ev") == NULL) {
		json_array_foreach(part, i, row)
			ban_put(m->next != NULL ? m->next : m->now, row);
	} else if ((part = json_object_get(j, "hosts")) != NULL && json_object_get(j, "ev") == NULL) {
		json_array_foreach(part, i, row)
			host_put(m->next != NULL ? m->next : m->now, row);
	} else if (json_object_get(j, "snapshot_end") != NULL) {
		snapshot_end(m, monotonic);
	} else if (*(name = field_text(j, "ev")) != '\0') {
		event_feed(m, name, j);
	} else {
		return false;
	}
	return true;
}

/* ---- reading ---- */
const struct view_event *
view_log_at(const struct view *v, size_t i)
{
	return i < v->n_log ? &v->log[(v->log_first + i) % VIEW_LOG_MAX] : NULL;
}

const struct view_jail *
view_jail(const struct view *v, const char *name)
{
	size_t i = jail_index(v, name);

	return i < v->n_jails ? v->jails[i] : NULL;
}

const struct view_ban *
view_ban(const struct view *v, const char *jail, const char *id)
{
	struct ban_node *node = ban_find((const struct holder *)v, jail, id);

	return node != NULL ? &node->ban : NULL;
}

const struct view_host *
view_host(const struct view *v, const char *ip)
{
	struct host_node *node;

	HASH_FIND_STR(((const struct holder *)v)->host_index, ip, node);
	return node != NULL ? &node->host : NULL;
}

const struct view_ban *
view_ban_next(const struct view *v, const char *ip, size_t *jail)
{
	while (*jail < v->n_jails) {
		const struct view_ban *b = view_ban(v, v->jails[(*jail)++]->name, ip);
		if (b != NULL)
			return b;
	}
	return NULL;
}

bool
view_is_own(const struct view *v, const struct addr *a)
{
	for (int i = 0; a->family != 0 && i < v->n_own; i++)
		if (addr_contains(a, &v->own_addr[i]))
			return true;
	return false;
}

const struct view_white *
view_white_of(const struct view *v, const struct addr *a)
{
	for (size_t i = 0; a->family != 0 && i < v->n_white; i++)
		if (v->white[i].addr.family != 0 && addr_contains(&v->white[i].addr, a))
			return &v->white[i];
	return NULL;
}
