#include "match/datepattern.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

/* ---- tokens ---- */

#define TWO_DIGIT_MONTH "0[1-9]|1[0-2]"
#define ZONE_WORD "[A-Z](?:[A-Z]{2,4})?"
#define ZONE_SHIFT "[+-][01]\\d(?::?\\d{2})?"
#define SHORT_DAYS "mon|tue|wed|thu|fri|sat|sun"
#define SHORT_MONTHS "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
#define WEEK "5[0-3]|[0-4]\\d|\\d"
/* strptime's own, looser or stricter than ours, inside %c %x %X */
#define C_DAY "(?P<d>3[0-1]|[1-2]\\d|0[1-9]|[1-9]| [1-9])"
#define C_TIME "(?P<H>2[0-3]|[0-1]\\d|\\d):(?P<M>[0-5]\\d|\\d):(?P<S>6[0-1]|[0-5]\\d|\\d)"

/* Longer tokens first. regex NULL: the year's decades, made at run time. */
static const struct token {
	const char *token, *regex, *name;
} tokens[] = {
    {"ExY", NULL, "ExYear"},
    {"Exy", "(?P<y>\\d{2})", "ExYear2"},
    {"Exm", "(?P<m>" TWO_DIGIT_MONTH ")", "ExMonth"},
    {"Exd", "(?P<d>[1-2]\\d|0[1-9]|3[0-1])", "ExDay"},
    {"ExH", "(?P<H>[0-1]\\d|2[0-3])", "Ex24hour"},
    {"Exk", " ?(?P<H>[0-1]?\\d|2[0-3])", "%Exk"},
    {"Exl", " ?(?P<I>1[0-2]|\\d)", "%Exl"},
    {"ExM", "(?P<M>[0-5]\\d)", "ExMinute"},
    {"ExS", "(?P<S>[0-5]\\d|6[0-1])", "ExSecond"},
    {"ExZ", "(?P<Z>" ZONE_WORD ")", "ExZone name"},
    {"Exz", "(?P<z>(?:" ZONE_WORD ")?" ZONE_SHIFT "|" ZONE_WORD ")", "ExZone offset"},
    {"Y", "(?P<Y>\\d{4})", "Year"},
    {"y", "(?P<y>\\d\\d)", "Year2"},
    {"G", "(?P<G>\\d\\d\\d\\d)", "%G"},
    {"m", "(?P<m>0?[1-9]|1[0-2])", "Month"},
    {"d", "(?P<d>[1-2]\\d|[0 ]?[1-9]|3[0-1])", "Day"},
    {"H", "(?P<H>[0-1]?\\d|2[0-3])", "24hour"},
    {"k", " ?(?P<H>[0-2]?\\d)", "%k"},
    {"I", "(?P<I>1[0-2]|0[1-9]|[1-9])", "12hour"},
    {"l", " ?(?P<I>1?\\d)", "%l"},
    {"M", "(?P<M>[0-5]?\\d)", "Minute"},
    {"S", "(?P<S>[0-5]?\\d|6[0-1])", "Second"},
    {"f", "(?P<f>[0-9]{1,6})", "Microseconds"},
    {"p", "(?P<p>am|pm)", "AMPM"},
    {"a", "(?P<a>" SHORT_DAYS ")", "DAY"},
    {"A", "(?P<A>wednesday|thursday|saturday|tuesday|monday|friday|sunday)", "DAYNAME"},
    {"b", "(?P<b>" SHORT_MONTHS ")", "MON"},
    {"B", "(?P<B>september|february|november|december|january|october|august|march|april|june|july|may)", "MONTH"},
    {"j", "(?P<j>36[0-6]|3[0-5]\\d|[1-2]\\d\\d|0[1-9]\\d|00[1-9]|[1-9]\\d|0[1-9]|[1-9])", "Yearday"},
    {"U", "(?P<U>" WEEK ")", "Yearweek"},
    {"W", "(?P<W>" WEEK ")", "Yearweek"},
    {"V", "(?P<V>5[0-3]|0[1-9]|[1-4]\\d|\\d)", "%V"},
    {"w", "(?P<w>[0-6])", "Weekday"},
    {"u", "(?P<u>[1-7])", "%u"},
    {"z", "(?P<z>Z|UTC|GMT|" ZONE_SHIFT ")", "Zone offset"},
    {"Z", "(?P<Z>Z|[A-Z]{3,5})", "Zone name"},
    {"c", "(?P<a>" SHORT_DAYS ")\\s+(?P<b>" SHORT_MONTHS ")\\s+" C_DAY "\\s+" C_TIME "\\s+(?P<Y>\\d\\d\\d\\d)", "%c"},
    {"x", "(?P<m>1[0-2]|0[1-9]|[1-9])/" C_DAY "/(?P<y>\\d\\d)", "%x"},
    {"X", C_TIME, "%X"},
    {"%", "%", "%"},
};

