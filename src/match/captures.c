#include "match/captures.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TEXT_WASTE (4 * 1024)  /* replaced texts stay until there is so much of it */
#define USERS_MAX 64           /* of one connection; what matters is whether there are two */
#define LINES_MAX 200          /* of one connection; then the older half goes */

/* ---- names ---- */

void
names_init(struct names *n)
{
	static const char *const fixed[CAPTURE_FIXED] = {"ip4", "ip6", "dns", "fid", "cidr", "user", "mlfid", "nofail",
	    "mlfgained", "mlfforget", "content", "ip", "users", "mlfpending"};

	*n = (struct names){0};
	for (size_t i = 0; i < CAPTURE_FIXED; i++)
		names_add(n, fixed[i]);
}

void
names_done(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->at[i]);
	free(n->at);
	*n = (struct names){0};
}

size_t
names_add(struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->at[i], name) == 0)
			return i;
	n->at = xreallocarray(n->at, n->count + 1, sizeof *n->at);
	n->at[n->count] = xstrdup(name);
	return n->count++;
}

/* ---- lists of lines ---- */

void
line_list_done(struct line_list *l)
{
	str_done(&l->bytes);
	free(l->entries);
	*l = (struct line_list){0};
}

void
line_list_clear(struct line_list *l)
{
	l->count = 0;
	l->bytes.len = 0;
}

static void
drop_older_half(struct line_list *l)
{
	struct line_list kept = {0};

	for (size_t i = l->count / 2; i < l->count; i++) {
		struct failure_line line = line_list_at(l, i);
		line_list_add(&kept, &line);
	}
	line_list_done(l);
	*l = kept;
}

void
line_list_add(struct line_list *l, const struct failure_line *line)
{
	if (l->count == LINES_MAX)
		drop_older_half(l);
	if (l->count == l->room) {
		l->room = l->room == 0 ? 4 : l->room * 2;
		l->entries = xreallocarray(l->entries, l->room, sizeof *l->entries);
	}
	l->entries[l->count++] = (struct line_entry){(uint32_t)l->bytes.len, (uint32_t)line->len, line->date_from,
	    line->date_to, (uint32_t)line->raw.len};
	str_addn(&l->bytes, line->bytes, line->len);
	str_addn(&l->bytes, line->raw.at, line->raw.len);
}

void
line_list_append(struct line_list *to, const struct line_list *from)
{
	for (size_t i = 0; i < from->count; i++) {
		struct failure_line line = line_list_at(from, i);
		line_list_add(to, &line);
	}
}

struct failure_line
line_list_at(const struct line_list *l, size_t i)
{
	const struct line_entry *e = &l->entries[i];

	return (struct failure_line){str_text(&l->bytes) + e->at, e->len, e->date_from, e->date_to,
	    {str_text(&l->bytes) + e->at + e->len, e->raw_len}};
}

static bool
is_same_text(const struct str *a, const struct str *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->at, b->at, a->len) == 0);
}

static bool
is_same_list(const struct line_list *a, const struct line_list *b)
{
	return a->count == b->count && is_same_text(&a->bytes, &b->bytes) &&
	    (a->count == 0 || memcmp(a->entries, b->entries, a->count * sizeof *a->entries) == 0);
}

/* ---- facts ---- */

bool
captures_are_same(const struct captures *a, const struct captures *b)
{
	if (a->count != b->count || a->n_users != b->n_users || !is_same_text(&a->text, &b->text) ||
	    !is_same_list(&a->matches, &b->matches) || !is_same_list(&a->nofail_matches, &b->nofail_matches) ||
	    (a->count != 0 && memcmp(a->order, b->order, a->count * sizeof *a->order) != 0))
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct capture *x = &a->values[a->order[i]], *y = &b->values[b->order[i]];
		if (x->kind != y->kind || x->at != y->at || x->len != y->len)
			return false;
	}
	for (size_t i = 0; i < a->n_users; i++)
		if (a->users[i].at != b->users[i].at || a->users[i].len != b->users[i].len)
			return false;
	return true;
}

