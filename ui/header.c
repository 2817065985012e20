/*
 * header: the two lines on top: is it working, who attacks, which modes are on.
 *
 * Line 1 answers for engine, firewall, logs and your own address; line 2 for the attack. Parts are
 * dropped in a fixed order when there is no room; what needs attention and the modes are never dropped.
 */
#include <string.h>

#include "ui.h"

#define HEADER_PARTS 16

struct part {
	struct str text;
	enum role role;
	int drop; /* the highest goes first; 0: never */
	int gap;  /* blanks in front */
};

static struct part *
part_add(struct part *parts, int *n, enum role role, int drop, int gap)
{
	struct part *part = &parts[(*n)++];

	memset(part, 0, sizeof *part);
	part->role = role;
	part->drop = drop;
	part->gap = gap;
	return part;
}

static int
parts_width(const struct part *parts, int n, bool is_ascii)
{
	int w = 0;

	for (int i = 0; i < n; i++)
		if (parts[i].text.len > 0)
			w += canvas_cols(str_text(&parts[i].text), parts[i].text.len, is_ascii) + (w > 0 ? parts[i].gap : 0);
	return w;
}

static void
parts_draw(struct part *parts, int n, struct canvas *c, int y, int from, int to)
{
	int x = from;

	while (parts_width(parts, n, c->is_ascii) > to - from) {
		int victim = -1, widest = 0;
		for (int i = 0; i < n; i++) /* first closer together, then the least needed */
			if (parts[i].gap > 1)
				widest = parts[i].gap > widest ? parts[i].gap : widest;
		if (widest > 1) {
			for (int i = 0; i < n; i++)
				if (parts[i].gap == widest)
					parts[i].gap--;
			continue;
		}
		for (int i = 0; i < n; i++)
			if (parts[i].text.len > 0 && parts[i].drop > 0 && (victim < 0 || parts[i].drop > parts[victim].drop))
				victim = i;
		if (victim < 0)
			break;
		str_clear(&parts[victim].text);
	}
	for (int i = 0; i < n; i++) {
		if (parts[i].text.len > 0) {
			if (x > from)
				x += parts[i].gap;
			x += canvas_textn(c, x, y, to - x, 0, parts[i].role, 0, str_text(&parts[i].text), parts[i].text.len, NULL);
		}
		str_done(&parts[i].text);
	}
}

static void
seconds_short(double s, struct str *out)
{
	if (s < 9.95)
		str_addf(out, "%.1fs", s);
	else
		format_span(s, out);
}

static void
engine_part(const struct ui *ui, struct part *part, bool is_short)
{
	const struct view *v = ui->view;
	const struct view_engine *e = &v->engine;
	const char *name = is_short ? "ENG" : "ENGINE";

	part->role = ROLE_GOOD;
	if (!ui->is_up && !ui->is_replay) {
		part->role = ROLE_ALERT;
		if (ui->down_for <= 0 && !v->is_filled)
			str_addf(&part->text, "%s connecting", name);
		else
			str_addf(&part->text, "%s DOWN %.0fs%s%.0fs", name, ui->down_for, is_short ? " retry " : ", retry in ", ui->retry_in);
	} else if (!v->is_filled) {
		part->role = ROLE_WARN;
		str_addf(&part->text, "%s starting", name);
	} else if (e->state == VIEW_STARTING) {
		part->role = ROLE_WARN;
		str_addf(&part->text, "%s starting %d/%d jails", name, e->jails_ready, e->jails_all);
	} else if (e->state == VIEW_STOPPING) {
		part->role = ROLE_WARN;
		str_addf(&part->text, "%s stopping", name);
	} else if (ui_silence(ui) > 0) {
		part->role = ROLE_ALERT;
		str_addf(&part->text, "%s silent %.0fs", name, ui_silence(ui));
	} else {
		str_addf(&part->text, "%s ok", name);
		if (!is_short) {
			str_add(&part->text, ui->w >= 100 ? " lag " : " ");
			seconds_short(v->stats.lag, &part->text);
		}
		if (v->stats.lag > UI_LAG_S)
			part->role = ROLE_ALERT;
	}
}

