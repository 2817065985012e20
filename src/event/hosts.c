#include "event/hosts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include <uthash.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"

#define MINUTE_SLOTS 6 /* of ten seconds */

struct host {
	char *ip;   /* owned */
	struct str jail; /* where it failed last */
	int failed, max;
	uint64_t total;
	double first, last;     /* wall clock */
	double last_mono;
	int64_t slot;
	uint16_t per_slot[MINUTE_SLOTS];
	bool is_changed;
	UT_hash_handle hh;
};

struct hosts {
	const struct clock *clock;
	struct host *by_ip; /* owned, in the order of the last failure */
	struct host *latest; /* of by_ip: the one that failed last; NULL */
	json_t *gone;       /* owned: addresses dropped since the last report; at most HOSTS_CHANGES then a count */
};

struct hosts *
hosts_new(const struct clock *clock)
{
	struct hosts *h = xcalloc(1, sizeof *h);

	h->clock = clock;
	h->gone = json_array();
	return h;
}

static void
drop(struct hosts *h, struct host *host, bool tell)
{
	if (tell)
		json_array_append_new(h->gone, text_json(host->ip, strlen(host->ip)));
	if (h->latest == host)
		h->latest = NULL;
	HASH_DEL(h->by_ip, host);
	free(host->ip);
	str_done(&host->jail);
	free(host);
}

void
hosts_free(struct hosts *h)
{
	struct host *host, *next;

	if (h == NULL)
		return;
	HASH_ITER(hh, h->by_ip, host, next)
		drop(h, host, false);
	json_decref(h->gone);
	free(h);
}

static void
advance(struct host *host, double mono)
{
	int64_t now = (int64_t)(mono / 10);

	if (now == host->slot)
		return;
	if (now - host->slot >= MINUTE_SLOTS || now < host->slot)
		memset(host->per_slot, 0, sizeof host->per_slot);
	else
		for (int64_t s = host->slot + 1; s <= now; s++)
			host->per_slot[s % MINUTE_SLOTS] = 0;
	host->slot = now;
}

void
hosts_failed(struct hosts *h, const char *ip, const char *jail, int now_failed, int max, double time)
{
	struct host *host = h->latest;
	double mono = clock_monotonic(h->clock);

	/* most often it is told by the next jail that counts the same failure */
	if (host == NULL || strcmp(host->ip, ip) != 0)
		HASH_FIND_STR(h->by_ip, ip, host);
	if (host == NULL) {
		if (HASH_COUNT(h->by_ip) >= HOSTS_MAX)
			drop(h, h->by_ip, true);
		host = xcalloc(1, sizeof *host);
		host->ip = xstrdup(ip);
		host->first = time;
		HASH_ADD_KEYPTR(hh, h->by_ip, host->ip, strlen(host->ip), host);
	} else if (host->hh.next != NULL) { /* to the end of the list: it failed last */
		HASH_DEL(h->by_ip, host);
		HASH_ADD_KEYPTR(hh, h->by_ip, host->ip, strlen(host->ip), host);
	}
	h->latest = host;
	str_clear(&host->jail);
	str_add(&host->jail, jail);
	host->failed = now_failed;
	host->max = max;
	host->total++;
	host->last = time;
	host->last_mono = mono;
	advance(host, mono);
	if (host->per_slot[host->slot % MINUTE_SLOTS] < UINT16_MAX)
		host->per_slot[host->slot % MINUTE_SLOTS]++;
	host->is_changed = true;
}

void
hosts_set_failed(struct hosts *h, const char *ip, const char *jail, int now_failed)
{
	struct host *host;

	HASH_FIND_STR(h->by_ip, ip, host);
	if (host != NULL && strcmp(str_text(&host->jail), jail) == 0 && host->failed != now_failed) {
		host->failed = now_failed;
		host->is_changed = true;
	}
}

void
hosts_expire(struct hosts *h, double quiet_s)
{
	struct host *host, *next;
	double mono = clock_monotonic(h->clock);

	HASH_ITER(hh, h->by_ip, host, next) {
		if (host->last_mono > mono - quiet_s)
			break; /* the list is in the order of the last failure */
		drop(h, host, true);
	}
	HASH_ITER(hh, h->by_ip, host, next)
		if (host->slot != (int64_t)(mono / 10) && mono - host->last_mono < 70)
			host->is_changed = true; /* its failures per minute fall */
}

static json_t *
row(struct hosts *h, struct host *host)
{
	unsigned minute = 0;

	advance(host, clock_monotonic(h->clock));
	for (int i = 0; i < MINUTE_SLOTS; i++)
		minute += host->per_slot[i];
	json_t *j = json_pack("{s:i,s:i,s:i,s:I,s:f,s:f}", "fail", host->failed, "max", host->max, "min",
	    (int)minute, "total", (json_int_t)host->total, "first", host->first, "last", host->last);
	json_object_set_new(j, "ip", text_json(host->ip, strlen(host->ip)));
	json_object_set_new(j, "jail", text_json(str_text(&host->jail), host->jail.len));
	return j;
}

json_t *
hosts_changes(struct hosts *h)
{
	json_t *items = json_array();

	for (struct host *host = h->by_ip; host != NULL && json_array_size(items) < HOSTS_CHANGES; host = host->hh.next)
		if (host->is_changed) {
			host->is_changed = false;
			json_array_append_new(items, row(h, host));
		}
	if (json_array_size(items) == 0 && json_array_size(h->gone) == 0) {
		json_decref(items);
		return NULL;
	}
	json_t *gone = h->gone;
	h->gone = json_array();
	return json_pack("{s:o,s:o}", "items", items, "gone", gone);
}

void
hosts_all(struct hosts *h, size_t chunk, void (*fn)(void *arg, json_t *items), void *arg)
{
	json_t *items = json_array();

	for (struct host *host = h->by_ip; host != NULL; host = host->hh.next) {
		json_array_append_new(items, row(h, host));
		if (json_array_size(items) == chunk) {
			fn(arg, items);
			items = json_array();
		}
	}
	fn(arg, items);
}
