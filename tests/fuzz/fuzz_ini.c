/* fuzz_ini: a configuration file of any bytes. */
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/text.h"
#include "config/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {0};
	struct err err = {0};
	struct ini *into = ini_new(), *from = ini_new();

	text_to_utf8((const char *)data, size, &text); /* the contract of ini_parse */
	if (text.len > 0 && ini_parse(from, text.at, text.len, 1, "fuzz", &err)) {
		ini_merge(into, from);
		ini_merge(into, from);
	}
	ini_free(from);
	ini_free(into);
	str_done(&text);
	return 0;
}
