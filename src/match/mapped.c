#include "match/mapped.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void
mapped_done(struct mapped *m)
{
	str_done(&m->text);
	free(m->from);
	*m = (struct mapped){0};
}

void
mapped_add(struct mapped *m, const char *bytes, size_t len, uint32_t from)
{
	if (m->text.len + len + 1 > m->room) {
		m->room = (m->text.len + len + 1) * 2;
		m->from = xreallocarray(m->from, m->room, sizeof *m->from);
	}
	for (size_t i = 0; i <= len; i++)
		m->from[m->text.len + i] = from;
	str_addn(&m->text, bytes, len);
}

uint32_t
mapped_from(const struct mapped *m, size_t at)
{
	if (m->from == NULL)
		return 0;
	return m->from[at < m->text.len ? at : m->text.len];
}

bool
regex_fault_set(struct regex_fault *fault, const char *text, size_t len, size_t offset,
    const char *format, ...)
{
	va_list args;

	if (fault == NULL)
		return false;
	va_start(args, format);
	vsnprintf(fault->text, sizeof fault->text, format, args);
	va_end(args);
	fault->offset = offset;
	fault->column = 0;
	if (offset != SIZE_MAX) {
		fault->column = 1;
		for (size_t i = 0; i < offset && i < len; i++)
			if (((unsigned char)text[i] & 0xc0) != 0x80)
				fault->column++;
	}
	return false;
}
