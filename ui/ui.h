/*
 * ui: the whole screen as one struct: what is shown, what is asked, what may be undone.
 *
 * Knows neither terminal nor socket: keys come in through ui_key(), cells go out through ui_draw(),
 * commands leave through ui->send. top.c ties it to the terminal, the loop and the engine; tests need none.
 */
#ifndef UI_UI_H
#define UI_UI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/str.h"
#include "canvas.h"
#include "jailtop/attach.h"
#include "jailtop/view.h"
#include "keys.h"
#include "pane.h"
#include "theme.h"

#define UI_SILENT_S 6 /* the engine tells its figures every 2 s */
#define UI_LAG_S 5    /* behind the logs: more is told */
#define UI_UNDO_MAX 10
#define UI_UNDO_S 600
#define UI_HISTORY_MAX 50
#define UI_WORDS_MAX 32
#define UI_LEAST_W 40 /* below: header and the last events only */
#define UI_LEAST_H 12

struct ui;

enum prompt_kind { PROMPT_NONE, PROMPT_FIND, PROMPT_FILTER, PROMPT_COMMAND, PROMPT_WHITELIST, PROMPT_BAN, PROMPT_EXTEND, PROMPT_EXPORT, PROMPTS };

struct prompt {
	enum prompt_kind kind;
	struct str text;
	size_t at; /* cursor, bytes */
	char label[700];
	struct target target;       /* captured when it was opened */
	double until;               /* of the ban to extend */
	int recalled;               /* history row, -1: the text typed */
	size_t old_cursor, old_top; /* where a search began */
	bool old_touched;
	size_t nth, all;            /* of the search so far */
	char note[600];             /* in place of the hint: what may come next */
};

struct dialog_choice {
	int key;
	const char *label;
	int value;
};

#define DIALOG_LINES 6
#define DIALOG_CHOICES 11

/* A question. Any key that is not a choice, Enter and Esc mean no. */
struct dialog {
	bool is_open;
	char lines[DIALOG_LINES][700];
	int n_lines;
	struct dialog_choice choices[DIALOG_CHOICES];
	int n_choices;
	struct target targets[10];
	int n_targets;
	char **words; /* owned, NULL-terminated: what the answer is about, when that is no address */
	char **marked; /* owned, NULL-terminated: ban keys or addresses of marked rows */
	void (*answer)(struct ui *ui, int value);
};

/* Text over the panes: help, a reply, the white list. */
struct pager {
	bool is_open, is_help;
	char title[200];
	char **lines; /* owned */
	size_t n_lines, top;
	struct sieve *find;
};

/* One command of an undo: words, owned. */
struct undo_step {
	char **words;
	size_t n_words;
};

struct undo {
	double at; /* monotonic */
	char text[1024]; /* "ban 203.0.113.7 in sshd again" */
	struct undo_step *steps;
	size_t n_steps;
};

typedef bool (*ui_send_fn)(void *arg, const char *const *words, size_t count, attach_reply_fn fn, void *fn_arg);

struct ui {
	struct mirror *model;
	struct view *view; /* of the model */
	struct pane panes[PANES];
	enum pane_id focus;
	enum pane_id zoom[4]; /* a stack: inspect over bans over … */
	int n_zoom;
	enum pane_id focus_before; /* the first zoom */
	int w, h;
	bool is_ascii, no_color;
	enum theme_name theme;

	/* the engine, as far as the screen knows */
	ui_send_fn send;
	void *send_arg;
	bool is_up, can_write, is_read_only, is_replay;
	double down_for, retry_in;
	char down_reason[300];
	bool was_started_here; /* this jailtop started the engine */
	uv_loop_t *loop;       /* for the regex child; NULL in tests */
	const char *exe;       /* the program that has the regex applet */

	/* time */
	double mono;       /* set by whoever calls in */
	bool has_fixed_now;
	double fixed_now;
	double key_at;     /* monotonic, of the last key */

	struct target own_ban; /* a ban that holds an address of the operator's; id "": none */
	uint64_t own_ban_generation;
	double own_ban_at;

	/* what is on */
	bool is_paused;
	uint64_t paused_serial; /* the newest log row when it was paused */
	bool is_wrapped;
	int shift;              /* columns that log rows are scrolled to the right */
	char message[700];
	enum role message_role;
	bool message_undo;
	double message_at;
	struct prompt prompt;
	struct str history[PROMPTS][UI_HISTORY_MAX];
	int n_history[PROMPTS];
	struct dialog dialog;
	struct pager pager;
	struct undo undo[UI_UNDO_MAX]; /* the last one is the newest */
	int n_undo;
	struct key_guard guard;
	double interrupt_at;
	bool is_gate_closed; /* a question was opened: keys are dropped until the terminal has shown it */

	/* what top.c does next */
	bool must_draw, must_repaint, is_leaving;
	bool is_mouse_on;
	bool can_copy;    /* the user's preferences allow OSC 52 */
	char copy[600];   /* for the terminal's clipboard; "": nothing */
	bool is_stopping; /* the engine was told to stop: leave when it is gone */
	int exit_code;
};

