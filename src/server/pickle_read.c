#include "server/pickle_read.h"

#include "base/mem.h"
#include "base/text.h"
#include "server/pickle_scalar.h"
#include "server/pickle_stack.h"

#include <string.h>

#define EXCEPTION_KEY "__exception__"
#define ARGS_KEY "args"

/* ---- the few classes that plain data needs ---- */

static bool
push_global(struct pickle_reader *r, struct slice module, struct slice name)
{
	struct str text = {0};

	str_addn(&text, module.at, module.len);
	str_addc(&text, ' ');
	str_addn(&text, name.at, name.len);
	if (text.len > 200 || strlen(text.at) != text.len) {
		str_done(&text);
		return err_set(r->err, "GLOBAL is refused: data only");
	}
	if (!pickle_push_str(r, &text))
		return false;
	pickle_top(r)->is_global = true;
	return true;
}

static bool
do_global(struct pickle_reader *r)
{
	struct slice module = {0}, name = {0};

	return pickle_take_line(r, &module) && pickle_take_line(r, &name) && push_global(r, module, name);
}

static bool
do_stack_global(struct pickle_reader *r)
{
	struct pickle_node *name = pickle_pop(r), *module = name != NULL ? pickle_pop(r) : NULL;
	bool ok;

	if (module == NULL || name->v.kind != VALUE_STR || module->v.kind != VALUE_STR)
		ok = err_set(r->err, "STACK_GLOBAL requires str");
	else
		ok = push_global(r, (struct slice){module->v.text.bytes, module->v.text.len},
		    (struct slice){name->v.text.bytes, name->v.text.len});
	if (name != NULL)
		pickle_drop(r, name);
	if (module != NULL)
		pickle_drop(r, module);
	return ok;
}

/* "builtins x", or "__builtin__ x" of protocols 0 to 2. */
static bool
is_builtin(const char *global, const char *name)
{
	const char *blank = strchr(global, ' ');
	size_t len = (size_t)(blank - global);

	return (strncmp(global, "builtins", len) == 0 || strncmp(global, "__builtin__", len) == 0) &&
	    (len == 8 || len == 11) && strcmp(blank + 1, name) == 0;
}

/* Text whose code points are bytes: how protocols 0 to 2 carry bytes. */
static bool
push_latin1(struct pickle_reader *r, const struct value *text)
{
	struct str out = {0};

	for (size_t i = 0; i < text->text.len;) {
		uint32_t point;
		size_t n = text_decode(text->text.bytes + i, text->text.len - i, &point);
		if (n == 0 || point > 0xff) {
			str_done(&out);
			return err_set(r->err, "bytes with a character beyond 255");
		}
		str_addc(&out, (char)point);
		i += n;
	}
	return pickle_push_str(r, &out);
}

static bool
push_exception(struct pickle_reader *r, const char *global, struct pickle_node *args)
{
	const char *name = strchr(global, ' ') + 1;

	if (!pickle_count(r, 3, strlen(name))) {
		pickle_drop(r, args);
		return false;
	}
	struct pickle_node *dict = pickle_node_new(VALUE_DICT);
	struct pickle_node *nodes[4] = {pickle_node_new(VALUE_STR), pickle_node_new(VALUE_STR), pickle_node_new(VALUE_STR), args};
	const char *texts[3] = {EXCEPTION_KEY, name, ARGS_KEY};
	for (size_t i = 0; i < 3; i++) {
		nodes[i]->v.text.bytes = xstrdup(texts[i]);
		nodes[i]->v.text.len = strlen(texts[i]);
	}
	bool ok = pickle_dict_put(r, dict, nodes[0], nodes[1]);
	ok = pickle_dict_put(r, dict, nodes[2], args) && ok;
	return pickle_push(r, dict) && ok;
}

static bool
construct(struct pickle_reader *r, const char *global, struct pickle_node *args)
{
	size_t n = args->v.seq.count;
	const struct value *first = value_at(&args->v, 0);
	bool ok;

	if (is_builtin(global, "set") || is_builtin(global, "frozenset")) {
		if (n > 1 || (n == 1 && !value_is_list(first) && first->kind != VALUE_SET))
			ok = err_set(r->err, "%s is refused with these arguments", global);
		else if ((ok = pickle_push_kind(r, VALUE_SET)) && n == 1) {
			struct pickle_node *set = pickle_top(r);
			struct value *list = args->v.seq.items[0];
			size_t i = 0;
			for (; ok && i < list->seq.count; i++) {
				struct pickle_node *item = pickle_node_copy(list->seq.items[i]);
				ok = pickle_count(r, 1, item->v.kind == VALUE_STR ? item->v.text.len : 0);
				ok = pickle_set_add(r, set, item) && ok;
			}
			set->weight = args->weight;
			set->depth = args->depth;
			set->text = args->text;
		}
	} else if ((is_builtin(global, "str") || is_builtin(global, "bytes") || is_builtin(global, "unicode") ||
	               is_builtin(global, "bytearray")) &&
	    (n == 0 || (n == 1 && first->kind == VALUE_STR))) {
		ok = n == 0 ? pickle_push_text(r, "", 0) : pickle_push_text(r, first->text.bytes, first->text.len);
	} else if (strcmp(global, "_codecs encode") == 0 && n == 2 && first->kind == VALUE_STR &&
	    (value_text_is(value_at(&args->v, 1), "latin1") || value_text_is(value_at(&args->v, 1), "latin-1"))) {
		ok = push_latin1(r, first);
	} else if (r->side == PICKLE_REPLY) {
		return push_exception(r, global, args);
	} else {
		ok = err_set(r->err, "%s is refused: data only", global);
	}
	pickle_drop(r, args);
	return ok;
}

