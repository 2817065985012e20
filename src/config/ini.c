#include "config/ini.h"

#include "base/mem.h"
#include "base/spec.h"
#include "base/text.h"
#include "config/opts.h"

#include <assert.h>
#include <ctype.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

/* ---- the store ---- */

#define STORE_ROOM 6 /* options that fit before the library makes more room; by itself it begins with 128 */

/* sections are few in most of the many files: uthash would begin with half a KiB for each of them */
#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#define HASH_INITIAL_NUM_BUCKETS 4U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 2U

static struct ini_store *
store_new(void)
{
	struct ini_store *store = xcalloc(1, sizeof *store);
	dictionary *d = xcalloc(1, sizeof *d);

	/* as dictionary_new(), but small: most of the many sections hold few options */
	d->size = STORE_ROOM;
	d->val = xcalloc(STORE_ROOM, sizeof *d->val);
	d->key = xcalloc(STORE_ROOM, sizeof *d->key);
	d->hash = xcalloc(STORE_ROOM, sizeof *d->hash);
	store->options = d;
	store->refs = 1;
	store->kinds = store->few;
	store->room = INI_STORE_FEW;
	return store;
}

static void
store_drop(struct ini_store *store)
{
	if (store == NULL || --store->refs != 0)
		return;
	dictionary_del(store->options);
	if (store->kinds != store->few)
		free(store->kinds);
	free(store);
}

struct ini_section *
ini_section_new(const char *name)
{
	size_t size = strlen(name) + 1;
	struct ini_section *s = xcalloc(1, sizeof *s + size);

	s->name = memcpy(s + 1, name, size);
	return s;
}

void
ini_section_free(struct ini_section *s)
{
	if (s == NULL)
		return;
	store_drop(s->store);
	free(s);
}

struct ini *
ini_new(void)
{
	struct ini *ini = xcalloc(1, sizeof *ini);

	ini->defaults = ini_section_new("DEFAULT");
	return ini;
}

void
ini_free(struct ini *ini)
{
	if (ini == NULL)
		return;
	struct ini_section *s = ini->sections, *next;
	HASH_CLEAR(hh, ini->sections);
	for (; s != NULL; s = next) {
		next = s->hh.next;
		ini_section_free(s);
	}
	ini_section_free(ini->defaults);
	free(ini);
}

struct ini_section *
ini_section(const struct ini *ini, const char *name)
{
	struct ini_section *s;

	HASH_FIND_STR(ini->sections, name, s);
	return s != NULL || strcmp(name, "DEFAULT") != 0 ? s : ini->defaults;
}

struct ini_section *
ini_section_add(struct ini *ini, const char *name)
{
	struct ini_section *s = ini_section_new(name);

	HASH_ADD_KEYPTR(hh, ini->sections, s->name, strlen(s->name), s);
	return s;
}

/* The library walks its whole list for a name: its kind says at once which few it could be, mostly that it is absent. */
static uint8_t
kind_of(const char *key)
{
	size_t len = strlen(key);

	return (uint8_t)((unsigned char)key[0] * 7u + (len != 0 ? (unsigned char)key[len - 1] : 0) * 31u + len * 113u);
}

/* An entry is file, line and value, so that one look-up finds all three. */
#define FILE_DIGITS 5
#define LINE_DIGITS 7
#define ENTRY_HEAD (FILE_DIGITS + LINE_DIGITS)
static_assert(INI_FILE_MAX < 10000000, "a line number has LINE_DIGITS digits");

static const char *
entry_of_kind(const struct ini_section *s, const char *key, uint8_t kind)
{
	if (s == NULL || s->store == NULL)
		return NULL;
	const dictionary *options = s->store->options;
	const uint8_t *kinds = s->store->kinds, *end = kinds + options->n;
	for (const uint8_t *k = kinds; k != end && (k = memchr(k, kind, (size_t)(end - k))) != NULL; k++)
		if (strcmp(options->key[k - kinds], key) == 0)
			return options->val[k - kinds];
	return NULL;
}

static const char *
entry_of(const struct ini_section *s, const char *key)
{
	return entry_of_kind(s, key, kind_of(key));
}