void ui_init(struct ui *ui, struct mirror *model);
void ui_done(struct ui *ui);
/* After messages, and at least 4 times a second while shown. */
void ui_update(struct ui *ui, double mono);
void ui_key(struct ui *ui, int key, double mono);
void ui_click(struct ui *ui, int x, int y, double mono);
void ui_draw(const struct ui *ui, struct canvas *c);
/* True when a countdown or an age on the screen changes with time alone. */
void ui_tick(struct ui *ui, double mono);

double ui_now(const struct ui *ui); /* the engine's clock, monotonic in between */
/* Seconds since the engine was heard, when that is too long for what is shown to be new; else 0. */
double ui_silence(const struct ui *ui);
struct pane *ui_focused(struct ui *ui);
enum key_context ui_context(const struct ui *ui);
void ui_message(struct ui *ui, enum role role, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool ui_is_acting_refused(struct ui *ui); /* says why on the message line */

/* layout.c */
void ui_layout(struct ui *ui);
void ui_resize(struct ui *ui, int w, int h); /* also lays out */
void ui_zoom_push(struct ui *ui, enum pane_id id);
bool ui_zoom_pop(struct ui *ui);
void ui_zoom_key(struct ui *ui, int key);    /* 1-6 */
void ui_focus_step(struct ui *ui, int step); /* Tab: 1, Shift-Tab: -1 */

/* actions.c: what the acting keys do */
enum pane_result actions_run(struct ui *ui, enum action act, int key);
void actions_leave(struct ui *ui);
void actions_prompt_done(struct ui *ui); /* Enter in a prompt */
void undo_clear(struct undo *u);

/* prompt.c */
void prompt_open(struct ui *ui, enum prompt_kind kind, const char *label, const char *text);
void prompt_close(struct ui *ui);
void prompt_key(struct ui *ui, int key);
void prompt_draw(const struct ui *ui, struct canvas *c, int y);
bool prompt_edit(struct str *text, size_t *at, int key); /* true: the text changed */
void prompt_line_draw(struct canvas *c, int x, int y, const struct str *text, size_t at);
struct dialog *dialog_open(struct ui *ui, void (*answer)(struct ui *ui, int value));
void dialog_line(struct dialog *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void dialog_choice(struct dialog *d, int key, const char *label, int value);
void dialog_words(struct dialog *d, const char *const *words, size_t n); /* copies; once for a question */
void dialog_close(struct ui *ui);
void dialog_key(struct ui *ui, int key);
void dialog_draw(const struct ui *ui, struct canvas *c, int bottom); /* bottom: the last row it may use */

/* pager.c */
void pager_open(struct ui *ui, const char *title, bool is_help);
void pager_add(struct ui *ui, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pager_close(struct ui *ui);
bool pager_act(struct ui *ui, enum action act);
void pager_find(struct ui *ui, int direction);
void pager_draw(const struct ui *ui, struct canvas *c);
void help_open(struct ui *ui);
void reply_show(struct ui *ui, const char *title, const json_t *value); /* message line or pager */

/* header.c, footer.c */
int header_rows(const struct ui *ui);
void header_draw(const struct ui *ui, struct canvas *c);
void footer_draw(const struct ui *ui, struct canvas *c, int y);
void message_draw(const struct ui *ui, struct canvas *c, int y);

/* format.c: small words */
void format_count(int64_t n, struct str *out);      /* 412, 1.9k, 88.1k, 5.2M */
void format_span(double seconds, struct str *out);  /* 8m12s, 2s, 3h, 6d23h, "for ever" */
void format_left(double seconds, struct str *out);  /* 9:58, 52m, 3h, 6d23h, perm */
void format_clock(double t, struct str *out);       /* 08:41:07, local time */
void format_ordinal(int n, struct str *out);        /* 3rd */
/* Small bars, oldest left, exactly w columns of the newest values. */
void format_spark(const struct view_spark *spark, int w, bool is_ascii, struct str *out);

/* log_text.c */
void log_body(const char *line, size_t len, size_t *from); /* where the message starts behind date, host and program */

void export_pane(struct ui *ui, const char *path); /* export.c: a new file, 0600 */

/* the Log pane's cursor and pause, used by keys that are not its own */
void log_pause(struct ui *ui);
void log_resume(struct ui *ui);
int64_t log_paused_rows(const struct ui *ui); /* new rows since it was paused; -1: it follows */
/* the Regex pane */
void regex_open(struct ui *ui, const char *jail, int failregex);
void regex_key(struct ui *ui, int key); /* while it is edited */
bool regex_is_editing(const struct ui *ui);
void regex_stop(struct ui *ui); /* ends the child: before the loop ends */
struct regex_text { /* borrowed from the pane */
	const char *jail, *original, *now;
	int number; /* of the jail's failregex, 1-based; 0: none of it */
	const char *error; /* why it is no expression; NULL: it is one, as far as it was tried */
};
void regex_text(const struct ui *ui, struct regex_text *out); /* ends the editing */
/* One line of a result, and how far a miss got; raw: of "get JAIL lines N raw". Returns the rows it took. */
int regex_row_draw(const json_t *row, const json_t *raw, struct canvas *c, int y, int shift);
/* the Chains pane: the rule under the cursor, when no ban asks for it */
bool chains_foreign(const struct ui *ui, int *family, const char **chain, const char **text, const char **source);
/* the Inspect pane */
void inspect_open(struct ui *ui, const struct target *t);

#endif
