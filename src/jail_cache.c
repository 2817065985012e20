/* jail_cache: verdicts of the ignore rules, remembered for a while (`ignorecache`). */
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine.h"
#include "jail.h"

#define IGNORE_CACHE_MAX 100000 /* max-count is cut to this */

struct ignore_verdict {
	char *key, *why; /* owned */
	double until;    /* monotonic */
	UT_hash_handle hh;
};

static void
verdict_free(struct ignore_cache *cache, struct ignore_verdict *v)
{
	HASH_DEL(cache->verdicts, v);
	free(v->key);
	free(v->why);
	free(v);
}

void
jail_cache_done(struct ignore_cache *cache)
{
	while (cache->verdicts != NULL)
		verdict_free(cache, cache->verdicts);
	free(cache->key);
	*cache = (struct ignore_cache){0};
}

/* One `name=value` of the list, quoted or not; *at moves behind it. */
static bool
next_option(const char **at, struct slice *name, struct slice *v)
{
	const char *p = *at + strspn(*at, " ,\t\n");
	size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	*at = p;
	if (n == 0 || p[n + strspn(p + n, " \t")] != '=')
		return false;
	*name = slice_trim((struct slice){p, n});
	p += n + strspn(p + n, " \t") + 1;
	p += strspn(p, " \t");
	if (*p == '"' || *p == '\'') {
		const char *end = strchr(p + 1, *p);
		if (end == NULL)
			return false;
		*v = (struct slice){p + 1, (size_t)(end - p - 1)};
		*at = end + 1;
	} else {
		*v = slice_trim((struct slice){p, strcspn(p, ",")});
		*at = p + strcspn(p, ",");
	}
	return true;
}

bool
jail_set_ignorecache(struct jail *j, const char *text, struct err *err)
{
	struct ignore_cache cache = {.max_count = 100, .max_time = 300};
	struct slice name, v;
	const char *p;

	for (p = text; next_option(&p, &name, &v);) {
		char *one = xstrndup(v.at, v.len);
		bool ok = true;
		if (slice_is(name, "key")) {
			free(cache.key);
			cache.key = xstrdup(one);
		} else if (slice_is(name, "max-count")) {
			char *end;
			long n = strtol(one, &end, 10);
			ok = (*one != '\0' && *end == '\0') || err_set(err, "invalid literal for int() with base 10: '%s'", one);
			cache.max_count = (int)(n < 1 ? 1 : n > IGNORE_CACHE_MAX ? IGNORE_CACHE_MAX : n);
		} else if (slice_is(name, "max-time")) {
			ok = duration_parse(one, &cache.max_time, err);
		}
		free(one);
		if (!ok) {
			free(cache.key);
			return false;
		}
	}
	if (*p != '\0') {
		free(cache.key);
		return err_set(err, "expected option, wrong syntax at %d: %.200s", (int)(p - text), p);
	}
	if (cache.key == NULL && *text != '\0')
		return err_set(err, "key");
	jail_cache_done(&j->ignorecache);
	j->ignorecache = cache;
	return true;
}

static char *
verdict_key(const struct jail *j, const struct ticket *t)
{
	return action_text(j->engine->queue, j->name, t, j->ignorecache.key);
}

const char *
jail_cached_verdict(struct jail *j, const struct ticket *t)
{
	struct ignore_verdict *v;

	if (j->ignorecache.key == NULL)
		return NULL;
	char *key = verdict_key(j, t);
	HASH_FIND_STR(j->ignorecache.verdicts, key, v);
	free(key);
	if (v != NULL && v->until <= clock_monotonic(&j->engine->clock)) {
		verdict_free(&j->ignorecache, v);
		v = NULL;
	}
	return v != NULL ? v->why : NULL;
}

void
jail_cache_verdict(struct jail *j, const struct ticket *t, const char *why)
{
	struct ignore_cache *cache = &j->ignorecache;
	struct ignore_verdict *v;

	if (cache->key == NULL)
		return;
	char *key = verdict_key(j, t);
	HASH_FIND_STR(cache->verdicts, key, v);
	if (v != NULL)
		verdict_free(cache, v);
	while (cache->verdicts != NULL && (int)HASH_COUNT(cache->verdicts) >= cache->max_count)
		verdict_free(cache, cache->verdicts); /* the oldest */
	v = xcalloc(1, sizeof *v);
	v->key = key;
	v->why = xstrdup(why);
	v->until = clock_monotonic(&j->engine->clock) + cache->max_time;
	HASH_ADD_KEYPTR(hh, cache->verdicts, v->key, strlen(v->key), v);
}
