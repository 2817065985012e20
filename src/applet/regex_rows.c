/*
 * regex_rows: what -o prints: one line for each failure, and nothing else.
 */
#include "applet/regex.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define MESSAGE "\001msg\002" /* where <msg> goes when there are several lines */

struct rows {
	struct tester *t;
	const char *token;
	void (*print)(struct rows *r, const struct tester_found *f);
	struct str out;    /* of this line: printed when it is done, as it may be ignored yet */
	struct str later;  /* behind that: one for each line of a failure */
	struct str format;
};

static void
add_line(const struct failure_line *l, struct str *out)
{
	str_addn(out, l->bytes, l->len);
}

static void
add_time(const struct tester_found *f, struct str *out)
{
	double time = f->found->failure->time;
	struct value *v = isnan(time) ? value_none()
	    : f->found->is_whole_time ? value_int((int64_t)time) : value_float(time);

	value_repr(v, out);
	value_free(v);
}

/* The data of the failure as Python holds it, `matches` included if wanted. */
static struct value *
data_of(struct rows *r, const struct tester_found *f, bool with_matches)
{
	struct value *data = filter_found_value(r->t->filter, f->found);
	const struct failure *x = f->found->failure;

	if (!with_matches)
		return data;
	struct value *matches = value_list();
	for (size_t i = 0; i < x->n_lines; i++) {
		const struct failure_line *l = &x->lines[i];
		struct value *parts = value_tuple();
		value_push(parts, value_strn(l->bytes, l->date_from));
		value_push(parts, value_strn(l->bytes + l->date_from, l->date_to - l->date_from));
		value_push(parts, value_strn(l->bytes + l->date_to, l->len - l->date_to));
		value_push(matches, parts);
	}
	value_put(data, "matches", matches);
	return data;
}

static void
add_id(const struct tester_found *f, struct str *out)
{
	str_add(out, f->id != NULL ? f->id : "None");
}

static void
print_id(struct rows *r, const struct tester_found *f)
{
	add_id(f, &r->out);
	str_addc(&r->out, '\n');
}

static void
print_ip(struct rows *r, const struct tester_found *f)
{
	if (f->found->failure->ip != NULL)
		str_add(&r->out, f->found->failure->ip);
	else
		add_id(f, &r->out);
	str_addc(&r->out, '\n');
}

static void
print_msg(struct rows *r, const struct tester_found *f)
{
	for (size_t i = 0; i < f->found->failure->n_lines; i++) {
		add_line(&f->found->failure->lines[i], &r->out);
		str_addc(&r->out, '\n');
	}
}

static void
print_row(struct rows *r, const struct tester_found *f)
{
	struct value *data = data_of(r, f, false);

	str_addc(&r->out, '[');
	if (f->id != NULL)
		value_repr_str(f->id, strlen(f->id), &r->out);
	else
		str_add(&r->out, "None");
	str_add(&r->out, ",\t");
	add_time(f, &r->out);
	str_add(&r->out, ",\t");
	value_repr(data, &r->out);
	str_add(&r->out, "],\n");
	value_free(data);
}

static void
print_word(struct rows *r, const struct tester_found *f)
{
	struct value *data = data_of(r, f, true);
	const struct value *v = value_get(data, r->token);

	if (v != NULL)
		value_to_text(v, &r->out);
	else
		str_add(&r->out, "None");
	str_addc(&r->out, '\n');
	value_free(data);
}

/* ---- text with <tags> ---- */

static void
add_reversed(const struct addr *a, struct str *out) /* for a PTR query, without its domain */
{
	if (a->family == 4) {
		str_addf(out, "%u.%u.%u.%u.", a->bytes[3], a->bytes[2], a->bytes[1], a->bytes[0]);
	} else if (a->family == 6) {
		for (int i = 15; i >= 0; i--)
			str_addf(out, "%x.%x.", a->bytes[i] & 15u, a->bytes[i] >> 4);
	}
}

static void
add_host(const struct addr *a, struct str *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	char name[NI_MAXHOST];
	bool is4 = a->family == 4;

	memcpy(&v4.sin_addr, a->bytes, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, a->bytes, sizeof v6.sin6_addr);
	if (a->family != 0 && getnameinfo(is4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, is4 ? sizeof v4 : sizeof v6,
	        name, sizeof name, NULL, 0, NI_NAMEREQD) == 0)
		str_add(out, name);
	else
		str_add(out, "None");
}

