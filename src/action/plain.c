/*
 * plain: which commands are single rules or elements that a restore program takes, and how it wants them
 * written. In doubt a command is none of these, and runs as it stands.
 */
#include "action/internal.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WORD_LONGEST 200 /* bytes: the restore programs cut longer ones */
#define LINE_LONGEST 4000

static bool
word_is_safe(const char *word, const char *more)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)word[i]) && strchr(more, word[i]) == NULL)
			return false;
	return len != 0 && len <= WORD_LONGEST;
}

const char *
plain_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

static const char *const iptables_names[] = {"iptables", "iptables-nft", "iptables-legacy", "ip6tables",
    "ip6tables-nft", "ip6tables-legacy", NULL};

static enum tool
tool_of(const char *word)
{
	const char *name = plain_base_name(word);

	return is_one_of(name, iptables_names) ? TOOL_IPTABLES :
	    strcmp(name, "ipset") == 0         ? TOOL_IPSET :
	    strcmp(name, "nft") == 0           ? TOOL_NFT :
	                                         TOOL_NONE;
}

/* Appends a word as the restore programs read it. */
static bool
add_quoted(struct str *line, const char *word)
{
	size_t len = strlen(word);

	if (line->len != 0)
		str_addc(line, ' ');
	if (word_is_safe(word, "_./:,@%+=!-")) {
		str_add(line, word);
		return true;
	}
	if (len == 0 || len > WORD_LONGEST)
		return false;
	str_addc(line, '"');
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)word[i] < ' ' || word[i] == 0x7f)
			return false;
		if (word[i] == '"' || word[i] == '\\')
			str_addc(line, '\\');
		str_addc(line, word[i]);
	}
	str_addc(line, '"');
	return true;
}

static bool
is_seconds(const char *word)
{
	return word != NULL && *word != '\0' && strspn(word, "0123456789.") == strlen(word);
}

/* "-A CHAIN rule", "-I CHAIN [1] rule", "-D CHAIN rule", in one table; the wait for the lock is left out. */
static bool
iptables_line(const struct words *w, struct str *line, const char **table)
{
	static const char *const verbs[] = {"-A", "--append", "-I", "--insert", "-D", "--delete", NULL};
	static const char *const waits[] = {"-w", "--wait", NULL}, *const tables[] = {"-t", "--table", NULL};
	static const char *const addresses[] = {"-s", "--source", "--src", "-d", "--destination", "--dst", NULL};
	static const char *const other[] = {"-c", "--set-counters", "-N", "-X", "-F", "-Z", "-P", "-E", "-L",
	    "-S", "-C", "-R", "-h", "-v", "-n", "-x", "-V", "-M", "-W", "-f", NULL};
	size_t i = 1;

	*table = "filter";
	for (; i < w->count; i++) {
		if (is_one_of(w->at[i], waits)) {
			if (i + 1 < w->count && is_seconds(w->at[i + 1]))
				i++;
		} else if (is_one_of(w->at[i], tables) && i + 1 < w->count && word_is_safe(w->at[i + 1], "_-")) {
			*table = w->at[++i];
		} else {
			break;
		}
	}
	if (i + 3 > w->count || !is_one_of(w->at[i], verbs) || w->at[i + 1][0] == '-')
		return false;
	bool is_insert = strcmp(w->at[i], "-I") == 0 || strcmp(w->at[i], "--insert") == 0;
	if (!add_quoted(line, w->at[i]) || !add_quoted(line, w->at[i + 1]))
		return false;
	i += 2;
	if (isdigit((unsigned char)w->at[i][0])) {
		if (!is_insert || strcmp(w->at[i], "1") != 0)
			return false; /* a position depends on what the others did */
		i++;
	}
	for (; i < w->count; i++) {
		struct addr addr;
		if (is_one_of(w->at[i], waits) && (i + 1 == w->count || (i + 2 == w->count && is_seconds(w->at[i + 1]))))
			break;
		if (is_one_of(w->at[i], waits) || is_one_of(w->at[i], tables) || is_one_of(w->at[i], verbs) ||
		    is_one_of(w->at[i], other))
			return false;
		if (!add_quoted(line, w->at[i]))
			return false;
		if (!is_one_of(w->at[i], addresses))
			continue;
		/* a name would be looked up in the middle of the transaction */
		if (i + 1 >= w->count || !addr_parse(w->at[i + 1], &addr) || !add_quoted(line, w->at[++i]))
			return false;
	}
	return line->len <= LINE_LONGEST;
}

