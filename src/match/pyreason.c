#include "match/pyreason.h"

#include <string.h>

#define SHIFT_NO_PLACE 1000

static const struct {
	const char *ours, *python; /* beginnings; what follows ours is kept behind python's, unless python ends with '\n' */
	int shift;                 /* SHIFT_NO_PLACE: it names none; else Python points so many characters further */
} reasons[] = {
    {"missing closing parenthesis behind the group's number", "missing ), unterminated name\n", 0},
    {"missing closing parenthesis", "missing ), unterminated subpattern\n", 0},
    {"missing closing bracket", "unterminated character set\n", 0},
    {"missing ) behind the comment", "missing ), unterminated comment\n", 0},
    {"missing > behind the group's name", "missing >, unterminated name\n", 0},
    {"missing ) behind the group's name", "missing ), unterminated name\n", 0},
    {"repeat counts out of order", "min repeat greater than max repeat\n", 1},
    {"backslash at the end", "bad escape (end of pattern)\n", 0},
    {"unknown escape ", "bad escape ", 0},
    {"bad range in brackets: ", "bad character range ", 0},
    {"there is no group '", "unknown group name '", 0},
    {"there is no group ", "invalid group reference ", 1},
    {"look-behind needs a fixed width", "look-behind requires fixed-width pattern\n", SHIFT_NO_PLACE},
    {"unknown extension (", "unknown extension ", 1},
    {"more than two branches behind a condition", "conditional backref with more than two branches\n", 0},
    {"global flags not at the start of the expression", "global flags not at the start of the expression\n", 0},
    {"flag switched on and off at once", "bad inline flags: flag turned on and off\n", 0},
    {"the flag L is for bytes", "bad inline flags: cannot use 'L' flag with a str pattern\n", 0},
};

/* "group 1 refers to itself" and "group 'n' refers to itself" have their subject in the middle. */
static bool
is_self_reference(const char *text)
{
	return str_starts(text, "group ") && str_ends(text, " refers to itself");
}

static size_t
characters(const char *text, size_t bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

void
pyreason(const struct regex_fault *fault, const char *text, size_t len, struct str *out)
{
	int shift = 0;
	size_t i, n = sizeof reasons / sizeof *reasons;

	for (i = 0; i < n; i++)
		if (str_starts(fault->text, reasons[i].ours))
			break;
	if (i < n) {
		const char *python = reasons[i].python;
		size_t keep = strcspn(python, "\n");
		str_addn(out, python, keep);
		if (python[keep] == '\0')
			str_add(out, fault->text + strlen(reasons[i].ours));
		shift = reasons[i].shift;
	} else if (is_self_reference(fault->text)) {
		str_add(out, "cannot refer to an open group");
	} else {
		str_add(out, fault->text);
	}
	if (shift != SHIFT_NO_PLACE && fault->offset != SIZE_MAX && fault->offset <= len)
		str_addf(out, " at position %zu", characters(text, fault->offset) + (size_t)shift);
}