static const struct token *
token_at(const char *text)
{
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
		if (str_starts(text, tokens[i].token))
			return &tokens[i];
	return NULL;
}

/*
 * compat: %ExY takes the decades from 2000 to the one that comes in three years, so that an address
 * or a port is less often taken for a year.
 */
static void
add_decades(int year, struct str *out)
{
	int first = 200, last = (year + 3) / 10;

	if (last < first)
		last = first;
	if (last < 210) {
		str_add(out, "(?P<Y>20");
		if (last > first) {
			str_addc(out, '[');
			for (int d = first; d <= last; d++)
				str_addc(out, (char)('0' + d % 10));
			str_addc(out, ']');
		} else {
			str_addc(out, '0');
		}
		str_add(out, "\\d)");
		return;
	}
	str_add(out, "(?P<Y>(?:");
	for (int d = first; d <= last; d++)
		str_addf(out, "%s%d", d > first ? "|" : "", d);
	str_add(out, ")\\d)");
}

/* ---- what an expression looks like at its ends ---- */

static size_t
flags_len(const char *s) /* (?iu) */
{
	size_t i = 2;

	if (strncmp(s, "(?", 2) != 0)
		return 0;
	while (isalnum((unsigned char)s[i]) || s[i] == '_')
		i++;
	return i > 2 && s[i] == ')' ? i + 1 : 0;
}

static bool
is_caret_group(const char *s) /* (^ or (?:^ */
{
	return s[0] == '(' && (s[1] == '^' || strncmp(s + 1, "?:^", 3) == 0);
}

/* The beginning says itself where a match may begin: ^, (^, (?:^ or the mark **. */
static bool
begins_bound(const char *s)
{
	size_t parens = strspn(s, "(");

	/* each number of leading parentheses could belong to what follows */
	for (size_t n = 0; n <= parens; n++) {
		const char *at = s + n;
		for (int with_flags = 1; with_flags >= 0; with_flags--) {
			size_t f = with_flags ? flags_len(at) : 0;
			if (with_flags && f == 0)
				continue;
			const char *t = at + f;
			if (*t == '^' || is_caret_group(t) || strncmp(t + strspn(t, "("), "**", 2) == 0)
				return true;
		}
	}
	return false;
}

static bool
ends_with_unescaped(const char *s, size_t len, const char *tail)
{
	size_t n = strlen(tail);

	return len >= n && memcmp(s + len - n, tail, n) == 0 && !(len > n && s[len - n - 1] == '\\');
}

static bool
ends_bound(const char *s)
{
	size_t len = strlen(s), stars = len;

	if (ends_with_unescaped(s, len, "$") || ends_with_unescaped(s, len, "$)") ||
	    ends_with_unescaped(s, len, "\\b") || ends_with_unescaped(s, len, "\\s"))
		return true;
	while (stars > 0 && s[stars - 1] == ')')
		stars--;
	return ends_with_unescaped(s, stars, "**");
}

/* An own capturing group, that is, an unnamed one. */
static bool
has_group(const char *s)
{
	for (size_t i = 0; s[i] != '\0'; i++)
		if (s[i] == '(' && s[i + 1] != '?' && !(i > 0 && s[i - 1] == '\\') &&
		    !(i > 1 && s[i - 1] == '?' && s[i - 2] == '('))
			return true;
	return false;
}

