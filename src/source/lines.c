#include "source/lines.h"

#include <errno.h>
#include <iconv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "source/encoding.h"

#define REPLACEMENT "\xef\xbf\xbd"       /* U+FFFD */
#define GROWTH 4                         /* decoded bytes per raw byte, at most (latin1: 2, U+FFFD: 3) */
#define SCRATCH (GROWTH * LINE_MAX_BYTES + 16)
#define NOTES 4096                       /* bytes noted of one line; what is bad behind that is U+FFFD to everybody */
#define NOTES_ROOM (16 * NOTES)

struct lines {
	lines_fn fn;
	void *arg;
	char *encoding; /* owned */
	struct encoding code;

	struct str part;  /* raw bytes of the unfinished last line, up to the cap */
	size_t part_raw;  /* how many it has in all */
	bool is_first;    /* nothing was read yet */
	uint64_t bad;
	bool is_plain;    /* the block at hand is ASCII */

	struct line batch[LINES_BATCH];
	size_t count;
	struct str scratch; /* decoded texts of this batch; never moves while the batch stands */
	struct str notes;   /* what was replaced in them (text_note()); never moves either */
	size_t notes_from;  /* of the line at hand */
};

struct lines *
lines_new(const char *encoding, lines_fn fn, void *arg, struct err *err)
{
	struct lines *l = xcalloc(1, sizeof *l);

	l->fn = fn;
	l->arg = arg;
	l->is_first = true;
	l->encoding = strcasecmp(encoding, "auto") == 0 ? encoding_of_locale() : xstrdup(encoding);
	if (!encoding_open(&l->code, l->encoding)) {
		err_set(err, "unknown encoding: %s", encoding);
		lines_free(l);
		return NULL;
	}
	return l;
}

void
lines_free(struct lines *l)
{
	if (l == NULL)
		return;
	encoding_close(&l->code);
	str_done(&l->part);
	str_done(&l->scratch);
	str_done(&l->notes);
	free(l->encoding);
	free(l);
}

/* ---- decoding ---- */

/*
 * Length of the character at bytes; 0 if it is none, then *skip is how many bytes one U+FFFD stands
 * for: the longest beginning of a character, as Python replaces.
 */
static size_t
utf8_len(const unsigned char *p, size_t len, size_t *skip)
{
	size_t need;
	unsigned char low = 0x80, high = 0xbf;

	*skip = 1;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		need = 1;
	} else if ((p[0] & 0xf0) == 0xe0) {
		need = 2;
		low = p[0] == 0xe0 ? 0xa0 : 0x80;
		high = p[0] == 0xed ? 0x9f : 0xbf;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		need = 3;
		low = p[0] == 0xf0 ? 0x90 : 0x80;
		high = p[0] == 0xf4 ? 0x8f : 0xbf;
	} else {
		return 0;
	}
	for (size_t i = 1; i <= need; i++) {
		if (i == len || p[i] < low || p[i] > high) {
			*skip = i;
			return 0;
		}
		low = 0x80;
		high = 0xbf;
	}
	return need + 1;
}

static bool
is_ascii(const char *bytes, size_t len)
{
	size_t i = 0;

	for (; i + 32 <= len; i += 32) {
		uint64_t w[4];
		memcpy(w, bytes + i, 32);
		if (((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u) != 0)
			return false;
	}
	for (; i < len; i++)
		if ((unsigned char)bytes[i] >= 0x80)
			return false;
	return true;
}

static bool
is_utf8(const char *bytes, size_t len)
{
	for (size_t i = 0, skip; i < len;) {
		size_t n = utf8_len((const unsigned char *)bytes + i, len - i, &skip);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

/* A U+FFFD of the decoded text, and what the log has there. */
static void
note(struct lines *l, const char *bytes, size_t len)
{
	if (l->notes.len - l->notes_from + 1 + len <= NOTES)
		text_note(&l->notes, bytes, len);
}

static void
decode_utf8(struct lines *l, const char *bytes, size_t len, struct str *out)
{
	for (size_t i = 0; i < len;) {
		size_t skip, n = utf8_len((const unsigned char *)bytes + i, len - i, &skip);
		bool is_bad = n == 0;
		if (is_bad)
			str_add(out, REPLACEMENT);
		else
			str_addn(out, bytes + i, n);
		n = is_bad ? skip : n;
		if (is_bad || (n == sizeof REPLACEMENT - 1 && memcmp(bytes + i, REPLACEMENT, n) == 0))
			note(l, bytes + i, n);
		i += n;
	}
}

static void
decode_bytes(struct lines *l, const char *bytes, size_t len, struct str *out)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c < 0x80) {
			str_addc(out, (char)c);
		} else if (l->code.coding == CODING_ASCII) {
			str_add(out, REPLACEMENT);
			note(l, bytes + i, 1);
		} else {
			char two[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};
			str_addn(out, two, 2);
		}
	}
}