static void
store_put(struct ini_store *store, const char *key, const char *entry)
{
	int n = store->options->n;

	if (dictionary_set(store->options, key, entry) != 0)
		abort(); /* out of memory, as xmalloc */
	if (store->options->n == n)
		return;
	/* nothing is ever unset: a new one comes last */
	if ((unsigned)n == store->room) {
		uint8_t *kinds = xmalloc((size_t)n * 2);
		memcpy(kinds, store->kinds, (size_t)n);
		if (store->kinds != store->few)
			free(store->kinds);
		store->kinds = kinds;
		store->room *= 2;
	}
	store->kinds[n] = kind_of(key);
}

static void
entry_put(struct ini_section *s, const char *key, const char *entry)
{
	struct ini_store *old = s->store;

	if (old == NULL) {
		s->store = store_new();
	} else if (old->refs > 1) {
		s->store = store_new();
		for (int i = 0; i < old->options->n; i++)
			store_put(s->store, old->options->key[i], old->options->val[i]);
		store_drop(old);
	}
	store_put(s->store, key, entry);
}

static void
write_number(char *at, unsigned n, size_t digits)
{
	while (digits-- > 0) {
		at[digits] = (char)('0' + n % 10);
		n /= 10;
	}
}

static const char *
entry_value(const char *entry)
{
	return entry + ENTRY_HEAD;
}

static unsigned
read_number(const char *at, size_t digits)
{
	unsigned n = 0;

	while (digits-- > 0)
		n = n * 10 + (unsigned)(*at++ - '0');
	return n;
}

const char *
ini_get(const struct ini_section *s, const char *key)
{
	return ini_get_either(s, NULL, key);
}

const char *
ini_get_either(const struct ini_section *s, const struct ini_section *other, const char *key)
{
	if (s != NULL && s->known != NULL && key[0] == 'k' && str_starts(key, "known/") && !str_starts(key + 6, "known/")) {
		const struct opt *known = opts_find(s->known, key + 6);
		if (known != NULL && known->kind == VALUE_STR)
			return known->text;
	}
	uint8_t kind = kind_of(key);
	const char *entry = entry_of_kind(s, key, kind);
	if (entry == NULL)
		entry = entry_of_kind(other, key, kind);
	return entry != NULL ? entry_value(entry) : NULL;
}

struct ini_place
ini_place(const struct ini_section *s, const char *key)
{
	const char *entry = entry_of(s, key);

	if (entry == NULL)
		return (struct ini_place){0};
	return (struct ini_place){read_number(entry, FILE_DIGITS), read_number(entry + FILE_DIGITS, LINE_DIGITS)};
}

void
ini_put(struct ini_section *s, const char *key, const char *value, struct ini_place place)
{
	size_t len = strlen(value);
	char small[512], *entry = len + 32 <= sizeof small ? small : xmalloc(len + 32);

	write_number(entry, place.file, FILE_DIGITS);
	write_number(entry + FILE_DIGITS, place.line, LINE_DIGITS);
	memcpy(entry + ENTRY_HEAD, value, len + 1);
	entry_put(s, key, entry);
	if (entry != small)
		free(entry);
}

size_t
ini_count(const struct ini_section *s)
{
	return s != NULL && s->store != NULL ? (size_t)s->store->options->n : 0;
}

const char *
ini_key(const struct ini_section *s, size_t i)
{
	return s->store->options->key[i]; /* nothing is ever unset, so there are no holes */
}

void
ini_lower(const char *text, size_t len, struct str *out)
{
	locale_t utf8 = (locale_t)0;
	size_t plain = 0;

	while (plain < len && (unsigned char)text[plain] < 0x80 && !(text[plain] >= 'A' && text[plain] <= 'Z'))
		plain++;
	str_addn(out, text, plain);
	for (size_t i = plain; i < len;) {
		uint32_t c;
		size_t n = text_decode(text + i, len - i, &c);
		if (n <= 1) {
			str_addc(out, (char)tolower((unsigned char)text[i]));
			i++;
			continue;
		}
		if (utf8 == (locale_t)0)
			utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
		text_encode(utf8 != (locale_t)0 ? (uint32_t)towlower_l((wint_t)c, utf8) : c, out);
		i += n;
	}
	if (utf8 != (locale_t)0)
		freelocale(utf8);
}

/* ---- merging ---- */

/* "word?cond": the length of word, else 0. */
static size_t
condition_at(const char *name)
{
	size_t n = 0;

	while (isalnum((unsigned char)name[n]) || name[n] == '_' || (name[n] & 0x80) != 0)
		n++;
	return n != 0 && name[n] == '?' && name[n + 1] != '\0' ? n : 0;
}

