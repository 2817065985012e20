#include "source/lines.h"

#include <errno.h>
#include <iconv.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"

#define REPLACEMENT "\xef\xbf\xbd"       /* U+FFFD */
#define GROWTH 4                         /* decoded bytes per raw byte, at most (latin1: 2, U+FFFD: 3) */
#define SCRATCH (GROWTH * LINE_MAX_BYTES + 16)
#define NOTES 4096                       /* bytes noted of one line; what is bad behind that is U+FFFD to everybody */
#define NOTES_ROOM (16 * NOTES)

enum coding {
	CODING_UTF8,
	CODING_UTF8_SIG, /* compat: a byte order mark at the start of any line is no text */
	CODING_ASCII,
	CODING_LATIN1,
	CODING_TABLE, /* by iconv, a line feed is the byte 0x0a */
	CODING_WIDE,  /* by iconv, in units of 2 or 4 bytes */
};

struct lines {
	lines_fn fn;
	void *arg;
	char *encoding; /* owned */
	enum coding coding;
	size_t unit;      /* bytes of a character, at least */
	bool is_big;      /* CODING_WIDE: most significant byte first */
	bool wants_mark;  /* a byte order mark may come, and decides */
	iconv_t iconv;    /* CODING_TABLE, CODING_WIDE */

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

/* ---- encodings ---- */

/* compat: the locale's, where plain C means UTF-8 as Python has it. */
static char *
locale_encoding(void)
{
	locale_t here = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	const char *name = here != (locale_t)0 ? nl_langinfo_l(CODESET, here) : "";
	char *copy = xstrdup(name[0] == '\0' || str_starts(name, "ANSI_") ? "UTF-8" : name);

	if (here != (locale_t)0)
		freelocale(here);
	return copy;
}

/* "UTF_8" -> "utf-8": Python takes either. */
static char *
normal_name(const char *encoding)
{
	char *name = str_lower_dup(encoding);

	for (char *c = name; *c != '\0'; c++)
		if (*c == '_' || *c == ' ')
			*c = '-';
	for (char *dashes; (dashes = strstr(name, "--")) != NULL;) /* compat: however many there are */
		memmove(dashes, dashes + 1, strlen(dashes));
	return name;
}

static bool
is_among(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* What iconv calls an encoding that Python knows by this name; NULL: the same. */
static char *
iconv_name(const char *normal)
{
	static const struct { const char *name, *iconv; } others[] = {
	    {"big5-tw", "BIG5"}, {"csbig5", "BIG5"}, {"chinese", "GB2312"}, {"csiso58gb231280", "GB2312"},
	    {"euc-jis2004", "EUC-JISX0213"}, {"euc-jis-2004", "EUC-JISX0213"}, {"eucjis2004", "EUC-JISX0213"},
	    {"jisx0213", "EUC-JISX0213"}, {"eucjisx0213", "EUC-JISX0213"}, {"eucgb2312-cn", "GB2312"},
	    {"gb18030-2000", "GB18030"}, {"gb2312-1980", "GB2312"}, {"gb2312-80", "GB2312"}, {"hkscs", "BIG5-HKSCS"},
	    {"iso-ir-58", "GB2312"}, {"korean", "EUC-KR"}, {"ks-c-5601", "EUC-KR"}, {"ks-c-5601-1987", "EUC-KR"},
	    {"ks-x-1001", "EUC-KR"}, {"ksc5601", "EUC-KR"}, {"ksx1001", "EUC-KR"}, {"kz1048", "RK1048"},
	    {"kz-1048", "RK1048"}, {"l9", "ISO-8859-15"}, {"mac-roman", "MACINTOSH"}, {"macroman", "MACINTOSH"},
	    {"mac-centeuro", "MAC-CENTRALEUROPE"}, {"mac-latin2", "MAC-CENTRALEUROPE"}, {"maclatin2", "MAC-CENTRALEUROPE"},
	    {"maccentraleurope", "MAC-CENTRALEUROPE"}, {"ms-kanji", "CP932"}, {"mskanji", "CP932"}, {"ms1361", "JOHAB"},
	    {"ms949", "CP949"}, {"ms950", "CP950"}, {"s-jis", "SHIFT_JIS"}, {"shiftjis", "SHIFT_JIS"},
	    {"s-jisx0213", "SHIFT_JISX0213"}, {"sjisx0213", "SHIFT_JISX0213"}, {"thai", "TIS-620"}, {"tis-620-0", "TIS-620"},
	    {"u-jis", "EUC-JP"}, {"u7", "UTF-7"},
	};
	size_t digits = strspn(normal, "0123456789");

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(normal, others[i].name) == 0)
			return xstrdup(others[i].iconv);
	if (digits > 0 && normal[digits] == '\0') /* 1251 */
		return xasprintf("CP%s", normal);
	if (str_starts(normal, "iso2022")) /* iso2022_jp */
		return xasprintf("iso-2022%s", normal + strlen("iso2022"));
	if (str_starts(normal, "iso-8859-")) { /* iso-8859-9-1989 */
		size_t len = strlen("iso-8859-");
		len += strspn(normal + len, "0123456789");
		if (normal[len] == '-')
			return xstrndup(normal, len);
	}
	return NULL;
}

static bool
open_iconv(struct lines *l, const char *encoding, const char *normal)
{
	/* iconv takes a name of nothing but signs for the locale's encoding */
	if (strpbrk(normal, "abcdefghijklmnopqrstuvwxyz0123456789") == NULL)
		return false;
	l->iconv = iconv_open("UTF-8", encoding);
	if (l->iconv == (iconv_t)-1)
		l->iconv = iconv_open("UTF-8", normal);
	char *other = l->iconv == (iconv_t)-1 ? iconv_name(normal) : NULL;
	if (other != NULL)
		l->iconv = iconv_open("UTF-8", other);
	free(other);
	return l->iconv != (iconv_t)-1;
}

static bool
set_encoding(struct lines *l, const char *encoding)
{
	static const char *const utf8[] = {"utf-8", "utf8", "u8", "utf", "utf8-ucs2", "utf8-ucs4", "cp65001", NULL};
	static const char *const ascii[] = {"ascii", "us-ascii", "us", "646", "iso646-us", "ansi-x3.4-1968", "ansi-x3-4-1968",
	    "ansi-x3.4-1986", "iso-646.irv-1991", "cp367", NULL};
	static const char *const latin1[] = {"latin1", "latin-1", "iso-8859-1", "iso8859-1", "8859", "iso8859", "l1",
	    "latin", "cp819", "ibm819", NULL};
	static const struct {
		const char *name, *iconv;
		size_t unit;
		bool is_big, has_mark;
	} wide[] = {
	    {"utf-16", "UTF-16LE", 2, false, true},    {"utf16", "UTF-16LE", 2, false, true},
	    {"u16", "UTF-16LE", 2, false, true},       {"utf-16-le", "UTF-16LE", 2, false, false},
	    {"utf-16le", "UTF-16LE", 2, false, false}, {"utf-16-be", "UTF-16BE", 2, true, false},
	    {"utf-16be", "UTF-16BE", 2, true, false},  {"utf-32", "UTF-32LE", 4, false, true},
	    {"utf32", "UTF-32LE", 4, false, true},     {"u32", "UTF-32LE", 4, false, true},
	    {"utf-32-le", "UTF-32LE", 4, false, false}, {"utf-32le", "UTF-32LE", 4, false, false},
	    {"utf-32-be", "UTF-32BE", 4, true, false}, {"utf-32be", "UTF-32BE", 4, true, false},
	};
	char *normal = normal_name(encoding);
	bool ok = true;

	l->unit = 1;
	if (is_among(normal, utf8)) {
		l->coding = CODING_UTF8;
	} else if (strcmp(normal, "utf-8-sig") == 0) {
		l->coding = CODING_UTF8_SIG;
	} else if (is_among(normal, ascii)) {
		l->coding = CODING_ASCII;
	} else if (is_among(normal, latin1)) {
		l->coding = CODING_LATIN1;
	} else {
		l->coding = CODING_TABLE;
		for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
			if (strcmp(normal, wide[i].name) == 0) {
				l->coding = CODING_WIDE;
				l->unit = wide[i].unit;
				l->is_big = wide[i].is_big;
				l->wants_mark = wide[i].has_mark;
				l->iconv = iconv_open("UTF-8", wide[i].iconv);
				ok = l->iconv != (iconv_t)-1;
			}
		}
		if (l->coding == CODING_TABLE)
			ok = open_iconv(l, encoding, normal);
	}
	free(normal);
	return ok;
}

