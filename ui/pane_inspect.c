/*
 * pane_inspect: all that is known of one address: why it is banned, by which lines, how often before.
 * Asks the engine when it is opened and every few seconds after; what it shows meanwhile says so.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "ui.h"

#define ASK_EVERY_S 2.0
#define LINES_MAX 400
#define NETWORK_HOSTS_MAX 100

struct line {
	char *label, *text; /* owned */
	enum role role;
};

struct inspect_state {
	struct target target;
	bool has_target;
	json_t *detail;      /* owned; NULL: not answered yet */
	char error[300];
	bool is_asked;
	double asked_at, answered_at;
	struct line *lines;  /* owned */
	size_t count, top;
	uint64_t generation;
	unsigned number;     /* grows with each address: an answer for the one before is dropped */
};

struct question {
	struct ui *ui;
	unsigned number;
};

/* ---- JSON of the engine: the same care as the model's ---- */
static const char *
text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

static double
real_of(const json_t *o, const char *key)
{
	double value = json_number_value(json_object_get(o, key));

	return isfinite(value) ? value : 0;
}

static long long
int_of(const json_t *o, const char *key)
{
	double value = real_of(o, key);

	return value > -9e15 && value < 9e15 ? (long long)value : 0;
}

/* ---- lines ---- */
static void
lines_clear(struct inspect_state *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->lines[i].label);
		free(s->lines[i].text);
	}
	s->count = 0;
}

static void __attribute__((format(printf, 4, 5)))
line_add(struct inspect_state *s, enum role role, const char *label, const char *format, ...)
{
	struct str text = {0};
	va_list args;

	if (s->count >= LINES_MAX)
		return;
	va_start(args, format);
	str_addv(&text, format, args);
	va_end(args);
	s->lines = xreallocarray(s->lines, s->count + 1, sizeof *s->lines);
	s->lines[s->count++] = (struct line){xstrdup(label), str_take(&text), role};
}

/* When a line was: its "t", else the clock that stands in its text (a day's seconds); < 0: unknown. */
static double
line_time(const json_t *row)
{
	const char *text = text_of(row, "text");
	int h, m, s;

	if (real_of(row, "t") > 0)
		return real_of(row, "t");
	for (size_t i = 0; i < 40 && text[i] != '\0'; i++)
		if (text[i] >= '0' && text[i] <= '2' && sscanf(text + i, "%2d:%2d:%2d", &h, &m, &s) == 3)
			return h * 3600 + m * 60 + s;
	return -1;
}

static void
line_clock(double t, struct str *out)
{
	if (t >= 0 && t < 86400)
		str_addf(out, "%02d:%02d:%02d", (int)t / 3600, (int)t / 60 % 60, (int)t % 60);
	else if (t > 0)
		format_clock(t, out);
}

/* With the log's own bytes; a NUL must not hide what follows it. */
static void
restored_add(struct str *out, const json_t *text, const json_t *raw)
{
	struct str whole = {0};

	text_restore(json_string_value(text), json_string_length(text), raw, &whole);
	for (size_t k = 0; k < whole.len; k++)
		if (whole.at[k] == '\0')
			str_add(out, "\xe2\x90\x80");
		else
			str_addc(out, whole.at[k]);
	str_done(&whole);
}

static void
log_lines_add(struct inspect_state *s, const json_t *lines)
{
	size_t i;
	const json_t *row;
	struct str clock = {0};

	json_array_foreach(lines, i, row) {
		const json_t *bytes = json_object_get(row, "text");
		size_t from = 0;
		struct str text = {0};
		if (!json_is_string(bytes))
			continue;
		restored_add(&text, bytes, json_object_get(row, "raw"));
		log_body(str_text(&text), text.len, &from);
		str_clear(&clock);
		line_clock(line_time(row), &clock);
		line_add(s, ROLE_NORMAL, i == 0 ? "LINES" : "", "%s %s", str_text(&clock), str_text(&text) + from);
		str_done(&text);
	}
	str_done(&clock);
}

