#include "applet/pretty.h"

#include "base/spec.h"

#include <string.h>

#define WIDTH 1000
#define INDENT 2

static size_t
count_chars(const char *bytes, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)bytes[i] & 0xc0) != 0x80;
	return n;
}

static size_t
repr_chars(const char *bytes, size_t len)
{
	struct str rep = {0};

	value_repr_str(bytes, len, &rep);
	size_t n = count_chars(str_text(&rep), rep.len);
	str_done(&rep);
	return n;
}

/* Bytes of the line, its end included, that text starts with: what str.splitlines() calls a line. */
static size_t
line_len(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '\r' && i + 1 < len && text[i + 1] == '\n')
			return i + 2;
		if ((c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e))
			return i + 1;
		if (c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] == 0x85)
			return i + 2;
		if (c == 0xe2 && i + 2 < len && (unsigned char)text[i + 1] == 0x80 && ((unsigned char)text[i + 2] & 0xfe) == 0xa8)
			return i + 3;
	}
	return len;
}

/* A word with the white space behind it. */
static size_t
part_len(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && spec_space(text + i, len - i) == 0)
		i++;
	for (size_t n; i < len && (n = spec_space(text + i, len - i)) != 0;)
		i += n;
	return i;
}

static void
add_chunk(struct str *out, size_t indent, bool *is_first, const char *bytes, size_t len)
{
	if (!*is_first) {
		str_addc(out, '\n');
		for (size_t i = 0; i < indent; i++)
			str_addc(out, ' ');
	}
	*is_first = false;
	value_repr_str(bytes, len, out);
}

static void
format_text(const char *text, size_t len, size_t indent, size_t allowance, struct str *out)
{
	bool is_first = true;

	for (size_t at = 0; at < len;) {
		size_t n = line_len(text + at, len - at);
		bool is_last = at + n == len;
		if (repr_chars(text + at, n) <= WIDTH - indent - (is_last ? allowance : 0)) {
			add_chunk(out, indent, &is_first, text + at, n);
			at += n;
			continue;
		}
		size_t from = at, to = at, end = at + n;
		while (to < end) {
			size_t part = part_len(text + to, end - to);
			size_t room = WIDTH - indent - (is_last && to + part == end ? allowance : 0);
			if (to > from && repr_chars(text + from, to + part - from) > room) {
				add_chunk(out, indent, &is_first, text + from, to - from);
				from = to;
			}
			to += part;
		}
		add_chunk(out, indent, &is_first, text + from, to - from);
		at = end;
	}
}

static void
format(const struct value *v, size_t indent, size_t allowance, struct str *out)
{
	struct str rep = {0};

	value_repr(v, &rep);
	bool fits = count_chars(str_text(&rep), rep.len) <= (indent + allowance < WIDTH ? WIDTH - indent - allowance : 0);
	if (fits || (v->kind != VALUE_LIST && v->kind != VALUE_STR)) {
		str_addn(out, str_text(&rep), rep.len);
	} else if (v->kind == VALUE_STR) {
		format_text(v->text.bytes, v->text.len, indent, allowance, out);
	} else {
		str_add(out, "[ ");
		indent += INDENT;
		for (size_t i = 0; i < value_count(v); i++) {
			if (i != 0) {
				str_add(out, ",\n");
				for (size_t k = 0; k < indent; k++)
					str_addc(out, ' ');
			}
			format(value_at(v, i), indent, i + 1 == value_count(v) ? allowance + 1 : 1, out);
		}
		str_addc(out, ']');
	}
	str_done(&rep);
}

void
pretty_format(const struct value *v, struct str *out)
{
	format(v, 0, 0, out);
}