/* Returns false if something could not be decoded. */
static bool
decode_iconv(struct lines *l, const char *bytes, size_t len, struct str *out)
{
	char *in = (char *)bytes;
	bool ok = true;

	iconv(l->code.iconv, NULL, NULL, NULL, NULL);
	while (len > 0) {
		char buffer[1024], *to = buffer;
		size_t room = sizeof buffer;
		size_t rc = iconv(l->code.iconv, &in, &len, &to, &room);
		int error = errno;
		if (out->len + (size_t)(to - buffer) + sizeof REPLACEMENT >= SCRATCH)
			break;
		str_addn(out, buffer, (size_t)(to - buffer));
		if (rc != (size_t)-1 || error == E2BIG)
			continue;
		ok = false;
		str_add(out, REPLACEMENT);
		size_t skip = error == EINVAL || len < l->code.unit ? len : l->code.unit;
		note(l, in, skip);
		if (error == EINVAL)
			break;
		in += skip;
		len -= skip;
	}
	return ok;
}

static void
flush(struct lines *l)
{
	if (l->count > 0 && l->fn != NULL)
		l->fn(l->arg, l->batch, l->count);
	l->count = 0;
	l->scratch.len = 0;
	l->notes.len = 0;
}

static void
cut(struct line *line)
{
	size_t n = LINE_MAX_BYTES;

	if (line->len <= n)
		return;
	while (n > 0 && ((unsigned char)line->bytes[n] & 0xc0) == 0x80)
		n--;
	line->len = n;
	line->is_cut = true;
}

static void
decode(struct lines *l, struct line *line)
{
	size_t room = line->len * GROWTH + 8;
	bool ok = true;

	if (room > SCRATCH)
		room = SCRATCH;
	if (l->scratch.cap - l->scratch.len <= room || l->notes.cap - l->notes.len <= NOTES) {
		flush(l);
		str_reserve(&l->scratch, SCRATCH);
		str_reserve(&l->notes, NOTES_ROOM);
	}
	size_t at = l->scratch.len;
	l->notes_from = l->notes.len;
	switch (l->code.coding) {
	case CODING_UTF8:
		ok = false;
		decode_utf8(l, line->bytes, line->len, &l->scratch);
		break;
	case CODING_UTF8_SIG:
		if (line->len >= 3 && memcmp(line->bytes, "\xef\xbb\xbf", 3) == 0)
			line->bytes += 3, line->len -= 3;
		ok = is_utf8(line->bytes, line->len);
		decode_utf8(l, line->bytes, line->len, &l->scratch);
		break;
	case CODING_ASCII:
		ok = false;
		decode_bytes(l, line->bytes, line->len, &l->scratch);
		break;
	case CODING_LATIN1:
		decode_bytes(l, line->bytes, line->len, &l->scratch);
		break;
	default:
		ok = decode_iconv(l, line->bytes, line->len, &l->scratch);
	}
	l->bad += !ok;
	line->bytes = l->scratch.at + at;
	line->len = l->scratch.len - at;
	line->raw = (struct slice){l->notes.at + l->notes_from, l->notes.len - l->notes_from};
}

/* One raw line, without its line feed; bytes stay where they are until the batch is flushed. */
static void
add(struct lines *l, const char *bytes, size_t len, bool in_operation, bool is_cut)
{
	struct line line = {.time = NAN, .in_operation = in_operation, .is_cut = is_cut};

	if (l->code.unit == 1)
		while (len > 0 && (bytes[len - 1] == '\r' || bytes[len - 1] == '\n'))
			len--;
	if (len > LINE_MAX_BYTES) {
		len = LINE_MAX_BYTES;
		line.is_cut = true;
		/* a character that is cut in two is none of the log's faults */
		for (size_t back = 0; l->code.coding == CODING_UTF8 && back < 3 && ((unsigned char)bytes[len] & 0xc0) == 0x80; back++)
			len--;
	}
	line.bytes = bytes;
	line.len = len;
	line.is_ascii = l->code.coding < CODING_TABLE && (l->is_plain || is_ascii(bytes, len));
	if (!line.is_ascii && (l->code.coding != CODING_UTF8 || !is_utf8(bytes, len))) {
		decode(l, &line);
		while (line.len > 0 && (line.bytes[line.len - 1] == '\r' || line.bytes[line.len - 1] == '\n'))
			line.len--;
		cut(&line);
	}
	l->batch[l->count++] = line;
	if (l->count == LINES_BATCH)
		flush(l);
}

/* ---- splitting ---- */

