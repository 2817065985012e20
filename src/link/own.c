/*
 * own: which address the operator comes from, so that no key and no jail locks him out.
 *
 * Not "any peer of sshd": an attacker before log-in is one as well.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmpx.h>

#include "base/addr.h"
#include "base/mem.h"
#include "base/str.h"
#include "jailtop/attach.h"

#define PARENTS_MAX 32
#define ENVIRON_MAX (1024 * 1024)

static bool
own_add(char own[ATTACH_OWN_MAX][64], int *n, const char *text, size_t len)
{
	struct addr addr;

	if (!addr_parsen(text, len, &addr) || !addr_is_host(&addr))
		return false;
	addr_format(&addr, own[*n]);
	for (int i = 0; i < *n; i++)
		if (strcmp(own[i], own[*n]) == 0)
			return true;
	(*n)++;
	return true;
}

/* "198.51.100.7 5 192.0.2.1 22" */
static bool
connection_add(char own[ATTACH_OWN_MAX][64], int *n, const char *value)
{
	return own_add(own, n, value, strcspn(value, " "));
}

static char *
file_read(const char *path, size_t *len)
{
	struct str all = {0};
	char buffer[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return NULL;
	while (all.len < ENVIRON_MAX && (n = read(fd, buffer, sizeof buffer)) > 0)
		str_addn(&all, buffer, (size_t)n);
	close(fd);
	*len = all.len;
	return str_take(&all);
}

static pid_t
parent_of(pid_t pid)
{
	char path[64];
	size_t len;
	int parent = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	char *text = file_read(path, &len);
	const char *after = text != NULL ? strrchr(text, ')') : NULL;
	if (after == NULL || sscanf(after + 1, " %*c %d", &parent) != 1)
		parent = 0;
	free(text);
	return parent;
}

static bool
environ_add(char own[ATTACH_OWN_MAX][64], int *n, pid_t pid)
{
	static const char name[] = "SSH_CONNECTION=";
	char path[64];
	size_t len = 0;
	bool found = false;

	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	char *all = file_read(path, &len);
	if (all == NULL)
		return false;
	for (size_t at = 0; at < len && !found; at += strlen(all + at) + 1)
		if (strncmp(all + at, name, sizeof name - 1) == 0)
			found = connection_add(own, n, all + at + sizeof name - 1);
	free(all);
	return found;
}

static void
utmp_add(char own[ATTACH_OWN_MAX][64], int *n, int tty)
{
	char name[128];
	struct utmpx *row;

	if (ttyname_r(tty, name, sizeof name) != 0)
		return;
	const char *line = str_starts(name, "/dev/") ? name + 5 : name;
	setutxent();
	while ((row = getutxent()) != NULL)
		if (row->ut_type == USER_PROCESS && strncmp(row->ut_line, line, sizeof row->ut_line) == 0) {
			char host[sizeof row->ut_host + 1];
			memcpy(host, row->ut_host, sizeof row->ut_host);
			host[sizeof row->ut_host] = '\0';
			own_add(own, n, host, strlen(host));
			break;
		}
	endutxent();
}

int
attach_own_addresses(char own[ATTACH_OWN_MAX][64], int tty_fd)
{
	const char *mine = getenv("SSH_CONNECTION");
	pid_t pid = getpid();
	int n = 0;

	if (mine != NULL && connection_add(own, &n, mine))
		return n;
	for (int i = 0; i < PARENTS_MAX && (pid = parent_of(pid)) > 0; i++)
		if (environ_add(own, &n, pid))
			return n;
	utmp_add(own, &n, tty_fd);
	return n;
}
