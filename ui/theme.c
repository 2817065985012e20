#include "theme.h"

#include <string.h>

enum { OWN = -1, BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE };

static const struct style styles[THEMES][ROLE_COUNT] = {
    [THEME_DARK] = {
        [ROLE_NORMAL] = {OWN, 0, 0, 0, 0},
        [ROLE_TITLE] = {CYAN, 0, 0, 0, 0},
        [ROLE_FOCUS] = {CYAN, 1, 0, 0, 0},
        [ROLE_DIM] = {OWN, 0, 1, 0, 0},
        [ROLE_GOOD] = {GREEN, 0, 0, 0, 0},
        [ROLE_WARN] = {YELLOW, 0, 0, 0, 0},
        [ROLE_BAD] = {RED, 1, 0, 0, 0},
        [ROLE_ALERT] = {RED, 1, 0, 1, 0},
        [ROLE_MODE] = {YELLOW, 0, 0, 1, 0},
        [ROLE_YOU] = {MAGENTA, 1, 0, 0, 0},
        [ROLE_WHITE] = {GREEN, 0, 0, 0, 0},
        [ROLE_KEY] = {OWN, 1, 0, 0, 0},
        [ROLE_MARK] = {YELLOW, 0, 0, 0, 1},
    },
    [THEME_LIGHT] = {
        [ROLE_NORMAL] = {OWN, 0, 0, 0, 0},
        [ROLE_TITLE] = {BLUE, 0, 0, 0, 0},
        [ROLE_FOCUS] = {BLUE, 1, 0, 0, 0},
        [ROLE_DIM] = {OWN, 0, 1, 0, 0},
        [ROLE_GOOD] = {GREEN, 0, 0, 0, 0},
        [ROLE_WARN] = {MAGENTA, 0, 0, 0, 0},
        [ROLE_BAD] = {RED, 1, 0, 0, 0},
        [ROLE_ALERT] = {RED, 1, 0, 1, 0},
        [ROLE_MODE] = {BLUE, 0, 0, 1, 0},
        [ROLE_YOU] = {MAGENTA, 1, 0, 0, 0},
        [ROLE_WHITE] = {GREEN, 0, 0, 0, 0},
        [ROLE_KEY] = {OWN, 1, 0, 0, 0},
        [ROLE_MARK] = {BLUE, 0, 0, 0, 1},
    },
    [THEME_BLUE_ORANGE] = { /* told apart without red against green */
        [ROLE_NORMAL] = {OWN, 0, 0, 0, 0},
        [ROLE_TITLE] = {CYAN, 0, 0, 0, 0},
        [ROLE_FOCUS] = {CYAN, 1, 0, 0, 0},
        [ROLE_DIM] = {OWN, 0, 1, 0, 0},
        [ROLE_GOOD] = {CYAN, 0, 0, 0, 0},
        [ROLE_WARN] = {YELLOW, 0, 0, 0, 0},
        [ROLE_BAD] = {YELLOW, 1, 0, 0, 0},
        [ROLE_ALERT] = {YELLOW, 1, 0, 1, 0},
        [ROLE_MODE] = {CYAN, 0, 0, 1, 0},
        [ROLE_YOU] = {BLUE, 1, 0, 0, 0},
        [ROLE_WHITE] = {BLUE, 0, 0, 0, 0},
        [ROLE_KEY] = {OWN, 1, 0, 0, 0},
        [ROLE_MARK] = {CYAN, 0, 0, 0, 1},
    },
    [THEME_MONO] = {
        [ROLE_NORMAL] = {OWN, 0, 0, 0, 0},
        [ROLE_TITLE] = {OWN, 0, 0, 0, 0},
        [ROLE_FOCUS] = {OWN, 1, 0, 0, 0},
        [ROLE_DIM] = {OWN, 0, 1, 0, 0},
        [ROLE_GOOD] = {OWN, 0, 0, 0, 0},
        [ROLE_WARN] = {OWN, 1, 0, 0, 0},
        [ROLE_BAD] = {OWN, 1, 0, 0, 0},
        [ROLE_ALERT] = {OWN, 1, 0, 1, 0},
        [ROLE_MODE] = {OWN, 0, 0, 1, 0},
        [ROLE_YOU] = {OWN, 1, 0, 0, 0},
        [ROLE_WHITE] = {OWN, 0, 0, 0, 0},
        [ROLE_KEY] = {OWN, 1, 0, 0, 0},
        [ROLE_MARK] = {OWN, 0, 0, 0, 1},
    },
};

static const char *const names[THEMES] = {"dark", "light", "blue-orange", "mono"};

const struct style *
theme_style(enum theme_name theme, enum role role)
{
	return &styles[theme][role];
}

const char *
theme_text(enum theme_name theme)
{
	return names[theme];
}

bool
theme_parse(const char *text, enum theme_name *theme)
{
	for (int i = 0; i < THEMES; i++)
		if (strcmp(text, names[i]) == 0) {
			*theme = (enum theme_name)i;
			return true;
		}
	return false;
}
