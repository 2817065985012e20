/*
 * regex_names: host names of a log -> addresses. The tester may wait for an answer; a jail never does.
 */
#include "applet/regex.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"

#define NAMES_MAX 10000

struct tester_names {
	struct tester_name *table;
};

struct tester_names *
tester_names_new(void)
{
	return xcalloc(1, sizeof(struct tester_names));
}

static void
add_answers(struct tester_name *n, int family)
{
	struct addrinfo hints = {.ai_family = family, .ai_protocol = IPPROTO_TCP}, *answer, *a;

	int error = getaddrinfo(n->name, NULL, &hints, &answer);
	if (error != 0) {
		n->error = error;
		return;
	}
	for (a = answer; a != NULL; a = a->ai_next) {
		char text[NI_MAXHOST];
		struct addr addr;
		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0 ||
		    !addr_parse(text, &addr))
			continue;
		bool is_new = true;
		for (size_t i = 0; i < n->count; i++)
			is_new = is_new && !addr_equal(&n->addrs[i], &addr);
		if (!is_new)
			continue;
		n->addrs = xreallocarray(n->addrs, n->count + 1, sizeof *n->addrs);
		n->addrs[n->count++] = addr;
	}
	freeaddrinfo(answer);
}

const struct tester_name *
tester_resolve(struct tester_names *names, const char *name, bool *is_new)
{
	struct tester_name *n;

	HASH_FIND_STR(names->table, name, n);
	*is_new = n == NULL;
	if (n != NULL)
		return n;
	if (HASH_COUNT(names->table) >= NAMES_MAX)
		return NULL;
	n = xcalloc(1, sizeof *n);
	n->name = xstrdup(name);
	add_answers(n, AF_INET);
	add_answers(n, AF_INET6);
	HASH_ADD_KEYPTR(hh, names->table, n->name, strlen(n->name), n);
	return n;
}

void
tester_names_free(struct tester_names *names)
{
	struct tester_name *n, *next;

	HASH_ITER (hh, names->table, n, next) {
		HASH_DEL(names->table, n);
		free(n->name);
		free(n->addrs);
		free(n);
	}
	free(names);
}
