#include "trouble.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/mem.h"
#include "base/str.h"
#include "jail.h"

#define COMMAND_KEPT 4096 /* bytes */
#define OUTPUT_LINES 10   /* the last ones */

struct trouble {
	enum action_phase phase;
	char *id, *command, *output; /* owned; NULL: none */
	int exit_code, tries;
	bool timed_out;
	double time;    /* wall clock */
	uint64_t count; /* failures in all */
	uint64_t row;   /* … since the phase last went well; 0: it works again */
};

static const char *
last_lines(const char *text, int lines)
{
	const char *at = text + strlen(text);

	while (at > text && at[-1] == '\n')
		at--;
	while (at > text && (at[-1] != '\n' || --lines > 0))
		at--;
	return at;
}

static void
keep(char **where, const char *text, size_t most)
{
	free(*where);
	*where = text != NULL ? xstrndup(text, strnlen(text, most)) : NULL;
}

void
trouble_note(struct trouble **at, const struct outcome *o, double now)
{
	struct trouble *t = *at;

	if (o->ok) {
		if (t != NULL && t->phase == o->phase && !o->was_skipped)
			t->row = 0;
		return;
	}
	if (t == NULL)
		t = *at = xcalloc(1, sizeof *t);
	keep(&t->id, o->id, 256);
	keep(&t->command, o->command, COMMAND_KEPT);
	keep(&t->output, o->output != NULL ? last_lines(o->output, OUTPUT_LINES) : NULL, SIZE_MAX);
	t->phase = o->phase;
	t->exit_code = o->exit_code;
	t->tries = o->tries;
	t->timed_out = o->timed_out;
	t->time = now;
	t->count++;
	t->row++;
}

void
trouble_free(struct trouble *t)
{
	if (t == NULL)
		return;
	free(t->id);
	free(t->command);
	free(t->output);
	free(t);
}

static struct value *
text_or_none(const char *text)
{
	return text != NULL ? value_str(text) : value_none();
}

struct value *
trouble_list(const struct jail *j)
{
	struct value *list = value_list();
	struct jail_action *a;

	DL_FOREACH(j->actions, a) {
		const struct trouble *t = a->trouble;
		if (t == NULL)
			continue;
		struct value *v = value_dict();
		value_put(v, "action", value_str(action_name(a->action)));
		value_put(v, "phase", value_str(action_phase_name(t->phase)));
		value_put(v, "ip", text_or_none(t->id));
		value_put(v, "command", text_or_none(t->command));
		value_put(v, "exit", value_int(t->exit_code));
		value_put(v, "timeout", value_bool(t->timed_out));
		value_put(v, "tries", value_int(t->tries));
		value_put(v, "retries", value_int(t->tries > 1 ? t->tries - 1 : 0));
		value_put(v, "stderr", text_or_none(t->output));
		value_put(v, "time", value_float(t->time));
		value_put(v, "failures", value_int((int64_t)t->count));
		value_put(v, "failing", value_bool(t->row != 0));
		value_push(list, v);
	}
	return list;
}