/* Offset of the byte behind the first line feed at or behind `from`; SIZE_MAX: none. from is the start of a unit. */
static size_t
line_end(const struct lines *l, const char *bytes, size_t len, size_t from)
{
	if (l->code.unit == 1) {
		const char *lf = memchr(bytes + from, '\n', len - from);
		return lf != NULL ? (size_t)(lf - bytes) + 1 : SIZE_MAX;
	}
	static const char units[2][2][4] = {{"\n\0\0", "\n\0\0"}, {"\0\n", "\0\0\0\n"}};
	const char *lf = units[l->code.is_big][l->code.unit == 4];
	for (size_t i = from; i + l->code.unit <= len; i += l->code.unit)
		if (memcmp(bytes + i, lf, l->code.unit) == 0)
			return i + l->code.unit;
	return SIZE_MAX;
}

/* A byte order mark decides the order and is no text. Returns its length; 0: none. */
static size_t
take_mark(struct lines *l, const char *bytes, size_t len)
{
	static const char marks[2][2][4] = {{"\xff\xfe", "\xff\xfe\0\0"}, {"\xfe\xff", "\0\0\xfe\xff"}};

	for (int big = 0; big < 2; big++) {
		if (len < l->code.unit || memcmp(bytes, marks[big][l->code.unit == 4], l->code.unit) != 0)
			continue;
		if (big != l->code.is_big)
			encoding_set_order(&l->code, big);
		return l->code.unit;
	}
	return 0;
}

/* Keeps the unfinished line, up to the cap: what is longer is dropped, but counted. */
static void
keep(struct lines *l, const char *bytes, size_t len)
{
	size_t room = LINE_MAX_BYTES + 2 * l->code.unit - l->part.len; /* CR LF do not count */

	l->part_raw += len;
	str_addn(&l->part, bytes, len < room ? len : room);
}

static void
finish_part(struct lines *l, bool in_operation)
{
	bool is_cut = l->part_raw > LINE_MAX_BYTES + 2 * l->code.unit;

	add(l, str_text(&l->part), l->part.len, in_operation, is_cut);
	flush(l); /* the text of the line is in there */
	str_clear(&l->part);
	l->part_raw = 0;
}

void
lines_feed(struct lines *l, const char *bytes, size_t len, bool in_operation)
{
	size_t at = 0;

	if (l->is_first && l->code.wants_mark && l->part.len == 0 && len >= l->code.unit)
		at = take_mark(l, bytes, len);
	l->is_first = l->is_first && len == 0;
	l->is_plain = false;
	if (l->part_raw > 0) {
		/* up to the next whole unit byte by byte, as a unit may be cut in two */
		while (l->code.unit > 1 && at < len && l->part_raw % l->code.unit != 0) {
			keep(l, bytes + at++, 1);
			if (l->part_raw % l->code.unit == 0 && l->part.len == l->part_raw &&
			    line_end(l, l->part.at, l->part.len, l->part.len - l->code.unit) != SIZE_MAX) {
				finish_part(l, in_operation);
				break;
			}
		}
		if (l->part_raw > 0) {
			size_t end = line_end(l, bytes, len, at);
			if (end == SIZE_MAX) {
				keep(l, bytes + at, len - at);
				return;
			}
			keep(l, bytes + at, end - at);
			at = end;
			finish_part(l, in_operation);
		}
	}
	l->is_plain = is_ascii(bytes, len);
	for (size_t end; at < len && (end = line_end(l, bytes, len, at)) != SIZE_MAX; at = end)
		add(l, bytes + at, end - at - l->code.unit, in_operation, false);
	flush(l);
	if (at < len)
		keep(l, bytes + at, len - at);
}

void
lines_end(struct lines *l, bool in_operation)
{
	l->is_plain = false;
	if (l->part_raw > 0)
		finish_part(l, in_operation);
}

void
lines_drop(struct lines *l)
{
	str_clear(&l->part);
	l->part_raw = 0;
}

bool
lines_rest_ends(const struct lines *l)
{
	static const char units[2][2][4] = {{"\r\0\0", "\r\0\0"}, {"\0\r", "\0\0\0\r"}};

	if (l->part_raw == 0 || l->part.len != l->part_raw || l->part.len % l->code.unit != 0)
		return false;
	const char *last = l->part.at + l->part.len - l->code.unit;
	return l->code.unit == 1 ? *last == '\r' : memcmp(last, units[l->code.is_big][l->code.unit == 4], l->code.unit) == 0;
}

size_t
lines_pending(const struct lines *l)
{
	return l->part_raw;
}

uint64_t
lines_bad(const struct lines *l)
{
	return l->bad;
}

const char *
lines_encoding(const struct lines *l)
{
	return l->encoding;
}
