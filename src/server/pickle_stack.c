#include "server/pickle_stack.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

bool
pickle_underflow(struct pickle_reader *r)
{
	return err_set(r->err, "unexpected MARK or stack underflow");
}

/* ---- nodes ---- */

bool
pickle_count(struct pickle_reader *r, size_t weight, size_t text)
{
	r->nodes += weight;
	r->text += text;
	unsigned most = r->side == PICKLE_REPLY ? 4 * PICKLE_MAX_NODES : PICKLE_MAX_NODES;
	if (r->nodes > most)
		return err_set(r->err, "pickle holds more than %u values", most);
	if (r->text > PICKLE_MAX_TEXT)
		return err_set(r->err, "pickle holds more than %u bytes of text", PICKLE_MAX_TEXT);
	return true;
}

struct pickle_node *
pickle_node_new(enum value_kind kind)
{
	struct pickle_node *n = xcalloc(1, sizeof *n);

	n->v.kind = kind;
	n->depth = 1;
	n->weight = 1;
	return n;
}

bool
pickle_push(struct pickle_reader *r, struct pickle_node *n)
{
	if (r->n_stack == r->room_stack) {
		r->room_stack = r->room_stack != 0 ? r->room_stack * 2 : 32;
		r->stack = xreallocarray(r->stack, r->room_stack, sizeof *r->stack);
	}
	r->stack[r->n_stack++] = n;
	return true;
}

bool
pickle_push_kind(struct pickle_reader *r, enum value_kind kind)
{
	return pickle_count(r, 1, 0) && pickle_push(r, pickle_node_new(kind));
}

bool
pickle_push_bool(struct pickle_reader *r, bool truth)
{
	if (!pickle_push_kind(r, VALUE_BOOL))
		return false;
	r->stack[r->n_stack - 1]->v.truth = truth;
	return true;
}

bool
pickle_push_int(struct pickle_reader *r, int64_t integer)
{
	if (!pickle_push_kind(r, VALUE_INT))
		return false;
	r->stack[r->n_stack - 1]->v.integer = integer;
	return true;
}

bool
pickle_push_float(struct pickle_reader *r, double real)
{
	if (!pickle_push_kind(r, VALUE_FLOAT))
		return false;
	r->stack[r->n_stack - 1]->v.real = real;
	return true;
}

bool
pickle_push_text(struct pickle_reader *r, const char *bytes, size_t len)
{
	if (!pickle_count(r, 1, len))
		return false;
	struct pickle_node *n = pickle_node_new(VALUE_STR);
	n->v.text.bytes = xstrndup(bytes, len);
	n->v.text.len = len;
	n->text = len;
	return pickle_push(r, n);
}

bool
pickle_push_str(struct pickle_reader *r, struct str *s)
{
	bool ok = pickle_push_text(r, str_text(s), s->len);

	str_done(s);
	return ok;
}

static size_t
floor_of(const struct pickle_reader *r)
{
	return r->n_marks != 0 ? r->marks[r->n_marks - 1] : 0;
}

struct pickle_node *
pickle_top(const struct pickle_reader *r)
{
	return r->n_stack > floor_of(r) ? r->stack[r->n_stack - 1] : NULL;
}

struct pickle_node *
pickle_pop(struct pickle_reader *r)
{
	return r->n_stack > floor_of(r) ? r->stack[--r->n_stack] : NULL;
}

void
pickle_drop(struct pickle_reader *r, struct pickle_node *n)
{
	if (r->n_dropped == r->room_dropped) {
		r->room_dropped = r->room_dropped != 0 ? r->room_dropped * 2 : 16;
		r->dropped = xreallocarray(r->dropped, r->room_dropped, sizeof *r->dropped);
	}
	r->dropped[r->n_dropped++] = n;
}

bool
pickle_mark(struct pickle_reader *r)
{
	if (!pickle_count(r, 1, 0)) /* so that marks alone end, too */
		return false;
	if (r->n_marks == r->room_marks) {
		r->room_marks = r->room_marks != 0 ? r->room_marks * 2 : 16;
		r->marks = xreallocarray(r->marks, r->room_marks, sizeof *r->marks);
	}
	r->marks[r->n_marks++] = r->n_stack;
	return true;
}

/* Pops the mark; *n nodes lie above where it was. */
static bool
unmark(struct pickle_reader *r, size_t *n)
{
	if (r->n_marks == 0)
		return err_set(r->err, "could not find MARK");
	*n = r->n_stack - r->marks[--r->n_marks];
	return true;
}