static void
you_part(const struct ui *ui, struct part *part, bool is_short)
{
	const struct view *v = ui->view;
	const struct view_host *host;

	part->role = ROLE_YOU;
	if (v->n_own == 0) {
		str_add(&part->text, is_short ? "YOU?" : "YOU unknown!");
		part->role = ROLE_ALERT;
		return;
	}
	if (ui->own_ban.id[0] != '\0') { /* from before this screen was here */
		str_addf(&part->text, is_short ? "YOU BANNED" : "YOU %s BANNED", v->own[0]);
		part->role = ROLE_ALERT;
		return;
	}
	if (is_short) {
		str_add(&part->text, "YOU ok");
	} else {
		str_addf(&part->text, "YOU %s", v->own[0]);
		if (v->n_own > 1)
			str_addf(&part->text, " +%d", v->n_own - 1);
	}
	host = view_host(v, v->own[0]);
	if (host != NULL && host->max > 0 && host->fail >= host->max)
		part->role = ROLE_ALERT; /* the message line has the words */
	if (!is_short)
		str_add(&part->text, " safe");
}

static void
line_one(const struct ui *ui, struct canvas *c)
{
	const struct view *v = ui->view;
	const struct view_stats *s = &v->stats;
	struct part parts[HEADER_PARTS];
	struct str clock = {0};
	bool is_short = ui->w < 72, is_wide = ui->w >= 100;
	int n = 0, gap = is_wide ? 3 : 2;
	struct part *part;

	part = part_add(parts, &n, ROLE_TITLE, 0, 0);
	str_add(&part->text, "jailtop");
	if (!is_short && *v->engine.host != '\0') {
		part = part_add(parts, &n, ROLE_TITLE, 9, 1);
		str_add(&part->text, v->engine.host);
	}
	part = part_add(parts, &n, ROLE_GOOD, 0, gap);
	engine_part(ui, part, is_short);
	if (v->is_filled) {
		part = part_add(parts, &n, s->fw_failed ? ROLE_ALERT : ROLE_GOOD, s->fw_failed ? 0 : 4, gap);
		str_add(&part->text, is_wide ? "FIREWALL " : "FW ");
		if (v->engine.is_dry)
			str_add(&part->text, "dry");
		else if (s->fw_failed)
			str_addf(&part->text, "FAIL %d", s->fw_fails);
		else
			str_add(&part->text, "ok");
		if (!is_short)
			str_addf(&part->text, is_wide ? " queue %lld" : " q%lld", (long long)s->queue);
		bool logs_bad = s->logs_ok < s->logs_all;
		part = part_add(parts, &n, logs_bad ? ROLE_ALERT : ROLE_GOOD, logs_bad ? 0 : 5, gap);
		str_addf(&part->text, "%s %d/%d%s", is_short ? "LOG" : "LOGS", s->logs_ok, s->logs_all, logs_bad ? is_wide ? " !" : "!" : "");
		if (s->db_failed) {
			part = part_add(parts, &n, ROLE_ALERT, 0, gap);
			str_add(&part->text, "DB FAIL");
		} else if (is_wide) {
			part = part_add(parts, &n, ROLE_GOOD, 8, gap);
			str_add(&part->text, s->db_off ? "DB off" : "DB ok");
		}
	}
	if (!is_short) {
		part = part_add(parts, &n, ROLE_YOU, 0, gap);
		you_part(ui, part, false);
	}
	format_clock(ui_now(ui), &clock);
	parts_draw(parts, n, c, 0, 0, c->w - 9);
	canvas_text(c, c->w - 8, 0, ROLE_NORMAL, str_text(&clock));
	str_done(&clock);
}

static void
modes_add(const struct ui *ui, struct part *parts, int *n, int gap)
{
	struct part *part;
	int64_t paused = log_paused_rows(ui);

	if (ui->view->is_filled && ui->view->engine.is_dry) {
		part = part_add(parts, n, ROLE_MODE, 0, gap);
		str_add(&part->text, "DRY-RUN");
	}
	if (ui->view->is_filled && ui->view->engine.hold > ui_now(ui)) {
		part = part_add(parts, n, ROLE_MODE, 0, gap);
		str_add(&part->text, "HOLD ");
		format_left(ui->view->engine.hold - ui_now(ui), &part->text);
	}
	if (ui->is_read_only || (ui->is_up && !ui->can_write && !ui->is_replay)) {
		part = part_add(parts, n, ROLE_MODE, 0, gap);
		str_add(&part->text, "READ-ONLY");
	}
	if (ui->is_replay) {
		part = part_add(parts, n, ROLE_MODE, 6, gap);
		str_add(&part->text, "REPLAY");
	}
	if (paused >= 0) {
		part = part_add(parts, n, ROLE_MODE, 0, gap);
		str_addf(&part->text, "PAUSED +%lld", (long long)paused);
	}
	for (int i = 0; i < PANES; i++)
		if (ui->panes[i].table.filter != NULL && ui->panes[i].w == 0) {
			part = part_add(parts, n, ROLE_MODE, 0, gap);
			str_addf(&part->text, "filter in %s", ui->panes[i].ops->title);
			break;
		}
}

