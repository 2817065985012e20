/*
 * world.h: the whole screen without a terminal: messages in, keys in, cells and commands out.
 * The drawings stand in tests/pane/NAME.screen; GENERATE=1 writes them anew.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ui.h"

#define ATTACK "tests/ui/streams/attack.jsonl"
#define NOW 1795336867.0

struct world {
	struct mirror *mirror;
	struct ui ui;
	struct canvas canvas;
	double mono;
	char sent[64][300]; /* the commands, words with blanks between */
	int n_sent;
	attach_reply_fn fn;
	void *fn_arg;
	bool is_silent; /* answers are held back */
};

static inline char *
path_of(const char *rest)
{
	const char *root = getenv("SOURCE_DIR");

	return xasprintf("%s/%s", root != NULL ? root : ".", rest);
}

static inline bool
send_fake(void *arg, const char *const *words, size_t count, attach_reply_fn fn, void *fn_arg)
{
	struct world *w = arg;
	struct str text = {0};

	for (size_t i = 0; i < count; i++)
		str_addf(&text, "%s%s", i > 0 ? " " : "", words[i]);
	snprintf(w->sent[w->n_sent++ % 64], sizeof w->sent[0], "%s", str_text(&text));
	str_done(&text);
	w->fn = fn;
	w->fn_arg = fn_arg;
	if (!w->is_silent && fn != NULL) {
		json_t *one = json_integer(1);
		fn(fn_arg, true, one, NULL);
		json_decref(one);
	}
	return true;
}

static inline void
feed(void *arg, const json_t *message, const char *line, size_t len)
{
	struct world *w = arg;

	(void)line;
	(void)len;
	mirror_feed(w->mirror, message, w->mono);
}

static inline void
feed_text(struct world *w, const char *text)
{
	json_error_t why;
	json_t *message = json_loads(text, JSON_ALLOW_NUL, &why);

	assert_non_null(message);
	mirror_feed(w->mirror, message, w->mono);
	json_decref(message);
	ui_update(&w->ui, w->mono);
}

static inline struct world *
world_new(int cols, int rows, const char *stream)
{
	struct world *w = xcalloc(1, sizeof *w);
	struct err err;

	w->mono = 1000;
	w->mirror = mirror_new();
	ui_init(&w->ui, w->mirror);
	w->ui.send = send_fake;
	w->ui.send_arg = w;
	w->ui.is_up = w->ui.can_write = true;
	w->ui.has_fixed_now = true;
	w->ui.fixed_now = NOW;
	w->ui.view->own[0] = xstrdup("198.51.100.7");
	addr_parse("198.51.100.7", &w->ui.view->own_addr[0]);
	w->ui.view->n_own = 1;
	if (stream != NULL) {
		char *path = path_of(stream);
		if (!replay_file(path, feed, w, &err))
			fail_msg("%s", err.text);
		free(path);
	}
	canvas_init(&w->canvas, cols, rows, false);
	ui_resize(&w->ui, cols, rows);
	ui_update(&w->ui, w->mono);
	return w;
}

static inline void
world_free(struct world *w)
{
	ui_done(&w->ui);
	mirror_free(w->mirror);
	canvas_done(&w->canvas);
	free(w);
}

static inline void
keys(struct world *w, const char *text)
{
	for (; *text != '\0'; text++) {
		w->mono += 0.01;
		ui_key(&w->ui, *text == '\n' ? '\r' : *text, w->mono);
	}
}

/* The terminal has shown the question. */
static inline void
shown(struct world *w)
{
	w->ui.is_gate_closed = false;
}

static inline char *
look(struct world *w)
{
	struct str out = {0};

	ui_update(&w->ui, w->mono);
	ui_draw(&w->ui, &w->canvas);
	canvas_dump(&w->canvas, &out);
	return str_take(&out);
}

static inline void
sees(struct world *w, const char *text)
{
	char *screen = look(w);

	if (strstr(screen, text) == NULL)
		fail_msg("not on the screen: %s\n%s", text, screen);
	free(screen);
}

static inline void
sees_not(struct world *w, const char *text)
{
	char *screen = look(w);

	if (strstr(screen, text) != NULL)
		fail_msg("on the screen: %s\n%s", text, screen);
	free(screen);
}

static inline void
sent_is(const struct world *w, int from_end, const char *text)
{
	assert_true(w->n_sent >= from_end);
	assert_string_equal(w->sent[w->n_sent - from_end], text);
}

static inline void
golden(struct world *w, const char *name)
{
	char *screen = look(w), *relative = xasprintf("tests/pane/%s.screen", name), *path = path_of(relative);
	struct str expected = {0};
	char buffer[4096];
	size_t n;
	FILE *file;

	if (getenv("GENERATE") != NULL) {
		file = fopen(path, "w");
		assert_non_null(file);
		fputs(screen, file);
		fclose(file);
	}
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("%s: GENERATE=1 makes it", path);
	while ((n = fread(buffer, 1, sizeof buffer, file)) > 0)
		str_addn(&expected, buffer, n);
	fclose(file);
	if (strcmp(str_text(&expected), screen) != 0)
		fail_msg("%s differs; it is now:\n%s", relative, screen);
	str_done(&expected);
	free(screen);
	free(relative);
	free(path);
}

#endif
