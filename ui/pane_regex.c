/*
 * pane_regex: an expression tried on the jail's recent lines. A child does the matching (`jailtop regex
 * --json`): no expression that is being typed runs in the engine or can hang the screen.
 *
 * What is typed is tried a moment after the last key. When it does not compile the error stands below its
 * column, and the result of the last good one stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/child.h"
#include "base/mem.h"
#include "deed.h"
#include "ui.h"

#define DEBOUNCE_MS 80
#define LINES_ASKED "2000"
#define REFRESH_S 10.0
#define REOPEN_S 2.0
#define CHILD_S 5.0
#define CHILD_OUT_MAX (8 * 1024 * 1024)
#define PATTERN_HEAD 4 /* "re> " */

enum show { SHOW_ALL, SHOW_MATCH, SHOW_MISS, SHOW_IGNORED, SHOW_LIMIT };

struct regex_state {
	struct ui *ui;
	char jail[256];
	int number;          /* of the jail's failregex, 1-based; 0: none of it */
	char *original;      /* owned: as the jail has it */
	struct str pattern;
	size_t at;
	bool is_editing, has_timer, is_dirty;
	uv_timer_t timer;
	struct child *child; /* NULL: none runs */
	bool is_again;       /* typed while the child ran */
	int file;            /* the filter that the child reads: memory without a name, gone with us; 0: none yet */
	struct str lines;    /* what the child gets on stdin */
	json_t *raws;        /* owned: for each, what the log has where it has U+FFFD */
	json_t *raws_tried;  /* owned: of the lines that the child was given; goes into its result */
	size_t n_lines;
	double asked_at;     /* monotonic */
	bool was_shown;
	bool is_asked;
	char trouble[300];   /* no lines, no child … */
	json_t *good;        /* owned: the last result without an error */
	json_t *error;       /* owned: of the pattern as it stands */
	double ms;
	enum show show;
	size_t top, shown;
	unsigned number_of_jail; /* grows with each jail: late answers are dropped */
};

struct lines_question {
	struct ui *ui;
	unsigned number;
	bool is_asked_for; /* by a key: says when they have come */
};

static struct regex_state *
state_of(const struct ui *ui)
{
	return ui->panes[PANE_REGEX].state;
}

static const char *
text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

static long long
int_of(const json_t *o, const char *key)
{
	return (long long)json_number_value(json_object_get(o, key));
}

/* ---- the child ---- */
static void run(struct regex_state *s);

static void
finished(void *arg, const struct child_result *r)
{
	struct regex_state *s = arg;
	json_error_t why;

	s->child = NULL;
	if (s->is_again) {
		s->is_again = false;
		run(s);
		return;
	}
	json_t *result = r->out_cut ? NULL : json_loadb(r->out, r->out_len, JSON_ALLOW_NUL, &why);
	s->trouble[0] = '\0';
	if (result == NULL) {
		if (r->spawn_error != 0)
			snprintf(s->trouble, sizeof s->trouble, "cannot start the tester: %s", uv_strerror(r->spawn_error));
		else if (r->timed_out)
			snprintf(s->trouble, sizeof s->trouble, "given up after %.0f s: the expression is too slow on these lines", CHILD_S);
		else
			snprintf(s->trouble, sizeof s->trouble, "the tester said: %.200s", r->err_len > 0 ? r->err : r->out_len > 0 ? r->out : "nothing");
	} else {
		const json_t *error = json_object_get(result, "error");
		json_decref(s->error);
		s->error = NULL;
		if (json_is_object(error)) {
			s->error = json_deep_copy(error);
		} else {
			json_decref(s->good);
			s->good = json_incref(result);
			json_object_set(result, "raws", s->raws_tried);
			s->ms = r->ms;
			s->top = 0;
		}
		json_decref(result);
	}
	s->ui->must_draw = true;
}

/* The filter as a file, so that the jail's prefix and date pattern take part. % is the reader's sign: doubled. */
static void
definition_put(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s = ", name);
	for (; *value != '\0'; value++) {
		if (*value == '%')
			fputc('%', out);
		fputc(*value == '\n' || *value == '\r' ? ' ' : *value, out);
		if (*value == '\n')
			fputs("\n   ", out);
	}
	fputc('\n', out);
}

