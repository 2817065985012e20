/*
 * prefs: the user's choices in jailtop.conf (plain INI, read by libiniparser):
 *   $XDG_CONFIG_HOME/jailtop/jailtop.conf, else ~/.config/jailtop/jailtop.conf
 *     [screen]
 *     theme = dark | light | blue-orange | mono
 *     color = yes | no
 *     slow  = yes | no
 *     clipboard = yes | no   (y may send addresses to the terminal's clipboard)
 */
#ifndef UI_PREFS_H
#define UI_PREFS_H

#include <stdbool.h>

#include "theme.h"

struct prefs {
	enum theme_name theme;
	bool no_color, is_slow, can_copy;
};

/* A missing file is fine; what is wrong in it is left at its default. */
void prefs_load(struct prefs *p);

#endif
