/*
 * facts: tags -> a command. Properties (the administrator's text) are replaced recursively and may
 * contain shell code; what comes from a ticket (hostile) is replaced once, in one pass, and reaches
 * the shell as a value: anything but harmless characters becomes a variable that the shell fills.
 */
#include "action/internal.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPAND_ROUNDS 26        /* compat: MAX_TAG_REPLACE_COUNT + 1 */
#define EXPAND_MAX (1024 * 1024)

const char *
family_name(enum family f)
{
	static const char *const names[] = {"", "inet4", "inet6", "None"};

	return names[f];
}

/* The tag that starts at `at` ('<', then anything but blanks and brackets, '>'): its length without
 * the brackets, else 0. compat: TAG_CRE */
static size_t
tag_at(const char *at)
{
	if (*at != '<')
		return 0;
	size_t len = strcspn(at + 1, " <>");
	return at[1 + len] == '>' ? len : 0;
}

/* ---- static: properties ---- */

static const struct value *
property_find(const struct property *properties, const char *tag, size_t len, enum family f)
{
	const struct property *p = NULL;

	if (f == FAMILY_INET4 || f == FAMILY_INET6) {
		char *key = xasprintf("%.*s?family=%s", (int)len, tag, family_name(f));
		HASH_FIND_STR(properties, key, p);
		free(key);
	}
	if (p == NULL)
		HASH_FIND(hh, properties, tag, len, p);
	return p != NULL ? p->value : NULL;
}

/* compat: CommandAction._escapedTags: a property of these names is foreign text all the same. */
static bool
tag_is_escaped(const char *tag, size_t len)
{
	struct slice s = {tag, len};

	return slice_is(s, "matches") || slice_is(s, "ipmatches") || slice_is(s, "ipjailmatches");
}

static bool
is_special(char c)
{
	return c != '\0' && strchr("\\#&;`|*?~<>^()[]{}$'\"\n\r", c) != NULL;
}

static void
add_escaped(struct str *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (is_special(text[i]))
			str_addc(out, '\\');
		str_addc(out, text[i] == '\n' ? 'n' : text[i] == '\r' ? 'r' : text[i]);
	}
}

/* A command that the action does not define is empty. */
static bool
tag_is_command(const char *tag, size_t len)
{
	static const char *const names[] = {"actionstart", "actionstop", "actionban", "actionreban",
	    "actionunban", "actionflush", "actioncheck", "actionrepair", "actionreload", "actionprolong"};
	struct slice s = {tag, len};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_is(s, names[i]))
			return true;
	return false;
}

static bool
expand_tag(const struct property *properties, const char *tag, size_t len, enum family f, struct str *out)
{
	const struct value *v = property_find(properties, tag, len, f);
	struct slice s = {tag, len};

	if (v != NULL) {
		struct str text = {0};
		value_to_text(v, &text);
		if (tag_is_escaped(tag, len))
			add_escaped(out, str_text(&text), text.len);
		else
			str_addn(out, str_text(&text), text.len);
		str_done(&text);
		return true;
	}
	if (slice_is(s, "br"))
		str_addc(out, '\n');
	else if (slice_is(s, "sp"))
		str_addc(out, ' ');
	else if (slice_is(s, "sh-hostname")) {
		char name[256] = "";
		gethostname(name, sizeof name - 1);
		str_add(out, name);
	} else
		return tag_is_command(tag, len);
	return true;
}

bool
facts_expand(const struct property *properties, const char *query, enum family f, struct str *out,
    struct err *err)
{
	struct str now = {0};

	str_add(&now, query);
	for (int round = 0;; round++) {
		struct str next = {0};
		bool changed = false;
		for (const char *at = str_text(&now), *end = at + now.len; at < end;) {
			size_t len = tag_at(at);
			if (len != 0 && expand_tag(properties, at + 1, len, f, &next)) {
				changed = true;
				at += len + 2;
			} else {
				str_addc(&next, *at++);
			}
		}
		str_done(&now);
		now = next;
		if (!changed)
			break;
		if (round >= EXPAND_ROUNDS || now.len > EXPAND_MAX) {
			str_done(&now);
			return err_set(err, "properties refer to themselves and cannot be resolved in %s", query);
		}
	}
	str_addn(out, str_text(&now), now.len);
	str_done(&now);
	return true;
}