/* "add SET ENTRY …", "del SET ENTRY": only with -exist, as it may be run again. */
static bool
ipset_line(const struct words *w, struct str *line)
{
	static const char *const exists[] = {"-exist", "-!", "--exist", NULL};
	static const char *const adds[] = {"add", "-A", "--add", NULL}, *const dels[] = {"del", "-D", "--del", NULL};
	bool has_exist = false;
	size_t n = 0;

	for (size_t i = 1; i < w->count; i++) {
		if (is_one_of(w->at[i], exists)) {
			has_exist = true;
			continue;
		}
		struct addr addr;
		bool is_add = is_one_of(w->at[i], adds);
		if (n == 0 ? !is_add && !is_one_of(w->at[i], dels) : w->at[i][0] == '-')
			return false;
		if (!word_is_safe(w->at[i], "_./:,@%+=#-") || (n == 2 && !addr_parse(w->at[i], &addr)))
			return false; /* a host name would be looked up */
		if (n++ == 0)
			str_add(line, is_add ? "add" : "del");
		else
			str_addf(line, " %s", w->at[i]);
	}
	return has_exist && n >= 3 && line->len <= LINE_LONGEST;
}

static bool
nft_head_is_plain(struct slice text)
{
	char *copy = xstrndup(text.at, text.len), *save = NULL;
	bool ok = str_starts(copy, "add element ") || str_starts(copy, "delete element ");
	int names = 0;

	for (char *w = strtok_r(copy, " ", &save); ok && w != NULL; w = strtok_r(NULL, " ", &save), names++)
		ok = word_is_safe(w, "_.-") && w[0] != '-';
	free(copy);
	return ok && (names == 4 || names == 5);
}

/* ADDRESS, perhaps an option such as "timeout 600s" */
static bool
nft_element_is_plain(struct slice text)
{
	const char *blank = memchr(text.at, ' ', text.len);
	size_t len = blank != NULL ? (size_t)(blank - text.at) : text.len;
	struct addr addr;

	if (text.len > WORD_LONGEST || !addr_parsen(text.at, len, &addr))
		return false;
	for (size_t i = len; i < text.len; i++)
		if (!isalnum((unsigned char)text.at[i]) && text.at[i] != ' ')
			return false;
	return true;
}

/* "add|delete element [FAMILY] TABLE SET { ADDRESS … }": what stands before the braces, and inside. */
static bool
nft_line(const struct words *w, struct str *head, struct str *element)
{
	struct str all = {0};
	bool ok = false;

	for (size_t i = 1; i < w->count; i++)
		str_addf(&all, i == 1 ? "%s" : " %s", w->at[i]);
	const char *open = strchr(str_text(&all), '{'), *close = strrchr(str_text(&all), '}');
	if (open != NULL && close > open && close[1] == '\0') {
		struct slice before = slice_trim((struct slice){all.at, (size_t)(open - all.at)});
		struct slice inside = slice_trim((struct slice){open + 1, (size_t)(close - open - 1)});
		ok = nft_head_is_plain(before) && nft_element_is_plain(inside);
		if (ok) {
			str_addn(head, before.at, before.len);
			str_addn(element, inside.at, inside.len);
		}
	}
	str_done(&all);
	return ok;
}

enum tool
plain_read(const char *text, struct plain *out)
{
	struct words w;

	*out = (struct plain){.table = ""};
	if (!words_parse(text, &w))
		return TOOL_NONE;
	enum tool tool = tool_of(w.at[0]);
	bool ok = (tool == TOOL_IPTABLES && iptables_line(&w, &out->line, &out->table)) ||
	    (tool == TOOL_IPSET && ipset_line(&w, &out->line)) ||
	    (tool == TOOL_NFT && nft_line(&w, &out->line, &out->element));
	if (!ok) {
		words_done(&w);
		plain_done(out);
		return TOOL_NONE;
	}
	out->words = w;
	return tool;
}

void
plain_done(struct plain *p)
{
	words_done(&p->words);
	str_done(&p->line);
	str_done(&p->element);
}
