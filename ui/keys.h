/*
 * keys: the one table of bindings. Dispatch, the help screen, the footer, `jailtop --keys` and the KEYS
 * section of the manual are all made from it. Knows no terminal: term.c delivers the codes below.
 */
#ifndef UI_KEYS_H
#define UI_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define KEY_CTRL(c) ((c) & 0x1f)
#define KEY_ESC 27

enum { /* printable keys are their code point, Ctrl keys 1-31 */
	KEY_NONE_ = 0,
	K_UP = 0x200000,
	K_DOWN,
	K_LEFT,
	K_RIGHT,
	K_PGUP,
	K_PGDN,
	K_HOME,
	K_END,
	K_BACKTAB,
	K_BACKSPACE,
	K_DELETE,
	K_F1,
	K_F2,
	K_F3,
	K_F4,
	K_F6,
	K_F10,
	K_PASTE_BEGIN,
	K_PASTE_END,
	K_ANSWERED, /* the terminal answered ESC[5n: it has shown the last frame */
	K_WHEEL_UP, /* the mouse, when it is on; it never acts on anything */
	K_WHEEL_DOWN,
	K_CLICK,
	K_RESIZE,
	K_UNKNOWN,
};

#define ACTION_TABLE(X)                                                                                       \
	X(NEXT) X(PREVIOUS) X(ZOOM) X(OVERVIEW)                                                               \
	X(UP) X(DOWN) X(PAGE_UP) X(PAGE_DOWN) X(HALF_UP) X(HALF_DOWN) X(HOME) X(END) X(LEFT) X(RIGHT) X(WRAP) \
	X(FIND) X(FIND_NEXT) X(FIND_BACK) X(FILTER) X(SORT) X(REVERSE) X(PAUSE) X(FOLLOW)                     \
	X(UNBAN) X(WHITELIST) X(WHITE_LIST) X(BAN) X(BAN_NET) X(EXTEND) X(UNDO) X(MARK) X(UNMARK)             \
	X(HOLD) X(COPY) X(MOUSE)                              \
	X(INSPECT) X(OPEN) X(REGEX) X(REPAIR) X(DELETE_RULE) X(RAW) X(FAMILY4) X(FAMILY6)                                            \
	X(EDIT) X(SAVE) X(LIVE) X(SHOW_MATCH) X(SHOW_MISS) X(SHOW_IGNORED) X(SHOW_LIMIT)                              \
	X(COMMAND) X(EXPORT) X(THEME) X(MONO) X(HELP) X(REPAINT) X(CLOSE) X(QUIT) X(CANCEL) X(INTERRUPT)

enum action {
	ACT_NONE,
#define X(name) ACT_##name,
	ACTION_TABLE(X)
#undef X
	ACTIONS,
};

enum key_context { CTX_GLOBAL, CTX_LOG, CTX_HOSTS, CTX_BANS, CTX_CHAINS, CTX_JAILS, CTX_REGEX, CTX_INSPECT, CTX_PAGER, CONTEXTS };

enum { /* flags */
	KEY_WRITE = 1,    /* changes the engine: refused when read-only */
	KEY_ALIAS = 2,    /* another key of the same action: only in the full list */
};

struct binding {
	enum key_context context;
	int key;
	enum action action;
	unsigned flags;
	const char *group; /* heading in the help: MOVE FIND VIEW ACT WHY LEAVE */
	const char *label; /* short, for the footer; NULL: never there */
	const char *help;
};

const struct binding *keys_find(enum key_context context, int key); /* context, then global; NULL */
const struct binding *keys_table(size_t *count);
/* "u", "Ctrl-F", "PgUp", "space"; text of at most 16 bytes. */
const char *keys_name(int key, char text[16]);
void keys_print(FILE *out); /* `jailtop --keys`: tab-separated context, key, help */

/*
 * A bad link may hand over Down (ESC [ B) in pieces: after a lone ESC, a '[' or 'O' within 0.5 s is
 * swallowed with the bytes that follow it up to its final one. Also swallows a bracketed paste.
 */
struct key_guard {
	double esc_at;      /* monotonic; 0: no ESC is open */
	bool in_sequence;
	double sequence_at;
	bool in_paste;
};

/* False: the key is to be dropped. */
bool keys_guard(struct key_guard *g, int key, double now);

#endif