/* "08:40:25 x.....x......x.....x..........X 08:41:06" */
static void
timeline_add(struct inspect_state *s, const json_t *lines, bool is_banned)
{
	enum { COLS = 40 };
	char bar[COLS + 1];
	size_t n = json_array_size(lines);
	struct str from = {0}, to = {0};

	if (n < 2)
		return;
	double first = line_time(json_array_get(lines, 0)), last = line_time(json_array_get(lines, n - 1));
	if (first < 0 || !(last > first))
		return;
	memset(bar, '.', COLS);
	bar[COLS] = '\0';
	for (size_t i = 0; i < n; i++) {
		double at = (line_time(json_array_get(lines, i)) - first) / (last - first) * (COLS - 1);
		if (at >= 0 && at < COLS)
			bar[(int)at] = 'x';
	}
	bar[COLS - 1] = 'X';
	line_clock(first, &from);
	line_clock(last, &to);
	line_add(s, ROLE_NORMAL, "TIME", "%s %s %s%s", str_text(&from), bar, str_text(&to), is_banned ? "  BAN" : "");
	str_done(&from);
	str_done(&to);
}

static void
ban_add(struct inspect_state *s, const struct ui *ui, const json_t *b)
{
	struct str text = {0};
	double until = real_of(b, "until"), now = ui_now(ui);
	long long count = int_of(b, "count");
	size_t i;
	const json_t *row;

	str_addf(&text, "in %s   left ", text_of(b, "jail"));
	if (until < 0)
		str_add(&text, "perm");
	else {
		format_left(until - now, &text);
		str_add(&text, " (until ");
		format_clock(until, &text);
		str_add(&text, ")");
	}
	str_add(&text, "   bantime ");
	format_span(real_of(b, "bantime"), &text);
	if (count > 1) {
		str_add(&text, ", ");
		format_ordinal((int)count, &text);
		str_add(&text, " time");
	}
	if (strchr(text_of(b, "flags"), 'M') != NULL)
		str_add(&text, ", by hand");
	line_add(s, ROLE_BAD, "BANNED", "%s", str_text(&text));

	str_clear(&text);
	if (int_of(b, "fails") > 0) {
		str_addf(&text, "%lld failures in ", int_of(b, "fails"));
		format_span(real_of(b, "span"), &text);
		str_addf(&text, "; maxretry %lld, findtime ", int_of(b, "maxretry"));
		format_span(real_of(b, "findtime"), &text);
		str_addf(&text, "; failregex #%lld", int_of(b, "failregex"));
		if (json_array_size(json_object_get(b, "lines")) < (size_t)int_of(b, "fails"))
			str_addf(&text, "; %zu lines kept", json_array_size(json_object_get(b, "lines")));
	} else {
		str_add(&text, "by command, not by failures");
	}
	line_add(s, ROLE_NORMAL, "WHY", "%s", str_text(&text));

	const char *rule = text_of(b, "rule");
	size_t n_rules = 0;
	json_array_foreach(json_object_get(s->detail, "rule"), i, row) {
		if (strcmp(text_of(row, "jail"), text_of(b, "jail")) != 0)
			continue;
		str_clear(&text);
		str_addf(&text, "%s #%lld %s, present, ", text_of(row, "chain"), int_of(row, "n"), text_of(row, "target"));
		format_count(int_of(row, "pkts"), &text);
		str_add(&text, " pkts ");
		format_count(int_of(row, "bytes"), &text);
		str_add(&text, " bytes");
		line_add(s, ROLE_NORMAL, n_rules++ == 0 ? "RULE" : "", "%s", str_text(&text));
	}
	if (n_rules == 0)
		line_add(s, strcmp(rule, "ok") == 0 || strcmp(rule, "wait") == 0 ? ROLE_NORMAL : ROLE_ALERT, "RULE", "%s",
		    strcmp(rule, "ok") == 0 ? "its commands succeeded; not seen in a listed chain"
		    : strcmp(rule, "wait") == 0 ? "on its way to the firewall"
		    : strcmp(rule, "dry") == 0 ? "none: this is a dry run"
		    : strcmp(rule, "fail") == 0 ? "none: the command failed, see below" : "none in the firewall");
	json_array_foreach(json_object_get(b, "outcomes"), i, row) {
		bool ok = json_is_true(json_object_get(row, "ok"));
		line_add(s, ok ? ROLE_NORMAL : ROLE_ALERT, i == 0 ? "ACTION" : "", "%s %s: %s, exit %lld, %.0f ms", text_of(row, "action"),
		    text_of(row, "phase"), ok ? "ok" : "FAILED", int_of(row, "exit"), real_of(row, "ms"));
		if (!ok) {
			line_add(s, ROLE_NORMAL, "", "  ran: %s", text_of(row, "command"));
			if (*text_of(row, "output") != '\0')
				line_add(s, ROLE_NORMAL, "", "  said: %s", text_of(row, "output"));
		}
	}
	const char *regex = text_of(b, "regex");
	if (*regex != '\0')
		line_add(s, ROLE_NORMAL, "REGEX", "%s", regex);
	timeline_add(s, json_object_get(b, "lines"), true);
	log_lines_add(s, json_object_get(b, "lines"));
	str_done(&text);
}

