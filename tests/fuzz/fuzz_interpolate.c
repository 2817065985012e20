/* fuzz_interpolate: %(…)s, <tags>, lists of actions, bracketed options and times, all from one file of any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/duration.h"
#include "base/spec.h"
#include "base/text.h"
#include "config/actionconf.h"
#include "config/definition.h"
#include "config/interpolate.h"
#include "options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take_apart(const char *value)
{
	const char *at = value;
	struct slice one;
	struct spec spec;
	struct err err;
	double seconds;

	while (actionconf_next(&at, &one)) {
		char *text = xstrndup(one.at, one.len);
		if (spec_parse(text, &spec, &err))
			spec_done(&spec);
		free(text);
	}
	(void)duration_parse(value, &seconds, &err);
}

static void
fetch_all(struct tree *t, const struct ini *ini)
{
	struct err err;

	for (const struct ini_section *s = ini->sections; s != NULL; s = s->hh.next)
		for (size_t i = 0; i < ini_count(s); i++) {
			const char *value;
			if (config_get(t, ini, s->name, ini_key(s, i), NULL, &value, &err) == GET_OK)
				take_apart(value);
			(void)config_get_ex(t, ini, s->name, ini_key(s, i), NULL, &value, &err);
		}
}

static void
read_definition(struct tree *t, const struct ini *ini, const struct option_row *rows)
{
	struct opts given = {0}, jail = {0}, all;
	struct err err;

	opts_put(&given, t->arena, "name", "jail");
	opts_put(&given, t->arena, "a", "<b>");
	opts_put(&jail, t->arena, "port", "%(a)s");
	opts_put_bool(&jail, t->arena, "enabled", true);
	struct definition *d = definition_new(t, ini, rows, &given);
	if (definition_fetch(d, &jail, true, &err) && definition_combine(d, NULL, &all, &err))
		opts_done(&all);
	if (definition_fetch(d, &jail, false, &err) && definition_combine(d, NULL, &all, &err))
		opts_done(&all);
	definition_free(d);
	opts_done(&jail);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {0};
	struct err err;
	struct ini *ini = ini_new(), *from = ini_new();
	struct tree *t = tree_new("/", NULL, NULL, &err);

	t->expanded = TREE_EXPAND_MAX - (1 << 18); /* bombs may not take long */
	text_to_utf8((const char *)data, size, &text);
	if (text.len > 0 && ini_parse(from, text.at, text.len, 1, "fuzz", &err)) {
		ini_merge(ini, from);
		ini_merge(ini, from);
		fetch_all(t, ini);
		read_definition(t, ini, options_filter);
		read_definition(t, ini, options_action);
	}
	take_apart(str_text(&text));
	tree_free(t);
	ini_free(from);
	ini_free(ini);
	str_done(&text);
	return 0;
}