/* What the failure's ticket holds: a missing group is none there, and matches and failures come first. */
static void
add_data(struct rows *r, const struct tester_found *f, struct str *out)
{
	struct value *data = data_of(r, f, true), *told = value_dict();

	value_put(told, "matches", value_dup(value_get(data, "matches")));
	value_put(told, "failures", value_int(0));
	for (size_t i = 0; i < value_count(data); i++) {
		const char *key = value_text(data->seq.items[2 * i]);
		const struct value *v = data->seq.items[2 * i + 1];
		if (v->kind != VALUE_NONE && strcmp(key, "matches") != 0)
			value_put(told, key, value_dup(v));
	}
	value_repr(told, out);
	value_free(told);
	value_free(data);
}

static void
add_ticket(struct rows *r, const struct tester_found *f, struct str *out)
{
	struct value *data = data_of(r, f, true);

	str_add(out, "BanTicket: ip=");
	add_id(f, out);
	str_add(out, " time=");
	add_time(f, out);
	str_add(out, " bantime=None bancount=0 #attempts=0 matches=");
	value_repr(value_get(data, "matches"), out);
	value_free(data);
}

static void
add_own_name(bool is_full, struct str *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_CANONNAME}, *answer = NULL;
	char name[256] = "";
	size_t len;

	gethostname(name, sizeof name - 1);
	len = strlen(name);
	if (!is_full || getaddrinfo(name, NULL, &hints, &answer) != 0) {
		str_add(out, name);
		return;
	}
	/* compat: www.example.org for www, else the first */
	const char *first = NULL;
	for (const struct addrinfo *a = answer; a != NULL; a = a->ai_next) {
		const char *full = a->ai_canonname;
		if (full != NULL && (first == NULL || (str_starts(full, name) && full[len] == '.')))
			first = full;
	}
	str_add(out, first != NULL ? first : name);
	freeaddrinfo(answer);
}

static void
add_matches(const struct tester_found *f, struct str *out)
{
	for (size_t i = 0; i < f->found->failure->n_lines; i++) {
		if (i > 0)
			str_addc(out, '\n');
		add_line(&f->found->failure->lines[i], out);
	}
}

/* A tag without its brackets. False: not known. */
static bool
add_tag(struct rows *r, const struct tester_found *f, struct slice tag, bool *has_message, struct str *out)
{
	const struct failure *x = f->found->failure;

	if (slice_is(tag, "ip")) {
		str_add(out, x->ip != NULL ? x->ip : f->id != NULL ? f->id : "None");
	} else if (slice_is(tag, "fid")) {
		add_id(f, out);
	} else if (slice_is(tag, "family")) {
		str_add(out, f->addr.family == 4 ? "inet4" : f->addr.family == 6 ? "inet6" : "None");
	} else if (slice_is(tag, "ip-rev")) {
		add_reversed(&f->addr, out);
	} else if (slice_is(tag, "ip-host")) {
		add_host(&f->addr, out);
	} else if (slice_is(tag, "time")) {
		if (isnan(x->time))
			str_addf(out, "%.6f", clock_now(&r->t->clock));
		else
			add_time(f, out);
	} else if (slice_is(tag, "failures") || slice_is(tag, "ipfailures") || slice_is(tag, "ipjailfailures") ||
	    slice_is(tag, "bancount") || slice_is(tag, "restored")) {
		str_add(out, "0");
	} else if (slice_is(tag, "matches") || slice_is(tag, "ipmatches") || slice_is(tag, "ipjailmatches")) {
		add_matches(f, out);
	} else if (slice_is(tag, "msg")) {
		if (x->n_lines <= 1) {
			add_matches(f, out);
		} else {
			*has_message = true;
			str_add(out, MESSAGE);
		}
	} else if (slice_is(tag, "F-*")) {
		add_data(r, f, out);
	} else if (slice_is(tag, "raw-ticket")) {
		add_ticket(r, f, out);
	} else if (slice_is(tag, "fq-hostname") || slice_is(tag, "sh-hostname")) {
		add_own_name(tag.at[0] == 'f', out);
	} else if (slice_is(tag, "br")) {
		str_addc(out, '\n');
	} else if (slice_is(tag, "sp")) {
		str_addc(out, ' ');
	} else {
		return false;
	}
	return true;
}

