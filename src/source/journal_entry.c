/*
 * journal_entry: an entry of systemd's journal as a line of a log.
 *
 * Fields come from programs that anybody may run: texts become valid UTF-8, LF becomes the two characters
 * \n (compat), lengths are capped.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/systemd.h"
#include "base/text.h"
#include "source/follow.h"

/* ---- an entry as a line ---- */

static bool
is_set(const char *text)
{
	return text && *text;
}

/* A number without its leading zeros, as Python's int() reads it; false when it is none. */
static bool
add_number(const char *text, struct str *out)
{
	size_t len = strlen(text);

	if (!len || strspn(text, "0123456789") != len)
		return false;
	while (len > 1 && *text == '0')
		text++, len--;
	str_addn(out, text, len);
	return true;
}

static bool
is_zero(const char *text)
{
	return text[strspn(text, "0")] == '\0';
}

void
journal_entry_render(const struct journal_entry *e, struct str *out, struct str *raw)
{
	const char *name = is_set(e->identifier) ? e->identifier : e->comm;
	const char *pid = is_set(e->syslog_pid) && !is_zero(e->syslog_pid) ? e->syslog_pid : e->pid;
	size_t start = out->len;

	if (is_set(e->hostname))
		text_to_utf8_noting(e->hostname, strlen(e->hostname), out, raw);
	if (is_set(name)) {
		size_t at;

		if (out->len > start)
			str_addc(out, ' ');
		at = out->len;
		text_to_utf8_noting(name, strlen(name), out, raw);
		if (is_set(pid) && !is_zero(pid)) {
			str_addc(out, '[');
			if (!add_number(pid, out))
				text_to_utf8_noting(pid, strlen(pid), out, raw);
			str_addc(out, ']');
		}
		str_addc(out, ':');
		if (strcmp(out->at + at, "kernel:") == 0)
			str_addf(out, " [%12.6f]", e->monotonic);
	}
	/* an entry without a message still has its place for one, and so the blank before it */
	if (out->len > start)
		str_addc(out, ' ');
	for (size_t i = 0; i < e->n_messages; i++) {
		if (i)
			str_addc(out, ' ');
		text_to_utf8_noting(e->messages[i].at, e->messages[i].len, out, raw);
	}
}

#ifdef HAVE_SYSTEMD

#define JOURNAL_MESSAGES 16   /* MESSAGE fields of one entry */
#define JOURNAL_FIELD_MAX 256 /* bytes kept of a name or pid */

struct journal_fields {
	char hostname[JOURNAL_FIELD_MAX], identifier[JOURNAL_FIELD_MAX], comm[JOURNAL_FIELD_MAX],
	    syslog_pid[JOURNAL_FIELD_MAX], pid[JOURNAL_FIELD_MAX], realtime[32], monotonic[32];
	struct str message;
	struct slice messages[JOURNAL_MESSAGES];
	size_t lens[JOURNAL_MESSAGES], n_messages;
};

static bool
take_field(const char *data, size_t len, const char *name, char *value, size_t size)
{
	size_t name_len = strlen(name), n;

	if (len <= name_len || memcmp(data, name, name_len) != 0 || data[name_len] != '=')
		return false;
	n = len - name_len - 1;
	if (n >= size)
		n = size - 1;
	memcpy(value, data + name_len + 1, n);
	value[n] = '\0';
	return true;
}

static void
take_message(const char *data, size_t len, struct journal_fields *f)
{
	static const char name[] = "MESSAGE=";

	if (len < sizeof name - 1 || memcmp(data, name, sizeof name - 1) != 0 || f->n_messages == JOURNAL_MESSAGES)
		return;
	data += sizeof name - 1;
	len -= sizeof name - 1;
	if (len > LINE_MAX_BYTES)
		len = LINE_MAX_BYTES;
	/* the library gives its memory only until the next field */
	str_addn(&f->message, data, len);
	f->lens[f->n_messages++] = len;
}

static void
read_fields(const struct systemd *lib, sd_journal *sd, struct journal_fields *f)
{
	const void *data;
	size_t len, at = 0;

	lib->restart_data(sd);
	while (lib->enumerate_available_data(sd, &data, &len) > 0) {
		if (!take_field(data, len, "_HOSTNAME", f->hostname, sizeof f->hostname) &&
		    !take_field(data, len, "SYSLOG_IDENTIFIER", f->identifier, sizeof f->identifier) &&
		    !take_field(data, len, "_COMM", f->comm, sizeof f->comm) &&
		    !take_field(data, len, "SYSLOG_PID", f->syslog_pid, sizeof f->syslog_pid) &&
		    !take_field(data, len, "_PID", f->pid, sizeof f->pid) &&
		    !take_field(data, len, "_SOURCE_REALTIME_TIMESTAMP", f->realtime, sizeof f->realtime) &&
		    !take_field(data, len, "_SOURCE_MONOTONIC_TIMESTAMP", f->monotonic, sizeof f->monotonic))
			take_message(data, len, f);
	}
	for (size_t i = 0; i < f->n_messages; i++) {
		f->messages[i] = (struct slice){ f->message.at + at, f->lens[i] };
		at += f->lens[i];
	}
}

/* LF becomes \n, as one line must stay one; from `start` to the end of text. */
static void
escape_line_ends(struct str *text, size_t start)
{
	if (text->len == start || !memchr(text->at + start, '\n', text->len - start))
		return;

	char *copy = xstrndup(text->at + start, text->len - start);
	size_t len = text->len - start;

	str_cut(text, start);
	for (size_t i = 0; i < len; i++) {
		if (copy[i] == '\n')
			str_add(text, "\\n");
		else
			str_addc(text, copy[i]);
	}
	free(copy);
}

struct journal_fields *
journal_fields_new(void)
{
	return xcalloc(1, sizeof(struct journal_fields));
}

void
journal_fields_free(struct journal_fields *f)
{
	str_done(&f->message);
	free(f);
}

bool
journal_entry_take(const struct systemd *lib, sd_journal *sd, struct journal_fields *f, struct str *text,
    struct str *raw, double *time)
{
	uint64_t realtime = 0, monotonic = 0;
	struct journal_entry e;
	sd_id128_t boot;
	size_t start = text->len, len;

	f->n_messages = 0;
	str_clear(&f->message);
	*f->hostname = *f->identifier = *f->comm = *f->syslog_pid = *f->pid = *f->realtime = *f->monotonic = '\0';
	read_fields(lib, sd, f);
	if (*f->realtime)
		realtime = strtoull(f->realtime, NULL, 10);
	else
		lib->get_realtime_usec(sd, &realtime);
	if (*f->monotonic)
		monotonic = strtoull(f->monotonic, NULL, 10);
	else
		lib->get_monotonic_usec(sd, &monotonic, &boot);
	*time = (double)realtime / 1e6;
	e = (struct journal_entry){
		.hostname = f->hostname,
		.identifier = f->identifier,
		.comm = f->comm,
		.syslog_pid = f->syslog_pid,
		.pid = f->pid,
		.messages = f->messages,
		.n_messages = f->n_messages,
		.monotonic = (double)monotonic / 1e6,
	};
	journal_entry_render(&e, text, raw);
	escape_line_ends(text, start);
	len = text->len - start;
	if (len <= LINE_MAX_BYTES)
		return false;
	len = LINE_MAX_BYTES;
	/* not in the middle of a character */
	while (len && ((unsigned char)text->at[start + len] & 0xc0) == 0x80)
		len--;
	str_cut(text, start + len);
	return true;
}

#endif
