#include "match/failregex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* An address in text form. No range is checked: 999.1.1.1 passes (compat), the filter marks it. */
#define IP4_TEXT "(?:\\d{1,3}\\.){3}\\d{1,3}"
#define IP6_TEXT "(?:[0-9a-fA-F]{1,4}::?|::){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):)"
#define IP4 "(?:::f{4,6}:)?(?P<ip4>" IP4_TEXT ")"
#define IP6 "(?P<ip6>" IP6_TEXT ")"
#define NAME "(?P<dns>[\\w\\-.^_]*\\w)"
#define CIDR "(?P<cidr>\\d+)"
#define ADDR "\\[?(?:" IP4 "|" IP6 ")\\]?"

static const struct {
	const char *tag, *text;
} tags[] = {
    {"ADDR", ADDR},
    {"CIDR", CIDR},
    {"DNS", NAME},
    {"F-ADDR/", ADDR},
    {"F-CIDR/", CIDR},
    {"F-DNS/", NAME},
    {"F-ID/", "(?P<fid>\\S+)"},
    {"F-IP4/", IP4},
    {"F-IP6/", IP6},
    {"F-PORT/", "(?P<fport>\\w+)"},
    {"IP4", IP4},
    {"IP6", IP6},
    {"SUBNET", "\\[?(?:" IP4 "|" IP6 ")(?:/" CIDR ")?\\]?"},
};

/* Length of a tag </?[\w-]+/?> at text, 0: none. */
static size_t
tag_len(const char *text)
{
	size_t i = 1;

	if (text[0] != '<')
		return 0;
	if (text[i] == '/')
		i++;
	size_t from = i;
	while (isalnum((unsigned char)text[i]) || text[i] == '_' || text[i] == '-' || (unsigned char)text[i] >= 0x80)
		i++;
	if (i == from)
		return 0;
	if (text[i] == '/')
		i++;
	return text[i] == '>' ? i + 1 : 0;
}

char *
failregex_group_name(const char *tag, size_t len)
{
	char *name = xstrndup(tag, len);

	for (size_t i = 0; i < len; i++)
		name[i] = (char)tolower((unsigned char)name[i]);
	if (strcmp(name, "id") == 0 || strcmp(name, "port") == 0) {
		char *renamed = xasprintf("f%s", name);
		free(name);
		return renamed;
	}
	return name;
}

/* F-NAME, /F-NAME: the part behind F-, or NULL. */
static const char *
custom_name(const char *tag, size_t len, bool *is_close, size_t *name_len)
{
	*is_close = len > 0 && tag[0] == '/';
	if (*is_close)
		tag++, len--;
	if (len < 3 || tag[0] != 'F' || tag[1] != '-')
		return NULL;
	for (size_t i = 2; i < len; i++)
		if (!((tag[i] >= 'A' && tag[i] <= 'Z') || (tag[i] >= '0' && tag[i] <= '9') || tag[i] == '_' || tag[i] == '-'))
			return NULL;
	*name_len = len - 2;
	return tag + 2;
}

struct opened { /* names that were opened so far */
	struct slice *names;
	size_t count;
};

static bool
was_opened(const struct opened *o, const char *name, size_t len)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->names[i].len == len && memcmp(o->names[i].at, name, len) == 0)
			return true;
	return false;
}

static bool
expand_tag(const char *tag, size_t len, bool with_names, unsigned *skiplines, struct opened *opened,
    struct mapped *out, uint32_t from)
{
	struct slice t = {tag, len};

	if (slice_is(t, "HOST")) {
		mapped_add_z(out, with_names ? "(?:" ADDR "|" NAME ")" : ADDR, from);
		return true;
	}
	if (slice_is(t, "SKIPLINES")) {
		char *text = xasprintf("\\n(?P<skiplines%u>(?:(?:.*\\n)*?))", (*skiplines)++);
		mapped_add_z(out, text, from);
		free(text);
		return true;
	}
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		if (slice_is(t, tags[i].tag)) {
			mapped_add_z(out, tags[i].text, from);
			return true;
		}
	}
	bool is_close;
	size_t n;
	const char *name = custom_name(tag, len, &is_close, &n);
	if (name == NULL)
		return false;
	if (is_close) {
		if (!was_opened(opened, name, n))
			return false;
		mapped_add_z(out, ")", from);
		return true;
	}
	opened->names = xreallocarray(opened->names, opened->count + 1, sizeof *opened->names);
	opened->names[opened->count++] = (struct slice){name, n};
	char *group = failregex_group_name(name, n);
	mapped_add_z(out, "(?P<", from);
	mapped_add_z(out, group, from);
	mapped_add_z(out, ">", from);
	free(group);
	return true;
}

/*
 * compat: "((?i)" and "(?:(?i)" become "(?i:", which Python 3.11 would refuse as they stand.
 */
static void
localise_flags(struct mapped *m)
{
	struct mapped out = {0};
	const char *s = str_text(&m->text);
	size_t len = m->text.len;

	for (size_t i = 0; i < len;) {
		if (s[i] == '(' && (i == 0 || s[i - 1] != '\\')) {
			size_t flags = i + 1;
			if (strncmp(s + flags, "?:", 2) == 0)
				flags += 2;
			if (strncmp(s + flags, "(?", 2) == 0) {
				size_t end = flags + 2;
				while (s[end] >= 'a' && s[end] <= 'z')
					end++;
				if (end > flags + 2 && s[end] == ')') {
					for (size_t k = flags; k < end; k++)
						mapped_add(&out, s + k, 1, m->from[k]);
					mapped_add(&out, ":", 1, m->from[end]);
					i = end + 1;
					continue;
				}
			}
		}
		mapped_add(&out, s + i, 1, m->from[i]);
		i++;
	}
	mapped_add(&out, "", 0, mapped_from(m, len));
	mapped_done(m);
	*m = out;
}

void
failregex_expand(const char *source, bool with_names, struct mapped *out)
{
	struct opened opened = {0};
	unsigned skiplines = 0;

	*out = (struct mapped){0};
	for (size_t i = 0; source[i] != '\0';) {
		size_t n = tag_len(source + i);
		if (n == 0) {
			mapped_add(out, source + i, 1, (uint32_t)i);
			i++;
			continue;
		}
		if (!expand_tag(source + i + 1, n - 2, with_names, &skiplines, &opened, out, (uint32_t)i))
			for (size_t k = 0; k < n; k++)
				mapped_add(out, source + i + k, 1, (uint32_t)(i + k));
		i += n;
	}
	mapped_add(out, "", 0, (uint32_t)strlen(source));
	free(opened.names);
	localise_flags(out);
}
