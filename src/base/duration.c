#include "base/duration.h"

#include "base/str.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX 4096 /* a longer one is no duration */
#define DEPTH_MAX 50  /* parentheses and signs */

static const struct {
	const char *names[6];
	const char *factor; /* as Python writes it: with a point it makes the result a float */
} units[] = {
    {{"s", "ss", "se", "sec", "second", "seconds"}, "1"},
    {{"m", "mm", "mi", "min", "minute", "minutes"}, "60"},
    {{"h", "hh", "ho", "hou", "hour", "hours"}, "3600"},
    {{"d", "dd", "da", "day", "days"}, "86400"},
    {{"w", "ww", "we", "wee", "week", "weeks"}, "604800"},
    {{"mo", "mon", "month", "months"}, "2629800.0"},
    {{"y", "yy", "ye", "yea", "year", "years"}, "31557600.0"},
};

static const char *
unit_factor(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		for (size_t j = 0; j < 6 && units[i].names[j] != NULL; j++)
			if (strlen(units[i].names[j]) == len && strncasecmp(word, units[i].names[j], len) == 0)
				return units[i].factor;
	return NULL;
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80) != 0;
}

/*
 * "1d12h" -> "1*86400+12*3600": a unit is a whole word behind a digit or a blank. Between two numbers
 * white space means +, each number taking part in one such pair (compat: "1 2 3" is an error, "10 20 30" is not).
 */
static void
expand_units(const char *text, struct str *out)
{
	struct str spaced = {0}, factored = {0};

	for (const char *p = text; *p != '\0'; p++) {
		if (p != text && isdigit((unsigned char)*p) && isalpha((unsigned char)p[-1]))
			str_addc(&spaced, ' ');
		str_addc(&spaced, *p);
	}
	const char *s = str_text(&spaced);
	for (size_t i = 0; s[i] != '\0';) {
		size_t len = 0;
		while (is_word(s[i + len]))
			len++;
		/* a word may begin with the number itself: "12h" */
		size_t digits = 0;
		while (digits < len && (isdigit((unsigned char)s[i + digits]) ||
		        (s[i + digits] == '_' && digits != 0 && isdigit((unsigned char)s[i + digits + 1]))))
			digits++;
		str_addn(&factored, s + i, digits);
		const char *factor = NULL;
		if (len > digits && (digits != 0 || (i != 0 && (str_is_blank(s[i - 1]) || isdigit((unsigned char)s[i - 1])))))
			factor = unit_factor(s + i + digits, len - digits);
		if (factor != NULL)
			str_addf(&factored, "*%s", factor);
		else
			str_addn(&factored, s + i + digits, len - digits);
		i += len;
		if (len == 0)
			str_addc(&factored, s[i++]);
	}
	s = str_text(&factored);
	for (size_t i = 0; s[i] != '\0'; i++) {
		str_addc(out, s[i]);
		size_t blanks = 0;
		while (str_is_blank(s[i + 1 + blanks]))
			blanks++;
		if (isdigit((unsigned char)s[i]) && blanks != 0 && isdigit((unsigned char)s[i + 1 + blanks])) {
			str_addc(out, '+');
			str_addc(out, s[i + 1 + blanks]); /* it is used up: cannot open the next pair */
			i += 1 + blanks;
		}
	}
	str_done(&spaced);
	str_done(&factored);
}

/* ---- the arithmetic that may remain, with Python's ranks ---- */

struct calc {
	const char *p;
	int depth, parens;
	const char *wrong; /* why it failed */
};

struct number {
	double value;
	bool is_whole;
};

static struct number calc_sum(struct calc *c);

static void
skip_blanks(struct calc *c)
{
	while (*c->p == ' ' || *c->p == '\t' || *c->p == '\f' || (c->parens != 0 && (*c->p == '\n' || *c->p == '\r')))
		c->p++;
	if (*c->p == '#') /* compat: Python takes the rest as a comment */
		c->p += strcspn(c->p, "\n");
}

static struct number
calc_fail(struct calc *c, const char *why)
{
	if (c->wrong == NULL)
		c->wrong = why;
	c->p = "";
	return (struct number){0, true};
}

static struct number
calc_number(struct calc *c)
{
	struct str digits = {0};
	bool is_whole = true;

	for (; isdigit((unsigned char)*c->p) || (*c->p == '.' && is_whole); c->p++) {
		is_whole &= *c->p != '.';
		str_addc(&digits, *c->p);
		if (c->p[0] != '.' && c->p[1] == '_' && isdigit((unsigned char)c->p[2]))
			c->p++;
	}
	const char *text = str_text(&digits), *wrong = NULL;
	if (strcmp(text, ".") == 0 || *c->p == '.')
		wrong = "not a number";
	else if (is_whole && digits.len > 1 && text[0] == '0' && strspn(text, "0") < digits.len)
		wrong = "a number has a leading zero";
	else if (is_word(*c->p))
		wrong = "unknown unit";
	struct number n = {strtod(text, NULL), is_whole};
	str_done(&digits);
	return wrong != NULL ? calc_fail(c, wrong) : n;
}

