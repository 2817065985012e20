/* flow_failure: stage 5: what a filter found is ignored, parked until somebody has answered, or counted. */
#include "flow_stages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "ban/bantime.h"
#include "base/child.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "describe.h"
#include "engine.h"
#include "jail.h"
#include "store/store.h"

#define ASKING_MAX 16     /* ignorecommands that run at a time */
#define WAITING_MAX 10000 /* failures that wait for their turn; more are dropped, and said so once in a while */
#define DROPPED_QUIET_S 60

/* ---- stage 5: count ---- */

/* What somebody reads in the Log pane: one failure and what was made of it. The bus was asked whether to. */
static void
publish_found(struct jail *j, const struct ticket *t, int n, const char *verdict, const char *why, const char *user)
{
	struct engine *e = j->engine;

	e->stats.found_sent++;
	const struct ticket_match *last = t->n_matches != 0 ? &t->matches[t->n_matches - 1] : NULL;
	json_t *f = json_pack("{s:s,s:i,s:i,s:i,s:s}", "jail", j->name, "n", n, "max", j->maxretry,
	    "regex", t->failregex, "verdict", verdict);
	json_object_set_new(f, "ip", describe_text(ticket_ip(t)));
	json_object_set_new(f, "id", describe_text(t->id));
	if (last != NULL)
		describe_line(f, "line", last);
	if (user != NULL)
		json_object_set_new(f, "user", describe_text(user));
	if (why != NULL)
		json_object_set_new(f, "why", json_string(why));
	bus_publish(e->bus, EVENT_FOUND, f);
}

/*
 * With growing ban times, one failure of an address that was banned before weighs more.
 * compat: ObserverThread.failureFound
 */
static int
weight(struct jail *j, const struct ticket *t)
{
	struct store_history h;
	char when[32];

	if (!bantime_is_increment(j->increment) ||
	    !store_history(j->engine->store, t->id, j->name, &h) || /* compat: of this jail, also with bantime.overalljails */
	    h.bancount <= 0 || t->time <= h.last)
		return 1;
	double weighs = ldexp(1, h.bancount < 20 ? h.bancount : 20) / 2 + 1;
	int tries = weighs > j->maxretry ? j->maxretry : (int)weighs;
	if (tries <= 1) /* maxretry is 1 or less: one suffices */
		return 1;
	/* compat: the weight is a float, the limit none */
	log_write(LOG_LEVEL_INFO, "fail2ban.observer", "[%s] Found %s, bad - %s, %d # -> %d%s%s", j->name, t->id, clock_text(t->time, when),
	    h.bancount, tries, weighs > j->maxretry ? "" : ".0", tries >= j->maxretry ? ", Ban" : "");
	return tries;
}

/* attempts 0: one that was found, which weighs by the history of its address. */
static void
count_failure(struct jail *j, const struct ticket *t, int attempts, const char *word)
{
	struct engine *e = j->engine;
	struct failures_limits limits = jail_limits(j);
	double mono = clock_monotonic(&e->clock);
	char when[32];

	if (log_wants(LOG_LEVEL_INFO))
		log_write(LOG_LEVEL_INFO, "fail2ban.filter", "[%s] %s %s - %s", j->name, word, t->id, clock_text(t->time, when));
	const uint32_t seen = attempts > 0 ? (uint32_t)attempts : 1; /* a failure that weighs more is still one */
	struct ticket counted = *t; /* borrows what t owns */
	if (attempts == 0) {
		attempts = weight(j, t);
		counted.failures = attempts > 1 ? 2 : 1; /* compat: the observer counts it once more, with its weight */
	}
	const struct tally *tally = failures_add(j->failures, &counted, attempts, &limits);
	e->stats.found += seen;
	rate_add(&e->stats.fail_rate, mono, seen);
	rate_add(&j->fail_rate, mono, seen);
	hosts_failed(e->hosts, ticket_ip(t), j->name, tally->retry, j->maxretry, t->time);
	jail_touch(j);

	const struct addr *addr = tally_addr(tally);
	const char *verdict = addr->family != 0 && engine_is_own(e, addr) ? "own" : tally_is_invalid(tally) ? "invalid" :
	    tally->retry < j->maxretry ? NULL : engine_hold_left(e) > 0 ? "held" : "ban"; /* the next failure after a hold bans */
	if (verdict == NULL ? bus_found_budget(e->bus) : bus_is_wanted(e->bus)) {
		struct ticket entry;
		tally_view(tally, t->id, &entry);
		/* the user is this line's; the entry keeps the first one's */
		publish_found(j, &entry, tally->retry, verdict != NULL ? verdict : "counted", NULL, ticket_group(t, "user"));
	}
	if (verdict != NULL && strcmp(verdict, "ban") == 0)
		flow_ban(j, failures_take(j->failures, t->id), 0);
}