bool
pickle_discard(struct pickle_reader *r)
{
	if (r->n_marks != 0 && r->n_stack == r->marks[r->n_marks - 1]) {
		r->n_marks--;
		return true;
	}
	struct pickle_node *n = pickle_pop(r);
	if (n == NULL)
		return pickle_underflow(r);
	pickle_drop(r, n);
	return true;
}

bool
pickle_discard_marked(struct pickle_reader *r)
{
	size_t n = 0;

	if (!unmark(r, &n))
		return false;
	while (n-- != 0)
		pickle_drop(r, r->stack[--r->n_stack]);
	return true;
}

/* The container below what is on top (the items of the mark that was just popped, or nothing). */
static struct pickle_node *
under(struct pickle_reader *r, size_t above)
{
	return r->n_stack > above + floor_of(r) ? r->stack[r->n_stack - above - 1] : NULL;
}

/* ---- putting nodes into containers ---- */

static bool
hold(struct pickle_reader *r, struct pickle_node *box, const struct pickle_node *item)
{
	if (item->is_global)
		return err_set(r->err, "%s is refused: data only", item->v.text.bytes);
	if (box->depth <= item->depth)
		box->depth = item->depth + 1;
	if (box->depth > PICKLE_MAX_DEPTH)
		return err_set(r->err, "pickle is nested deeper than %d", PICKLE_MAX_DEPTH);
	box->weight += item->weight;
	box->text += item->text;
	return true;
}

static void
grow(struct value *v, size_t slots)
{
	if (slots <= v->seq.room)
		return;
	v->seq.room = v->seq.room < 4 ? 4 : v->seq.room * 2;
	v->seq.items = xreallocarray(v->seq.items, v->seq.room, sizeof *v->seq.items);
}

bool
pickle_set_add(struct pickle_reader *r, struct pickle_node *set, struct pickle_node *item)
{
	if (item->v.kind == VALUE_LIST || item->v.kind == VALUE_DICT || item->v.kind == VALUE_SET) {
		pickle_drop(r, item);
		return err_set(r->err, "a list, dict or set cannot be member of a set");
	}
	for (size_t i = 0; i < set->v.seq.count; i++) {
		r->work += item->weight;
		if (value_equal(set->v.seq.items[i], &item->v)) {
			pickle_drop(r, item);
			return true;
		}
	}
	if (r->work > PICKLE_MAX_WORK) {
		pickle_drop(r, item);
		return err_set(r->err, "pickle has too large sets or dicts");
	}
	value_push(&set->v, &item->v);
	return hold(r, set, item);
}

/* A key that is no string becomes its text. */
static struct pickle_node *
key_node(struct pickle_reader *r, struct pickle_node *key)
{
	struct str text = {0};

	if (key->v.kind == VALUE_STR)
		return key;
	value_repr(&key->v, &text);
	struct pickle_node *n = pickle_node_new(VALUE_STR);
	n->text = n->v.text.len = text.len;
	n->v.text.bytes = str_take(&text);
	pickle_drop(r, key);
	return n;
}

bool
pickle_dict_put(struct pickle_reader *r, struct pickle_node *dict, struct pickle_node *key, struct pickle_node *item)
{
	bool ok = true;

	if (key->is_global)
		ok = err_set(r->err, "%s is refused: data only", key->v.text.bytes);
	else
		key = key_node(r, key);
	struct value *items = &dict->v;
	for (size_t i = 0; ok && i < items->seq.count; i++)
		if (value_equal(items->seq.items[2 * i], &key->v)) {
			pickle_drop(r, (struct pickle_node *)items->seq.items[2 * i + 1]);
			items->seq.items[2 * i + 1] = &item->v;
			pickle_drop(r, key);
			return hold(r, dict, item);
		}
	r->work += items->seq.count;
	if (ok && r->work > PICKLE_MAX_WORK)
		ok = err_set(r->err, "pickle has too large sets or dicts");
	grow(items, items->seq.count * 2 + 2);
	items->seq.items[items->seq.count * 2] = &key->v;
	items->seq.items[items->seq.count * 2 + 1] = &item->v;
	items->seq.count++;
	return ok && hold(r, dict, key) && hold(r, dict, item);
}

