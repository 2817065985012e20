#include "server/pickle_write.h"

#include "base/text.h"

#include <string.h>

static void
add_number(struct str *out, uint64_t number, size_t width)
{
	for (size_t i = 0; i < width; i++)
		str_addc(out, (char)(number >> 8 * i & 0xff));
}

static void
add_int(struct str *out, int64_t n)
{
	if (n >= 0 && n <= 0xff) {
		str_addc(out, 'K');
		add_number(out, (uint64_t)n, 1);
	} else if (n >= 0 && n <= 0xffff) {
		str_addc(out, 'M');
		add_number(out, (uint64_t)n, 2);
	} else if (n >= INT32_MIN && n <= INT32_MAX) {
		str_addc(out, 'J');
		add_number(out, (uint64_t)n, 4);
	} else {
		str_addn(out, "\x8a\x08", 2);
		add_number(out, (uint64_t)n, 8);
	}
}

static void
add_float(struct str *out, double real)
{
	uint64_t bits;

	memcpy(&bits, &real, sizeof bits);
	str_addc(out, 'G');
	for (size_t i = 8; i-- > 0;)
		str_addc(out, (char)(bits >> 8 * i & 0xff));
}

static void
add_text(struct str *out, const char *bytes, size_t len, enum pickle_side side)
{
	struct str clean = {0};

	for (size_t i = 0; i < len;) {
		uint32_t point;
		size_t n = text_decode(bytes + i, len - i, &point);
		if (n != 0) {
			str_addn(&clean, bytes + i, n);
			i += n;
			continue;
		}
		unsigned char byte = (unsigned char)bytes[i++];
		if (side == PICKLE_REQUEST) { /* U+DC00 + byte */
			str_addc(&clean, (char)0xed);
			str_addc(&clean, (char)(0xb0 | byte >> 6));
			str_addc(&clean, (char)(0x80 | (byte & 0x3f)));
		} else {
			str_add(&clean, "\xef\xbf\xbd");
		}
	}
	str_addc(out, 'X');
	add_number(out, clean.len, 4);
	str_addn(out, str_text(&clean), clean.len);
	str_done(&clean);
}

static void
add_value(struct str *out, const struct value *v, enum pickle_side side);

/* What lies between MARK and the opcode that collects it. */
static void
add_members(struct str *out, const struct value *v, enum pickle_side side)
{
	size_t n = v->kind == VALUE_DICT ? v->seq.count * 2 : v->seq.count;

	str_addc(out, '(');
	for (size_t i = 0; i < n; i++)
		add_value(out, v->seq.items[i], side);
}

static void
add_value(struct str *out, const struct value *v, enum pickle_side side)
{
	switch (v->kind) {
	case VALUE_NONE:
		str_addc(out, 'N');
		return;
	case VALUE_BOOL:
		str_addc(out, v->truth ? '\x88' : '\x89');
		return;
	case VALUE_INT:
		add_int(out, v->integer);
		return;
	case VALUE_FLOAT:
		add_float(out, v->real);
		return;
	case VALUE_STR:
		add_text(out, v->text.bytes, v->text.len, side);
		return;
	case VALUE_LIST:
		str_addc(out, ']');
		if (v->seq.count != 0) {
			add_members(out, v, side);
			str_addc(out, 'e');
		}
		return;
	case VALUE_TUPLE:
		if (v->seq.count == 0) {
			str_addc(out, ')');
		} else if (v->seq.count <= 3) {
			for (size_t i = 0; i < v->seq.count; i++)
				add_value(out, v->seq.items[i], side);
			str_addc(out, (char)(0x84 + v->seq.count));
		} else {
			add_members(out, v, side);
			str_addc(out, 't');
		}
		return;
	case VALUE_SET: /* protocol 2 has no opcode for it: set([...]) */
		str_add(out, "c__builtin__\nset\n]");
		add_members(out, v, side);
		str_add(out, "e\x85R");
		return;
	case VALUE_DICT:
		str_addc(out, '}');
		if (v->seq.count != 0) {
			add_members(out, v, side);
			str_addc(out, 'u');
		}
		return;
	}
}

void
pickle_write(const struct value *v, enum pickle_side side, struct str *out)
{
	str_addn(out, "\x80\x02", 2);
	add_value(out, v, side);
	str_addc(out, '.');
}

void
pickle_write_request(const struct value *command, struct str *out)
{
	pickle_write(command, PICKLE_REQUEST, out);
	str_add(out, PICKLE_END);
}

void
pickle_write_ok(const struct value *v, struct str *out)
{
	str_addn(out, "\x80\x02K\0", 4);
	add_value(out, v, PICKLE_REPLY);
	str_add(out, "\x86." PICKLE_END);
}

/*
 * The classes that answers use and that Python 3's unpickler finds under this name. Those of
 * Python 2's time are in the module "exceptions", which every Python maps to its own.
 */
static bool
is_python_exception(const char *name)
{
	static const char *const names[] = {
	    "ArithmeticError", "AssertionError", "AttributeError", "EOFError", "Exception", "ImportError",
	    "IndexError", "KeyError", "LookupError", "MemoryError", "NameError", "NotImplementedError",
	    "OSError", "OverflowError", "RuntimeError", "SyntaxError", "TypeError", "UnboundLocalError",
	    "UnicodeError", "ValueError", "ZeroDivisionError",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

void
pickle_write_error(const char *class_name, const struct value *args, struct str *out)
{
	bool is_ours = strcmp(class_name, "UnknownJailException") == 0 || strcmp(class_name, "DuplicateJailException") == 0;
	struct value tuple = *args;

	tuple.kind = VALUE_TUPLE;
	str_add(out, "\x80\x02K\x01");
	if (strcmp(class_name, "RegexException") == 0)
		str_add(out, "cfail2ban.server.failregex\nRegexException\n");
	else if (is_ours)
		str_addf(out, "cfail2ban.exceptions\n%s\n", class_name);
	else
		str_addf(out, "cexceptions\n%s\n", is_python_exception(class_name) ? class_name : "Exception");
	add_value(out, &tuple, PICKLE_REPLY);
	str_add(out, "R\x86." PICKLE_END);
}

void
pickle_write_refusal(const char *text, struct str *out)
{
	struct value *v = value_strf("ERROR: %s", text);

	pickle_write(v, PICKLE_REPLY, out);
	str_add(out, PICKLE_END);
	value_free(v);
}
