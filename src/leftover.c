#include "leftover.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "describe.h"
#include "doubled.h"
#include "engine.h"
#include "firewall/chains.h"
#include "jail.h"

struct key {
	char object[128];
	struct addr addr;
};

struct found { /* rules of one address in one chain or set */
	struct key key;
	int count;
	bool is_set;
	char target[32]; /* "REJECT"; "" of a set */
	UT_hash_handle hh;
};

enum look { LOOK_FIRST, LOOK_LATE, LOOK_LAST, LOOK_DONE };

struct leftover {
	struct engine *engine;
	struct firewall *firewall;
	struct doubled *doubled; /* owned */
	enum look look;
	bool is_listed;       /* the first listing ended, or was given up */
	struct found *found;  /* owned: of the first listing, what nobody has claimed */
	struct found *objects; /* owned: its chains and sets, empty ones too: the address is a family alone */
	struct found *late;   /* owned: what was too much at the second look */
	uv_timer_t timer;
	void (*done)(void *arg);
	void *arg;
	bool is_closing;
};

static struct key
key_of(const char *object, const struct addr *a)
{
	struct key k;

	memset(&k, 0, sizeof k); /* it is hashed whole */
	snprintf(k.object, sizeof k.object, "%s", object);
	k.addr.family = a->family;
	k.addr.prefix = a->prefix;
	memcpy(k.addr.bytes, a->bytes, a->family == 4 ? 4 : 16);
	return k;
}

static struct found *
find(struct found *table, const struct key *k)
{
	struct found *f;

	HASH_FIND(hh, table, k, sizeof *k, f);
	return f;
}

static void
drop(struct found **table, struct found *f)
{
	HASH_DEL(*table, f);
	free(f);
}

static void
drop_all(struct found **table)
{
	struct found *f, *next;

	HASH_ITER(hh, *table, f, next)
		drop(table, f);
}

static void
add(struct found **table, const struct key *k, int count, const struct found *like)
{
	struct found *f = find(*table, k);

	if (f == NULL) {
		f = xcalloc(1, sizeof *f);
		f->key = *k;
		if (like != NULL) {
			f->is_set = like->is_set;
			memcpy(f->target, like->target, sizeof f->target);
		}
		HASH_ADD(hh, *table, key, sizeof f->key, f);
	}
	f->count += count;
}

/* The listing as a table. */
static void
read_listing(const struct firewall *fw, struct found **table)
{
	for (size_t i = 0; i < firewall_count(fw); i++) {
		const struct fw_chain *c = firewall_at(fw, i);
		if (c->policy != NULL)
			continue;
		for (size_t n = 0; n < c->count; n++) {
			const struct fw_rule *r = &c->rules[n];
			struct found like = {.is_set = c->kind != FW_CHAIN};
			if (r->source.family == 0 || (c->kind == FW_CHAIN && (*r->target == '\0' || strcmp(r->target, "RETURN") == 0 ||
			                                                         strcmp(r->target, "ACCEPT") == 0 || strcmp(r->target, "LOG") == 0)))
				continue;
			if (c->kind == FW_CHAIN)
				snprintf(like.target, sizeof like.target, "%s", r->target);
			struct key k = key_of(c->name, &r->source);
			add(table, &k, 1, &like);
		}
	}
}

/* "f2b-sshd", and what a set of it is called for the other family. */
static struct found *
find_object(struct leftover *l, struct found *table, const char *object, const struct addr *a)
{
	char six[300];
	struct key k = key_of(object, a);
	struct found *f = find(table, &k);

	(void)l;
	if (f != NULL || a->family != 6)
		return f;
	snprintf(six, sizeof six, "%s6", object); /* an ipset of the stock action */
	k = key_of(six, a);
	return find(table, &k);
}

static bool
has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)) != NULL; p += n)
		if ((p == text || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' ' || p[n] == '\n'))
			return true;
	return false;
}

bool
leftover_claim(struct leftover *l, const char *command, const char *id)
{
	char object[256], table[256];
	struct addr a;

	if (l == NULL || l->found == NULL || !addr_parse(id, &a) || !firewall_target_of(command, object, table))
		return false;
	struct found *f = find_object(l, l->found, object, &a);
	if (f == NULL || (*f->target != '\0' && !has_word(command, f->target)))
		return false;
	if (--f->count == 0)
		drop(&l->found, f);
	return true;
}

