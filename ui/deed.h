/*
 * deed: what an acting key sends: some commands that are one action. The engine's answer, not the wish, makes the
 * message; what succeeded goes onto the undo stack.
 */
#ifndef UI_DEED_H
#define UI_DEED_H

#include <jansson.h>
#include <stdbool.h>

#include "ui.h"

/* Some commands that are one action: the message and the undo come when all are answered. */
struct deed {
	struct ui *ui;
	int open;          /* answers that are still to come, and one until all is sent */
	int done, failed;
	int64_t count;     /* what the engine says it did */
	char said[700];    /* the message on success */
	char none[300];    /* when the engine did nothing; "": as said */
	char error[300];
	struct undo undo;
	bool is_undo;
};

struct deed *deed_new(struct ui *ui, const char *format, ...) __attribute__((format(printf, 2, 3))); /* the message on success */
void deed_send(struct deed *d, const char *const *words, size_t n);
void deed_sent(struct deed *d); /* after the last deed_send(); d is gone then */
void undo_step(struct undo *u, const char *const *words, size_t n);
void until_words(double until, char text[32]); /* the end of a ban as a word of a command */
void undo_last(struct ui *ui);

/* act_ban.c */
void unban(struct ui *ui, const struct target *t);
void unban_marked(struct ui *ui);
void unban_add(struct deed *d, const struct view_ban *b);
const char *marked_words(const struct table *t, char words[40]); /* ", 2 of them networks" or "" */
void ban_open(struct ui *ui, const struct target *t);
void ban_done(struct ui *ui, char *text);
void net_open(struct ui *ui, const struct target *t);
void extend_open(struct ui *ui, const struct target *t);
void extend_done(struct ui *ui, const char *text);
/* The one guard of the operator's address in front of every ban that a key makes; says so when it refuses. */
bool ban_is_refused(struct ui *ui, const struct addr *addr, const char *text);

/* act_white.c */
void whitelist_open(struct ui *ui, const struct target *t); /* family 0 and no ip: the marked rows */
void whitelist_one(struct ui *ui, struct deed *d, const char *ip, const char *seconds); /* NULL: until restart; unbans too */
void whitelist_done(struct ui *ui, const char *text);
void white_list_show(struct ui *ui);

/* act_amend.c: what is written into the configuration is shown first */
void amend_show(struct ui *ui, const char *const *words, size_t n, void (*answer)(struct ui *ui, int value)); /* get amend WORDS… */
void regex_save(struct ui *ui);
void amend_white_open(struct ui *ui, const char *ip);
void amend_enable_open(struct ui *ui, const char *jail); /* :start of a jail that is off */

/* act_engine.c: what is not about one address */
void hold_toggle(struct ui *ui);
void rule_delete_open(struct ui *ui);

/* typed.c */
void typed_done(struct ui *ui, char *text);
void typed_complete(struct ui *ui); /* Tab in the : prompt */

#endif