static void
merge_options(struct ini_section *into, const struct ini_section *from, const char *suffix)
{
	struct str key = {0};

	if (into->store == NULL && from->store != NULL && suffix[0] == '\0') {
		into->store = from->store;
		into->store->refs++;
		return;
	}
	for (size_t i = 0; i < ini_count(from); i++) {
		str_clear(&key);
		str_add(&key, ini_key(from, i));
		str_add(&key, suffix);
		entry_put(into, str_text(&key), from->store->options->val[i]);
	}
	str_done(&key);
}

/* The values that `from` is about to replace are kept for %(known/x)s. */
static void
merge_known(struct ini *into, const struct ini_section *old, const struct ini_section *from, const char *suffix)
{
	char *name = xjoin("KNOWN/", old->name, NULL);
	struct ini_section *known = ini_section(into, name);
	struct str key = {0};

	if (known == NULL)
		known = ini_section_add(into, name);
	for (size_t i = 0; i < ini_count(from); i++) {
		str_clear(&key);
		str_add(&key, ini_key(from, i));
		str_add(&key, suffix);
		const char *entry = entry_of(old, str_text(&key));
		if (entry != NULL)
			entry_put(known, str_text(&key), entry);
	}
	str_done(&key);
	free(name);
}

void
ini_merge(struct ini *into, const struct ini *from)
{
	merge_options(into->defaults, from->defaults, "");
	for (const struct ini_section *s = from->sections; s != NULL; s = s->hh.next) {
		size_t cut = condition_at(s->name);
		char *copy = cut != 0 ? xstrndup(s->name, cut) : NULL;
		const char *name = copy != NULL ? copy : s->name, *suffix = s->name + (copy != NULL ? cut : strlen(s->name));
		struct ini_section *old;
		HASH_FIND_STR(into->sections, name, old);
		if (old != NULL)
			merge_known(into, old, s, suffix);
		else
			old = ini_section_add(into, name);
		merge_options(old, s, suffix);
		free(copy);
	}
}

/* ---- the grammar ---- */

struct parser {
	struct ini *ini;
	const char *path;
	unsigned file, line;
	struct ini_section *section;
	size_t sections, indent; /* indent: characters before the name of the open option */
	struct str key, value;   /* the open option; key empty: none */
	unsigned key_line;
	struct err *err;
	bool has_failed; /* err is set; reading goes on only to find nothing worse */
};

