/*
 * fake_engine SOCKET STREAM CONTROL LOG [read-only]: speaks the engine's side of the wire from a recorded stream.
 *
 * Each subscriber gets the lines of STREAM; each line written to the fifo CONTROL goes to all of them,
 * but for the words `close` (end all connections), `hold` (take no new ones) and `go`. Commands are written
 * to LOG, one a line, and answered with 1, or with what the file LOG.reply holds.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

#define CLIENTS_MAX 16

struct client {
	int fd; /* -1: free */
	bool is_subscribed;
	struct str in;
};

static void
send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static void
send_json(int fd, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);

	send_all(fd, text, strlen(text));
	send_all(fd, "\n", 1);
	free(text);
	json_decref(message);
}

static void
send_file(int fd, const char *path)
{
	char buffer[65536];
	ssize_t n;
	int file = open(path, O_RDONLY);

	while (file >= 0 && (n = read(file, buffer, sizeof buffer)) > 0)
		send_all(fd, buffer, (size_t)n);
	if (file >= 0)
		close(file);
}

static void
command_log(const char *path, const json_t *words)
{
	FILE *log = fopen(path, "a");
	size_t i;
	const json_t *word;

	if (log == NULL)
		return;
	json_array_foreach(words, i, word)
		fprintf(log, "%s%s", i > 0 ? " " : "", json_string_value(word));
	fputc('\n', log);
	fclose(log);
}

static void
message_take(struct client *c, const char *line, size_t len, char **argv, bool is_read_only)
{
	json_error_t why;
	json_t *message = json_loadb(line, len, 0, &why);
	json_int_t id = json_integer_value(json_object_get(message, "id"));

	if (json_object_get(message, "hello") != NULL) {
		send_json(c->fd, json_pack("{s:I, s:b, s:{s:i, s:s, s:i, s:i, s:b}}", "id", id, "ok", 1, "value", "protocol", 1, "version", "0",
		    "pid", 4711, "uid", 0, "write", !is_read_only));
	} else if (json_object_get(message, "subscribe") != NULL) {
		send_json(c->fd, json_pack("{s:I, s:b, s:n}", "id", id, "ok", 1, "value"));
		send_file(c->fd, argv[2]);
		c->is_subscribed = true;
		json_t *note = json_pack("[s]", "# subscribed");
		command_log(argv[4], note);
		json_decref(note);
	} else if (json_object_get(message, "command") != NULL) {
		char path[4096];
		command_log(argv[4], json_object_get(message, "command"));
		snprintf(path, sizeof path, "%s.reply", argv[4]);
		json_t *reply = json_load_file(path, JSON_DECODE_ANY, &why);
		if (reply == NULL)
			reply = json_integer(1);
		send_json(c->fd, json_pack("{s:I, s:b, s:o}", "id", id, "ok", 1, "value", reply));
	}
	json_decref(message);
}

static void
client_end(struct client *c)
{
	close(c->fd);
	c->fd = -1;
	c->is_subscribed = false;
	str_done(&c->in);
}

static void
client_read(struct client *c, char **argv, bool is_read_only)
{
	char buffer[4096], *end;
	ssize_t n = read(c->fd, buffer, sizeof buffer);

	if (n <= 0) {
		client_end(c);
		return;
	}
	str_addn(&c->in, buffer, (size_t)n);
	while (c->in.len > 0 && (end = memchr(c->in.at, '\n', c->in.len)) != NULL) {
		size_t len = (size_t)(end - c->in.at);
		message_take(c, c->in.at, len, argv, is_read_only);
		memmove(c->in.at, end + 1, c->in.len - len - 1);
		str_cut(&c->in, c->in.len - len - 1);
	}
}

int
main(int argc, char **argv)
{
	struct client clients[CLIENTS_MAX];
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct str control = {0};
	bool is_held = false, is_read_only = argc > 5 && strcmp(argv[5], "read-only") == 0;
	int server = socket(AF_UNIX, SOCK_STREAM, 0), fifo;

	if (argc < 5) {
		fputs("usage: fake_engine SOCKET STREAM CONTROL LOG [read-only]\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < CLIENTS_MAX; i++)
		clients[i] = (struct client){.fd = -1};
	snprintf(at.sun_path, sizeof at.sun_path, "%s", argv[1]);
	unlink(argv[1]);
	if (mkfifo(argv[3], 0600) != 0 && errno != EEXIST)
		return 1;
	fifo = open(argv[3], O_RDWR);
	if (fifo < 0 || bind(server, (struct sockaddr *)&at, sizeof at) != 0 || listen(server, 8) != 0) {
		perror("fake_engine");
		return 1;
	}
	for (;;) {
		struct pollfd fds[CLIENTS_MAX + 2] = {{.fd = is_held ? -1 : server, .events = POLLIN}, {.fd = fifo, .events = POLLIN}};
		for (int i = 0; i < CLIENTS_MAX; i++)
			fds[i + 2] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
		if (poll(fds, CLIENTS_MAX + 2, -1) < 0)
			continue;
		if (fds[0].revents) {
			int fd = accept(server, NULL, NULL);
			for (int i = 0; i < CLIENTS_MAX && fd >= 0; i++)
				if (clients[i].fd < 0) {
					clients[i].fd = fd;
					fd = -1;
				}
			if (fd >= 0)
				close(fd);
		}
		if (fds[1].revents) {
			char buffer[4096], *end;
			ssize_t n = read(fifo, buffer, sizeof buffer);
			if (n > 0)
				str_addn(&control, buffer, (size_t)n);
			while (control.len > 0 && (end = memchr(control.at, '\n', control.len)) != NULL) {
				size_t len = (size_t)(end - control.at);
				if (len == 4 && memcmp(control.at, "hold", 4) == 0)
					is_held = true;
				else if (len == 2 && memcmp(control.at, "go", 2) == 0)
					is_held = false;
				for (int i = 0; i < CLIENTS_MAX; i++) {
					if (clients[i].fd < 0)
						continue;
					if (len == 5 && memcmp(control.at, "close", 5) == 0)
						client_end(&clients[i]);
					else if (control.at[0] == '{' && clients[i].is_subscribed)
						send_all(clients[i].fd, control.at, len + 1);
				}
				memmove(control.at, end + 1, control.len - len - 1);
				str_cut(&control, control.len - len - 1);
			}
		}
		for (int i = 0; i < CLIENTS_MAX; i++)
			if (clients[i].fd >= 0 && fds[i + 2].fd == clients[i].fd && fds[i + 2].revents)
				client_read(&clients[i], argv, is_read_only);
	}
}