/* ---- templates ---- */

static void
piece_add(struct template *t, enum piece_kind kind, const char *text, size_t len)
{
	if (kind == PIECE_TEXT && len == 0)
		return;
	t->pieces = xreallocarray(t->pieces, t->n_pieces + 1, sizeof *t->pieces);
	t->pieces[t->n_pieces++] = (struct piece){kind, xstrndup(text, len)};
}

static bool
tag_is_group(const char *tag, size_t len)
{
	if (len < 3 || tag[0] != 'F' || tag[1] != '-')
		return false;
	for (size_t i = 2; i < len; i++)
		if (!isupper((unsigned char)tag[i]) && !isdigit((unsigned char)tag[i]) && tag[i] != '_' &&
		    tag[i] != '-')
			return false;
	return true;
}

static void
group_add(struct template *t, const char *name, size_t len)
{
	char *lower = xstrndup(name, len);

	for (char *c = lower; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	/* compat: mapTag2Opt */
	const char *mapped = strcmp(lower, "id") == 0 ? "fid" : strcmp(lower, "port") == 0 ? "fport" : lower;
	piece_add(t, PIECE_GROUP, mapped, strlen(mapped));
	free(lower);
}

void
template_make(struct template *t, char *text)
{
	const char *from = text, *at = text;

	*t = (struct template){.text = text};
	t->is_blank = slice_trim(slice_of(text)).len == 0;
	while (*at != '\0') {
		size_t len = tag_at(at);
		if (len == 0) {
			at++;
			continue;
		}
		piece_add(t, PIECE_TEXT, from, (size_t)(at - from));
		struct slice tag = {at + 1, len};
		if (tag_is_group(tag.at, tag.len)) {
			group_add(t, tag.at + 2, tag.len - 2);
		} else {
			piece_add(t, PIECE_TAG, tag.at, tag.len);
			t->wants_host |= slice_is(tag, "ip-host");
			t->wants_own_name |= slice_is(tag, "fq-hostname");
		}
		at += len + 2;
		from = at;
	}
	piece_add(t, PIECE_TEXT, from, (size_t)(at - from));
}

void
template_done(struct template *t)
{
	for (size_t i = 0; i < t->n_pieces; i++)
		free(t->pieces[i].text);
	free(t->pieces);
	free(t->text);
	*t = (struct template){0};
}

/* ---- dynamic: what the ticket says ---- */

void
facts_ip_rev(const struct addr *a, struct str *out)
{
	if (a->family == 4) {
		for (int i = 3; i >= 0; i--) {
			str_addf(out, "%u", a->bytes[i]);
			if (i == 3 && a->prefix < 32)
				str_addf(out, "/%u", a->prefix); /* compat: IPAddr.getPTR turns the text round as it is */
			str_addc(out, '.');
		}
	} else if (a->family == 6) {
		for (int i = 15; i >= 0; i--)
			str_addf(out, "%x.%x.", a->bytes[i] & 15u, a->bytes[i] >> 4);
	}
}

static void
add_matches(const struct ticket *t, struct str *out)
{
	for (size_t i = 0; i < t->n_matches; i++) {
		if (i != 0)
			str_addc(out, '\n');
		str_addn(out, t->matches[i].bytes, t->matches[i].len);
	}
}

static struct value *
matches_value(const struct ticket *t)
{
	struct value *list = value_list();

	for (size_t i = 0; i < t->n_matches; i++)
		value_push(list, value_strn(t->matches[i].bytes, t->matches[i].len));
	return list;
}

/* <F-*>: all that the ticket carries, as Python prints it. */
static void
add_data(const struct ticket *t, struct str *out)
{
	struct value *data = value_dict();

	value_put(data, "matches", matches_value(t));
	value_put(data, "failures", value_int(t->failures));
	for (size_t i = 0; i < t->n_groups; i++)
		value_put(data, t->groups[i].name, value_str(t->groups[i].value));
	value_repr(data, out);
	value_free(data);
}

static void
add_time(const struct ticket *t, struct str *out)
{
	struct value *v = t->is_restored ? value_int((int64_t)t->time) : value_float(t->time);

	value_to_text(v, out);
	value_free(v);
}

static bool
engine_knows(const struct fact_source *from, const char *tag, struct str *out)
{
	return from->hooks->fact != NULL &&
	    from->hooks->fact(from->hooks->arg, from->jail, from->ticket, tag, out);
}

static void
add_bantime(const struct fact_source *from, const struct ticket *t, struct str *out)
{
	if (t->bantime != TICKET_UNSET)
		str_addf(out, "%lld", (long long)t->bantime);
	else if (!engine_knows(from, "bantime", out))
		str_add(out, "600");
}

static void
add_raw(const struct fact_source *from, const struct ticket *t, struct str *out)
{
	struct value *list = matches_value(t);

	str_addf(out, "BanTicket: ip=%s time=", t->id);
	add_time(t, out);
	str_add(out, " bantime=");
	add_bantime(from, t, out);
	str_addf(out, " bancount=%d #attempts=%d matches=", t->bancount, t->failures);
	value_repr(list, out);
	value_free(list);
}

/* false: no tag that anybody knows; its text stays. */
static bool
add_fact(const struct fact_source *from, const struct ticket *t, const char *tag, struct str *out)
{
	if (strcmp(tag, "family") == 0)
		str_add(out, family_name(from->family));
	else if (from->only_family)
		return false;
	else if (strcmp(tag, "ip") == 0)
		str_add(out, ticket_ip(t));
	else if (strcmp(tag, "fid") == 0)
		str_add(out, t->id);
	else if (strcmp(tag, "ip-rev") == 0)
		facts_ip_rev(&t->addr, out);
	else if (strcmp(tag, "ip-host") == 0)
		str_add(out, from->host != NULL ? from->host : "None");
	else if (strcmp(tag, "failures") == 0)
		str_addf(out, "%d", t->failures);
	else if (strcmp(tag, "time") == 0)
		add_time(t, out);
	else if (strcmp(tag, "bantime") == 0)
		add_bantime(from, t, out);
	else if (strcmp(tag, "bancount") == 0)
		str_addf(out, "%d", t->bancount);
	else if (strcmp(tag, "restored") == 0)
		str_add(out, t->is_restored ? "1" : "0");
	else if (strcmp(tag, "matches") == 0)
		add_matches(t, out);
	else if (strcmp(tag, "F-*") == 0)
		add_data(t, out);
	else if (strcmp(tag, "fq-hostname") == 0)
		str_add(out, from->own_name != NULL ? from->own_name : "");
	else if (engine_knows(from, tag, out))
		return true;
	else if (strcmp(tag, "ipmatches") == 0 || strcmp(tag, "ipjailmatches") == 0)
		add_matches(t, out); /* compat: ActionInfo._mi4ip without a database */
	else if (strcmp(tag, "ipfailures") == 0 || strcmp(tag, "ipjailfailures") == 0)
		str_addf(out, "%d", t->failures);
	else if (strcmp(tag, "raw-ticket") == 0)
		add_raw(from, t, out);
	else if (strcmp(tag, "jail.banned") == 0 || strcmp(tag, "jail.banned_total") == 0 ||
	    strcmp(tag, "jail.found") == 0 || strcmp(tag, "jail.found_total") == 0)
		str_add(out, "0");
	else
		return false;
	return true;
}

static void
add_group(const struct fact_source *from, const struct ticket *t, const char *name, struct str *out)
{
	const char *value = from->only_family ? NULL : ticket_group(t, name);

	if (value != NULL)
		str_add(out, value);
	else if (from->only_family)
		return;
	else if (strcmp(name, "failures") == 0)
		str_addf(out, "%d", t->failures);
	else if (strcmp(name, "matches") == 0) {
		struct value *list = matches_value(t);
		value_repr(list, out);
		value_free(list);
	}
}

/* A program's argument holds no NUL and has a largest size: of a longer value the end is kept. */
static void
value_limit(struct str *value)
{
	for (size_t i = 0; i < value->len; i++)
		if (value->at[i] == '\0')
			value->at[i] = '?';
	if (value->len > VALUE_MAX) {
		size_t drop = value->len - VALUE_MAX;
		while (drop < value->len && ((unsigned char)value->at[drop] & 0xc0) == 0x80)
			drop++;
		memmove(value->at, value->at + drop, value->len - drop);
		str_cut(value, value->len - drop);
	}
}

static bool
value_is_harmless(const struct str *value)
{
	/* compat: ESCAPE_CRE; a long one would make the text too long when it stands there more than once */
	for (size_t i = 0; i < value->len; i++)
		if (is_special(value->at[i]))
			return false;
	return value->len <= VALUE_INLINE;
}

static char *
variable_name(const char *prefix, const char *tag)
{
	char *name = xasprintf("f2bV_%s%s", prefix, tag);

	for (char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			*c = '_';
	return name;
}

static void
add_value(struct command *c, bool is_raw, struct str *text, const char *prefix, const char *tag, struct str *value)
{
	value_limit(value);
	if (is_raw || value_is_harmless(value)) {
		str_addn(text, str_text(value), value->len);
		return;
	}
	char *name = variable_name(prefix, tag);
	str_addf(text, "$%s", name);
	for (size_t i = 0; i < c->n_values; i++)
		if (strcmp(c->values[i].name, name) == 0) {
			free(c->values[i].value);
			free(name);
			c->values[i].value = xstrndup(str_text(value), value->len);
			return;
		}
	c->values = xreallocarray(c->values, c->n_values + 1, sizeof *c->values);
	c->values[c->n_values].name = name;
	c->values[c->n_values++].value = xstrndup(str_text(value), value->len);
}

void
facts_fill(const struct template *t, const struct fact_source *from, struct command *out)
{
	struct ticket *empty = NULL;
	const struct ticket *ticket = from->ticket;
	struct str text = {0}, value = {0};

	if (ticket == NULL)
		ticket = empty = ticket_new("", from->now);
	*out = (struct command){0};
	for (size_t i = 0; i < t->n_pieces; i++) {
		const struct piece *p = &t->pieces[i];
		str_clear(&value);
		if (p->kind == PIECE_TEXT)
			str_add(&text, p->text);
		else if (p->kind == PIECE_GROUP) {
			add_group(from, ticket, p->text, &value);
			add_value(out, from->is_raw, &text, "F_", p->text, &value);
		} else if (add_fact(from, ticket, p->text, &value))
			add_value(out, from->is_raw, &text, "", p->text, &value);
		else
			str_addf(&text, "<%s>", p->text);
	}
	out->text = str_take(&text);
	str_done(&value);
	ticket_free(empty);
}

void
command_done(struct command *c)
{
	for (size_t i = 0; i < c->n_values; i++) {
		free(c->values[i].name);
		free(c->values[i].value);
	}
	free(c->values);
	free(c->text);
	*c = (struct command){0};
}

char *
command_script(const struct command *c)
{
	struct str s = {0};

	/* compat: Utils.buildShellCmd; from the eleventh on a number needs braces */
	for (size_t i = 0; i < c->n_values; i++)
		str_addf(&s, i < 10 ? "%s=$%zu " : "%s=${%zu} ", c->values[i].name, i);
	if (c->n_values != 0)
		str_addc(&s, '\n');
	str_add(&s, c->text);
	return str_take(&s);
}