/* <F-NAME>: a group of the expression; empty when there is none. */
static void
add_custom(const struct value *data, struct slice name, struct str *out)
{
	char *key = xstrndup(name.at, name.len);

	for (char *c = key; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	if (strcmp(key, "id") == 0 || strcmp(key, "port") == 0) {
		char *mapped = xasprintf("f%s", key);
		free(key);
		key = mapped;
	}
	const struct value *v = value_get(data, key);
	if (v != NULL && v->kind != VALUE_NONE)
		value_to_text(v, out);
	free(key);
}

static bool
is_custom(struct slice tag)
{
	if (tag.len < 3 || tag.at[0] != 'F' || tag.at[1] != '-')
		return false;
	for (size_t i = 2; i < tag.len; i++)
		if (!isupper((unsigned char)tag.at[i]) && !isdigit((unsigned char)tag.at[i]) && tag.at[i] != '_' && tag.at[i] != '-')
			return false;
	return true;
}

static void
add_with_message(const struct str *text, const struct failure_line *line, struct str *out)
{
	const char *at = str_text(text), *mark;

	while ((mark = strstr(at, MESSAGE)) != NULL) {
		str_addn(out, at, (size_t)(mark - at));
		add_line(line, out);
		at = mark + strlen(MESSAGE);
	}
	str_add(out, at);
	str_addc(out, '\n');
}

/* compat: in what a tag stands for; but not in <msg>. */
static void
show_nuls(struct str *out, size_t from)
{
	if (out->len == from || memchr(out->at + from, '\0', out->len - from) == NULL)
		return;
	struct str shown = {0};
	for (size_t i = from; i < out->len; i++) {
		if (out->at[i] == '\0')
			str_add(&shown, "\\x00");
		else
			str_addc(&shown, out->at[i]);
	}
	str_cut(out, from);
	str_addn(out, shown.at, shown.len);
	str_done(&shown);
}

/* Tags are replaced once: what a value brings is text. */
static void
print_format(struct rows *r, const struct tester_found *f)
{
	struct str *out = &r->format;
	struct value *data = NULL;
	bool has_message = false;
	const char *s = r->token;

	str_clear(out);
	while (*s != '\0') {
		size_t n = *s == '<' ? strcspn(s + 1, " <>") : 0;
		struct slice tag = {s + 1, n};
		size_t from = out->len;
		if (n == 0 || s[n + 1] != '>') {
			str_addc(out, *s++);
			continue;
		}
		if (is_custom(tag)) {
			if (data == NULL)
				data = data_of(r, f, true);
			add_custom(data, (struct slice){tag.at + 2, tag.len - 2}, out);
			show_nuls(out, from);
		} else if (!add_tag(r, f, tag, &has_message, out)) {
			str_addn(out, s, n + 2);
		} else if (!slice_is(tag, "msg")) {
			show_nuls(out, from);
		}
		s += n + 2;
	}
	value_free(data);
	if (!has_message) {
		str_addn(&r->out, str_text(out), out->len);
		str_addc(&r->out, '\n');
		return;
	}
	for (size_t i = 0; i < f->found->failure->n_lines; i++)
		add_with_message(out, &f->found->failure->lines[i], &r->later);
}

struct rows *
rows_new(struct tester *t, const char *token)
{
	struct rows *r = xcalloc(1, sizeof *r);

	r->t = t;
	r->token = token;
	if (strcmp(token, "id") == 0 || strcmp(token, "fid") == 0)
		r->print = print_id;
	else if (strcmp(token, "ip") == 0)
		r->print = print_ip;
	else if (strcmp(token, "msg") == 0)
		r->print = print_msg;
	else if (strcmp(token, "row") == 0)
		r->print = print_row;
	else if (strchr(token, '<') == NULL)
		r->print = print_word;
	else
		r->print = print_format;
	return r;
}

void
rows_free(struct rows *r)
{
	if (r == NULL)
		return;
	str_done(&r->out);
	str_done(&r->format);
	str_done(&r->later);
	free(r);
}

void
rows_found(struct rows *r, const struct tester_found *f)
{
	r->print(r, f);
}

void
rows_line(struct rows *r, bool is_ignored)
{
	if (!is_ignored) {
		if (r->out.len > 0)
			fwrite(r->out.at, 1, r->out.len, stdout);
		if (r->later.len > 0)
			fwrite(r->later.at, 1, r->later.len, stdout);
	}
	str_clear(&r->out);
	str_clear(&r->later);
}
