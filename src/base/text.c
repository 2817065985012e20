#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>
#include <locale.h>

size_t
text_decode(const char *bytes, size_t len, uint32_t *point)
{
	const unsigned char *p = (const unsigned char *)bytes;
	size_t need;
	uint32_t c, least;

	if (p[0] < 0x80) {
		*point = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		need = 2, c = p[0] & 0x1fu, least = 0x80;
	else if ((p[0] & 0xf0) == 0xe0)
		need = 3, c = p[0] & 0x0fu, least = 0x800;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		need = 4, c = p[0] & 0x07u, least = 0x10000;
	else
		return 0;
	if (len < need)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*point = c;
	return need;
}

void
text_encode(uint32_t c, struct str *out)
{
	char b[4];

	if (c < 0x80) {
		b[0] = (char)c;
		str_addn(out, b, 1);
	} else if (c < 0x800) {
		b[0] = (char)(0xc0 | c >> 6);
		b[1] = (char)(0x80 | (c & 0x3f));
		str_addn(out, b, 2);
	} else if (c < 0x10000) {
		b[0] = (char)(0xe0 | c >> 12);
		b[1] = (char)(0x80 | (c >> 6 & 0x3f));
		b[2] = (char)(0x80 | (c & 0x3f));
		str_addn(out, b, 3);
	} else {
		b[0] = (char)(0xf0 | c >> 18);
		b[1] = (char)(0x80 | (c >> 12 & 0x3f));
		b[2] = (char)(0x80 | (c >> 6 & 0x3f));
		b[3] = (char)(0x80 | (c & 0x3f));
		str_addn(out, b, 4);
	}
}

/* The C library's tables need a UTF-8 locale whatever the user's is: one of our own, made once. */
static locale_t
unicode_locale(void)
{
	static locale_t utf8;

	if (utf8 == (locale_t)0)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return utf8;
}

static int
unicode_width(uint32_t c)
{
	locale_t utf8 = unicode_locale();

	if (utf8 == (locale_t)0)
		return c < 0x7f ? 1 : -1;
	locale_t old = uselocale(utf8);
	int width = wcwidth((wchar_t)c);
	uselocale(old);
	return width;
}

/* Format characters (Cf), bidi controls, separators and fillers that hide or re-order text. */
static bool
is_invisible(uint32_t c)
{
	return c == 0xad || (c >= 0x600 && c <= 0x605) || c == 0x61c || c == 0x6dd || c == 0x70f ||
	    c == 0x890 || c == 0x891 || c == 0x8e2 || c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 || c == 0x180e ||
	    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	    c == 0x3164 || c == 0xfeff || c == 0xffa0 || (c >= 0xfff0 && c <= 0xfffb) || c == 0x110bd || c == 0x110cd ||
	    (c >= 0x13430 && c <= 0x1343f) || (c >= 0x1bca0 && c <= 0x1bca3) || (c >= 0x1d173 && c <= 0x1d17a) ||
	    (c >= 0xe0000 && c <= 0xe0fff) || (c >= 0xfe00 && c <= 0xfe0f);
}

static bool
is_private_or_none(uint32_t c)
{
	return (c >= 0xe000 && c <= 0xf8ff) || c >= 0xf0000 || (c & 0xfffe) == 0xfffe ||
	    (c >= 0xfdd0 && c <= 0xfdef);
}

/* What a reader put in the place of bytes that were no text: told, not drawn. */
static bool
is_replacement(uint32_t c)
{
	return c == 0xfffd;
}

/* Latin, Cyrillic, kana, CJK: most of what there is, without a hole that is not assigned. */
static bool
is_common_letter(uint32_t c)
{
	return (c >= 0xc0 && c < 0x250) || (c >= 0x400 && c < 0x530) || (c >= 0x3041 && c <= 0x3096) ||
	    (c >= 0x30a0 && c <= 0x30ff) || (c >= 0x4e00 && c <= 0x9fef);
}

bool
text_is_printable(uint32_t c)
{
	if (c < 0x7f)
		return c >= 0x20;
	if (c < 0xa1 || c == 0xad)
		return false;
	if (is_common_letter(c))
		return true; /* no locale need be loaded for it */
	if ((c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef) || c == 0x115f || c == 0x1160 ||
	    c == 0x17b4 || c == 0x17b5 || c == 0x3164 || c == 0xffa0)
		return true; /* marks and letters to Python, though nothing shows */
	if (is_invisible(c) || is_private_or_none(c) || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	    c == 0x202f || c == 0x205f || c == 0x3000)
		return false;
	return unicode_width(c) >= 0;
}

static void
escape(struct text_cell *cell, unsigned c, bool is_byte)
{
	int n;

	if (c == '\n' || c == '\r' || c == '\t')
		n = snprintf(cell->bytes, sizeof cell->bytes, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
	else
		n = snprintf(cell->bytes, sizeof cell->bytes, is_byte ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
	cell->len = cell->cols = (uint8_t)n;
	cell->is_escape = true;
}

size_t
text_next(const char *bytes, size_t len, bool ascii_only, struct text_cell *cell)
{
	unsigned char first = (unsigned char)bytes[0];
	uint32_t c;

	if (first >= 0x20 && first < 0x7f && (len == 1 || (unsigned char)bytes[1] < 0x80)) {
		cell->bytes[0] = (char)first;
		cell->bytes[1] = '\0';
		cell->len = cell->cols = 1;
		cell->is_escape = false;
		return 1;
	}
	size_t n = text_decode(bytes, len, &c);
	if (n == 0) {
		escape(cell, first, true);
		return 1;
	}
	if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
		escape(cell, c, true);
		return n;
	}
	int width = unicode_width(c);
	if ((ascii_only && c > 0x7e) || is_invisible(c) || is_private_or_none(c) || is_replacement(c) || width <= 0) {
		/* a mark without a base (width 0) has nothing to stand on: shown as an escape */
		escape(cell, c, false);
		return n;
	}
	memcpy(cell->bytes, bytes, n);
	cell->len = (uint8_t)n;
	cell->cols = (uint8_t)(width > 2 ? 2 : width);
	cell->is_escape = false;

	for (int marks = 0; !ascii_only && n < len;) {
		uint32_t mark;
		size_t m = text_decode(bytes + n, len - n, &mark);
		if (m == 0 || mark < 0x300 || is_invisible(mark) || is_private_or_none(mark) || unicode_width(mark) != 0)
			break;
		if (marks++ < TEXT_MAX_COMBINING) {
			memcpy(cell->bytes + cell->len, bytes + n, m);
			cell->len = (uint8_t)(cell->len + m);
		}
		n += m;
	}
	cell->bytes[cell->len] = '\0';
	return n;
}

void
text_clean(const char *bytes, size_t len, bool ascii_only, struct str *out)
{
	struct text_cell cell;

	for (size_t i = 0; i < len;) {
		i += text_next(bytes + i, len - i, ascii_only, &cell);
		str_addn(out, cell.bytes, cell.len);
	}
}

void
text_clean_z(const char *text, struct str *out)
{
	text_clean(text, strlen(text), false, out);
}

void
text_note(struct str *raw, const char *bytes, size_t len)
{
	if (len > 255)
		len = 255;
	str_addc(raw, (char)len);
	str_addn(raw, bytes, len);
}

bool
text_note_next(struct slice *raw, struct slice *piece)
{
	size_t n = raw->len > 0 ? (unsigned char)raw->at[0] : 0;

	if (raw->len == 0 || raw->len - 1 < n)
		return false;
	*piece = (struct slice){raw->at + 1, n};
	*raw = (struct slice){raw->at + 1 + n, raw->len - 1 - n};
	return true;
}

void
text_to_utf8_noting(const char *bytes, size_t len, struct str *out, struct str *raw)
{
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t n = text_decode(bytes + i, len - i, &c);
		if (n == 0)
			str_add(out, "\xef\xbf\xbd");
		else
			str_addn(out, bytes + i, n);
		if (n == 0)
			n = 1, c = 0xfffd;
		if (is_replacement(c) && raw != NULL)
			text_note(raw, bytes + i, n);
		i += n;
	}
}

void
text_to_utf8(const char *bytes, size_t len, struct str *out)
{
	text_to_utf8_noting(bytes, len, out, NULL);
}

/* What a piece in hex stands for; false: it is none. */
static bool
unhex(const char *hex, struct str *out)
{
	size_t len = hex != NULL ? strlen(hex) : 0;

	if (len == 0 || len % 2 != 0 || strspn(hex, "0123456789abcdef") != len)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		unsigned byte;
		sscanf(hex + i, "%2x", &byte);
		str_addc(out, (char)byte);
	}
	return true;
}

void
text_restore(const char *bytes, size_t len, const json_t *raw, struct str *out)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t n = 0;

	for (size_t at = 0; at < len;) {
		const char *found = memmem(bytes + at, len - at, replacement, 3);
		size_t upto = found != NULL ? (size_t)(found - bytes) : len;
		str_addn(out, bytes + at, upto - at);
		if (found != NULL && !unhex(json_string_value(json_array_get(raw, n++)), out))
			str_add(out, replacement);
		at = upto + (found != NULL ? 3 : 0);
	}
}

json_t *
text_json(const char *bytes, size_t len)
{
	json_t *j = json_stringn(bytes, len);

	if (j == NULL) {
		struct str clean = {0};
		text_to_utf8(bytes, len, &clean);
		j = json_stringn(str_text(&clean), clean.len);
		str_done(&clean);
	}
	return j;
}
