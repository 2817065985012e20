/*
 * mirror_log: events as rows of the Log pane: a ring, the oldest leaves.
 */
#include "link/mirror_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "link/fields.h"

#define APPLIED_ROWS 200 /* so far back is looked for the ban that an action was for */

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

/* What an action took goes to the row of its ban or unban, which is one of the newest. */
static void
applied(struct view *v, const json_t *j)
{
	const char *jail = field_text(j, "jail"), *ip = field_text(j, "ip"), *phase = field_text(j, "phase");
	enum view_event_kind kind = strcmp(phase, "ban") == 0 ? VIEW_BAN : VIEW_UNBAN;
	size_t least = v->n_log > APPLIED_ROWS ? v->n_log - APPLIED_ROWS : 0;

	if (field_bool(j, "dry") || (kind == VIEW_UNBAN && strcmp(phase, "unban") != 0))
		return;
	for (size_t i = v->n_log; i-- > least;) {
		struct view_event *e = &v->log[(v->log_first + i) % VIEW_LOG_MAX];
		if (e->kind != kind || strcmp(e->jail, jail) != 0 || strcmp(e->ip, ip) != 0)
			continue;
		double ms = field_real(j, "ms");
		if (ms > e->applied_ms) /* several actions: the slowest */
			e->applied_ms = ms < 0.5 ? 0.5 : ms;
		v->generation[VIEW_LOG]++;
		return;
	}
}

bool
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
		text_restore(field_text(j, "line"), json_string_length(json_object_get(j, "line")), json_object_get(j, "raw"), &text);
		row.text = str_text(&text);
		row.text_len = text.len;
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
		if (field_bool(j, "ok")) {
			applied(v, j);
			return false;
		}
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

const struct view_event *
view_log_at(const struct view *v, size_t i)
{
	return i < v->n_log ? &v->log[(v->log_first + i) % VIEW_LOG_MAX] : NULL;
}
