/*
 * value_json: values to JSON and back.
 */
#include "base/value.h"

#include "base/text.h"

#include <math.h>

json_t *
value_to_json(const struct value *v)
{
	switch (v->kind) {
	case VALUE_NONE:
		return json_null();
	case VALUE_BOOL:
		return json_boolean(v->truth);
	case VALUE_INT:
		return json_integer(v->integer);
	case VALUE_FLOAT:
		return isfinite(v->real) ? json_real(v->real) : json_null();
	case VALUE_STR:
		return text_json(v->text.bytes, v->text.len);
	case VALUE_LIST:
	case VALUE_TUPLE:
	case VALUE_SET: {
		json_t *array = json_array();
		for (size_t i = 0; i < v->seq.count; i++)
			json_array_append_new(array, value_to_json(v->seq.items[i]));
		return array;
	}
	case VALUE_DICT: {
		json_t *object = json_object();
		for (size_t i = 0; i < v->seq.count; i++) {
			json_t *key = text_json(v->seq.items[2 * i]->text.bytes, v->seq.items[2 * i]->text.len);
			json_object_set_new(object, json_string_value(key), value_to_json(v->seq.items[2 * i + 1]));
			json_decref(key);
		}
		return object;
	}
	}
	return json_null();
}

struct value *
value_from_json(const json_t *j)
{
	switch (json_typeof(j)) {
	case JSON_NULL:
		return value_none();
	case JSON_TRUE:
	case JSON_FALSE:
		return value_bool(json_is_true(j));
	case JSON_INTEGER:
		return value_int(json_integer_value(j));
	case JSON_REAL:
		return value_float(json_real_value(j));
	case JSON_STRING:
		return value_strn(json_string_value(j), json_string_length(j));
	case JSON_ARRAY: {
		struct value *list = value_list();
		for (size_t i = 0; i < json_array_size(j); i++)
			value_push(list, value_from_json(json_array_get(j, i)));
		return list;
	}
	case JSON_OBJECT: {
		struct value *dict = value_dict();
		const char *key;
		json_t *item;
		json_object_foreach((json_t *)(uintptr_t)j, key, item) value_put(dict, key, value_from_json(item));
		return dict;
	}
	}
	return value_none();
}