/* The n topmost nodes go into box, which lies below them or is not on the stack. */
static bool
fill(struct pickle_reader *r, struct pickle_node *box, struct pickle_node **items, size_t n)
{
	bool ok = true;

	if (box->v.kind == VALUE_DICT && n % 2 != 0)
		return err_set(r->err, "odd number of items for a dict");
	if (box->is_frozen && n != 0)
		return err_set(r->err, "an object that changes after it was shared, or holds itself");
	r->n_stack -= n;
	for (size_t i = 0; i < n; i++) {
		if (!ok) {
			pickle_drop(r, items[i]);
		} else if (box->v.kind == VALUE_DICT) {
			ok = pickle_dict_put(r, box, items[i], items[i + 1]);
			i++;
		} else if (box->v.kind == VALUE_SET) {
			ok = pickle_set_add(r, box, items[i]);
		} else {
			value_push(&box->v, &items[i]->v);
			ok = hold(r, box, items[i]);
		}
	}
	return ok;
}

/* The n topmost nodes go into the container below them. */
bool
pickle_fill(struct pickle_reader *r, enum value_kind kind, size_t n)
{
	struct pickle_node *box = under(r, n);

	if (box == NULL)
		return pickle_underflow(r);
	if (box->v.kind != kind || box->is_global)
		return err_set(r->err, "items for a container of another kind");
	return fill(r, box, r->stack + r->n_stack - n, n);
}

bool
pickle_fill_marked(struct pickle_reader *r, enum value_kind kind)
{
	size_t n = 0;

	return unmark(r, &n) && pickle_fill(r, kind, n);
}

/* The n topmost nodes become one container on top. */
bool
pickle_gather(struct pickle_reader *r, enum value_kind kind, size_t n)
{
	if (r->n_stack < n + floor_of(r))
		return pickle_underflow(r);
	if (!pickle_count(r, 1, 0))
		return false;
	struct pickle_node *box = pickle_node_new(kind);
	bool ok = fill(r, box, n != 0 ? r->stack + r->n_stack - n : NULL, n);
	return pickle_push(r, box) && ok;
}

bool
pickle_gather_marked(struct pickle_reader *r, enum value_kind kind)
{
	size_t n = 0;

	return unmark(r, &n) && pickle_gather(r, kind, n);
}

/* ---- the memo ---- */

bool
pickle_put(struct pickle_reader *r, uint64_t index)
{
	if (r->n_stack <= floor_of(r))
		return pickle_underflow(r);
	if (index >= PICKLE_MAX_MEMO)
		return err_set(r->err, "pickle has a memo of more than %u entries", PICKLE_MAX_MEMO);
	if (index >= r->n_memo) {
		size_t n = r->n_memo != 0 ? r->n_memo : 64;
		while (n <= index)
			n *= 2;
		r->memo = xreallocarray(r->memo, n, sizeof *r->memo);
		memset(r->memo + r->n_memo, 0, (n - r->n_memo) * sizeof *r->memo);
		r->n_memo = n;
	}
	if (r->memo[index] == NULL)
		r->count_memo++;
	r->memo[index] = r->stack[r->n_stack - 1];
	return true;
}

struct pickle_node *
pickle_node_copy(const struct value *v)
{
	struct pickle_node *n = pickle_node_new(v->kind);

	if (v->kind == VALUE_STR) {
		n->v.text.bytes = xstrndup(v->text.bytes, v->text.len);
		n->v.text.len = n->text = v->text.len;
	} else if (v->kind < VALUE_LIST) {
		n->v = *v;
	} else {
		size_t slots = v->kind == VALUE_DICT ? v->seq.count * 2 : v->seq.count;
		n->v.seq.items = xcalloc(slots, sizeof *n->v.seq.items);
		n->v.seq.room = slots;
		n->v.seq.count = v->seq.count;
		for (size_t i = 0; i < slots; i++)
			n->v.seq.items[i] = value_dup(v->seq.items[i]);
	}
	return n;
}

bool
pickle_push_copy(struct pickle_reader *r, struct pickle_node *from)
{
	if (!pickle_count(r, from->weight, from->text))
		return false;
	struct pickle_node *n = pickle_node_copy(&from->v);
	n->depth = from->depth;
	n->weight = from->weight;
	n->text = from->text;
	n->is_global = from->is_global;
	n->is_frozen = from->is_frozen = true;
	return pickle_push(r, n);
}

bool
pickle_get(struct pickle_reader *r, uint64_t index)
{
	if (index >= r->n_memo || r->memo[index] == NULL)
		return err_set(r->err, "Memo value not found at index %llu", (unsigned long long)index);
	return pickle_push_copy(r, r->memo[index]);
}

void
pickle_stack_done(struct pickle_reader *r)
{
	for (size_t i = 0; i < r->n_stack; i++)
		value_free(&r->stack[i]->v);
	for (size_t i = 0; i < r->n_dropped; i++)
		value_free(&r->dropped[i]->v);
	free(r->stack);
	free(r->marks);
	free(r->memo);
	free(r->dropped);
}