/* ---- what belongs to nobody ---- */

/* Where the jail's action writes bans of this family; false: not into the firewall. */
static bool
object_of(struct action *a, uint8_t family, char object[256])
{
	struct ticket *t = ticket_new(family == 4 ? "192.0.2.1" : "2001:db8::1", 0);
	char table[256];

	addr_parse(t->id, &t->addr);
	char *command = action_command(a, ACTION_BAN, t);
	bool ok = command != NULL && firewall_target_of(command, object, table);
	free(command);
	ticket_free(t);
	return ok;
}

static void
take_out(struct action *a, const struct addr *addr, int times)
{
	char text[ADDR_TEXT_MAX];

	addr_format(addr, text);
	struct ticket *t = ticket_new(text, 0);
	t->addr = *addr;
	for (int i = 0; i < times; i++)
		action_unban_leftover(a, t);
	ticket_free(t);
}

static bool
is_in(const struct found *f, const char *object, uint8_t family)
{
	size_t n = strlen(object);

	return f->key.addr.family == family && strncmp(f->key.object, object, n) == 0 &&
	    (f->key.object[n] == '\0' || (family == 6 && strcmp(f->key.object + n, "6") == 0));
}

/* After the first listing: all that no restored ban has claimed. */
static void
sweep_jail(struct leftover *l, struct jail *j)
{
	struct jail_action *a;
	char object[256];
	size_t count = 0;

	DL_FOREACH(j->actions, a)
		for (int family = 4; family <= 6; family += 2) {
			struct found *f, *next;
			if (!object_of(a->action, (uint8_t)family, object))
				continue;
			if (find_object(l, l->objects, object, &(struct addr){.family = (uint8_t)family}) != NULL)
				action_was_left(a->action, family);
			if (l->found == NULL)
				continue;
			HASH_ITER(hh, l->found, f, next)
				if (is_in(f, object, (uint8_t)family)) {
					count += (size_t)f->count;
					take_out(a->action, &f->key.addr, f->count);
					drop(&l->found, f);
				}
		}
	if (count == 0)
		return;
	log_write(LOG_LEVEL_NOTICE, "fail2ban.actions", "[%s] %zu rule(s) of bans that are over were left in the kernel: taken out",
	    j->name, count);
	json_t *o = json_pack("{s:s,s:I}", "what", "left-over rules taken out", "count", (json_int_t)count);
	json_object_set_new(o, "jail", describe_text(j->name));
	bus_publish(l->engine->bus, EVENT_REPAIR, o);
}

/* How many of these rules are too many: all of an address that is not banned, all but one of one that is. */
static int
surplus(const struct leftover *l, const struct jail *j, const struct found *f)
{
	char text[ADDR_TEXT_MAX];

	addr_format(&f->key.addr, text);
	const struct ban *ban = bans_find(j->bans, text);
	if (ban == NULL)
		return f->count;
	if (ban->rule != BAN_RULE_OK || ban->acted_at >= firewall_listed_at(l->firewall))
		return 0;
	return f->count - 1;
}

/* The later looks: what was too much at both of them. */
static void
look_again(struct leftover *l)
{
	struct engine *e = l->engine;
	struct found *now = NULL, *too_many = NULL, *f, *next;
	struct jail_action *a;
	char object[256];

	read_listing(l->firewall, &now);
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next)
		DL_FOREACH(j->actions, a)
			for (int family = 4; family <= 6; family += 2) {
				if (!j->is_running || now == NULL || !object_of(a->action, (uint8_t)family, object))
					continue;
				HASH_ITER(hh, now, f, next) {
					int n = is_in(f, object, (uint8_t)family) ? surplus(l, j, f) : 0;
					struct found *before = n > 0 ? find(l->late, &f->key) : NULL;
					if (n <= 0)
						continue;
					if (l->look == LOOK_LATE)
						add(&too_many, &f->key, n, f);
					else if (before != NULL)
						take_out(a->action, &f->key.addr, before->count < n ? before->count : n);
				}
			}
	drop_all(&now);
	drop_all(&l->late);
	l->late = too_many;
}

