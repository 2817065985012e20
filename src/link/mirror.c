/*
 * mirror: wire messages -> struct view. JSON in, plain structs out; knows no socket and no screen.
 *
 * A snapshot is gathered in a second view that replaces the first at its end, but for the log, which
 * goes on: rows that are known already are told by their sequence number. Input is untrusted in shape:
 * a field of the wrong type reads as zero or "", what has no name is dropped, caps are view.h's.
 */
#include "jailtop/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "link/fields.h"
#include "link/mirror_parts.h"

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
		jails_free_one(v->jails[i]);
	free(v->jails);
	for (size_t i = 0; v->log != NULL && i < VIEW_LOG_MAX; i++)
		free(v->log[i].own);
	free(v->log);
	state_white_done(v);
	chains_done(&v->chains);
	state_engine_done(&v->engine);
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
	state_engine(v, json_object_get(j, "engine"));
	state_stats(v, json_object_get(j, "stats"), 0);
	v->now = field_real(j, "now");
	json_array_foreach(json_object_get(j, "jails"), i, row)
		jails_put(v, row);
	json_array_foreach(json_object_get(j, "white"), i, row)
		state_white(v, row);
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
		rows_ban_put(h, j);
	} else if (strcmp(name, "unban") == 0) {
		struct ban_node *node = rows_ban_find(h, field_text(j, "jail"), field_text(j, *field_text(j, "id") != '\0' ? "id" : "ip"));
		if (node != NULL)
			rows_ban_drop(h, node);
	} else if (strcmp(name, "action") == 0) {
		rows_rule(h, j);
	} else if (strcmp(name, "rules") == 0) {
		rows_rules(h, j);
	} else if (strcmp(name, "jail") == 0) {
		jails_put(v, j);
	} else if (strcmp(name, "jail_gone") == 0) {
		jails_drop(v, field_text(j, "name"));
	} else if (strcmp(name, "file") == 0) {
		jails_file(v, j);
	} else if (strcmp(name, "hosts") == 0) {
		json_array_foreach(json_object_get(j, "items"), i, row)
			rows_host_put(h, row);
		json_array_foreach(json_object_get(j, "gone"), i, row)
			if (json_is_string(row))
				rows_host_drop(h, json_string_value(row));
	} else if (strcmp(name, "stats") == 0) {
		state_stats(v, j, v->now_at);
	} else if (strcmp(name, "chains") == 0) {
		chains_read(v, j);
	} else if (strcmp(name, "white") == 0) {
		state_white(v, j);
	} else if (strcmp(name, "engine") == 0) {
		state_engine(v, j);
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
			rows_ban_put(m->next != NULL ? m->next : m->now, row);
	} else if ((part = json_object_get(j, "hosts")) != NULL && json_object_get(j, "ev") == NULL) {
		json_array_foreach(part, i, row)
			rows_host_put(m->next != NULL ? m->next : m->now, row);
	} else if (json_object_get(j, "snapshot_end") != NULL) {
		snapshot_end(m, monotonic);
	} else if (*(name = field_text(j, "ev")) != '\0') {
		event_feed(m, name, j);
	} else {
		return false;
	}
	return true;
}

