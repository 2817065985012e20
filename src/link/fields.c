#include "link/fields.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

const char *
field_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

char *
field_dup(const json_t *object, const char *key)
{
	return xstrdup(field_text(object, key));
}

double
field_real(const json_t *object, const char *key)
{
	double value = json_number_value(json_object_get(object, key));

	return isfinite(value) ? value : 0;
}

int64_t
field_int(const json_t *object, const char *key)
{
	double value = field_real(object, key);

	return value > -9e15 && value < 9e15 ? (int64_t)value : 0;
}

bool
field_bool(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

char **
fields_words(const json_t *object, const char *key)
{
	const json_t *list = json_object_get(object, key);
	size_t n = json_array_size(list), used = 0;
	char **words = xcalloc(n + 1, sizeof *words);

	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		if (text != NULL)
			words[used++] = xstrdup(text);
	}
	return words;
}

void
fields_words_free(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}
