#include "batch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "jailtop/view.h"
#include "ui.h"

struct batch {
	struct mirror *model;
	struct attach *attach;
	bool is_json, is_failed, is_unread;
	uv_signal_t signals[2];
};

static void
line_print(struct str *text)
{
	struct str clean = {0};

	text_clean(str_text(text), text->len, false, &clean);
	puts(str_text(&clean));
	str_done(&clean);
	str_clear(text);
}

/* What was printed has arrived; else says why not. A reader that has gone has seen enough. */
static bool
is_printed(struct batch *b)
{
	if (b->is_unread)
		return false;
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	b->is_unread = true;
	if (errno != EPIPE) {
		fprintf(stderr, "jailtop: cannot write: %s\n", strerror(errno != 0 ? errno : EIO));
		b->is_failed = true;
	}
	return false;
}

static void
state_print(const struct view *v)
{
	const struct view_stats *s = &v->stats;
	struct str t = {0};

	str_addf(&t, "engine %s pid %ld host %s jails %zu%s", v->engine.state == VIEW_OK ? "ok" : v->engine.state == VIEW_STARTING ? "starting" : "stopping",
	    v->engine.pid, v->engine.host, v->n_jails, v->engine.is_dry ? " DRY-RUN" : "");
	line_print(&t);
	str_addf(&t, "firewall %s queue %lld drift %lld logs %d/%d lag %.1f fail/min %lld bans %lld", s->fw_failed ? "FAIL" : "ok",
	    (long long)s->queue, (long long)s->drift, s->logs_ok, s->logs_all, s->lag, (long long)s->fail_min, (long long)s->bans);
	line_print(&t);
	for (size_t i = 0; i < v->n_jails; i++) {
		const struct view_jail *j = v->jails[i];
		str_addf(&t, "jail %s %s failures %lld/min found %lld banned %lld total %lld", j->name, j->state, (long long)j->fail_min,
		    (long long)j->fail_total, (long long)j->ban_now, (long long)j->ban_total);
		for (size_t k = 0; k < j->n_files; k++)
			str_addf(&t, " log %s %s", j->files[k].path, j->files[k].state);
		line_print(&t);
	}
	for (size_t i = 0; i < v->n_ban_slots; i++) {
		const struct view_ban *b = v->bans[i];
		if (b == NULL)
			continue;
		str_addf(&t, "ban %s %s left ", b->id, b->jail);
		if (b->until < 0)
			str_add(&t, "perm");
		else
			str_addf(&t, "%.0f", b->until > v->now ? b->until - v->now : 0);
		str_addf(&t, " count %d rule %s", b->count, b->rule == VIEW_RULE_OK ? "ok" : b->rule == VIEW_RULE_WAIT ? "wait"
		    : b->rule == VIEW_RULE_FAIL ? "fail" : b->rule == VIEW_RULE_DRY ? "dry" : "none");
		line_print(&t);
	}
	for (size_t i = 0; i < v->n_host_slots; i++) {
		const struct view_host *h = v->hosts[i];
		if (h == NULL)
			continue;
		str_addf(&t, "host %s %s failures %d/%d %d/min", h->ip, h->jail, h->fail, h->max, h->per_min);
		line_print(&t);
	}
	str_done(&t);
}

static void
batch_end(struct batch *b)
{
	if (b->attach == NULL)
		return;
	attach_close(b->attach);
	for (int i = 0; i < 2; i++)
		if (!uv_is_closing((uv_handle_t *)&b->signals[i]))
			uv_close((uv_handle_t *)&b->signals[i], NULL);
}

static void
on_message(void *arg, const json_t *message, const char *line, size_t len)
{
	struct batch *b = arg;

	if (b->is_json) {
		fwrite(line, 1, len, stdout);
		putchar('\n');
		if (!is_printed(b))
			batch_end(b);
		return;
	}
	mirror_feed(b->model, message, 1);
	if (b->attach != NULL && mirror_view(b->model)->is_filled)
		batch_end(b);
}

static void
on_state(void *arg, enum attach_state state, const char *reason)
{
	struct batch *b = arg;

	if (state == ATTACH_UP)
		return;
	fprintf(stderr, "jailtop: %s\n", reason);
	b->is_failed = true;
	batch_end(b);
}

static void
on_signal(uv_signal_t *handle, int signo)
{
	(void)signo;
	batch_end(handle->data);
}

int
batch_run(struct attach *attach, const char *replay, bool is_json)
{
	struct batch b = {.model = mirror_new(), .attach = attach, .is_json = is_json};
	uv_loop_t loop;
	struct err err;

	if (replay != NULL) {
		if (!replay_file(replay, on_message, &b, &err)) {
			fprintf(stderr, "jailtop: %s\n", err.text);
			b.is_failed = true;
		} else if (!is_json && !mirror_view(b.model)->is_filled) {
			fprintf(stderr, "jailtop: %s: no whole snapshot is in it\n", replay);
			b.is_failed = true;
		}
	} else {
		uv_loop_init(&loop);
		for (int i = 0; i < 2; i++) {
			uv_signal_init(&loop, &b.signals[i]);
			b.signals[i].data = &b;
			uv_signal_start(&b.signals[i], on_signal, i == 0 ? SIGINT : SIGTERM);
		}
		attach_run(attach, &loop, on_message, on_state, &b);
		uv_run(&loop, UV_RUN_DEFAULT);
		uv_loop_close(&loop);
	}
	if (!is_json && mirror_view(b.model)->is_filled)
		state_print(mirror_view(b.model));
	is_printed(&b);
	attach_free(attach);
	mirror_free(b.model);
	return b.is_failed ? 1 : 0;
}
