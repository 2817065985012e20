#include "match/datelearn.h"

#include <ctype.h>
#include <string.h>

static bool
is_pair(const size_t *spans, size_t group, size_t limit)
{
	return spans[2 * group] != SIZE_MAX && spans[2 * group + 1] - spans[2 * group] == 2 && spans[2 * group + 1] <= limit;
}

bool
datelearn_make(struct datelearn *out, const struct datelearn_from *from, struct date_clock *clock, int *credit)
{
	const struct datepattern *p = from->pattern;
	const struct date_fields *fields = from->fields;
	const struct date_value *value = from->value;
	const char *line = from->line;
	const size_t *spans = regex_spans(p->regex);
	struct datelearn l = {0};
	size_t n = regex_n_groups(p->regex), end = spans[1], ends[2 * 32];
	static const size_t more[] = {1, 2, 3, 4, 8, 16};
	size_t minute = 0, second = 0, fraction = 0;

	if (!p->is_plain || (p->flags & DATE_LINE_BEGIN) == 0 || value->assumed_day || fields->second > 59 ||
	    (value->assumed_year && value->now_year_end == 0) || n > 31 || end < 8)
		return false;
	for (size_t i = 1; i <= n; i++) {
		if (p->fields[i] == DATE_MINUTE)
			minute = i;
		else if (p->fields[i] == DATE_SECOND)
			second = i;
		else if (p->fields[i] == DATE_FRACTION)
			fraction = i;
	}
	if (minute == 0 || second == 0 || !is_pair(spans, minute, DATELEARN_MAX) || !is_pair(spans, second, DATELEARN_MAX))
		return false;
	if (*credit == 0)
		return false;
	--*credit;
	memcpy(ends, spans, (n + 1) * 2 * sizeof *ends);
	for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
		size_t window = end + more[i];
		if (window > from->len || window > DATELEARN_MAX)
			break;
		if (!from->is_ascii && window < from->len && ((unsigned char)line[window] & 0xc0) == 0x80)
			continue;
		if (regex_search_closed(p->regex, line, window, from->is_ascii) == REGEX_HIT &&
		    memcmp(ends, regex_spans(p->regex), (n + 1) * 2 * sizeof *ends) == 0) {
			l.len = window;
			break;
		}
	}
	if (l.len == 0)
		return false;
	memcpy(l.bytes, line, l.len);
	memset(l.mask, 0xff, l.len);
	l.minute = ends[2 * minute];
	l.second = ends[2 * second];
	memset(l.mask + l.minute, 0, 2);
	memset(l.mask + l.second, 0, 2);
	if (fraction != 0 && ends[2 * fraction] != SIZE_MAX) {
		for (size_t i = ends[2 * fraction]; i < ends[2 * fraction + 1]; i++) {
			l.digits[l.n_digits++] = i;
			l.mask[i] = 0;
		}
	}
	l.from = ends[2];
	l.to = ends[3];
	l.base = value->time - fields->minute * 60 - fields->second;
	l.until = value->assumed_year ? value->now_year_end : 0;
	l.is_whole = fields->has_zone || clock->has_zone;
	/* the hour must be whole: one that the clock changes in is not, nor one whose end is too far ahead */
	struct date_fields edge = *fields;
	struct date_value v;
	edge.minute = edge.second = 59;
	if (!date_fields_time(&edge, clock, &v) || v.time != l.base + 3599)
		return false;
	edge.minute = edge.second = 0;
	if (!date_fields_time(&edge, clock, &v) || v.time != l.base || v.is_twice)
		return false;
	*out = l;
	return true;
}

static bool
same_but_digits(const struct datelearn *l, const char *line)
{
	size_t i = 0;

	for (; i + 8 <= l->len; i += 8) {
		uint64_t a, b, m;
		memcpy(&a, line + i, 8);
		memcpy(&b, l->bytes + i, 8);
		memcpy(&m, l->mask + i, 8);
		if (((a ^ b) & m) != 0)
			return false;
	}
	for (; i < l->len; i++)
		if ((((uint8_t)line[i] ^ l->bytes[i]) & l->mask[i]) != 0)
			return false;
	return true;
}

static bool
is_below_60(const char *two)
{
	return two[0] >= '0' && two[0] <= '5' && two[1] >= '0' && two[1] <= '9';
}

static int
pair(const char *two)
{
	return (two[0] - '0') * 10 + (two[1] - '0');
}

bool
datelearn_read(const struct datelearn *l, const char *line, size_t len, double now, double *time)
{
	if (len < l->len || (l->until != 0 && now >= l->until) || !same_but_digits(l, line) ||
	    !is_below_60(line + l->minute) || !is_below_60(line + l->second))
		return false;
	for (size_t i = 0; i < l->n_digits; i++)
		if (!isdigit((unsigned char)line[l->digits[i]]))
			return false;
	*time = l->base + pair(line + l->minute) * 60 + pair(line + l->second);
	return true;
}

bool
datelearn_is_same(const struct datelearn *a, const struct datelearn *b)
{
	if (a->len != b->len || a->minute != b->minute || a->second != b->second || a->n_digits != b->n_digits ||
	    a->from != b->from || a->to != b->to || a->base != b->base || a->until != b->until || a->is_whole != b->is_whole ||
	    memcmp(a->mask, b->mask, a->len) != 0 || memcmp(a->digits, b->digits, a->n_digits * sizeof *a->digits) != 0)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (((a->bytes[i] ^ b->bytes[i]) & a->mask[i]) != 0)
			return false;
	return true;
}
