#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef err_set

bool
err_set(struct err *err, const char *format, ...)
{
	if (err != NULL) {
		va_list args;
		va_start(args, format);
		vsnprintf(err->text, sizeof err->text, format, args);
		va_end(args);
	}
	return false;
}

bool
err_prefix(struct err *err, const char *format, ...)
{
	if (err != NULL) {
		char prefix[512];
		struct err old = *err;
		va_list args;
		va_start(args, format);
		vsnprintf(prefix, sizeof prefix, format, args);
		va_end(args);
		snprintf(err->text, sizeof err->text, "%s: %.*s", prefix,
		    (int)(sizeof err->text - strlen(prefix) - 3), old.text);
	}
	return false;
}