void
captures_done(struct captures *f)
{
	str_done(&f->text);
	free(f->values);
	free(f->order);
	free(f->users);
	line_list_done(&f->matches);
	line_list_done(&f->nofail_matches);
	*f = (struct captures){0};
}

void
captures_clear(struct captures *f)
{
	for (size_t i = 0; i < f->count; i++)
		f->values[f->order[i]].kind = CAPTURE_ABSENT;
	f->count = 0;
	f->n_users = 0;
	f->text.len = 0;
	line_list_clear(&f->matches);
	line_list_clear(&f->nofail_matches);
}

void
captures_copy(struct captures *to, const struct captures *from)
{
	captures_clear(to);
	captures_make_room(to, from->n_values);
	uint32_t base = captures_keep(to, str_text(&from->text), from->text.len);
	for (size_t i = 0; i < from->count; i++) {
		const struct capture *v = &from->values[from->order[i]];
		captures_point(to, from->order[i], v->kind, base + v->at, v->len);
	}
	for (size_t i = 0; i < from->n_users; i++)
		captures_add_user(to, str_text(&from->text) + from->users[i].at, from->users[i].len);
	line_list_append(&to->matches, &from->matches);
	line_list_append(&to->nofail_matches, &from->nofail_matches);
}

void
captures_make_room(struct captures *f, size_t names)
{
	size_t room = names + 16;

	if (names <= f->n_values)
		return;
	f->values = xreallocarray(f->values, room, sizeof *f->values);
	memset(f->values + f->n_values, 0, (room - f->n_values) * sizeof *f->values);
	f->order = xreallocarray(f->order, room, sizeof *f->order);
	f->n_values = room;
}

/* Drops the texts that nothing points to any more. */
static void
compact(struct captures *f)
{
	struct str fresh = {0};

	for (size_t i = 0; i < f->count + f->n_users; i++) {
		struct capture *v = i < f->count ? &f->values[f->order[i]] : &f->users[i - f->count];
		uint32_t at = (uint32_t)fresh.len;
		str_addn(&fresh, str_text(&f->text) + v->at, v->len);
		v->at = at;
	}
	str_done(&f->text);
	f->text = fresh;
}

void
captures_set(struct captures *f, size_t name, enum capture_kind kind, const char *text, size_t len)
{
	captures_make_room(f, name + 1);
	captures_point(f, name, kind, (uint32_t)f->text.len, (uint32_t)len);
	if (len > 0)
		str_addn(&f->text, text, len);
}

uint32_t
captures_keep(struct captures *f, const char *text, size_t len)
{
	uint32_t at = (uint32_t)f->text.len;

	str_addn(&f->text, text, len);
	return at;
}

/* How much text the values hold; where they overlap it counts twice. */
static size_t
live_bytes(const struct captures *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		n += f->values[f->order[i]].len;
	for (size_t i = 0; i < f->n_users; i++)
		n += f->users[i].len;
	return n;
}

void
captures_update(struct captures *f, const struct captures *fresh)
{
	captures_make_room(f, fresh->n_values);
	if (f->text.len > TEXT_WASTE && f->text.len > 2 * live_bytes(f))
		compact(f);
	uint32_t base = captures_keep(f, str_text(&fresh->text), fresh->text.len);
	for (size_t i = 0; i < fresh->count; i++) {
		const struct capture *v = &fresh->values[fresh->order[i]];
		if (v->kind != CAPTURE_NONE)
			captures_point(f, fresh->order[i], v->kind, base + v->at, v->len);
	}
}

void
captures_drop(struct captures *f, size_t name)
{
	if (captures_kind(f, name) == CAPTURE_ABSENT)
		return;
	f->values[name].kind = CAPTURE_ABSENT;
	for (size_t i = 0; i < f->count; i++) {
		if (f->order[i] == name) {
			memmove(f->order + i, f->order + i + 1, (f->count - i - 1) * sizeof *f->order);
			f->count--;
			return;
		}
	}
}