static void
history_add(struct inspect_state *s)
{
	const json_t *history = json_object_get(s->detail, "history"), *row;
	size_t n = json_array_size(history), i;
	struct str text = {0};

	if (n == 0) {
		line_add(s, ROLE_NORMAL, "BEFORE", "no ban before");
		return;
	}
	str_addf(&text, n == 1 ? "%zu ban: " : "%zu bans: ", n);
	json_array_foreach(history, i, row) {
		char day[32] = "";
		time_t t = (time_t)real_of(row, "t");
		struct tm tm;
		if (i + 5 < n) /* the last five */
			continue;
		if (t > 0 && localtime_r(&t, &tm) != NULL)
			strftime(day, sizeof day, "%m-%d %H:%M", &tm);
		str_addf(&text, "%s ", day);
		format_span(real_of(row, "bantime"), &text);
		str_add(&text, i + 1 < n ? ", " : "");
	}
	line_add(s, ROLE_NORMAL, "BEFORE", "%s", str_text(&text));
	str_done(&text);
}

static int
busier(const void *a, const void *b)
{
	const struct view_host *x = *(const struct view_host *const *)a, *y = *(const struct view_host *const *)b;

	return x->fail != y->fail ? (x->fail < y->fail ? 1 : -1) : addr_compare(&x->addr, &y->addr);
}

/* Of a network: who in it fails; the engine is asked about the network itself. */
static void
network_add(struct inspect_state *s, const struct ui *ui)
{
	const struct view *v = ui->view;
	const struct view_host **found = xcalloc(v->n_hosts + 1, sizeof *found);
	const struct view_ban *ban;
	size_t n = 0, banned = 0, jail;
	int64_t fails = 0;

	for (size_t i = 0; i < v->n_host_slots; i++)
		if (v->hosts[i] != NULL && addr_contains(&s->target.addr, &v->hosts[i]->addr)) {
			jail = 0;
			found[n++] = v->hosts[i];
			fails += v->hosts[i]->fail;
			banned += view_ban_next(v, v->hosts[i]->ip, &jail) != NULL;
		}
	qsort(found, n, sizeof *found, busier);
	line_add(s, ROLE_NORMAL, "NETWORK", "%zu host%s of it seen, %lld failure%s; %zu of them banned; B bans the network", n, n == 1 ? "" : "s",
	    (long long)fails, fails == 1 ? "" : "s", banned);
	for (size_t i = 0; i < n && i < NETWORK_HOSTS_MAX; i++) {
		const struct view_host *h = found[i];
		jail = 0;
		ban = view_ban_next(v, h->ip, &jail);
		line_add(s, ROLE_NORMAL, i == 0 ? "HOSTS" : "", "%s  %d/%d in %s%s%s%s", h->ip, h->fail, h->max, h->jail,
		    ban != NULL ? ", banned in " : "", ban != NULL ? ban->jail : "", view_is_own(v, &h->addr) ? ", YOU" : "");
	}
	if (n > NETWORK_HOSTS_MAX)
		line_add(s, ROLE_DIM, "", "... %zu more; Enter in Hosts lists them", n - NETWORK_HOSTS_MAX);
	free(found);
}

