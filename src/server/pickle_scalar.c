#include "server/pickle_scalar.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool
pickle_truncated(struct pickle_reader *r)
{
	return err_set(r->err, "pickle data was truncated");
}

/* ---- input ---- */

static bool
take(struct pickle_reader *r, size_t n, const unsigned char **bytes)
{
	if ((size_t)(r->end - r->at) < n)
		return pickle_truncated(r);
	*bytes = r->at;
	r->at += n;
	return true;
}

bool
pickle_take_number(struct pickle_reader *r, size_t n, uint64_t *number)
{
	const unsigned char *b = NULL;

	if (!take(r, n, &b))
		return false;
	*number = 0;
	for (size_t i = n; i-- > 0;)
		*number = *number << 8 | b[i];
	return true;
}

/* A line without its LF. */
bool
pickle_take_line(struct pickle_reader *r, struct slice *line)
{
	const unsigned char *lf = memchr(r->at, '\n', (size_t)(r->end - r->at));

	if (lf == NULL)
		return pickle_truncated(r);
	*line = (struct slice){(const char *)r->at, (size_t)(lf - r->at)};
	r->at = lf + 1;
	return true;
}

/* ---- text ---- */

/*
 * Python's str -> bytes: surrogate escapes (U+DC80 to U+DCFF, encoded as three bytes) are the bytes
 * that they stand for, as in file names and arguments.
 */
static bool
push_unicode(struct pickle_reader *r, const char *bytes, size_t len)
{
	struct str out = {0};
	size_t from = 0;

	for (size_t i = 0; i + 2 < len; i++) {
		unsigned char b = (unsigned char)bytes[i + 1], c = (unsigned char)bytes[i + 2];
		if ((unsigned char)bytes[i] != 0xed || (b & 0xfe) != 0xb2 || (c & 0xc0) != 0x80)
			continue;
		str_addn(&out, bytes + from, i - from);
		str_addc(&out, (char)((b & 1) << 6 | c));
		i += 2;
		from = i + 1;
	}
	if (from == 0)
		return pickle_push_text(r, bytes, len);
	str_addn(&out, bytes + from, len - from);
	return pickle_push_str(r, &out);
}

static bool
hex_point(const char *digits, size_t n, uint32_t *point)
{
	*point = 0;
	for (size_t i = 0; i < n; i++) {
		char c = digits[i];
		uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0') : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10) :
		    c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10) : 16;
		if (digit == 16)
			return false;
		*point = *point * 16 + digit;
	}
	return true;
}

/* UNICODE: Latin-1 with \uXXXX and \UXXXXXXXX. */
bool
pickle_push_raw_unicode(struct pickle_reader *r)
{
	struct slice line = {0};
	struct str out = {0};

	if (!pickle_take_line(r, &line))
		return false;
	for (size_t i = 0; i < line.len; i++) {
		uint32_t point = (unsigned char)line.at[i];
		if (point == '\\' && i + 1 < line.len && (line.at[i + 1] == 'u' || line.at[i + 1] == 'U')) {
			size_t n = line.at[i + 1] == 'u' ? 4 : 8;
			if (line.len - i - 2 < n || !hex_point(line.at + i + 2, n, &point) || point > 0x10ffff) {
				str_done(&out);
				return err_set(r->err, "bad \\u escape in a string");
			}
			i += n + 1;
		}
		if (point >= 0xdc80 && point <= 0xdcff)
			str_addc(&out, (char)(point - 0xdc00));
		else
			text_encode(point >= 0xd800 && point <= 0xdfff ? 0xfffd : point, &out);
	}
	return pickle_push_str(r, &out);
}

/* STRING: the repr of a byte string. */
bool
pickle_push_quoted(struct pickle_reader *r)
{
	static const char names[] = "ntrabfv\\'\"", bytes[] = "\n\t\r\a\b\f\v\\'\"";
	struct slice line = {0};
	struct str out = {0};

	if (!pickle_take_line(r, &line))
		return false;
	line = slice_trim(line);
	if (line.len < 2 || (*line.at != '\'' && *line.at != '"') || line.at[line.len - 1] != *line.at)
		return err_set(r->err, "the STRING opcode argument must be quoted");
	const char *end = line.at + line.len - 1;
	for (const char *p = line.at + 1; p < end; p++) {
		uint32_t byte;
		const char *name;
		if (*p != '\\' || p + 1 == end) {
			str_addc(&out, *p);
		} else if (*++p == 'x' && end - p > 2 && hex_point(p + 1, 2, &byte)) {
			str_addc(&out, (char)byte);
			p += 2;
		} else if (*p >= '0' && *p <= '7') {
			unsigned octal = 0;
			for (int i = 0; i < 3 && p < end && *p >= '0' && *p <= '7'; i++)
				octal = octal * 8 + (unsigned)(*p++ - '0');
			p--;
			str_addc(&out, (char)octal);
		} else if (*p != '\0' && (name = strchr(names, *p)) != NULL) {
			str_addc(&out, bytes[name - names]);
		} else {
			str_addc(&out, '\\');
			str_addc(&out, *p);
		}
	}
	return pickle_push_str(r, &out);
}