/* ---- ignoring ---- */

static void consider(struct jail *j, const struct ticket *t);

static void
ignored(struct jail *j, const struct ticket *t, const char *why)
{
	log_write(LOG_LEVEL_INFO, "fail2ban.filter", "[%s] Ignore %s by %s", j->name, t->id, why);
	if (bus_is_wanted(j->engine->bus))
		publish_found(j, t, 0, "ignored", why, ticket_group(t, "user"));
}

struct parked { /* a ticket that waits for its ignorecommand, or for the addresses of its name */
	struct engine *engine;
	char *jail;            /* owned: the jail may go meanwhile */
	uint64_t serial;       /* the jail's: another one of that name has taken the row over */
	struct ticket *ticket; /* owned */
	int64_t row;           /* in the database: a kill does not lose it; 0: none */
	struct child *child;   /* while its command runs */
	bool is_banned;        /* by an earlier engine: if it is to be ignored now, the ban is lifted */
	struct parked *prev, *next; /* in engine->parked: those with a command */
};

/*
 * Its line counts as read: the row and the position are committed together, so that after a kill it is neither
 * lost nor read twice.
 */
static struct parked *
park(struct jail *j, const struct ticket *t, bool is_name)
{
	struct parked *p = xcalloc(1, sizeof *p);

	p->engine = j->engine;
	p->jail = xstrdup(j->name);
	p->serial = j->serial;
	p->ticket = ticket_dup(t);
	engine_turn(j->engine);
	j->has_decided = true;
	p->row = store_park(j->engine->store, j->name, t, is_name);
	return p;
}

/* The jail that still wants it, with the row gone in the same commit as what is made of it; NULL: none. */
static struct jail *
unpark(const struct parked *p)
{
	struct jail *j = engine_jail(p->engine, p->jail);

	if (j == NULL || !j->is_running || (j->serial != p->serial && p->row != 0))
		return NULL;
	engine_turn(p->engine);
	store_unpark(p->engine->store, p->row);
	return j;
}

static void
parked_free(struct parked *p)
{
	ticket_free(p->ticket);
	free(p->jail);
	free(p);
}

static void ask_next(struct engine *e);

static void
ignorecommand_done(void *arg, const struct child_result *r)
{
	struct parked *p = arg;
	struct engine *e = p->engine;
	struct jail *j = unpark(p);

	if (j != NULL) {
		if (r->exit_code == 0 && r->spawn_error == 0 && !r->timed_out) {
			jail_cache_verdict(j, p->ticket, "command");
			ignored(j, p->ticket, "command");
			if (p->is_banned)
				flow_unban(j, p->ticket->id, "ignored");
		} else {
			jail_cache_verdict(j, p->ticket, "");
			if (r->exit_code != 1)
				log_write(LOG_LEVEL_ERROR, "fail2ban.filter",
				    "[%s] ignorecommand failed (%d): %.*s", j->name, r->exit_code,
				    (int)(r->err_len > 300 ? 300 : r->err_len), r->err);
			if (!p->is_banned)
				count_failure(j, p->ticket, 0, "Found");
		}
	}
	DL_DELETE(e->parked, p);
	e->n_parked--;
	e->n_asking--;
	parked_free(p);
	ask_next(e);
}

/* It has an action's tags; log text reaches it as data and never becomes shell text. */
static void
ask(struct parked *p, const struct jail *j)
{
	char **words = action_words(j->engine->queue, j->name, p->ticket, j->ignorecommand);
	struct child_spec spec = {
	    .file = words[0],
	    .argv = (const char *const *)words,
	    .timeout_s = 60,
	    .keep_out = 1024,
	    .keep_err = 1024,
	    .done = ignorecommand_done,
	    .arg = p,
	};
	p->child = child_run(j->engine->loop, &spec);
	p->engine->n_asking++;
	action_words_free(words);
}

/* The jail's command may have changed, or the verdict be known, since it waits. */
static void
ask_those(struct engine *e, bool banned, size_t max)
{
	struct parked *p, *next;

	DL_FOREACH_SAFE(e->parked, p, next) {
		if (e->n_asking >= max)
			return;
		if (p->child != NULL || p->is_banned != banned)
			continue;
		struct jail *j = engine_jail(e, p->jail);
		if (j != NULL && j->serial == p->serial && j->is_running && j->ignorecommand != NULL &&
		    *j->ignorecommand != '\0' && jail_cached_verdict(j, p->ticket) == NULL) {
			ask(p, j);
			continue;
		}
		DL_DELETE(e->parked, p);
		e->n_parked--;
		const char *known;
		if ((j = unpark(p)) == NULL)
			;
		else if (!p->is_banned)
			consider(j, p->ticket);
		else if ((known = jail_cached_verdict(j, p->ticket)) != NULL && *known != '\0')
			flow_unban(j, p->ticket->id, "ignored");
		parked_free(p);
	}
}

