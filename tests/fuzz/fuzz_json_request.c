/*
 * fuzz_json_request: any bytes as a line of a JSON client. What it asks is read back the same from what is written
 * of it, and the commands that only read are run, by an engine with one jail.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "command/command.h"
#include "engine.h"
#include "jail.h"
#include "jailtop/wire.h"
#include "server/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct engine *
engine_of_one_jail(void)
{
	static uv_loop_t loop;
	struct err err;

	log_set_level(LOG_LEVEL_CRITICAL + 1);
	uv_loop_init(&loop);
	struct engine *e = engine_new(&loop, true, "a test");
	struct jail *j = jail_new(e, "t", "polling", &err);
	assert(j != NULL && jail_start(j, &err));
	return e;
}

/* True numbers aside, which lose digits, everything comes back. */
static void
round_trip(const struct value *words)
{
	json_t *first = value_to_json(words);
	char *text = json_dumps(first, JSON_COMPACT);

	if (text != NULL) {
		json_error_t error;
		json_t *read = json_loads(text, 0, &error);
		assert(read != NULL);
		struct value *again = value_from_json(read);
		assert(value_count(again) == value_count(words));
		json_t *second = value_to_json(again);
		char *same = json_dumps(second, JSON_COMPACT);
		assert(same != NULL && strcmp(same, text) == 0);
		free(same);
		json_decref(second);
		value_free(again);
		json_decref(read);
	}
	free(text);
	json_decref(first);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct engine *engine;
	struct request r;

	if (engine == NULL)
		engine = engine_of_one_jail();
	if (size > WIRE_MAX_REQUEST)
		return 0;
	request_read((const char *)data, size, &r);
	assert(r.id != NULL);
	assert((r.kind == REQUEST_COMMAND) == (r.words != NULL));
	assert((r.kind == REQUEST_WRONG) == (r.why != NULL) || r.kind != REQUEST_WRONG);
	if (r.kind == REQUEST_COMMAND) {
		struct command_reply reply = {0};
		round_trip(r.words);
		if (command_run(engine, r.words, COMMAND_READ, &reply))
			round_trip(reply.value);
		else
			assert(reply.exception != NULL);
		command_reply_done(&reply);
	}
	request_done(&r);
	return 0;
}