static struct number
calc_atom(struct calc *c)
{
	skip_blanks(c);
	if (*c->p == '(') {
		if (++c->depth > DEPTH_MAX)
			return calc_fail(c, "nested too deep");
		c->p++;
		c->parens++;
		struct number n = calc_sum(c);
		skip_blanks(c);
		if (*c->p != ')')
			return calc_fail(c, "a ) is missing");
		c->p++;
		c->parens--;
		c->depth--;
		return n;
	}
	if (isdigit((unsigned char)*c->p) || *c->p == '.')
		return calc_number(c);
	return calc_fail(c, *c->p == '\0' ? "a number is missing" : is_word(*c->p) ? "unknown unit" : "not a number");
}

static struct number
calc_sign(struct calc *c)
{
	skip_blanks(c);
	if (*c->p == '-' || *c->p == '+') {
		bool is_minus = *c->p == '-';
		if (++c->depth > DEPTH_MAX)
			return calc_fail(c, "nested too deep");
		c->p++;
		struct number n = calc_sign(c);
		c->depth--;
		if (is_minus)
			n.value = -n.value;
		return n;
	}
	struct number base = calc_atom(c);
	skip_blanks(c);
	if (c->p[0] == '*' && c->p[1] == '*') {
		if (++c->depth > DEPTH_MAX)
			return calc_fail(c, "nested too deep");
		c->p += 2;
		struct number power = calc_sign(c);
		c->depth--;
		base.is_whole = base.is_whole && power.is_whole && power.value >= 0;
		base.value = pow(base.value, power.value);
	}
	return base;
}

static struct number
calc_product(struct calc *c)
{
	struct number n = calc_sign(c);

	for (;;) {
		skip_blanks(c);
		char op = *c->p;
		if (op != '*' && op != '/' && op != '%')
			return n;
		c->p++;
		bool is_floor = op == '/' && *c->p == '/';
		c->p += is_floor;
		struct number m = calc_sign(c);
		if (op != '*' && m.value == 0 && c->wrong == NULL)
			return calc_fail(c, "division by zero");
		n.is_whole = n.is_whole && m.is_whole && (op != '/' || is_floor);
		if (op == '*')
			n.value *= m.value;
		else if (op == '%')
			n.value -= floor(n.value / m.value) * m.value;
		else
			n.value = is_floor ? floor(n.value / m.value) : n.value / m.value;
	}
}

static struct number
calc_sum(struct calc *c)
{
	struct number n = calc_product(c);

	for (;;) {
		skip_blanks(c);
		char op = *c->p;
		if (op != '+' && op != '-')
			return n;
		c->p++;
		struct number m = calc_product(c);
		n.value += op == '+' ? m.value : -m.value;
		n.is_whole = n.is_whole && m.is_whole;
	}
}

bool
duration_eval(const char *text, double *seconds, bool *is_whole, struct err *err)
{
	struct str expression = {0};

	if (strlen(text) > TEXT_MAX)
		return err_set(err, "too long for a time: %.40s...", text);
	expand_units(text, &expression);
	const char *start = str_text(&expression);
	while (str_is_blank(*start))
		start++;
	struct calc c = {.p = start};
	struct number n = calc_sum(&c);
	while (c.wrong == NULL && *c.p != '\0') {
		skip_blanks(&c);
		if (*c.p != '\n' && *c.p != '\r' && *c.p != '\0')
			calc_fail(&c, is_word(*c.p) ? "unknown unit" : "unexpected text after the time");
		c.p += *c.p != '\0';
	}
	str_done(&expression);
	if (c.wrong == NULL && !isfinite(n.value))
		c.wrong = "too large";
	if (c.wrong != NULL)
		return err_set(err, "'%s' is no time such as 600, 10m or 1d 12h: %s", text, c.wrong);
	*seconds = n.value + 0.0; /* no -0 */
	*is_whole = n.is_whole;
	return true;
}

bool
duration_parse(const char *text, double *seconds, struct err *err)
{
	bool is_whole;

	return duration_eval(text, seconds, &is_whole, err);
}

/* Up to three groups: count of the largest unit, what remains in the next, what remains of that. */
static void
format_groups(double rounded, const double sizes[2], const char *names, char *text, size_t size)
{
	struct str out = {0};
	double rest = rounded;

	for (int i = 0; i < 3 && names[i] != '\0'; i++) {
		double unit = i < 2 ? sizes[i] : 1;
		if (i == 0 || rest >= unit) {
			str_addf(&out, "%s%.0f%c", out.len != 0 ? " " : "", floor(rest / unit), names[i]);
			rest = fmod(rest, unit);
		}
	}
	snprintf(text, size, "%s", str_text(&out));
	str_done(&out);
}

void
duration_format(double s, char *text, size_t size)
{
	/* compat: the accuracy falls as the time grows; rounding is to even, as Python's */
	if (s >= 31536000) {
		format_groups(rint(s / 86400), (const double[]){365, 7}, "ywd", text, size);
	} else if (s >= 604800) {
		format_groups(rint(s / 3600), (const double[]){168, 24}, "wdh", text, size);
	} else if (s >= 86400) {
		format_groups(rint(s / 60), (const double[]){1440, 60}, "dhm", text, size);
	} else if (s >= 3595) {
		format_groups(rint(s / 10), (const double[]){360, 6}, "hm", text, size);
	} else if (s == 0) {
		snprintf(text, size, "0");
	} else if (s >= 60) {
		double rest = fmod(s, 60);
		if (rest != 0)
			snprintf(text, size, "%.0fm %.12gs", floor(s / 60), rest);
		else
			snprintf(text, size, "%.0fm", s / 60);
	} else {
		snprintf(text, size, "%.12gs", s);
	}
}