static void
add_group(struct str *regex)
{
	struct str out = {0};
	const char *s = str_text(regex);
	size_t from = flags_len(s), end = regex->len;

	if (s[from] == '^')
		from++;
	from += flags_len(s + from);
	if (end > from && s[end - 1] == '$')
		end--;
	str_addn(&out, s, from);
	str_addc(&out, '(');
	str_addn(&out, s + from, end - from);
	str_addc(&out, ')');
	str_add(&out, s + end);
	str_done(regex);
	*regex = out;
}

static void
cut_out(struct str *s, size_t from, size_t len)
{
	memmove(s->at + from, s->at + from + len, s->len - from - len + 1);
	s->len -= len;
}

/* The marks ** at the ends have done their work. */
static void
drop_stars(struct str *s)
{
	if (s->len == 0)
		return;
	size_t at = strspn(s->at, "(");
	for (size_t n = 0; n <= at; n++) {
		size_t f = flags_len(s->at + n);
		size_t stars = n + f + strspn(s->at + n + f, "(");
		if ((f != 0 || n == at) && strncmp(s->at + stars, "**", 2) == 0) {
			cut_out(s, stars, 2);
			break;
		}
	}
	size_t end = s->len;
	while (end > 0 && s->at[end - 1] == ')')
		end--;
	if (ends_with_unescaped(s->at, end, "**"))
		cut_out(s, end - 2, 2);
}

static bool
is_line_begin(const char *s)
{
	s += flags_len(s);
	if (*s == '^')
		return true;
	if (!is_caret_group(s))
		return false;
	return *(strchr(s, '^') + 1) != '|';
}

static bool
is_line_end(const char *s)
{
	size_t len = strlen(s);

	if (len > 0 && s[len - 1] == ')')
		len--;
	return len > 0 && s[len - 1] == '$' && !(len > 1 && (s[len - 2] == '\\' || s[len - 2] == '|'));
}

/* Global flags anywhere: cut out, to be put in front at the end. */
static char *
take_flags(struct str *regex)
{
	for (size_t i = 0; i < regex->len; i++) {
		size_t n = 2;
		if (strncmp(regex->at + i, "(?", 2) != 0)
			continue;
		while (regex->at[i + n] >= 'a' && regex->at[i + n] <= 'z')
			n++;
		if (n > 2 && regex->at[i + n] == ')') {
			char *flags = xstrndup(regex->at + i, n + 1);
			cut_out(regex, i, n + 1);
			return flags;
		}
	}
	return xstrdup("");
}

enum begin { BEGIN_FREE, BEGIN_WORD, BEGIN_LINE };

static void
finish(struct datepattern *d, const char *raw, enum begin begin, bool end)
{
	struct slice trimmed = slice_trim(slice_of(raw));
	struct str regex = {0}, name = {0}, bounded = {0};

	str_addn(&regex, trimmed.at, trimmed.len);
	char *flags = take_flags(&regex);
	bool bound_begin = begin != BEGIN_FREE && !begins_bound(str_text(&regex));
	bool bound_end = end && !ends_bound(str_text(&regex));
	if (!has_group(str_text(&regex)))
		add_group(&regex);
	if (bound_begin) {
		d->flags |= begin == BEGIN_LINE ? DATE_LINE_BEGIN : DATE_WORD_BEGIN;
		str_add(&bounded, begin == BEGIN_LINE ? "^(?:\\W{0,2})?" : "(?=^|\\b|\\W)");
		if (begin == BEGIN_LINE && !str_starts(d->name, "{^LN-BEG}")) {
			str_addf(&name, "{^LN-BEG}%s", d->name);
			free(d->name);
			d->name = str_take(&name);
		}
	}
	str_addn(&bounded, str_text(&regex), regex.len);
	if (bound_end) {
		d->flags |= DATE_WORD_END;
		str_add(&bounded, "(?=\\b|\\W|$)");
	}
	if (is_line_begin(str_text(&bounded)))
		d->flags |= DATE_LINE_BEGIN;
	if (is_line_end(str_text(&bounded)))
		d->flags |= DATE_LINE_END;
	drop_stars(&bounded);
	d->text = xasprintf("%s%s", flags, str_text(&bounded));
	free(flags);
	str_done(&regex);
	str_done(&bounded);
}