struct waiting {
	struct leftover *leftover;
	char *jail; /* owned: it may go meanwhile */
};

static void
on_restored(void *arg)
{
	struct waiting *w = arg;
	struct jail *j = engine_jail(w->leftover->engine, w->jail);

	if (j != NULL && j->is_running && !w->leftover->is_closing)
		sweep_jail(w->leftover, j);
	free(w->jail);
	free(w);
}

void
leftover_jail_started(struct leftover *l, const struct jail *j)
{
	if (l == NULL || (l->is_listed && l->objects == NULL))
		return;
	struct waiting *w = xcalloc(1, sizeof *w);
	w->leftover = l;
	w->jail = xstrdup(j->name);
	action_queue_drain(l->engine->queue, on_restored, w);
}

/* ---- looking ---- */

static void
on_timer(uv_timer_t *timer)
{
	struct leftover *l = timer->data;

	if (l->engine->state == ENGINE_STOPPING)
		return;
	if (l->look == LOOK_FIRST) { /* the tool hangs: bans must not wait for it */
		log_write(LOG_LEVEL_WARNING, "fail2ban.actions", "the firewall could not be listed within %d s", LEFTOVER_WAIT_S);
		l->is_listed = true;
		action_queue_hold(l->engine->queue, ACTION_HOLD_LEFTOVER, false);
		return;
	}
	firewall_refresh(l->firewall);
}

static void
read_objects(struct leftover *l)
{
	for (size_t i = 0; i < firewall_count(l->firewall); i++) {
		const struct fw_chain *c = firewall_at(l->firewall, i);
		struct key k = key_of(c->name, &(struct addr){.family = c->family});
		if (c->policy == NULL)
			add(&l->objects, &k, 1, NULL);
		if (c->kind == FW_NFT_SET)
			doubled_watch(l->doubled, c->table);
	}
}

void
leftover_started(struct leftover *l)
{
	if (l != NULL)
		doubled_started(l->doubled);
}

static void
on_listed(void *arg)
{
	struct leftover *l = arg;

	if (l->is_closing || l->engine->state == ENGINE_STOPPING)
		return;
	if (l->look == LOOK_FIRST && !l->is_listed) {
		if (firewall_error(l->firewall) == NULL) {
			read_listing(l->firewall, &l->found);
			read_objects(l);
		}
		l->is_listed = true;
		action_queue_hold(l->engine->queue, ACTION_HOLD_LEFTOVER, false);
	} else if (l->look != LOOK_FIRST && firewall_error(l->firewall) == NULL) {
		look_again(l);
	}
	/* without a rule of ours in the kernel nobody was killed here */
	if (l->look < LOOK_LAST)
		uv_timer_start(&l->timer, on_timer, (uint64_t)(LEFTOVER_LATE_S * 1000), 0);
	l->look++;
}

struct leftover *
leftover_new(struct engine *e)
{
	struct leftover *l = xcalloc(1, sizeof *l);
	struct firewall_hooks hooks = {on_listed, l};

	l->engine = e;
	l->doubled = doubled_new(e->loop);
	l->firewall = firewall_new(e->loop, &e->clock, &hooks);
	uv_timer_init(e->loop, &l->timer);
	l->timer.data = l;
	uv_timer_start(&l->timer, on_timer, LEFTOVER_WAIT_S * 1000, 0);
	action_queue_hold(e->queue, ACTION_HOLD_LEFTOVER, true);
	firewall_refresh(l->firewall);
	return l;
}

static void
on_timer_closed(uv_handle_t *h)
{
	struct leftover *l = h->data;

	drop_all(&l->found);
	drop_all(&l->objects);
	drop_all(&l->late);
	l->done(l->arg);
	free(l);
}

static void
on_doubled_closed(void *arg)
{
	struct leftover *l = arg;

	uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}

static void
on_firewall_closed(void *arg)
{
	struct leftover *l = arg;

	doubled_close(l->doubled, on_doubled_closed, l);
}

void
leftover_close(struct leftover *l, void (*done)(void *arg), void *arg)
{
	if (l == NULL) {
		done(arg);
		return;
	}
	l->is_closing = true;
	l->done = done;
	l->arg = arg;
	firewall_close(l->firewall, on_firewall_closed, l);
}