static bool
file_write(struct regex_state *s)
{
	const struct view_jail *j = view_jail(s->ui->view, s->jail);
	int fd = -1;
	FILE *out;

	if (s->file <= 0)
		s->file = memfd_create("jailtop-filter", MFD_CLOEXEC);
	if (s->file > 0 && ftruncate(s->file, 0) == 0 && lseek(s->file, 0, SEEK_SET) == 0)
		fd = fcntl(s->file, F_DUPFD_CLOEXEC, 3);
	out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (out == NULL) {
		snprintf(s->trouble, sizeof s->trouble, "the filter cannot be kept in memory: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	fputs("[Definition]\n", out);
	if (j != NULL && *j->prefregex != '\0')
		definition_put(out, "prefregex", j->prefregex);
	if (j != NULL && *j->datepattern != '\0')
		definition_put(out, "datepattern", j->datepattern);
	if (j != NULL && j->maxlines > 1)
		fprintf(out, "maxlines = %d\n", j->maxlines);
	definition_put(out, "failregex", str_text(&s->pattern));
	for (size_t i = 0; j != NULL && j->ignoreregex[i] != NULL; i++) {
		if (i == 0)
			definition_put(out, "ignoreregex", j->ignoreregex[i]);
	}
	return fclose(out) == 0;
}

static void
run(struct regex_state *s)
{
	struct ui *ui = s->ui;

	if (ui->loop == NULL || s->pattern.len == 0 || s->lines.len == 0)
		return;
	if (s->child != NULL) {
		s->is_again = true;
		child_kill(s->child);
		return;
	}
	if (!file_write(s))
		return;
	json_decref(s->raws_tried);
	s->raws_tried = json_incref(s->raws);
	const char *argv[] = {"jailtop", "regex", "--json", "-", "/proc/self/fd/3", NULL};
	struct child_spec spec = {
	    .file = ui->exe, .argv = argv, .input = str_text(&s->lines), .input_len = s->lines.len, .pass_fd = s->file, .timeout_s = CHILD_S,
	    .keep_out = CHILD_OUT_MAX, .done = finished, .arg = s,
	};
	s->child = child_run(ui->loop, &spec);
}

static void
on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void
run_soon(struct regex_state *s)
{
	if (s->ui->loop == NULL)
		return;
	if (!s->has_timer) {
		uv_timer_init(s->ui->loop, &s->timer);
		s->timer.data = s;
		s->has_timer = true;
	}
	uv_timer_start(&s->timer, on_timer, DEBOUNCE_MS, 0);
}

void
regex_stop(struct ui *ui)
{
	struct regex_state *s = state_of(ui);

	s->is_again = false;
	if (s->child != NULL)
		child_kill(s->child);
	if (s->has_timer && !uv_is_closing((uv_handle_t *)&s->timer))
		uv_close((uv_handle_t *)&s->timer, NULL);
	if (s->file > 0)
		close(s->file);
	s->file = 0;
}

/* ---- the lines ---- */
static void
lines_answered(void *arg, bool ok, const json_t *value, const char *error)
{
	struct lines_question *q = arg;
	struct regex_state *s = state_of(q->ui);
	size_t i;
	const json_t *row;

	s->is_asked = false;
	if (q->number == s->number_of_jail && ok) {
		str_clear(&s->lines);
		json_decref(s->raws);
		s->raws = json_array();
		s->n_lines = 0;
		json_array_foreach(value, i, row) {
			const json_t *line = json_is_object(row) ? json_object_get(row, "text") : row;
			json_t *raw = json_object_get(row, "raw");
			if (json_string_length(line) == 0)
				continue;
			str_addn(&s->lines, json_string_value(line), json_string_length(line));
			str_addc(&s->lines, '\n');
			json_array_append_new(s->raws, raw != NULL ? json_incref(raw) : json_null());
			s->n_lines++;
		}
		s->trouble[0] = '\0';
		if (q->is_asked_for)
			ui_message(q->ui, ROLE_NORMAL, "%zu lines of %s", s->n_lines, s->jail);
		if (s->n_lines == 0)
			snprintf(s->trouble, sizeof s->trouble, "no line was read for %.100s yet: there is nothing to try it on", s->jail);
		run(s);
	} else if (q->number == s->number_of_jail) {
		snprintf(s->trouble, sizeof s->trouble, "no lines: %s", error);
	}
	q->ui->must_draw = true;
	free(q);
}

static void
lines_ask(struct ui *ui, bool is_asked_for)
{
	struct regex_state *s = state_of(ui);
	const char *words[] = {"get", s->jail, "lines", LINES_ASKED, "raw"};

	if (s->jail[0] == '\0' || s->is_asked || ui->send == NULL)
		return;
	struct lines_question *q = xcalloc(1, sizeof *q);
	q->ui = ui;
	q->number = s->number_of_jail;
	q->is_asked_for = is_asked_for;
	s->asked_at = ui->mono;
	s->is_asked = true;
	if (!ui->send(ui->send_arg, words, 5, lines_answered, q)) {
		s->is_asked = false;
		snprintf(s->trouble, sizeof s->trouble, "no engine to get lines from");
		free(q);
	}
}

static void
choose(struct ui *ui, const char *jail, int number)
{
	struct regex_state *s = state_of(ui);
	const struct view_jail *j = view_jail(ui->view, jail);
	int count = 0;

	snprintf(s->jail, sizeof s->jail, "%s", jail);
	s->number_of_jail++;
	while (j != NULL && j->failregex[count] != NULL)
		count++;
	s->number = number >= 1 && number <= count ? number : count > 0 ? 1 : 0;
	free(s->original);
	s->original = xstrdup(s->number > 0 ? j->failregex[s->number - 1] : "");
	str_clear(&s->pattern);
	str_add(&s->pattern, s->original);
	s->at = s->pattern.len;
	json_decref(s->good);
	json_decref(s->error);
	s->good = s->error = NULL;
	s->trouble[0] = '\0';
	s->top = 0;
	str_clear(&s->lines);
	s->n_lines = 0;
	s->is_asked = false;
	lines_ask(ui, false);
}

void
regex_open(struct ui *ui, const char *jail, int failregex)
{
	struct regex_state *s = state_of(ui);

	s->show = SHOW_ALL;
	choose(ui, jail, failregex);
	s->is_editing = false;
	ui_zoom_push(ui, PANE_REGEX);
}

/* ---- editing ---- */
bool
regex_is_editing(const struct ui *ui)
{
	const struct regex_state *s = state_of(ui);

	return s->is_editing && ui->focus == PANE_REGEX && !ui->pager.is_open;
}

void
regex_key(struct ui *ui, int key)
{
	struct regex_state *s = state_of(ui);

	switch (key) {
	case K_F2:
		if (!ui_is_acting_refused(ui))
			regex_save(ui);
		break;
	case KEY_ESC:
	case '\r':
	case '\t':
	case KEY_CTRL('C'):
		s->is_editing = false;
		break;
	default:
		if (prompt_edit(&s->pattern, &s->at, key)) {
			/* an error is about the text as it was: nothing is better than a wrong caret */
			json_decref(s->error);
			s->error = NULL;
			run_soon(s);
		}
	}
	ui->must_draw = true;
}

void
regex_text(const struct ui *ui, struct regex_text *out)
{
	struct regex_state *s = state_of(ui);

	s->is_editing = false;
	*out = (struct regex_text){s->jail, s->original != NULL ? s->original : "", str_text(&s->pattern), s->number,
	    s->error != NULL ? text_of(s->error, "text") : NULL};
}

/* ---- the pane ---- */
static void
init(struct pane *p)
{
	struct regex_state *s = xcalloc(1, sizeof *s);

	s->raws = json_array();
	p->state = s;
}

static void
done(struct pane *p)
{
	struct regex_state *s = p->state;

	free(s->original);
	str_done(&s->pattern);
	str_done(&s->lines);
	json_decref(s->raws);
	json_decref(s->raws_tried);
	json_decref(s->good);
	json_decref(s->error);
	free(s);
}

static bool
update(struct pane *p, const struct ui *ui, bool force)
{
	struct regex_state *s = p->state;

	(void)force;
	s->ui = (struct ui *)(uintptr_t)ui; /* the child's answer needs its way back */
	if (p->w > 0 && s->jail[0] == '\0' && ui->view->is_filled && ui->view->n_jails > 0) {
		choose(s->ui, ui->view->jails[0]->name, 1);
		return true;
	}
	/* "its last lines" are to be that: when it is opened, and while it is looked at, but not under somebody's hands */
	bool is_due = ui->mono - s->asked_at > (s->was_shown ? REFRESH_S : REOPEN_S);
	s->was_shown = p->w > 0;
	if (p->w > 0 && is_due && ui->is_up && !ui->is_paused && !s->is_asked && !s->is_editing && s->child == NULL && s->top == 0)
		lines_ask(s->ui, false);
	return false;
}

static bool
is_shown(const struct regex_state *s, const json_t *row)
{
	static const char *const names[] = {"", "match", "miss", "ignored", "limit"};

	return s->show == SHOW_ALL || strcmp(text_of(row, "verdict"), names[s->show]) == 0;
}

static void
counts_draw(const struct regex_state *s, struct canvas *c, int y)
{
	const json_t *lines = json_object_get(s->good, "lines");
	int x = 1;

	if (s->good == NULL) {
		canvas_text(c, 1, y, ROLE_DIM, s->child != NULL || s->is_asked ? "trying..." : "");
		return;
	}
	x += canvas_printf(c, x, y, ROLE_GOOD, "MATCH %lld   ", int_of(lines, "matched"));
	x += canvas_printf(c, x, y, ROLE_NORMAL, "MISS %lld   IGNORED %lld   ", int_of(lines, "missed"), int_of(lines, "ignored"));
	x += canvas_printf(c, x, y, int_of(s->good, "limit") > 0 ? ROLE_ALERT : ROLE_NORMAL, "LIMIT %lld", int_of(s->good, "limit"));
	if (c->w >= 76)
		x += canvas_printf(c, x, y, ROLE_DIM, "   in %.0f ms", s->ms);
	if (s->error != NULL && x + 24 < c->w)
		canvas_text(c, x + 3, y, ROLE_WARN, "(of the last good one)");
}

static void
draw(const struct pane *p, const struct ui *ui, struct canvas *c)
{
	const struct regex_state *s = p->state;
	struct str title = {0};
	int y = 1;

	if (s->jail[0] != '\0') {
		str_addf(&title, "%s", s->jail);
		if (s->number > 0)
			str_addf(&title, " failregex #%d", s->number);
		if (strcmp(s->original != NULL ? s->original : "", str_text(&s->pattern)) != 0)
			str_add(&title, " (edited)");
		if (c->w >= 70)
			str_addf(&title, s->n_lines == 1 ? "   against: its last line" : "   against: its last %zu lines", s->n_lines);
	}
	pane_title(p, ui, c, str_text(&title), s->show == SHOW_MATCH ? "only matches" : s->show == SHOW_MISS ? "only misses"
	    : s->show == SHOW_IGNORED ? "only ignored" : s->show == SHOW_LIMIT ? "only at the limit" : "", ROLE_MODE);
	str_done(&title);
	if (s->jail[0] == '\0') {
		canvas_text(c, 1, 1, ROLE_DIM, "no jail, no expression");
		return;
	}

	/* the expression, its caret, what is wrong with it */
	canvas_text(c, 0, y, ROLE_KEY, "re> ");
	int skip = 0, room = c->w - PATTERN_HEAD;
	if (s->is_editing) {
		int cursor = canvas_cols(str_text(&s->pattern), s->at, c->is_ascii);
		skip = cursor >= room ? cursor - room + 1 : 0;
		prompt_line_draw(c, PATTERN_HEAD, y, &s->pattern, s->at);
	} else {
		bool was_cut;
		canvas_textn(c, PATTERN_HEAD, y, -1, 0, ROLE_NORMAL, 0, str_text(&s->pattern), s->pattern.len, &was_cut);
		if (was_cut)
			canvas_text(c, c->w - 1, y, ROLE_DIM, ">");
	}
	y++;
	if (s->error != NULL) {
		long long column = int_of(s->error, "column");
		if (column > 0) {
			size_t bytes = 0, chars = 1;
			while (bytes < s->pattern.len && (long long)chars < column) {
				bytes++;
				while (bytes < s->pattern.len && ((unsigned char)s->pattern.at[bytes] & 0xc0) == 0x80)
					bytes++;
				chars++;
			}
			int x = PATTERN_HEAD + canvas_cols(str_text(&s->pattern), bytes, c->is_ascii) - skip;
			char label[32];
			int n = snprintf(label, sizeof label, "col %lld ", column);
			if (x >= 0 && x < c->w) {
				if (x > n)
					canvas_text(c, x - n, y, ROLE_DIM, label);
				canvas_text(c, x, y, ROLE_BAD, "^");
			}
		}
		y++;
		canvas_printf(c, 1, y, ROLE_BAD, "error%s%s: %s -- the last good one stays in use below", strcmp(text_of(s->error, "in"), "failregex") == 0 ? "" : " in ",
		    strcmp(text_of(s->error, "in"), "failregex") == 0 ? "" : text_of(s->error, "in"), text_of(s->error, "text"));
	} else if (s->trouble[0] != '\0') {
		y++;
		canvas_text(c, 1, y, ROLE_WARN, s->trouble);
	} else {
		const json_t *warnings = json_object_get(s->good, "warnings");
		const char *warning = json_string_value(json_array_get(warnings, 0));
		y++;
		if (warning != NULL)
			canvas_printf(c, 1, y, ROLE_WARN, "WARN  %s", warning);
		else if (!s->is_editing)
			y -= 2; /* the rows of caret and error stay free while somebody types, so that nothing jumps */
	}
	y++;
	counts_draw(s, c, y++);

	const json_t *rows = json_object_get(s->good, "rows"), *row;
	size_t i, n = 0;
	json_array_foreach(rows, i, row) {
		if (!is_shown(s, row) || n++ < s->top)
			continue;
		if (y >= c->h)
			break;
		y += regex_row_draw(row, json_array_get(json_object_get(s->good, "raws"), i), c, y, ui->shift);
	}
}

static size_t
rows_shown(const struct regex_state *s)
{
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(json_object_get(s->good, "rows"), i, row)
		n += is_shown(s, row);
	return n;
}

static enum pane_result
act(struct pane *p, enum action action, struct ui *ui)
{
	struct regex_state *s = p->state;
	enum show show = action == ACT_SHOW_MATCH ? SHOW_MATCH : action == ACT_SHOW_MISS ? SHOW_MISS
	    : action == ACT_SHOW_IGNORED ? SHOW_IGNORED : SHOW_LIMIT;

	switch (action) {
	case ACT_EDIT:
	case ACT_INSPECT: /* Enter */
		s->is_editing = true;
		s->at = s->pattern.len;
		return PANE_DONE;
	case ACT_LIVE:
		ui_message(ui, ROLE_NORMAL, "fetching the recent lines...");
		lines_ask(ui, true);
		return PANE_DONE;
	case ACT_SHOW_MATCH:
	case ACT_SHOW_MISS:
	case ACT_SHOW_IGNORED:
	case ACT_SHOW_LIMIT:
		s->show = s->show == show ? SHOW_ALL : show;
		s->top = 0;
		return PANE_DONE;
	case ACT_SORT:
	case ACT_REVERSE: {
		/* the jail's next expression */
		const struct view_jail *j = view_jail(ui->view, s->jail);
		int count = 0;
		while (j != NULL && j->failregex[count] != NULL)
			count++;
		if (count > 1)
			choose(ui, s->jail, action == ACT_SORT ? s->number % count + 1 : (s->number + count - 2) % count + 1);
		return PANE_DONE;
	}
	default:
		return pane_scroll(action, p->h > 6 ? (size_t)p->h - 6 : 1, rows_shown(s), &s->top) ? PANE_DONE : PANE_PASS;
	}
}

const struct pane_ops pane_regex = {
    .name = "regex", .title = "Regex", .context = CTX_REGEX, .init = init, .update = update, .draw = draw, .act = act, .done = done,
};