static void
lines_build(struct inspect_state *s, const struct ui *ui)
{
	const json_t *d = s->detail, *row;
	struct str text = {0};
	const struct view_white *white = view_white_of(ui->view, &s->target.addr);
	bool is_net = s->target.addr.family != 0 && !addr_is_host(&s->target.addr);
	size_t i;

	lines_clear(s);
	if (view_is_own(ui->view, &s->target.addr))
		line_add(s, ROLE_YOU, "YOU", is_net ? "it holds your own address: it is not banned" : "your own address: counted, not banned");
	if (is_net && s->has_target)
		network_add(s, ui);
	if (white != NULL) {
		str_add(&text, white->until < 0 ? "until the engine restarts" : "for ");
		if (white->until >= 0) {
			format_left(white->until - ui_now(ui), &text);
			str_add(&text, " more");
		}
		line_add(s, ROLE_WHITE, "WHITE", "%s, %s", str_text(&text), strcmp(white->jail, "all") == 0 ? "in all jails" : white->jail);
	}
	if (d == NULL) {
		line_add(s, ROLE_DIM, "", "%s", s->error[0] != '\0' ? s->error : ui->is_up ? "asking the engine..." : "no engine to ask");
		str_done(&text);
		return;
	}
	json_array_foreach(json_object_get(d, "bans"), i, row)
		ban_add(s, ui, row);
	json_array_foreach(json_object_get(d, "fails"), i, row) {
		str_clear(&text);
		str_addf(&text, "in %s %lld/%lld since ", text_of(row, "jail"), int_of(row, "count"), int_of(row, "max"));
		format_clock(real_of(row, "first"), &text);
		str_add(&text, ", last ");
		format_clock(real_of(row, "last"), &text);
		str_addf(&text, "; failregex #%lld", int_of(row, "failregex"));
		line_add(s, ROLE_WARN, "FAILS", "%s", str_text(&text));
		timeline_add(s, json_object_get(row, "lines"), false);
		log_lines_add(s, json_object_get(row, "lines"));
	}
	history_add(s);
	const json_t *users = json_object_get(d, "users");
	if (json_array_size(users) > 0) {
		str_clear(&text);
		json_array_foreach(users, i, row) {
			if (i == 20) {
				str_addf(&text, ", ... %zu more", json_array_size(users) - i);
				break;
			}
			const json_t *name = json_object_get(row, "name");
			str_add(&text, i > 0 ? ", " : "");
			if (json_is_string(name))
				restored_add(&text, name, json_object_get(row, "raw"));
			str_addf(&text, " %lld", int_of(row, "count"));
		}
		line_add(s, ROLE_NORMAL, "TRIED", "%s", str_text(&text));
	}
	if (json_array_size(json_object_get(d, "bans")) == 0 && json_array_size(json_object_get(d, "fails")) == 0)
		line_add(s, ROLE_DIM, "NOW", is_net ? "the network itself is not banned" : "not banned, no failure counted");
	str_done(&text);
}

/* ---- asking ---- */
static void
answered(void *arg, bool ok, const json_t *value, const char *error)
{
	struct question *q = arg;
	struct pane *p = &q->ui->panes[PANE_INSPECT];
	struct inspect_state *s = p->state;

	s->is_asked = false;
	if (q->number == s->number) {
		if (ok) {
			json_decref(s->detail);
			s->detail = json_deep_copy(value);
			s->error[0] = '\0';
			s->answered_at = q->ui->mono;
		} else {
			snprintf(s->error, sizeof s->error, "%s", error);
		}
		s->generation = 0;
		p->table.is_dirty = true;
		q->ui->must_draw = true;
	}
	free(q);
}

static void
ask(struct ui *ui)
{
	struct inspect_state *s = ui->panes[PANE_INSPECT].state;
	const char *words[] = {"get", "host", s->target.ip};

	if (!s->has_target || s->is_asked || ui->send == NULL || !ui->is_up)
		return;
	struct question *q = xcalloc(1, sizeof *q);
	q->ui = ui;
	q->number = s->number;
	s->asked_at = ui->mono;
	s->is_asked = true;
	if (!ui->send(ui->send_arg, words, 3, answered, q)) {
		s->is_asked = false;
		free(q);
	}
}

static void
choose(struct ui *ui, const struct target *t)
{
	struct inspect_state *s = ui->panes[PANE_INSPECT].state;

	if (s->has_target && strcmp(s->target.ip, t->ip) == 0)
		return;
	s->target = *t;
	s->has_target = true;
	s->number++;
	s->top = 0;
	json_decref(s->detail);
	s->detail = NULL;
	s->error[0] = '\0';
	s->generation = 0;
	ui->panes[PANE_INSPECT].table.is_dirty = true;
	ask(ui);
}