/* Those who failed just now first. */
static void
ask_next(struct engine *e)
{
	if (e->n_asking == e->n_parked)
		return; /* nobody waits */
	ask_those(e, false, ASKING_MAX);
	ask_those(e, true, ASKING_MAX / 2);
}

static void
run_ignorecommand(struct jail *j, const struct ticket *t)
{
	struct engine *e = j->engine;

	if (e->n_parked >= WAITING_MAX) {
		double mono = clock_monotonic(&e->clock);
		if (e->dropped_at == 0 || mono - e->dropped_at > DROPPED_QUIET_S) {
			e->dropped_at = mono;
			log_write(LOG_LEVEL_WARNING, "fail2ban.filter",
			    "[%s] ignorecommand is too slow: more than %d failures wait for it, others are not counted", j->name,
			    WAITING_MAX);
		}
		return;
	}
	struct parked *p = park(j, t, false);
	DL_APPEND(e->parked, p);
	e->n_parked++;
	if (e->n_asking < ASKING_MAX)
		ask(p, j);
}

void
flow_ask_restored(struct jail *j, const struct ban *ban)
{
	struct engine *e = j->engine;

	if (j->ignorecommand == NULL || *j->ignorecommand == '\0' || e->n_parked >= WAITING_MAX / 2)
		return;
	struct parked *p = xcalloc(1, sizeof *p);
	p->engine = e;
	p->jail = xstrdup(j->name);
	p->serial = j->serial;
	p->ticket = ticket_dup(ban->ticket);
	p->is_banned = true;
	DL_APPEND(e->parked, p);
	e->n_parked++;
	if (e->n_asking < ASKING_MAX / 2)
		ask(p, j);
}

void
flow_stop_asking(struct engine *e)
{
	struct parked *p, *next;

	DL_FOREACH_SAFE(e->parked, p, next) {
		if (p->child != NULL) {
			child_kill(p->child); /* ignorecommand_done() comes */
			continue;
		}
		DL_DELETE(e->parked, p);
		e->n_parked--;
		parked_free(p);
	}
}

static void
consider(struct jail *j, const struct ticket *t)
{
	struct engine *e = j->engine;
	const char *known = jail_cached_verdict(j, t);

	if (known != NULL) {
		if (*known != '\0')
			ignored(j, t, known);
		else
			count_failure(j, t, 0, "Found");
		return;
	}
	if (j->ignoreself && t->addr.family != 0 && engine_is_self(e, &t->addr)) {
		log_write(LOG_LEVEL_INFO, "fail2ban.filter", "[%s] Ignore %s by ignoreself rule", j->name, t->id);
		if (bus_is_wanted(e->bus))
			publish_found(j, t, 0, "ignored", "self", ticket_group(t, "user"));
		return;
	}
	enum ignore_why why = ignore_check(j->ignore, t->id, &t->addr);
	if (why == IGNORE_NOT)
		why = ignore_check(e->white, t->id, &t->addr);
	if (why != IGNORE_NOT) {
		jail_cache_verdict(j, t, ignore_why_name(why));
		ignored(j, t, ignore_why_name(why));
	} else if (j->ignorecommand != NULL && *j->ignorecommand != '\0') {
		run_ignorecommand(j, t);
	} else {
		jail_cache_verdict(j, t, "");
		count_failure(j, t, 0, "Found");
	}
}

/* ---- names in logs: resolved outside the loop, one failure for each address ---- */

static void
name_resolved(void *arg, const struct addr *addrs, size_t count)
{
	struct parked *p = arg;
	struct jail *j = unpark(p);
	struct str list = {0};
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		addr_format(&addrs[i], text);
		str_addf(&list, "%s'%s'", i != 0 ? ", " : "", text);
	}
	if (j != NULL && count == 0)
		log_write(LOG_LEVEL_WARNING, "fail2ban.ipdns", "Unable to find a corresponding IP address for %s", p->ticket->id);
	else if (j != NULL && filter_usedns(j->filter) == USEDNS_WARN)
		log_write(LOG_LEVEL_WARNING, "fail2ban.ipdns", "Determined IP using DNS Lookup: %s = {%s}", p->ticket->id, str_text(&list));
	for (size_t i = 0; j != NULL && i < count; i++) {
		addr_format(&addrs[i], text);
		struct ticket *t = ticket_dup(p->ticket);
		free(t->id);
		t->id = xstrdup(text);
		t->addr = addrs[i];
		consider(j, t);
		ticket_free(t);
	}
	str_done(&list);
	parked_free(p);
}