static bool
parser_fail(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool
parser_fail(struct parser *p, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	p->has_failed = true;
	return err_set(p->err, "%s:%u: %s", p->path, p->line, text);
}

static bool
close_option(struct parser *p)
{
	if (p->key.len == 0)
		return true;
	/* only the end is stripped: a first line that is empty stays */
	struct slice v = {str_text(&p->value), p->value.len}, stripped = spec_strip(v);
	v.len = stripped.len == 0 ? 0 : (size_t)(stripped.at + stripped.len - v.at);
	if (v.len > INI_VALUE_MAX) {
		p->line = p->key_line;
		return parser_fail(p, "the value of '%s' has %zu bytes, %d are allowed", str_text(&p->key), v.len, INI_VALUE_MAX);
	}
	str_cut(&p->value, v.len);
	ini_put(p->section, str_text(&p->key), str_text(&p->value), (struct ini_place){p->file, p->key_line});
	str_clear(&p->key);
	str_clear(&p->value);
	return true;
}

static bool
open_section(struct parser *p, struct slice name)
{
	char *text = xstrndup(name.at, name.len);
	bool is_ok = true;

	if (strcmp(text, "DEFAULT") == 0) {
		p->section = p->ini->defaults;
	} else if (ini_section(p->ini, text) != NULL) {
		is_ok = parser_fail(p, "section [%s] is there twice", text);
	} else if (++p->sections > INI_SECTIONS_MAX) {
		is_ok = parser_fail(p, "more than %d sections", INI_SECTIONS_MAX);
	} else {
		p->section = ini_section_add(p->ini, text);
	}
	free(text);
	return is_ok;
}

static bool
open_option(struct parser *p, struct slice text)
{
	size_t name_len = 0;

	while (name_len < text.len && text.at[name_len] != '=' && text.at[name_len] != ':')
		name_len++;
	if (name_len == text.len || name_len == 0) {
		if (!p->has_failed)
			parser_fail(p, "section [%s]: expected 'option = value', found '%.*s'", p->section->name,
			    (int)(text.len < 200 ? text.len : 200), text.at);
		return true; /* as fail2ban: the rest may hold something that is worse */
	}
	struct slice name = spec_strip((struct slice){text.at, name_len});
	struct slice value = spec_strip((struct slice){text.at + name_len + 1, text.len - name_len - 1});
	ini_lower(name.at, name.len, &p->key);
	const char *entry = entry_of(p->section, str_text(&p->key));
	if (entry != NULL) {
		bool is_ok = parser_fail(p, "option '%s' of section [%s] is there twice, first in line %u", str_text(&p->key),
		    p->section->name, ini_place(p->section, str_text(&p->key)).line);
		str_clear(&p->key);
		return is_ok;
	}
	if (ini_count(p->section) >= INI_OPTIONS_MAX) {
		str_clear(&p->key);
		return parser_fail(p, "section [%s] has more than %d options", p->section->name, INI_OPTIONS_MAX);
	}
	str_addn(&p->value, value.at, value.len);
	p->key_line = p->line;
	return true;
}

/* Where an inline comment starts: a ';' at the start or behind white space. */
static size_t
comment_at(struct slice line)
{
	for (const char *p = line.at; (p = memchr(p, ';', line.len - (size_t)(p - line.at))) != NULL; p++) {
		size_t at = (size_t)(p - line.at), back = 1;
		if (at == 0)
			return 0;
		while (back < at && back < 4 && ((unsigned char)p[-(ptrdiff_t)back] & 0xc0) == 0x80)
			back++;
		if (spec_space(p - back, back) == back)
			return at;
	}
	return line.len;
}

static bool
parse_line(struct parser *p, struct slice line)
{
	size_t start = 0, indent = 0;

	for (size_t n; (n = spec_space(line.at + start, line.len - start)) != 0;)
		start += n;
	if (start < line.len && (line.at[start] == '#' || line.at[start] == ';'))
		return true; /* most lines */
	size_t comment = comment_at(line);
	bool has_comment = comment != line.len;
	struct slice text = spec_strip((struct slice){line.at, comment});
	if (memchr(text.at, '\0', text.len) != NULL)
		return parser_fail(p, "there is a NUL byte");
	if (text.len == 0) {
		if (!has_comment && p->key.len != 0)
			str_addc(&p->value, '\n'); /* an empty line of the value, if more of it follows */
		return true;
	}
	for (const char *c = line.at; c < text.at; c++)
		indent += ((unsigned char)*c & 0xc0) != 0x80;
	if (p->key.len != 0 && indent > p->indent) {
		if (p->value.len < INI_VALUE_MAX + 1) { /* too long already: close_option() will say so */
			str_addc(&p->value, '\n');
			str_addn(&p->value, text.at, text.len);
		}
		return true;
	}
	if (!close_option(p))
		return false;
	p->indent = indent;
	const char *end = text.at[0] == '[' && text.len > 2 ? memrchr(text.at + 2, ']', text.len - 2) : NULL;
	if (end != NULL)
		return open_section(p, (struct slice){text.at + 1, (size_t)(end - text.at - 1)});
	if (p->section == NULL)
		return parser_fail(p, "expected a [section] first, found '%.*s'", (int)(text.len < 200 ? text.len : 200), text.at);
	return open_option(p, text);
}

bool
ini_parse(struct ini *ini, const char *bytes, size_t len, unsigned file, const char *path, struct err *err)
{
	struct parser p = {.ini = ini, .path = path, .file = file, .err = err};
	bool is_ok = true;
	const char *end = len != 0 ? memchr(bytes, '\n', len) : NULL;
	bool has_cr = len != 0 && memchr(bytes, '\r', len) != NULL;

	for (size_t at = 0; is_ok && at < len;) {
		struct slice line = {bytes + at, 0};
		if (end != NULL && end < line.at) /* looked for once for each LF: there may be many CR before one */
			end = memchr(line.at, '\n', len - at);
		line.len = end != NULL ? (size_t)(end - line.at) : len - at;
		const char *cr = has_cr ? memchr(line.at, '\r', line.len) : NULL;
		size_t skip = end != NULL;
		if (cr != NULL) { /* CR LF, or a CR alone */
			skip = cr + 1 == end ? 2 : 1;
			line.len = (size_t)(cr - line.at);
		}
		at += line.len + skip;
		p.line++;
		is_ok = parse_line(&p, line);
	}
	is_ok = is_ok && close_option(&p);
	str_done(&p.key);
	str_done(&p.value);
	return is_ok && !p.has_failed;
}