struct lines *
lines_new(const char *encoding, lines_fn fn, void *arg, struct err *err)
{
	struct lines *l = xcalloc(1, sizeof *l);

	l->fn = fn;
	l->arg = arg;
	l->is_first = true;
	l->iconv = (iconv_t)-1;
	l->encoding = strcasecmp(encoding, "auto") == 0 ? locale_encoding() : xstrdup(encoding);
	if (!set_encoding(l, l->encoding)) {
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
	if (l->iconv != (iconv_t)-1)
		iconv_close(l->iconv);
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
		} else if (l->coding == CODING_ASCII) {
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

	iconv(l->iconv, NULL, NULL, NULL, NULL);
	while (len > 0) {
		char buffer[1024], *to = buffer;
		size_t room = sizeof buffer;
		size_t rc = iconv(l->iconv, &in, &len, &to, &room);
		int error = errno;
		if (out->len + (size_t)(to - buffer) + sizeof REPLACEMENT >= SCRATCH)
			break;
		str_addn(out, buffer, (size_t)(to - buffer));
		if (rc != (size_t)-1 || error == E2BIG)
			continue;
		ok = false;
		str_add(out, REPLACEMENT);
		size_t skip = error == EINVAL || len < l->unit ? len : l->unit;
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
	switch (l->coding) {
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

	if (l->unit == 1)
		while (len > 0 && (bytes[len - 1] == '\r' || bytes[len - 1] == '\n'))
			len--;
	if (len > LINE_MAX_BYTES) {
		len = LINE_MAX_BYTES;
		line.is_cut = true;
		/* a character that is cut in two is none of the log's faults */
		for (size_t back = 0; l->coding == CODING_UTF8 && back < 3 && ((unsigned char)bytes[len] & 0xc0) == 0x80; back++)
			len--;
	}
	line.bytes = bytes;
	line.len = len;
	line.is_ascii = l->coding < CODING_TABLE && (l->is_plain || is_ascii(bytes, len));
	if (!line.is_ascii && (l->coding != CODING_UTF8 || !is_utf8(bytes, len))) {
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
	if (l->unit == 1) {
		const char *lf = memchr(bytes + from, '\n', len - from);
		return lf != NULL ? (size_t)(lf - bytes) + 1 : SIZE_MAX;
	}
	static const char units[2][2][4] = {{"\n\0\0", "\n\0\0"}, {"\0\n", "\0\0\0\n"}};
	const char *lf = units[l->is_big][l->unit == 4];
	for (size_t i = from; i + l->unit <= len; i += l->unit)
		if (memcmp(bytes + i, lf, l->unit) == 0)
			return i + l->unit;
	return SIZE_MAX;
}

/* A byte order mark decides the order and is no text. Returns its length; 0: none. */
static size_t
take_mark(struct lines *l, const char *bytes, size_t len)
{
	static const char marks[2][2][4] = {{"\xff\xfe", "\xff\xfe\0\0"}, {"\xfe\xff", "\0\0\xfe\xff"}};

	for (int big = 0; big < 2; big++) {
		if (len < l->unit || memcmp(bytes, marks[big][l->unit == 4], l->unit) != 0)
			continue;
		if (big != l->is_big) {
			l->is_big = big;
			iconv_close(l->iconv);
			l->iconv = iconv_open("UTF-8", l->unit == 2 ? (big ? "UTF-16BE" : "UTF-16LE") : (big ? "UTF-32BE" : "UTF-32LE"));
		}
		return l->unit;
	}
	return 0;
}

/* Keeps the unfinished line, up to the cap: what is longer is dropped, but counted. */
static void
keep(struct lines *l, const char *bytes, size_t len)
{
	size_t room = LINE_MAX_BYTES + 2 * l->unit - l->part.len; /* CR LF do not count */

	l->part_raw += len;
	str_addn(&l->part, bytes, len < room ? len : room);
}

static void
finish_part(struct lines *l, bool in_operation)
{
	bool is_cut = l->part_raw > LINE_MAX_BYTES + 2 * l->unit;

	add(l, str_text(&l->part), l->part.len, in_operation, is_cut);
	flush(l); /* the text of the line is in there */
	str_clear(&l->part);
	l->part_raw = 0;
}

void
lines_feed(struct lines *l, const char *bytes, size_t len, bool in_operation)
{
	size_t at = 0;

	if (l->is_first && l->wants_mark && l->part.len == 0 && len >= l->unit)
		at = take_mark(l, bytes, len);
	l->is_first = l->is_first && len == 0;
	l->is_plain = false;
	if (l->part_raw > 0) {
		/* up to the next whole unit byte by byte, as a unit may be cut in two */
		while (l->unit > 1 && at < len && l->part_raw % l->unit != 0) {
			keep(l, bytes + at++, 1);
			if (l->part_raw % l->unit == 0 && l->part.len == l->part_raw &&
			    line_end(l, l->part.at, l->part.len, l->part.len - l->unit) != SIZE_MAX) {
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
		add(l, bytes + at, end - at - l->unit, in_operation, false);
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

	if (l->part_raw == 0 || l->part.len != l->part_raw || l->part.len % l->unit != 0)
		return false;
	const char *last = l->part.at + l->part.len - l->unit;
	return l->unit == 1 ? *last == '\r' : memcmp(last, units[l->is_big][l->unit == 4], l->unit) == 0;
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
