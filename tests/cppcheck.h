/* what cppcheck cannot see: the loops of jansson.h, in the simplest words that mean the same */
#define json_array_foreach(list, i, item) for (i = 0; (item = json_array_get(list, i)) != NULL; i++)
#define json_object_foreach(object, key, item) \
	for (key = first_key(object); (item = json_object_get(object, key)) != NULL; key = next_key(object, key))
