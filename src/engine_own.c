/* engine_own: addresses that must not be banned: those of attached operators, and this host's. */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine.h"

#define SELF_REFRESH_S 60 /* how long this host's addresses are believed */

void
engine_protect(struct engine *e, const struct addr *a)
{
	for (size_t i = 0; i < e->n_own; i++)
		if (addr_equal(&e->own[i].addr, a)) {
			e->own[i].holders++;
			return;
		}
	if (e->n_own < ENGINE_MAX_OWN)
		e->own[e->n_own++] = (struct own_addr){*a, 1};
}

void
engine_unprotect(struct engine *e, const struct addr *a)
{
	for (size_t i = 0; i < e->n_own; i++)
		if (addr_equal(&e->own[i].addr, a)) {
			if (--e->own[i].holders == 0)
				e->own[i] = e->own[--e->n_own];
			return;
		}
}

bool
engine_is_own(const struct engine *e, const struct addr *a)
{
	for (size_t i = 0; i < e->n_own; i++)
		if (addr_contains(a, &e->own[i].addr))
			return true;
	return false;
}

static void
read_self(struct engine *e)
{
	struct ifaddrs *list;

	free(e->self);
	e->self = NULL;
	e->n_self = 0;
	e->self_at = clock_monotonic(&e->clock);
	if (getifaddrs(&list) != 0)
		return;
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct addr a = {0};
		if (i->ifa_addr == NULL)
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			a.family = 4;
			a.prefix = 32;
			memcpy(a.bytes, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, 4);
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			a.family = 6;
			a.prefix = 128;
			memcpy(a.bytes, &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr, 16);
		} else {
			continue;
		}
		e->self = xreallocarray(e->self, e->n_self + 1, sizeof *e->self);
		e->self[e->n_self++] = a;
	}
	freeifaddrs(list);
}

bool
engine_is_self(struct engine *e, const struct addr *a)
{
	if (e->self == NULL || clock_monotonic(&e->clock) - e->self_at > SELF_REFRESH_S)
		read_self(e);
	for (size_t i = 0; i < e->n_self; i++)
		if (addr_contains(a, &e->self[i]))
			return true;
	return false;
}