static bool
do_reduce(struct pickle_reader *r)
{
	struct pickle_node *args = pickle_pop(r), *global = args != NULL ? pickle_pop(r) : NULL;
	bool ok;

	if (global == NULL || !global->is_global || args->v.kind != VALUE_TUPLE) {
		if (args != NULL)
			pickle_drop(r, args);
		ok = err_set(r->err, "REDUCE is refused: data only");
	} else {
		ok = construct(r, global->v.text.bytes, args);
	}
	if (global != NULL)
		pickle_drop(r, global);
	return ok;
}

/* The state of an exception, in a reply: nothing that a client shows. */
static bool
do_build(struct pickle_reader *r)
{
	struct pickle_node *state = r->side == PICKLE_REPLY ? pickle_pop(r) : NULL;
	const char *name;
	const struct value *args;

	if (state != NULL)
		pickle_drop(r, state);
	if (state == NULL || pickle_top(r) == NULL || !pickle_exception(&pickle_top(r)->v, &name, &args))
		return err_set(r->err, "BUILD is refused: data only");
	return true;
}

/* ---- opcodes ---- */

static bool
do_proto(struct pickle_reader *r)
{
	uint64_t version = 0;

	if (!pickle_take_number(r, 1, &version))
		return false;
	return version <= 5 || err_set(r->err, "unsupported pickle protocol: %d", (int)version);
}

static bool
refuse(struct pickle_reader *r, unsigned char op)
{
	static const struct {
		unsigned char op;
		const char *name;
	} names[] = {
	    {'i', "INST"}, {'o', "OBJ"}, {'P', "PERSID"}, {'Q', "BINPERSID"}, {0x81, "NEWOBJ"},
	    {0x82, "EXT1"}, {0x83, "EXT2"}, {0x84, "EXT4"}, {0x92, "NEWOBJ_EX"}, {0x97, "NEXT_BUFFER"},
	    {0x98, "READONLY_BUFFER"},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].op == op)
			return err_set(r->err, "%s is refused: data only", names[i].name);
	if (op >= 0x20 && op < 0x7f)
		return err_set(r->err, "invalid load key, '%c'.", op);
	return err_set(r->err, "invalid load key, '\\x%02x'.", op);
}