void
inspect_open(struct ui *ui, const struct target *t)
{
	choose(ui, t);
	ask(ui);
	ui_zoom_push(ui, PANE_INSPECT);
}

/* ---- the pane ---- */
static void
init(struct pane *p)
{
	p->state = xcalloc(1, sizeof(struct inspect_state));
}

static void
done(struct pane *p)
{
	struct inspect_state *s = p->state;

	lines_clear(s);
	free(s->lines);
	json_decref(s->detail);
	free(s);
}

static bool
update(struct pane *p, const struct ui *ui_const, bool force)
{
	struct ui *ui = (struct ui *)(uintptr_t)ui_const; /* asks the engine: the one update that sends */
	struct inspect_state *s = p->state;

	if (p->w == 0)
		return false;
	if (ui->n_zoom == 0) { /* the side column: whoever is under the cursor, once it rests */
		const struct pane *at = ui_focused(ui);
		struct target t;
		if (at != p && at->ops->target != NULL && ui->mono - ui->key_at > 0.3 && at->ops->target(at, ui, &t))
			choose(ui, &t);
	}
	if (ui->mono - s->asked_at > ASK_EVERY_S)
		ask(ui);
	(void)force;
	lines_build(s, ui);
	p->table.is_dirty = false;
	return true;
}

static void
draw(const struct pane *p, const struct ui *ui, struct canvas *c)
{
	const struct inspect_state *s = p->state;
	struct str right = {0};
	double age = s->answered_at > 0 ? ui->mono - s->answered_at : 0;

	if (s->detail != NULL && age > 3 * ASK_EVERY_S && !ui->is_replay) {
		str_add(&right, "as of ");
		format_span(age, &right);
		str_add(&right, " ago");
	} else if (c->w >= 60) {
		str_add(&right, ui->n_zoom > 0 ? "q: back" : "");
	}
	pane_title(p, ui, c, s->has_target ? s->target.ip : "", str_text(&right), ROLE_TITLE);
	str_done(&right);
	if (!s->has_target) {
		canvas_text(c, 1, 1, ROLE_DIM, "no address is under the cursor");
		return;
	}
	int indent = c->w >= 60 ? 10 : 1, y = 1;
	for (size_t i = s->top; i < s->count && y < c->h; i++) {
		const struct line *line = &s->lines[i];
		size_t len = strlen(line->text);
		int room = c->w - indent, cols = canvas_cols(line->text, len, c->is_ascii);
		bool is_log = cols > room && room > 20 && ui->is_wrapped;
		if (c->w >= 60)
			canvas_text(c, 1, y, ROLE_TITLE, line->label);
		if (is_log) {
			for (int from = 0; from < cols && y < c->h; from += room, y++)
				canvas_textn(c, indent, y, room, from, line->role, 0, line->text, len, NULL);
		} else {
			bool was_cut;
			canvas_textn(c, indent, y, room, ui->shift, line->role, 0, line->text, len, &was_cut);
			if (was_cut)
				canvas_text(c, c->w - 1, y, ROLE_DIM, ">");
			y++;
		}
	}
}

static enum pane_result
act(struct pane *p, enum action action, struct ui *ui)
{
	struct inspect_state *s = p->state;

	(void)ui;
	if (action == ACT_INSPECT)
		return PANE_DONE;
	return pane_scroll(action, p->h > 2 ? (size_t)p->h - 2 : 1, s->count, &s->top) ? PANE_DONE : PANE_PASS;
}

static bool
target(const struct pane *p, const struct ui *ui, struct target *t)
{
	const struct inspect_state *s = p->state;
	const struct view_ban *b;

	if (!s->has_target)
		return false;
	*t = s->target;
	/* a ban of it that is gone is no ban any more */
	b = view_ban(ui->view, t->jail, t->id);
	t->is_ban = t->is_ban && b != NULL;
	return true;
}

const struct pane_ops pane_inspect = {
    .name = "inspect", .title = "Inspect", .context = CTX_INSPECT, .init = init, .update = update, .draw = draw, .act = act,
    .target = target, .done = done,
};
