/*
 * prefs: the user's choices in jailtop.conf (plain INI, read and written by libiniparser):
 *   $XDG_CONFIG_HOME/jailtop/jailtop.conf, else ~/.config/jailtop/jailtop.conf
 *     [screen]
 *     theme = dark | light | blue-orange | mono
 *     color = yes | no
 *     slow  = yes | no
 *     clipboard = yes | no   (y may send addresses to the terminal's clipboard)
 *     focus = log | hosts | bans | chains | jails, wrap = yes | no, mouse = yes | no
 *     [hosts] and the other panes by name
 *     sort = the column's name, reverse = yes | no, filter = "what \ takes"
 * `:set` writes what the screen shows now; nothing is written without being asked for.
 */
#ifndef UI_PREFS_H
#define UI_PREFS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct ui;

struct prefs { /* what struct ui does not hold */
	bool no_color, is_slow;
};

/* A missing file is fine; what is wrong in it is left at its default. */
void prefs_load(struct prefs *p, struct ui *ui);
/* A new file, 0600, in the place of the old one, which stays as jailtop.conf~. done: where. */
bool prefs_save(const struct ui *ui, struct str *done, struct err *err);

#endif
