/*
 * fuzz_pickle_read: any bytes as a request and as a reply; what is read must be writable and read
 * back as the same. Built by libFuzzer (clang -fsanitize=fuzzer), seeded from corpus/pickle_read.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "server/pickle_read.h"
#include "server/pickle_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
round_trip(const char *bytes, size_t len, enum pickle_side side)
{
	struct err err;
	struct value *v = pickle_read(bytes, len, side, &err);

	if (v == NULL)
		return;
	struct str first = {0}, second = {0};
	pickle_write(v, PICKLE_REPLY, &first); /* which makes one of many invalid bytes: not comparable */
	str_clear(&first);
	pickle_write(v, PICKLE_REQUEST, &first);
	struct value *again = pickle_read(first.at, first.len, side, &err);
	if (again == NULL) { /* a set takes more room in protocol 2 than in 4: only a cap may say no */
		assert(strstr(err.text, "more than") != NULL || strstr(err.text, "deeper") != NULL);
		str_done(&first);
		value_free(v);
		return;
	}
	pickle_write(again, PICKLE_REQUEST, &second);
	assert(first.len == second.len && memcmp(first.at, second.at, first.len) == 0);
	str_clear(&first);
	value_repr(v, &first);
	str_done(&first);
	str_done(&second);
	value_free(again);
	value_free(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t seen = 0;

	round_trip((const char *)data, size, PICKLE_REQUEST);
	round_trip((const char *)data, size, PICKLE_REPLY);
	pickle_frame_end((const char *)data, size, &seen);
	return 0;
}
