#include "source/encoding.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* compat: the locale's, where plain C means UTF-8 as Python has it. */
char *
encoding_of_locale(void)
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
open_iconv(struct encoding *e, const char *name, const char *normal)
{
	/* iconv takes a name of nothing but signs for the locale's encoding */
	if (strpbrk(normal, "abcdefghijklmnopqrstuvwxyz0123456789") == NULL)
		return false;
	e->iconv = iconv_open("UTF-8", name);
	if (e->iconv == (iconv_t)-1)
		e->iconv = iconv_open("UTF-8", normal);
	char *other = e->iconv == (iconv_t)-1 ? iconv_name(normal) : NULL;
	if (other != NULL)
		e->iconv = iconv_open("UTF-8", other);
	free(other);
	return e->iconv != (iconv_t)-1;
}

bool
encoding_open(struct encoding *e, const char *name)
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
	char *normal = normal_name(name);
	bool ok = true;

	*e = (struct encoding){.unit = 1, .iconv = (iconv_t)-1};
	if (is_among(normal, utf8)) {
		e->coding = CODING_UTF8;
	} else if (strcmp(normal, "utf-8-sig") == 0) {
		e->coding = CODING_UTF8_SIG;
	} else if (is_among(normal, ascii)) {
		e->coding = CODING_ASCII;
	} else if (is_among(normal, latin1)) {
		e->coding = CODING_LATIN1;
	} else {
		e->coding = CODING_TABLE;
		for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
			if (strcmp(normal, wide[i].name) == 0) {
				e->coding = CODING_WIDE;
				e->unit = wide[i].unit;
				e->is_big = wide[i].is_big;
				e->wants_mark = wide[i].has_mark;
				e->iconv = iconv_open("UTF-8", wide[i].iconv);
				ok = e->iconv != (iconv_t)-1;
			}
		}
		if (e->coding == CODING_TABLE)
			ok = open_iconv(e, name, normal);
	}
	free(normal);
	return ok;
}

void
encoding_close(struct encoding *e)
{
	if (e->iconv != (iconv_t)-1)
		iconv_close(e->iconv);
	e->iconv = (iconv_t)-1;
}

void
encoding_set_order(struct encoding *e, bool is_big)
{
	encoding_close(e);
	e->is_big = is_big;
	e->iconv = iconv_open("UTF-8", e->unit == 2 ? (is_big ? "UTF-16BE" : "UTF-16LE") : (is_big ? "UTF-32BE" : "UTF-32LE"));
}
