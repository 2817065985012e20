/*
 * theme: role -> colour and attributes. Colour never carries a meaning alone: mono is a full theme.
 */
#ifndef UI_THEME_H
#define UI_THEME_H

#include <stdbool.h>

#include "canvas.h"

enum theme_name { THEME_DARK, THEME_LIGHT, THEME_BLUE_ORANGE, THEME_MONO, THEMES };

struct style {
	signed char fg; /* 0-7 as in ANSI, -1: the terminal's own */
	bool is_bold, is_dim, is_reverse, is_underlined;
};

const struct style *theme_style(enum theme_name theme, enum role role);
const char *theme_text(enum theme_name theme);
bool theme_parse(const char *text, enum theme_name *theme);

#endif
