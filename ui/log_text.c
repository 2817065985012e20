/*
 * log_text: what of a raw log line is the message: the date, host and program in front of it are cut off,
 * because the row has its own time and jail. Only a view: filters, the inspector and -r use whole lines.
 */
#include <ctype.h>
#include <string.h>

#include "ui.h"

static size_t
skip_blanks(const char *line, size_t len, size_t i)
{
	while (i < len && line[i] == ' ')
		i++;
	return i;
}

void
log_body(const char *line, size_t len, size_t *from)
{
	size_t i = 0, head = len < 160 ? len : 160;
	const char *found;

	*from = 0;
	/* an access log: 203.0.113.7 - - [date] "GET / HTTP/1.1" … */
	found = memmem(line, head, "] \"", 3);
	if (found != NULL && memchr(line, '[', (size_t)(found - line)) != NULL && !isalpha((unsigned char)line[0])) {
		*from = (size_t)(found - line) + 2;
		return;
	}
	/* [date] [module:level] [pid 7] [client 203.0.113.7:5] text */
	while (i < head && line[i] == '[') {
		const char *end = memchr(line + i, ']', head - i);
		if (end == NULL)
			return;
		i = skip_blanks(line, len, (size_t)(end - line) + 1);
	}
	if (i > 0) {
		const char *star = memmem(line + i, head - i, ": *", 3); /* nginx: 12#12: *1 text */
		if (star != NULL && isdigit((unsigned char)line[i]) && memchr(line + i, '#', (size_t)(star - (line + i))) != NULL) {
			i = (size_t)(star - line) + 3;
			while (i < head && isdigit((unsigned char)line[i]))
				i++;
			i = skip_blanks(line, len, i);
		}
		*from = i < len ? i : 0;
		return;
	}
	/* "Nov 22 08:41:06 host program[7]: text", "2026-11-22T08:41:06+00:00 host program: text" */
	for (size_t k = 0; k + 1 < head; k++) {
		if (line[k] != ':' || line[k + 1] != ' ' || k == 0)
			continue;
		if (line[k - 1] == ']' || (k > 16 && (isalpha((unsigned char)line[k - 1]) || line[k - 1] == '-'))) {
			*from = k + 2;
			return;
		}
		/* nginx: 2026/11/22 08:41:06 [error] 12#12: *1 text */
		if (isdigit((unsigned char)line[k - 1]) && k + 3 < head && line[k + 2] == '*') {
			size_t m = k + 3;
			while (m < head && isdigit((unsigned char)line[m]))
				m++;
			*from = skip_blanks(line, len, m);
			return;
		}
	}
}
