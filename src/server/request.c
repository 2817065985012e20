#include "server/request.h"

static void
read_hello(const json_t *hello, struct request *out)
{
	json_t *item;
	size_t i;

	out->kind = REQUEST_HELLO;
	out->protocol = json_integer_value(json_object_get(hello, "protocol"));
	json_array_foreach(json_object_get(hello, "own"), i, item)
		if (out->n_own < REQUEST_MAX_OWN && json_is_string(item) && addr_parse(json_string_value(item), &out->own[out->n_own]))
			out->n_own++;
}

void
request_read(const char *line, size_t len, struct request *out)
{
	json_error_t error;
	json_t *m = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error), *part;

	*out = (struct request){.kind = REQUEST_WRONG, .why = "not a JSON object"};
	if (json_is_object(m)) {
		out->id = json_incref(json_object_get(m, "id"));
		if ((part = json_object_get(m, "hello")) != NULL) {
			read_hello(part, out);
		} else if (json_is_true(json_object_get(m, "subscribe"))) {
			out->kind = REQUEST_SUBSCRIBE;
		} else if (json_is_array(part = json_object_get(m, "command"))) {
			out->kind = REQUEST_COMMAND;
			out->words = value_from_json(part);
		} else {
			out->why = "expected hello, subscribe or command";
		}
	}
	if (out->id == NULL)
		out->id = json_null();
	json_decref(m);
}

void
request_done(struct request *r)
{
	json_decref(r->id);
	value_free(r->words);
	*r = (struct request){0};
}
