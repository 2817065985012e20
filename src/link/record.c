/*
 * record: a stream of the engine kept in a file, one message a line, and read back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "jailtop/attach.h"
#include "jailtop/wire.h"

struct record {
	FILE *file;
};

struct record *
record_open(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		err_set(err, "%s: %s", path, strerror(errno));
		return NULL;
	}
	struct record *r = xcalloc(1, sizeof *r);
	r->file = fdopen(fd, "w");
	if (r->file == NULL) {
		err_set(err, "%s: %s", path, strerror(errno));
		close(fd);
		free(r);
		return NULL;
	}
	return r;
}

void
record_line(struct record *r, const char *line, size_t len)
{
	if (r == NULL)
		return;
	fwrite(line, 1, len, r->file);
	fputc('\n', r->file);
}

void
record_close(struct record *r)
{
	if (r == NULL)
		return;
	fclose(r->file);
	free(r);
}

bool
replay_file(const char *path, attach_message_fn fn, void *arg, struct err *err)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t len;
	bool ok = true;

	if (file == NULL)
		return err_set(err, "%s: %s", path, strerror(errno));
	while (ok && (len = getline(&line, &room, file)) >= 0) {
		json_error_t why;
		number++;
		while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
			len--;
		if (len == 0)
			continue;
		if (len > WIRE_MAX_MESSAGE) {
			ok = err_set(err, "%s:%zu: longer than a message may be", path, number);
			break;
		}
		json_t *message = json_loadb(line, (size_t)len, JSON_ALLOW_NUL, &why);
		if (message == NULL)
			ok = err_set(err, "%s:%zu: %s", path, number, why.text);
		else
			fn(arg, message, line, (size_t)len);
		json_decref(message);
	}
	if (ok && ferror(file))
		ok = err_set(err, "%s: %s", path, strerror(errno));
	free(line);
	fclose(file);
	return ok;
}
