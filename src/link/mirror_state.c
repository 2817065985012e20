/*
 * mirror_state: the engine, its counters, the white list.
 */
#include "link/mirror_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "link/fields.h"

void
state_engine_done(struct view_engine *e)
{
	free(e->version);
	free(e->host);
	free(e->config);
	free(e->why);
}

void
state_white_done(struct view *v)
{
	for (size_t i = 0; i < v->n_white; i++) {
		free(v->white[i].ip);
		free(v->white[i].jail);
	}
	free(v->white);
	v->white = NULL;
	v->n_white = 0;
}

void
state_engine(struct view *v, const json_t *j)
{
	struct view_engine *e = &v->engine;
	const char *state = field_text(j, "state");

	state_engine_done(e);
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
	e->hold = field_real(j, "hold");
	v->generation[VIEW_ENGINE]++;
}

void
state_stats(struct view *v, const json_t *j, double monotonic)
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
	jails_spark(&s->spark, json_object_get(j, "spark"));
	s->received = monotonic > 0 ? monotonic : 1;
	s->sample_found = s->sample_sent = 0;
	if (had_any && s->found - old_found > s->found_sent - old_sent) {
		s->sample_found = s->found - old_found;
		s->sample_sent = s->found_sent - old_sent;
	}
	v->generation[VIEW_STATS]++;
}

void
state_white(struct view *v, const json_t *j)
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
