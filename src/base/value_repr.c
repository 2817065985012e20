/*
 * value_repr: values as Python writes them.
 */
#include "base/value.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What Python shows as it is in any quotes, and what it may put a backslash before. */
enum { BYTE_OTHER, BYTE_BARE, BYTE_MARK };

static const unsigned char byte_kinds[256] = {
    [' ' ... '!'] = BYTE_BARE,
    ['"'] = BYTE_MARK,
    ['#' ... '&'] = BYTE_BARE,
    ['\''] = BYTE_MARK,
    ['(' ... '['] = BYTE_BARE,
    ['\\'] = BYTE_MARK,
    [']' ... '~'] = BYTE_BARE,
};

void
value_repr_str(const char *bytes, size_t len, struct str *out)
{
	bool has_single = memchr(bytes, '\'', len) != NULL;
	char quote = has_single && memchr(bytes, '"', len) == NULL ? '"' : '\'';

	str_addc(out, quote);
	for (size_t i = 0; i < len;) {
		uint32_t c;
		/* the usual bytes without a call for each */
		str_reserve(out, 2 * (len - i) + 2);
		char *to = out->at + out->len;
		while (i < len) {
			size_t run = i;
			while (run < len && byte_kinds[(unsigned char)bytes[run]] == BYTE_BARE)
				run++;
			memcpy(to, bytes + i, run - i);
			to += run - i;
			i = run;
			if (i == len || byte_kinds[(unsigned char)bytes[i]] == BYTE_OTHER)
				break;
			if (bytes[i] == quote || bytes[i] == '\\')
				*to++ = '\\';
			*to++ = bytes[i++];
		}
		*to = '\0';
		out->len = (size_t)(to - out->at);
		if (i == len)
			break;
		size_t n = text_decode(bytes + i, len - i, &c);
		if (n == 0) { /* not UTF-8: as Python shows a surrogate escape */
			str_addf(out, "\\udc%02x", (unsigned char)bytes[i]);
			i++;
			continue;
		}
		if (c == '\n')
			str_add(out, "\\n");
		else if (c == '\r')
			str_add(out, "\\r");
		else if (c == '\t')
			str_add(out, "\\t");
		else if (c == ' ' || text_is_printable(c))
			str_addn(out, bytes + i, n);
		else if (c < 0x100)
			str_addf(out, "\\x%02x", (unsigned)c);
		else if (c < 0x10000)
			str_addf(out, "\\u%04x", (unsigned)c);
		else
			str_addf(out, "\\U%08x", (unsigned)c);
		i += n;
	}
	str_addc(out, quote);
}

/* repr(float): the shortest digits that read back, "1e+16" from 1e16 on, "1e-05" below 1e-4. */
static void
repr_float(double real, struct str *out)
{
	char text[40];

	if (isnan(real)) {
		str_add(out, "nan");
		return;
	}
	if (isinf(real)) {
		str_add(out, real < 0 ? "-inf" : "inf");
		return;
	}
	int digits = 1;
	do
		snprintf(text, sizeof text, "%.*e", digits - 1, real);
	while (strtod(text, NULL) != real && ++digits <= 17);
	int exponent = atoi(strchr(text, 'e') + 1);
	if (exponent >= -4 && exponent < 16) {
		int decimals = digits - 1 - exponent;
		snprintf(text, sizeof text, "%.*f", decimals > 0 ? decimals : 1, real);
	}
	str_add(out, text);
}

void
value_repr(const struct value *v, struct str *out)
{
	static const char open[] = {[VALUE_LIST] = '[', [VALUE_TUPLE] = '(', [VALUE_SET] = '{', [VALUE_DICT] = '{'};
	static const char close[] = {[VALUE_LIST] = ']', [VALUE_TUPLE] = ')', [VALUE_SET] = '}', [VALUE_DICT] = '}'};

	switch (v->kind) {
	case VALUE_NONE:
		str_add(out, "None");
		return;
	case VALUE_BOOL:
		str_add(out, v->truth ? "True" : "False");
		return;
	case VALUE_INT:
		str_addi(out, v->integer);
		return;
	case VALUE_FLOAT:
		repr_float(v->real, out);
		return;
	case VALUE_STR:
		value_repr_str(v->text.bytes, v->text.len, out);
		return;
	case VALUE_LIST:
	case VALUE_TUPLE:
	case VALUE_SET:
	case VALUE_DICT:
		break;
	}
	if (v->kind == VALUE_SET && v->seq.count == 0) {
		str_add(out, "set()");
		return;
	}
	str_addc(out, open[v->kind]);
	for (size_t i = 0; i < v->seq.count; i++) {
		if (i != 0) {
			str_addc(out, ',');
			str_addc(out, ' ');
		}
		if (v->kind == VALUE_DICT) {
			value_repr(v->seq.items[2 * i], out);
			str_add(out, ": ");
			value_repr(v->seq.items[2 * i + 1], out);
		} else {
			value_repr(v->seq.items[i], out);
		}
	}
	if (v->kind == VALUE_TUPLE && v->seq.count == 1)
		str_addc(out, ',');
	str_addc(out, close[v->kind]);
}

void
value_to_text(const struct value *v, struct str *out)
{
	if (v->kind == VALUE_STR)
		str_addn(out, v->text.bytes, v->text.len);
	else
		value_repr(v, out);
}