bool
pickle_push_sized(struct pickle_reader *r, size_t width, bool is_unicode)
{
	uint64_t len = 0;
	const unsigned char *bytes = NULL;

	if (!pickle_take_number(r, width, &len))
		return false;
	if (len > (uint64_t)(r->end - r->at))
		return pickle_truncated(r);
	if (!take(r, len, &bytes))
		return false;
	return is_unicode ? push_unicode(r, (const char *)bytes, len) : pickle_push_text(r, (const char *)bytes, len);
}

/* ---- numbers ---- */

bool
pickle_take_line_number(struct pickle_reader *r, uint64_t *number)
{
	struct slice line = {0};

	if (!pickle_take_line(r, &line))
		return false;
	*number = 0;
	for (size_t i = 0; i < line.len; i++) {
		if (line.at[i] < '0' || line.at[i] > '9' || *number > PICKLE_MAX_MEMO)
			return err_set(r->err, "bad memo index");
		*number = *number * 10 + (uint64_t)(line.at[i] - '0');
	}
	return line.len != 0 || err_set(r->err, "bad memo index");
}

/* Little-endian two's complement of any length. */
bool
pickle_push_long(struct pickle_reader *r, size_t width)
{
	uint64_t len = 0, number = 0;
	const unsigned char *b = NULL;

	if (!pickle_take_number(r, width, &len))
		return false;
	if (len > (uint64_t)(r->end - r->at))
		return pickle_truncated(r);
	if (!take(r, len, &b))
		return false;
	unsigned char sign = len != 0 && (b[len - 1] & 0x80) != 0 ? 0xff : 0;
	for (size_t i = 8; i-- > 0;)
		number = number << 8 | (i < len ? b[i] : sign);
	bool fits = ((number >> 63) != 0) == (sign != 0);
	for (size_t i = 8; i < len; i++)
		fits = fits && b[i] == sign;
	if (!fits)
		return err_set(r->err, "an integer beyond 64 bits");
	return pickle_push_int(r, (int64_t)number);
}

bool
pickle_push_decimal(struct pickle_reader *r, bool is_long)
{
	struct slice line = {0};
	char digits[32], *end;

	if (!pickle_take_line(r, &line))
		return false;
	if (!is_long && line.len == 2 && line.at[0] == '0' && (line.at[1] == '0' || line.at[1] == '1'))
		return pickle_push_bool(r, line.at[1] == '1');
	if (is_long && line.len != 0 && line.at[line.len - 1] == 'L')
		line.len--;
	if (line.len >= sizeof digits)
		return err_set(r->err, "an integer beyond 64 bits");
	memcpy(digits, line.at, line.len);
	digits[line.len] = '\0';
	errno = 0;
	long long number = strtoll(digits, &end, 10);
	if (errno == ERANGE)
		return err_set(r->err, "an integer beyond 64 bits");
	if (end == digits || *end != '\0' || strlen(digits) != line.len)
		return err_set(r->err, "could not convert string to int");
	return pickle_push_int(r, number);
}

bool
pickle_push_float_text(struct pickle_reader *r)
{
	struct slice line = {0};
	char digits[64], *end;

	if (!pickle_take_line(r, &line))
		return false;
	if (line.len >= sizeof digits)
		return err_set(r->err, "could not convert string to float");
	memcpy(digits, line.at, line.len);
	digits[line.len] = '\0';
	double real = strtod(digits, &end);
	if (end == digits || *end != '\0' || strlen(digits) != line.len)
		return err_set(r->err, "could not convert string to float");
	return pickle_push_float(r, real);
}

bool
pickle_push_binfloat(struct pickle_reader *r)
{
	const unsigned char *b = NULL;
	uint64_t bits = 0;
	double real;

	if (!take(r, 8, &b))
		return false;
	for (size_t i = 0; i < 8; i++)
		bits = bits << 8 | b[i];
	memcpy(&real, &bits, sizeof real);
	return pickle_push_float(r, real);
}