static bool
step(struct pickle_reader *r, unsigned char op)
{
	uint64_t n = 0;

	switch (op) {
	case 0x80: return do_proto(r);
	case 0x95: return pickle_take_number(r, 8, &n); /* FRAME: only a hint for readers of files */
	case '(': return pickle_mark(r);
	case '0': return pickle_discard(r);
	case '1': return pickle_discard_marked(r);
	case '2': return pickle_top(r) != NULL ? pickle_push_copy(r, pickle_top(r)) : pickle_underflow(r);

	case 'N': return pickle_push_kind(r, VALUE_NONE);
	case 0x88: return pickle_push_bool(r, true);
	case 0x89: return pickle_push_bool(r, false);
	case 'I': return pickle_push_decimal(r, false);
	case 'L': return pickle_push_decimal(r, true);
	case 'J': return pickle_take_number(r, 4, &n) && pickle_push_int(r, (int32_t)(uint32_t)n);
	case 'K': return pickle_take_number(r, 1, &n) && pickle_push_int(r, (int64_t)n);
	case 'M': return pickle_take_number(r, 2, &n) && pickle_push_int(r, (int64_t)n);
	case 0x8a: return pickle_push_long(r, 1);
	case 0x8b: return pickle_push_long(r, 4);
	case 'F': return pickle_push_float_text(r);
	case 'G': return pickle_push_binfloat(r);

	case 'S': return pickle_push_quoted(r);
	case 'T': return pickle_push_sized(r, 4, false);
	case 'U': return pickle_push_sized(r, 1, false);
	case 'B': return pickle_push_sized(r, 4, false);
	case 'C': return pickle_push_sized(r, 1, false);
	case 0x8e: return pickle_push_sized(r, 8, false);
	case 0x96: return pickle_push_sized(r, 8, false);
	case 'V': return pickle_push_raw_unicode(r);
	case 'X': return pickle_push_sized(r, 4, true);
	case 0x8c: return pickle_push_sized(r, 1, true);
	case 0x8d: return pickle_push_sized(r, 8, true);

	case ')': return pickle_push_kind(r, VALUE_TUPLE);
	case ']': return pickle_push_kind(r, VALUE_LIST);
	case '}': return pickle_push_kind(r, VALUE_DICT);
	case 0x8f: return pickle_push_kind(r, VALUE_SET);
	case 't': return pickle_gather_marked(r, VALUE_TUPLE);
	case 'l': return pickle_gather_marked(r, VALUE_LIST);
	case 'd': return pickle_gather_marked(r, VALUE_DICT);
	case 0x91: return pickle_gather_marked(r, VALUE_SET);
	case 0x85: return pickle_gather(r, VALUE_TUPLE, 1);
	case 0x86: return pickle_gather(r, VALUE_TUPLE, 2);
	case 0x87: return pickle_gather(r, VALUE_TUPLE, 3);
	case 'a': return pickle_fill(r, VALUE_LIST, 1);
	case 'e': return pickle_fill_marked(r, VALUE_LIST);
	case 's': return pickle_fill(r, VALUE_DICT, 2);
	case 'u': return pickle_fill_marked(r, VALUE_DICT);
	case 0x90: return pickle_fill_marked(r, VALUE_SET);

	case 'p': return pickle_take_line_number(r, &n) && pickle_put(r, n);
	case 'q': return pickle_take_number(r, 1, &n) && pickle_put(r, n);
	case 'r': return pickle_take_number(r, 4, &n) && pickle_put(r, n);
	case 0x94: return pickle_put(r, r->count_memo);
	case 'g': return pickle_take_line_number(r, &n) && pickle_get(r, n);
	case 'h': return pickle_take_number(r, 1, &n) && pickle_get(r, n);
	case 'j': return pickle_take_number(r, 4, &n) && pickle_get(r, n);

	case 'c': return do_global(r);
	case 0x93: return do_stack_global(r);
	case 'R': return do_reduce(r);
	case 'b': return do_build(r);
	default: return refuse(r, op);
	}
}

static struct pickle_node *
run(struct pickle_reader *r)
{
	while (r->at < r->end) {
		unsigned char op = *r->at++;
		if (op != '.') {
			if (!step(r, op))
				return NULL;
			continue;
		}
		struct pickle_node *top = pickle_pop(r);
		if (top == NULL)
			pickle_underflow(r);
		else if (top->is_global)
			err_set(r->err, "%s is refused: data only", top->v.text.bytes);
		else
			return top;
		if (top != NULL)
			pickle_drop(r, top);
		return NULL;
	}
	pickle_truncated(r);
	return NULL;
}

struct value *
pickle_read(const char *bytes, size_t len, enum pickle_side side, struct err *err)
{
	struct pickle_reader r = {
	    .at = (const unsigned char *)bytes, .end = (const unsigned char *)bytes + len, .side = side, .err = err};

	if (len == 0) {
		err_set(err, "Ran out of input");
		return NULL;
	}
	unsigned most = side == PICKLE_REPLY ? PICKLE_MAX_REPLY : PICKLE_MAX_BYTES;
	if (len > most) {
		err_set(err, "message of more than %u bytes", most);
		return NULL;
	}
	struct pickle_node *top = run(&r);
	pickle_stack_done(&r);
	return top != NULL ? &top->v : NULL;
}

bool
pickle_exception(const struct value *v, const char **class_name, const struct value **args)
{
	const char *name = value_text(value_get(v, EXCEPTION_KEY));
	const struct value *list = value_get(v, ARGS_KEY);

	if (name == NULL || list == NULL || list->kind != VALUE_TUPLE)
		return false;
	*class_name = name;
	*args = list;
	return true;
}

ptrdiff_t
pickle_frame_end(const char *bytes, size_t len, size_t *seen)
{
	size_t from = *seen >= PICKLE_END_LEN ? *seen - (PICKLE_END_LEN - 1) : 0;
	const char *end = from < len ? memmem(bytes + from, len - from, PICKLE_END, PICKLE_END_LEN) : NULL;

	*seen = end != NULL ? 0 : len;
	return end != NULL ? end - bytes : -1;
}

bool
pickle_is_close(const char *bytes, size_t len)
{
	return len == sizeof PICKLE_CLOSE - 1 && memcmp(bytes, PICKLE_CLOSE, len) == 0;
}
