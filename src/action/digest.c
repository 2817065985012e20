/*
 * digest: a storm of bans is one mail a minute, not thousands.
 *
 * Meant are actions that have a `dest` and whose actionban ends in a pipe to a mail program, as the
 * stock mail and sendmail actions do. When more than `mail.digest` bans (20; 0: never) come within
 * `mail.digest.seconds` (60), those above go into a list that the same mail program gets as one
 * mail, as long after the first of them, or when the action stops.
 */
#include "action/internal.h"

#include "base/duration.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#define DIGEST_LIMIT 20
#define DIGEST_LIMIT_MAX 10000
#define DIGEST_SECONDS 60
#define DIGEST_LINES 1000 /* of addresses in one mail */

struct digest {
	struct digest *prev, *next;
	struct action *action;
	bool is_waiting;  /* it is in the queue's list */
	double *times;    /* owned ring: when the last `limit` bans came */
	size_t limit, n_times;
	struct str lines;
	size_t count;
	double first, last; /* wall clock, of what is in the list */
	uint64_t due_ns;
};

static const char *const mail_programs[] = {"mail", "mailx", "bsd-mailx", "nail", "s-nail", "mutt", NULL};
static const char *const sendmail_programs[] = {"sendmail", "dma", "exim", "exim4", "esmtp", "lightweight-sendmail",
    "mini_sendmail", "msmtp", "nullmailer-inject", "ssmtp", NULL};

static bool
is_named(const char *word, size_t len, const char *const *names)
{
	for (size_t i = len; i > 0; i--)
		if (word[i - 1] == '/') {
			word += i;
			len -= i;
			break;
		}
	for (; *names != NULL; names++)
		if (slice_is((struct slice){word, len}, *names))
			return true;
	return false;
}

bool
digest_is_mail_program(const char *word, size_t len)
{
	return is_named(word, len, mail_programs) || is_named(word, len, sendmail_programs);
}

/* The mail program's part of actionban, NULL if it is no such action. Owned. */
static char *
mailer_of(struct action *a, bool *wants_headers)
{
	const struct template *ban = action_template(a, ACTION_BAN, FAMILY_ANY);
	char *mailer = action_get(a, "dest") != NULL ? words_after_last_pipe(ban->text) : NULL;

	if (mailer == NULL)
		return NULL;
	size_t len = strcspn(mailer, " \t");
	if (!digest_is_mail_program(mailer, len)) {
		free(mailer);
		return NULL;
	}
	*wants_headers = is_named(mailer, len, sendmail_programs);
	return mailer;
}

static double
setting(const struct action *a, const char *name, double preset)
{
	const struct value *v = action_get(a, name);
	struct str text = {0};
	double number;

	if (v == NULL)
		return preset;
	value_to_text(v, &text);
	if (!duration_parse(str_text(&text), &number, NULL))
		number = action_flag(a, name) ? preset : 0; /* "yes", "off" */
	str_done(&text);
	return number;
}

static void digests_look(uv_timer_t *timer);

static void
digests_arm(struct action_queue *q)
{
	uint64_t now = uv_hrtime(), soonest = 0;
	struct digest *d;

	DL_FOREACH(q->digests, d)
		if (soonest == 0 || d->due_ns < soonest)
			soonest = d->due_ns;
	if (soonest != 0)
		uv_timer_start(&q->digest, digests_look, soonest > now ? (soonest - now) / 1000000 + 1 : 0, 0);
	else
		uv_timer_stop(&q->digest);
}

static void
digests_look(uv_timer_t *timer)
{
	struct action_queue *q = timer->data;
	uint64_t now = uv_hrtime();
	struct digest *d, *next;

	DL_FOREACH_SAFE(q->digests, d, next)
		if (d->due_ns <= now)
			digest_flush(d->action);
	digests_arm(q);
}

static struct digest *
digest_get(struct action *a, size_t limit)
{
	struct digest *d = a->digest;

	if (d == NULL) {
		d = a->digest = xcalloc(1, sizeof *d);
		d->action = a;
	}
	if (d->limit != limit) {
		free(d->times);
		d->times = xcalloc(limit, sizeof *d->times);
		d->limit = limit;
		d->n_times = 0;
	}
	return d;
}

