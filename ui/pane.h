/*
 * pane: one part of the screen. update: model -> rows; draw: rows -> cells, no state, no I/O; act: what a
 * key does. They never mix. Panes see no terminal: a unit test draws them on a canvas.
 */
#ifndef UI_PANE_H
#define UI_PANE_H

#include <stdbool.h>

#include "canvas.h"
#include "jailtop/view.h"
#include "keys.h"
#include "table.h"

struct ui;

enum pane_id { PANE_LOG, PANE_HOSTS, PANE_BANS, PANE_CHAINS, PANE_JAILS, PANE_REGEX, PANE_INSPECT, PANES };

enum pane_result {
	PANE_PASS, /* not mine: the default runs */
	PANE_DONE,
};

/* Whom an action is for: captured when the key is pressed, whatever the rows do afterwards. */
struct target {
	char jail[256]; /* "" when the row names none */
	char id[512], ip[512];
	struct addr addr; /* family 0: ip is no address */
	bool is_ban;    /* the row is a ban of that jail */
};

struct pane;

struct pane_ops {
	const char *name, *title;
	enum key_context context;
	const struct source *source; /* NULL: free-form */
	void (*init)(struct pane *p);
	bool (*update)(struct pane *p, const struct ui *ui, bool force); /* true if something changed */
	void (*draw)(const struct pane *p, const struct ui *ui, struct canvas *c);
	enum pane_result (*act)(struct pane *p, enum action act, struct ui *ui);
	bool (*target)(const struct pane *p, const struct ui *ui, struct target *t); /* false: no address here */
	void (*done)(struct pane *p);
};

struct pane {
	const struct pane_ops *ops;
	enum pane_id id;
	struct table table;
	void *state;        /* owned; the pane's own */
	int x, y, w, h;     /* where the layout put it; w 0: not shown */
	bool is_line;       /* so low that it is title and one line */
};

extern const struct pane_ops pane_log, pane_hosts, pane_bans, pane_chains, pane_jails, pane_regex, pane_inspect;

void panes_init(struct pane panes[PANES]);
void panes_done(struct pane panes[PANES]);

/* The title bar: "3 Bans 137  by LEFT ^ ----------- right". */
void pane_title(const struct pane *p, const struct ui *ui, struct canvas *c, const char *text, const char *right, enum role right_role);
/* The usual title of a table pane: count, order, filter. */
void pane_table_title(const struct pane *p, const struct ui *ui, struct canvas *c, int64_t count, const char *right, enum role right_role);
/* Its words: order and marks; the filter, when there is one. */
void pane_table_words(const struct pane *p, const struct ui *ui, struct str *text, struct str *filter);
#define NO_JAIL_ENABLED "no jail is enabled: jail.local has none with enabled = true; :start sshd switches that one on"
void pane_notice(struct canvas *c, enum role role, const char *text); /* in place of rows, in as many as it needs */
/* Panes of text: moves the first line shown as the key says; false: the key does not move. */
bool pane_scroll(enum action act, size_t page, size_t count, size_t *top);
void target_set(struct target *t, const char *jail, const char *id, const char *ip, bool is_ban);

#endif