/*
 * A failure as a ticket for the time that it is looked at, by all the jails that hear of it. It borrows what the failure
 * has; what may stay is its lines' texts, which are counted, and which another filter that finds the same line shares.
 */
struct looked_at {
	struct ticket ticket;
	struct ticket_match *matches, *spare; /* owned, of the same room */
	struct ticket_group *groups; /* owned */
	size_t matches_room, groups_room;
};

/* The line as a text: that of the failure before, if it is the same line. */
static char *
text_of(const struct ticket_match *last, const struct failure_line *l)
{
	if (last != NULL && last->len == l->len && memcmp(last->bytes, l->bytes, l->len) == 0) {
		const struct slice raw = ticket_text_raw(last->bytes);
		if (raw.len == l->raw.len && (raw.len == 0 || memcmp(raw.at, l->raw.at, raw.len) == 0))
			return ticket_text_share(last->bytes);
	}
	return ticket_text_new(l->bytes, l->len, l->raw);
}

static void
look_at(struct looked_at *l, const struct failure *f)
{
	struct ticket *t = &l->ticket;
	struct ticket_match *before = l->matches;
	const size_t had = t->n_matches, lines = f->n_lines;

	*t = (struct ticket){.id = (char *)(uintptr_t)f->id, .ip = (char *)(uintptr_t)f->ip, .addr = f->addr, .time = f->time,
	    .first = f->time, .bantime = TICKET_UNSET, .is_invalid = f->is_invalid_addr, .failregex = f->failregex,
	    .serial = t->serial + 1};
	if (l->matches_room < lines) {
		l->matches_room = lines + 4;
		l->matches = before = xreallocarray(before, l->matches_room, sizeof *l->matches);
		l->spare = xreallocarray(l->spare, l->matches_room, sizeof *l->spare);
	}
	for (size_t i = 0; i < lines; i++) {
		const struct failure_line *line = &f->lines[i];
		l->spare[t->n_matches++] = (struct ticket_match){.bytes = text_of(i < had ? &before[i] : NULL, line), .len = line->len,
		    .date_from = line->date_from, .date_to = line->date_to, .time = f->time};
	}
	for (size_t i = 0; i < had; i++)
		ticket_text_free(before[i].bytes);
	l->matches = l->spare;
	l->spare = before;
	if (l->groups_room < f->n_groups) {
		l->groups_room = f->n_groups + 8;
		l->groups = xreallocarray(l->groups, l->groups_room, sizeof *l->groups);
	}
	for (size_t i = 0; i < f->n_groups; i++)
		if (f->groups[i].value != NULL)
			l->groups[t->n_groups++] = (struct ticket_group){(char *)(uintptr_t)f->groups[i].name, (char *)(uintptr_t)f->groups[i].value};
	t->matches = l->matches;
	t->groups = l->groups;
}

void
flow_failures_done(struct engine *e)
{
	struct looked_at *l = e->looked;

	e->looked = NULL;
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->ticket.n_matches; i++)
		ticket_text_free(l->matches[i].bytes);
	free(l->matches);
	free(l->spare);
	free(l->groups);
	free(l);
}

void
flow_failure(struct jail *j, const struct failure *f)
{
	struct engine *e = j->engine;

	if (e->looked == NULL)
		e->looked = xcalloc(1, sizeof *e->looked);
	if (f->nth == 0)
		look_at(e->looked, f);
	const struct ticket *t = &e->looked->ticket;
	e->stats.matched++;
	if (f->kind == FAILURE_NAME)
		resolve_name(e->resolve, f->id, name_resolved, park(j, t, true));
	else
		consider(j, t);
}

static void
take_parked(void *arg, struct ticket *t, bool is_name)
{
	struct jail *j = arg;

	if (t->time < clock_now(&j->engine->clock) - j->findtime)
		; /* as a line of that age, which is not read */
	else if (is_name)
		resolve_name(j->engine->resolve, t->id, name_resolved, park(j, t, true));
	else
		consider(j, t);
	ticket_free(t);
}

void
flow_restore_parked(struct jail *j)
{
	store_parked_take(j->engine->store, j->name, take_parked, j);
}

int
flow_attempt(struct jail *j, const char *id, const struct value *matches)
{
	struct ticket *t = ticket_new(id, clock_now(&j->engine->clock));

	for (size_t i = 0; i < value_count(matches); i++) {
		const char *text = value_text(value_at(matches, i));
		if (text == NULL)
			continue;
		ticket_add_match(t, text, strlen(text), 0, 0, value_count(matches));
		t->matches[t->n_matches - 1].is_joined = true; /* compat: they are strings */
	}
	int attempts = value_count(matches) > 1 ? (int)value_count(matches) : 1;
	count_failure(j, t, attempts, "Attempt");
	ticket_free(t);
	return 1;
}