bool
digest_takes(struct action *a, const struct ticket *t)
{
	struct action_queue *q = a->queue;
	double limit = setting(a, "mail.digest", DIGEST_LIMIT);
	double window = setting(a, "mail.digest.seconds", DIGEST_SECONDS);
	bool wants_headers;
	char *mailer = limit >= 1 ? mailer_of(a, &wants_headers) : NULL;

	if (mailer == NULL)
		return false;
	free(mailer);
	struct digest *d = digest_get(a, limit < DIGEST_LIMIT_MAX ? (size_t)limit : DIGEST_LIMIT_MAX);
	double now = clock_monotonic(q->clock);
	double *oldest = &d->times[d->n_times % d->limit];
	bool is_storm = d->n_times >= d->limit && now - *oldest < window;
	if (!is_storm && d->count == 0) {
		*oldest = now;
		d->n_times++;
		return false;
	}
	if (is_storm) {
		*oldest = now;
		d->n_times++;
	}
	if (d->count++ == 0) {
		d->first = t->time;
		d->due_ns = uv_hrtime() + (uint64_t)(window * 1e9);
	}
	d->last = t->time;
	if (d->count <= DIGEST_LINES)
		str_addf(&d->lines, "%.200s (%d failures)\n", t->id, t->failures);
	if (!d->is_waiting) {
		d->is_waiting = true;
		DL_APPEND(q->digests, d);
		digests_arm(q);
	}
	return true;
}

static void
write_mail(struct digest *d, struct str *out)
{
	char first[32], last[32];
	struct tm tm;
	time_t t;

	t = (time_t)d->first;
	strftime(first, sizeof first, "%F %T", localtime_r(&t, &tm));
	t = (time_t)d->last;
	strftime(last, sizeof last, "%F %T", localtime_r(&t, &tm));
	str_addf(out, "More bans than mails: jail %s has banned %zu more addresses\nbetween %s and %s.\n\n",
	    d->action->jail, d->count, first, last);
	str_addn(out, str_text(&d->lines), d->lines.len);
	if (d->count > DIGEST_LINES)
		str_addf(out, "and %zu more\n", d->count - DIGEST_LINES);
}

/* The script is the administrator's text, as the stock actions write it; the list is foreign text. */
static char *
write_script(struct action *a, const char *mailer, bool wants_headers)
{
	struct str s = {0};

	if (wants_headers) {
		str_add(&s, "{ printf '%s\\n' \"Subject: [Fail2Ban] <name>: banned <ip> from <fq-hostname>\""
		            " \"Date: $(LC_ALL=C date +'%a, %d %h %Y %T %z')\"");
		if (action_get(a, "sender") != NULL)
			str_addf(&s, " \"From: %s <<sender>>\"", action_get(a, "sendername") != NULL ? "<sendername>" : "");
		str_add(&s, " \"To: <dest>\" ''; printf '%s' \"<F-DIGEST>\"; } | ");
	} else {
		str_add(&s, "printf '%s' \"<F-DIGEST>\" | ");
	}
	str_add(&s, mailer);
	return str_take(&s);
}

void
digest_flush(struct action *a)
{
	struct digest *d = a->digest;
	bool wants_headers = false;
	struct str mail = {0};

	if (d == NULL || d->count == 0)
		return;
	DL_DELETE(a->queue->digests, d);
	d->is_waiting = false;
	char *mailer = mailer_of(a, &wants_headers);
	if (mailer != NULL) {
		struct ticket *t = ticket_new("", clock_now(a->queue->clock));
		char *script = write_script(a, mailer, wants_headers);
		write_mail(d, &mail);
		free(t->id);
		t->id = xasprintf("%zu addresses", d->count); /* what <ip> says in the subject */
		ticket_set_group(t, "digest", str_text(&mail));
		queue_digest(a, t, script);
		free(script);
		ticket_free(t);
	}
	str_done(&mail);
	free(mailer);
	str_cut(&d->lines, 0);
	d->count = 0;
}

void
digest_free(struct action *a)
{
	struct digest *d = a->digest;

	if (d == NULL)
		return;
	if (d->is_waiting)
		DL_DELETE(a->queue->digests, d);
	free(d->times);
	str_done(&d->lines);
	free(d);
	a->digest = NULL;
}