/* Of what the jails looked at: a file that two jails read counts for both. -1: nothing yet. */
static double
matched_share(const struct view *v)
{
	int64_t lines = 0, matched = 0;

	for (size_t i = 0; i < v->n_jails; i++) {
		lines += v->jails[i]->lines;
		matched += v->jails[i]->matched;
	}
	return lines > 0 ? (double)matched / (double)lines : -1;
}

static void
line_two(const struct ui *ui, struct canvas *c)
{
	const struct view *v = ui->view;
	const struct view_stats *s = &v->stats;
	struct part parts[HEADER_PARTS];
	bool is_short = ui->w < 72, is_wide = ui->w >= 100;
	int n = 0, gap = is_short ? 1 : 3;
	struct part *part;

	if (v->is_filled) {
		part = part_add(parts, &n, ROLE_NORMAL, 0, 0);
		str_add(&part->text, is_short ? "f/m " : "fail/min ");
		format_count(s->fail_min, &part->text);
		if (!is_short) {
			part = part_add(parts, &n, ROLE_WARN, 7, 1);
			if (is_wide)
				str_addc(&part->text, '[');
			format_spark(&s->spark, is_wide ? 20 : 12, ui->is_ascii, &part->text);
			if (is_wide)
				str_addc(&part->text, ']');
			part = part_add(parts, &n, ROLE_NORMAL, 5, gap);
			str_add(&part->text, "lines/s ");
			format_count((int64_t)(s->lines_s + 0.5), &part->text);
			if (s->lag > 1)
				str_addf(&part->text, " lag %.1fs", s->lag);
			if (is_wide && matched_share(v) >= 0) {
				part = part_add(parts, &n, ROLE_NORMAL, 6, gap);
				str_addf(&part->text, "matched %.0f%%", 100 * matched_share(v));
			}
		}
		part = part_add(parts, &n, s->bans > 0 ? ROLE_BAD : ROLE_NORMAL, 0, gap);
		str_add(&part->text, "bans ");
		format_count(s->bans, &part->text);
		part = part_add(parts, &n, ROLE_NORMAL, 3, 1);
		if (is_wide)
			str_addf(&part->text, "(+%lld -%lld /min)", (long long)s->bans_min, (long long)s->unbans_min);
		else
			str_addf(&part->text, "+%lld%s", (long long)s->bans_min, is_short ? "" : "/min");
		if (is_wide || s->white > 0) {
			part = part_add(parts, &n, ROLE_WHITE, 4, gap);
			str_addf(&part->text, "white %lld", (long long)s->white);
		}
		if (is_wide || s->drift > 0) {
			part = part_add(parts, &n, s->drift > 0 ? ROLE_ALERT : ROLE_NORMAL, s->drift > 0 ? 0 : 4, gap);
			str_addf(&part->text, "drift %lld%s", (long long)s->drift, s->drift > 0 ? is_wide ? " !" : "!" : "");
		}
		if (is_wide || s->limit > 0) {
			part = part_add(parts, &n, s->limit > 0 ? ROLE_WARN : ROLE_NORMAL, 8, gap);
			str_addf(&part->text, "re-limit %lld", (long long)s->limit);
		}
		if (is_short) {
			part = part_add(parts, &n, ROLE_YOU, 0, 1);
			you_part(ui, part, true);
		}
	} else if (*ui->down_reason != '\0') {
		part = part_add(parts, &n, ROLE_WARN, 0, 0);
		str_add(&part->text, ui->down_reason);
	}
	modes_add(ui, parts, &n, gap > 2 ? 2 : gap);
	parts_draw(parts, n, c, 1, 0, c->w);
}

int
header_rows(const struct ui *ui)
{
	return ui->h >= 6 ? 2 : 1;
}

void
header_draw(const struct ui *ui, struct canvas *c)
{
	line_one(ui, c);
	if (header_rows(ui) > 1)
		line_two(ui, c);
}
