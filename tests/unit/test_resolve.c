/* Names and addresses of /etc/hosts: answered later, then from the cache; no network is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/resolve.h"
#include "base/str.h"

struct world {
	uv_loop_t loop;
	struct clock clock;
	struct resolve *resolve;
	struct str text;
	unsigned answers;
	bool is_closed;
	bool close_in_callback;
};

static void
on_closed(void *arg)
{
	((struct world *)arg)->is_closed = true;
}

static void
on_addrs(void *arg, const struct addr *addrs, size_t count)
{
	struct world *w = arg;
	char text[ADDR_TEXT_MAX];

	w->answers++;
	for (size_t i = 0; i < count; i++) {
		addr_format(&addrs[i], text);
		str_addf(&w->text, "%s ", text);
	}
	str_add(&w->text, "|");
	if (w->close_in_callback)
		resolve_close(w->resolve, on_closed, w);
	if (w->close_in_callback)
		w->resolve = NULL;
	w->close_in_callback = false;
}

static void
on_name(void *arg, const char *name)
{
	struct world *w = arg;

	w->answers++;
	str_addf(&w->text, "%s|", name ? name : "-");
}

static struct world *
world_new(void)
{
	struct world *w = xcalloc(1, sizeof *w);

	uv_loop_init(&w->loop);
	w->clock = (struct clock){ .is_fixed = true, .fixed = 1000 };
	w->resolve = resolve_new(&w->loop, &w->clock);
	return w;
}

static void
world_free(struct world *w)
{
	if (w->resolve)
		resolve_close(w->resolve, on_closed, w);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_true(w->is_closed);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	str_done(&w->text);
	free(w);
}

static void
names_are_answered_later_then_from_the_cache(void **state)
{
	struct world *w = world_new();

	(void)state;
	resolve_name(w->resolve, "localhost", on_addrs, w);
	resolve_name(w->resolve, "LocalHost", on_addrs, w); /* the same question */
	assert_int_equal(w->answers, 0);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->answers, 2);
	assert_non_null(strstr(str_text(&w->text), "127.0.0.1 "));
	resolve_name(w->resolve, "localhost", on_addrs, w);
	assert_int_equal(w->answers, 3);
	w->clock.fixed += RESOLVE_TTL_S + 1;
	resolve_name(w->resolve, "localhost", on_addrs, w);
	assert_int_equal(w->answers, 3); /* too old: asked again */
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->answers, 4);
	resolve_flush(w->resolve);
	resolve_name(w->resolve, "localhost", on_addrs, w);
	assert_int_equal(w->answers, 4);
	world_free(w); /* with a query under way: its callback is dropped */
}

static void
what_is_no_host_name_is_nothing_at_once(void **state)
{
	static const char *const names[] = { "", "-x", ".x", "a b", "a\nb", "a/b", "1", "127.1", "0x7f000001", "999",
		"0177.0.0.1", "\xc3\xa9" };
	struct world *w = world_new();
	char name[400];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		resolve_name(w->resolve, names[i], on_addrs, w);
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	resolve_name(w->resolve, name, on_addrs, w);
	assert_int_equal(w->answers, sizeof names / sizeof *names + 1);
	assert_null(strstr(str_text(&w->text), "."));
	resolve_name(w->resolve, "::ffff:192.0.2.1", on_addrs, w);
	assert_non_null(strstr(str_text(&w->text), "192.0.2.1 |"));
	world_free(w);
}

static void
addresses_have_names(void **state)
{
	struct world *w = world_new();
	struct addr a;

	(void)state;
	addr_parse("127.0.0.1", &a);
	resolve_ptr(w->resolve, &a, on_name, w);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_string_equal(str_text(&w->text), "localhost|");
	resolve_ptr(w->resolve, &a, on_name, w);
	assert_string_equal(str_text(&w->text), "localhost|localhost|");
	addr_parse("127.0.0.0/8", &a);
	resolve_ptr(w->resolve, &a, on_name, w);
	assert_string_equal(str_text(&w->text), "localhost|localhost|-|");
	world_free(w);
}

static void
too_many_at_a_time_are_answered_nothing(void **state)
{
	struct world *w = world_new();
	char name[64];

	(void)state;
	for (unsigned i = 0; i < RESOLVE_PENDING + 10; i++) {
		snprintf(name, sizeof name, "nobody%u.invalid", i);
		resolve_name(w->resolve, name, on_addrs, w);
	}
	assert_int_equal(w->answers, 10);
	world_free(w); /* those that have not begun are cancelled */
}

static void
may_be_closed_inside_a_callback(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->close_in_callback = true;
	resolve_name(w->resolve, "localhost", on_addrs, w);
	resolve_name(w->resolve, "localhost.localdomain", on_addrs, w);
	while (!w->answers)
		uv_run(&w->loop, UV_RUN_ONCE);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_answered_later_then_from_the_cache),
		cmocka_unit_test(what_is_no_host_name_is_nothing_at_once),
		cmocka_unit_test(addresses_have_names),
		cmocka_unit_test(too_many_at_a_time_are_answered_nothing),
		cmocka_unit_test(may_be_closed_inside_a_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