/* ---- epoch and TAI64N ---- */

#define SECONDS "\\d{10,11}\\b(?:\\.\\d{3,6})?"
#define LONG_SECONDS "\\d{10,11}(?:\\d{3}(?:\\.\\d{1,6}|\\d{3})?)?"

/* {EPOCH} or {LEPOCH} in any case, not behind a backslash: its length, 0 if it is none. */
static size_t
epoch_mark(const char *text, size_t at)
{
	static const char *const marks[] = {"{EPOCH}", "{LEPOCH}"};

	if (at > 0 && text[at - 1] == '\\')
		return 0;
	for (size_t i = 0; i < 2; i++)
		if (strncasecmp(text + at, marks[i], strlen(marks[i])) == 0)
			return strlen(marks[i]);
	return 0;
}

static bool
has_epoch_mark(const char *text)
{
	for (size_t i = 0; text[i] != '\0'; i++)
		if (epoch_mark(text, i) != 0)
			return true;
	return false;
}

static void
init_epoch(struct datepattern *d, const char *pattern, bool is_long, bool at_begin)
{
	const char *seconds = is_long ? LONG_SECONDS : SECONDS;
	struct str text = {0};

	d->kind = is_long ? DATE_FROM_LONG_EPOCH : DATE_FROM_EPOCH;
	d->value_group = pattern != NULL ? 2 : 1;
	if (pattern != NULL) {
		d->name = xstrdup(pattern);
		str_addc(&text, '(');
		for (size_t i = 0; pattern[i] != '\0';) {
			size_t n = epoch_mark(pattern, i);
			if (n != 0)
				str_addf(&text, "(%s)", seconds);
			else
				str_addc(&text, pattern[i]);
			i += n != 0 ? n : 1;
		}
		str_addc(&text, ')');
		finish(d, text.at, BEGIN_WORD, true);
	} else {
		d->name = xstrdup(is_long ? "LongEpoch" : "Epoch");
		d->least_digits = 10;
		if (at_begin) {
			str_addf(&text, "((?P<square>(?<=^\\[))?%s)(?(square)(?=\\]))", seconds);
			finish(d, text.at, BEGIN_LINE, true);
		} else {
			str_addf(&text, "((?:^|(?P<square>(?<=^\\[))|(?P<selinux>(?<=\\baudit\\()))%s)"
			    "(?:(?(selinux)(?=:\\d+\\)))|(?(square)(?=\\])))", seconds);
			finish(d, text.at, BEGIN_FREE, true);
		}
	}
	str_done(&text);
}

static bool
init_special(struct datepattern *d, const char *pattern)
{
	static const char *const places[] = {"", "{^LN-BEG}", "^"};
	bool has_percent = strchr(pattern, '%') != NULL;
	int (*compare)(const char *, const char *) = has_percent ? strcmp : strcasecmp;
	bool is_long = strcasestr(pattern, "LEPOCH") != NULL;

	if (has_epoch_mark(pattern) && (has_percent ? strstr(pattern, "EPOCH") : strcasestr(pattern, "EPOCH")) != NULL) {
		init_epoch(d, pattern, is_long, false);
		return true;
	}
	for (size_t i = 0; i < 3; i++) {
		const char *rest = pattern + strlen(places[i]);
		if (strncasecmp(pattern, places[i], strlen(places[i])) != 0)
			continue;
		if (compare(rest, "EPOCH") == 0 || compare(rest, "LEPOCH") == 0) {
			init_epoch(d, NULL, strcasecmp(rest, "LEPOCH") == 0, i != 0);
			return true;
		}
		if (compare(rest, "TAI64N") == 0) {
			d->kind = DATE_FROM_TAI64N;
			d->name = xstrdup("TAI64N");
			finish(d, "@[0-9a-f]{24}", i != 0 ? BEGIN_LINE : BEGIN_FREE, true);
			return true;
		}
	}
	return false;
}

/* ---- patterns ---- */