/* A tuple is kept as: for each part a length (UINT32_MAX: None) and its bytes. */
static struct value *
tuple_value(const char *at, size_t len)
{
	struct value *tuple = value_tuple();

	for (size_t i = 0; i + sizeof(uint32_t) <= len;) {
		uint32_t n;
		memcpy(&n, at + i, sizeof n);
		i += sizeof n;
		value_push(tuple, n == UINT32_MAX ? value_none() : value_strn(at + i, n));
		i += n == UINT32_MAX ? 0 : n;
	}
	return tuple;
}

static void
add_part(struct str *s, const char *part, size_t len)
{
	uint32_t n = part == NULL ? UINT32_MAX : (uint32_t)len;

	str_addn(s, (const char *)&n, sizeof n);
	if (part != NULL)
		str_addn(s, part, len);
}

void
captures_add_tuple(struct captures *f, size_t name, const char *part, size_t len)
{
	struct str parts = {0};
	const struct capture *v = name < f->n_values ? &f->values[name] : NULL;

	if (captures_kind(f, name) == CAPTURE_TUPLE)
		str_addn(&parts, f->text.at + v->at, v->len);
	else if (captures_kind(f, name) == CAPTURE_TEXT)
		add_part(&parts, str_text(&f->text) + v->at, v->len);
	else
		add_part(&parts, NULL, 0);
	add_part(&parts, part, len);
	captures_set(f, name, CAPTURE_TUPLE, parts.at, parts.len);
	str_done(&parts);
}

struct slice
captures_any_text(struct captures *f, size_t name)
{
	struct str repr = {0};
	struct value *tuple = tuple_value(f->text.at + f->values[name].at, f->values[name].len);

	value_repr(tuple, &repr);
	value_free(tuple);
	size_t at = captures_keep(f, repr.at, repr.len);
	str_done(&repr);
	return (struct slice){f->text.at + at, f->text.len - at};
}

void
captures_add_user(struct captures *f, const char *user, size_t len)
{
	for (size_t i = 0; i < f->n_users; i++)
		if (f->users[i].len == len && memcmp(str_text(&f->text) + f->users[i].at, user, len) == 0)
			return;
	if (f->n_users == USERS_MAX)
		return;
	bool is_own = f->text.at != NULL && user >= f->text.at && user < f->text.at + f->text.cap;
	size_t offset = is_own ? (size_t)(user - f->text.at) : 0;
	str_reserve(&f->text, len);
	if (is_own)
		user = f->text.at + offset;
	if (f->n_users == f->users_room) {
		f->users_room += 4;
		f->users = xreallocarray(f->users, f->users_room, sizeof *f->users);
	}
	f->users[f->n_users++] = (struct capture){CAPTURE_TEXT, (uint32_t)f->text.len, (uint32_t)len};
	str_addn(&f->text, user, len);
	if (captures_kind(f, CAPTURE_USERS) == CAPTURE_ABSENT)
		captures_set(f, CAPTURE_USERS, CAPTURE_SET, "", 0);
}

struct value *
captures_value(const struct captures *f, const struct names *names)
{
	struct value *dict = value_dict();

	for (size_t i = 0; i < f->count; i++) {
		const struct capture *v = &f->values[f->order[i]];
		struct value *out;
		switch (v->kind) {
		case CAPTURE_TEXT:
			out = value_strn(str_text(&f->text) + v->at, v->len);
			break;
		case CAPTURE_TUPLE:
			out = tuple_value(f->text.at + v->at, v->len);
			break;
		case CAPTURE_FLAG:
			out = value_int(1);
			break;
		case CAPTURE_SET:
			out = value_set();
			for (size_t k = 0; k < f->n_users; k++)
				value_push(out, value_strn(str_text(&f->text) + f->users[k].at, f->users[k].len));
			break;
		default:
			out = value_none();
		}
		value_put(dict, names->at[f->order[i]], out);
	}
	return dict;
}