char *
datepattern_unbound(const char *pattern)
{
	static const char tail[] = "(?=\\b|\\W|$)";

	if (str_starts(pattern, "{UNB}"))
		pattern += 5;
	if (str_starts(pattern, "{^LN-BEG}"))
		pattern += 9;
	if (str_starts(pattern, "(^|\\b|\\W)"))
		pattern += 9;
	else if (str_starts(pattern, "(?:^|\\b|\\W)"))
		pattern += 11;
	return str_ends(pattern, tail) ? xstrndup(pattern, strlen(pattern) - (sizeof tail - 1)) : xstrdup(pattern);
}

bool
datepattern_is_fixed(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr(" -/:,._T@<>=^", c) != NULL);
}

bool
datepattern_init(struct datepattern *d, const char *pattern, int year, struct err *err)
{
	struct str regex = {0}, name = {0};
	enum begin begin = BEGIN_WORD;
	bool end = true, is_caseless = false;
	const char *rest = pattern;

	*d = (struct datepattern){.weight = 1, .is_plain = true};
	if (init_special(d, pattern)) {
		d->is_plain = false;
		return true;
	}
	d->pattern = xstrdup(pattern);
	if (str_starts(rest, "{UNB}")) {
		rest += 5;
		begin = BEGIN_FREE;
		end = false;
	}
	if (begin == BEGIN_WORD && str_starts(rest, "{^LN-BEG}")) {
		rest += 9;
		begin = BEGIN_LINE;
	}
	for (size_t i = 0; rest[i] != '\0'; i++) {
		if (rest[i] != '%') {
			if (!datepattern_is_fixed(rest[i]))
				d->is_plain = false;
			str_addc(&regex, rest[i]);
			str_addc(&name, rest[i]);
			continue;
		}
		const struct token *t = token_at(rest + i + 1);
		if (t == NULL) {
			str_done(&regex);
			str_done(&name);
			err_set(err, "Failed to set datepattern '%s' (may be an invalid format or unescaped percent char): "
			    "unknown %%%.1s at column %zu", pattern, rest + i + 1, (size_t)(rest + i - pattern) + 1);
			datepattern_done(d);
			return false;
		}
		if (t->regex != NULL)
			str_add(&regex, t->regex);
		else
			add_decades(year, &regex);
		str_add(&name, t->name);
		if (strchr("aAbBpc", t->token[0]) != NULL && !(i > 0 && rest[i - 1] == '%'))
			is_caseless = true;
		i += strlen(t->token);
	}
	d->name = str_take(&name);
	if (is_caseless) {
		char *text = str_take(&regex);
		str_addf(&regex, "(?iu)%s", text);
		free(text);
	}
	finish(d, str_text(&regex), begin, end);
	str_done(&regex);
	return true;
}

void
datepattern_done(struct datepattern *d)
{
	free(d->name);
	free(d->pattern);
	free(d->text);
	free(d->fields);
	regex_free(d->regex);
	*d = (struct datepattern){0};
}

struct datepattern *
datepattern_take(struct datepattern *d)
{
	struct datepattern *own = xmalloc(sizeof *own);

	*own = *d;
	own->refs = 1;
	*d = (struct datepattern){0};
	return own;
}

void
datepattern_release(struct datepattern *d)
{
	if (--d->refs > 0)
		return;
	datepattern_done(d);
	free(d);
}

bool
datepattern_compile(struct datepattern *d, struct regex_room *room, struct regex_fault *fault)
{
	if (d->regex != NULL)
		return true;
	d->regex = regex_new(room, d->text, strlen(d->text), 0, fault);
	if (d->regex == NULL)
		return false;
	size_t n = regex_n_groups(d->regex);
	if (n == 0 || n < d->value_group) { /* "?:x" between our own parentheses */
		regex_free(d->regex);
		d->regex = NULL;
		return regex_fault_set(fault, d->text, strlen(d->text), 0, "there is no group that holds the date");
	}
	d->fields = xcalloc(n + 1, sizeof *d->fields);
	for (size_t i = 1; i <= n; i++)
		d->fields[i] = date_field_of(regex_group_name(d->regex, i));
	return true;
}
