/*
 * drift: what the kernel has against what the jails have banned.
 *
 * A ban whose action had not ended when the listing began is not looked for; a rule without a ban is
 * reported when two listings show it, as an unban may have been on its way. Networks and single addresses
 * are compared as they stand: a /24 in the kernel is no rule for one of its hosts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/internal.h"

/* ---- which chain is whose ---- */

/* "f2b-sshd" or "addr-set-sshd" -> "sshd"; NULL: a name of the user's own. */
static const char *
bare_name(const char *object)
{
	static const char *const prefixes[] = { "f2b-", "addr-set-", "addr6-set-" };

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		if (str_starts(object, prefixes[i]))
			return object + strlen(prefixes[i]);
	}
	return NULL;
}

static bool
is_target(const struct fw_chain *c, const char *object)
{
	const char *bare = bare_name(object);
	size_t len = strlen(object);

	if (c->policy)
		return false;
	if (c->kind == FW_CHAIN)
		return strcmp(c->name, object) == 0;
	if (c->kind == FW_IPSET)
		return c->family == 4 ? strcmp(c->name, object) == 0
		                      : strcmp(c->name, object) == 0 ||
		        (strncmp(c->name, object, len) == 0 && strcmp(c->name + len, "6") == 0);
	if (strcmp(c->name, object) == 0)
		return true;
	return bare && str_starts(c->name, c->family == 6 ? "addr6-set-" : "addr-set-") &&
	    strcmp(bare_name(c->name), bare) == 0;
}

/* Of nftables or not, as the target is; sets of one name may be in several of its tables. */
static bool
is_in_table(const struct fw_chain *c, const char *table)
{
	const char *space = table ? strchr(table, ' ') : NULL;

	if (!table)
		return true;
	return space ? c->kind == FW_NFT_SET && strcmp(c->table, space + 1) == 0 : c->kind != FW_NFT_SET;
}

/* ---- the bans, to be looked up by jail and address ---- */

struct wanted_key {
	uint64_t jail; /* a hash of its name */
	struct addr addr;
};

struct wanted {
	struct wanted_key key;
	UT_hash_handle hh;
};

static struct wanted_key
make_key(const char *jail, const struct addr *a)
{
	struct wanted_key key;

	memset(&key, 0, sizeof key); /* it is hashed whole */
	key.jail = 14695981039346656037u;
	for (; *jail != '\0'; jail++)
		key.jail = (key.jail ^ (unsigned char)*jail) * 1099511628211u;
	key.addr = *a;
	return key;
}

static void
add_drift(struct firewall *f, enum fw_drift_kind kind, const char *jail, const char *id, const char *chain,
    uint8_t family)
{
	struct fw_drift *d;

	if (f->drift_all++ >= FIREWALL_DRIFT_MAX)
		return;
	d = &f->drift[f->drift_kept++];
	d->kind = kind;
	d->jail = jail ? arena_strdup(f->names, jail) : NULL;
	d->id = id ? arena_strdup(f->names, id) : NULL;
	d->chain = arena_strdup(f->names, chain);
	d->family = family;
}

static void
add_repair(struct firewall *f, const struct fw_target *t, const char *id, uint8_t family)
{
	const struct repair *last = f->n_repairs != 0 ? &f->repairs[f->n_repairs - 1] : NULL;
	bool is_same = last && strcmp(last->jail, t->jail) == 0 && strcmp(last->object, t->object) == 0;

	if (f->n_repairs == f->repairs_room) {
		f->repairs_room = f->repairs_room ? f->repairs_room * 2 : 64;
		f->repairs = xreallocarray(f->repairs, f->repairs_room, sizeof(*f->repairs));
		last = f->n_repairs ? &f->repairs[f->n_repairs - 1] : NULL;
	}
	f->repairs[f->n_repairs++] = (struct repair){
		.jail = is_same ? last->jail : arena_strdup(f->names, t->jail),
		.id = id ? arena_strdup(f->names, id) : NULL,
		.object = is_same ? last->object : arena_strdup(f->names, t->object),
		.family = family,
	};
}

/* ---- targets, looked up once for each comparison ---- */

#define TARGET_CHAINS 8 /* of one family: a chain in each table, a set */

struct place {
	const struct fw_target *target;
	struct model_chain *chains[2][TARGET_CHAINS];
	size_t count[2];
	bool is_needed[2]; /* the jump */
	bool is_unlisted;  /* its table was not looked at so far */
};

static void
find_places(struct firewall *f, const struct fw_target *targets, size_t n, struct place *places)
{
	for (size_t i = 0; i < n; i++) {
		struct place *p = &places[i];

		p->target = &targets[i];
		p->is_needed[0] = targets[i].started4;
		p->is_needed[1] = targets[i].started6;
		p->is_unlisted = targets[i].table && firewall_add_table(f, targets[i].table);
		for (size_t j = 0; j < f->model->count; j++) {
			struct model_chain *c = f->model->chains[j];
			unsigned six = c->pub.family == 6;

			if (!is_target(&c->pub, targets[i].object) || !is_in_table(&c->pub, targets[i].table))
				continue;
			if (!c->pub.jail)
				c->pub.jail = arena_strdup(f->model->arena, targets[i].jail);
			else if (strcmp(c->pub.jail, targets[i].jail) != 0)
				c->pub.is_shared = true;
			if (p->count[six] < TARGET_CHAINS)
				p->chains[six][p->count[six]++] = c;
		}
	}
}

static void
check_jumps(struct firewall *f, const struct place *p)
{
	for (unsigned six = 0; six < 2; six++) {
		bool is_there = !p->is_needed[six] || p->is_unlisted;

		for (size_t i = 0; i < p->count[six]; i++)
			is_there |= p->chains[six][i]->pub.jump != FW_JUMP_MISSING;
		if (is_there)
			continue;
		add_drift(f, FW_NO_JUMP, p->target->jail, NULL, p->target->object, six ? 6 : 4);
		add_repair(f, p->target, NULL, six ? 6 : 4);
	}
}

static void
check_ban(struct firewall *f, const struct fw_ban *b, struct place *places, size_t n)
{
	unsigned six = b->addr.family == 6;

	for (size_t i = 0; i < n; i++) {
		struct place *p = &places[i];
		bool is_there = false;

		if (p->is_unlisted || (p->target->family && p->target->family != b->addr.family) ||
		    strcmp(p->target->jail, b->jail) != 0)
			continue;
		p->is_needed[six] = true;
		for (size_t j = 0; j < p->count[six] && !is_there; j++)
			is_there = model_rule_of(p->chains[six][j], &b->addr) != SIZE_MAX;
		if (is_there)
			continue;
		add_drift(f, FW_NO_RULE, b->jail, b->id, p->target->object, b->addr.family);
		add_repair(f, p->target, b->id, b->addr.family);
	}
}

/* ---- rules without ban ---- */

static int
compare_suspects(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;
	int order = strcmp(x->chain, y->chain);

	return order ? order : addr_compare(&x->addr, &y->addr);
}

static bool
bans_somebody(const struct fw_rule *r)
{
	return r->source.family && strcmp(r->target, "RETURN") != 0 && strcmp(r->target, "ACCEPT") != 0 &&
	    strcmp(r->target, "LOG") != 0;
}

/* The jails that write to a chain may be several. */
static bool
is_wanted(const struct model_chain *c, const struct addr *source, const struct place *places, size_t n, struct wanted *wanted)
{
	unsigned six = c->pub.family == 6;

	for (size_t i = 0; i < n; i++) {
		struct wanted_key key = make_key(places[i].target->jail, source);
		struct wanted *w;

		for (size_t j = 0; j < places[i].count[six]; j++) {
			if (places[i].chains[six][j] != c)
				continue;
			HASH_FIND(hh, wanted, &key, sizeof key, w);
			if (w)
				return true;
		}
	}
	return false;
}

static void
mark_chain(struct firewall *f, struct model_chain *c, const struct place *places, size_t n_places, struct wanted *wanted,
    struct suspect **suspects, size_t *count, size_t *room)
{
	for (size_t i = 0; i < c->pub.count; i++) {
		struct fw_rule *r = &c->pub.rules[i];
		struct suspect s = { .addr = r->source };
		char text[ADDR_TEXT_MAX];

		r->mark = FW_MARK_NONE;
		if (!bans_somebody(r))
			continue;
		r->mark = is_wanted(c, &r->source, places, n_places, wanted) ? FW_MARK_BAN : FW_MARK_FOREIGN;
		if (r->mark == FW_MARK_BAN)
			continue;
		snprintf(s.chain, sizeof s.chain, "%.63s", c->pub.name);
		if (*count == *room) {
			*room = *room ? *room * 2 : 64;
			*suspects = xreallocarray(*suspects, *room, sizeof **suspects);
		}
		(*suspects)[(*count)++] = s;
		if (!f->n_suspects_before ||
		    !bsearch(&s, f->suspects_before, f->n_suspects_before, sizeof s, compare_suspects))
			continue;
		addr_format(&r->source, text);
		add_drift(f, FW_NO_BAN, c->pub.jail, text, c->pub.name, c->pub.family);
	}
}

void
firewall_compare(struct firewall *f, const struct fw_target *targets, size_t n_targets, const struct fw_ban *bans,
    size_t n_bans)
{
	struct wanted *wanted = NULL, *rooms = xcalloc(n_bans + 1, sizeof *rooms);
	struct place *places = xcalloc(n_targets + 1, sizeof *places);
	struct suspect *suspects = NULL;
	size_t n_suspects = 0, room = 0;

	arena_free(f->names);
	f->names = arena_new();
	f->drift_kept = f->drift_all = f->n_repairs = 0;
	if (!f->model)
		goto done;
	for (size_t i = 0; i < f->model->count; i++)
		f->model->chains[i]->pub.jail = NULL, f->model->chains[i]->pub.is_shared = false;
	find_places(f, targets, n_targets, places);
	for (size_t i = 0; i < n_bans; i++) {
		struct wanted *old;

		if (!bans[i].addr.family)
			continue;
		rooms[i].key = make_key(bans[i].jail, &bans[i].addr);
		HASH_FIND(hh, wanted, &rooms[i].key, sizeof rooms[i].key, old);
		if (!old)
			HASH_ADD(hh, wanted, key, sizeof rooms[i].key, &rooms[i]);
		/* what came while the kernel was listed need not be there */
		if (bans[i].since < f->model->at)
			check_ban(f, &bans[i], places, n_targets);
	}
	for (size_t i = 0; i < n_targets; i++)
		check_jumps(f, &places[i]);
	if (f->compared != f->listed) {
		free(f->suspects_before);
		f->suspects_before = f->suspects;
		f->n_suspects_before = f->n_suspects;
		f->compared = f->listed;
	} else {
		free(f->suspects);
	}
	f->suspects = NULL;
	for (size_t i = 0; i < f->model->count; i++) {
		if (firewall_is_shown(&f->model->chains[i]->pub))
			mark_chain(f, f->model->chains[i], places, n_targets, wanted, &suspects, &n_suspects, &room);
	}
	if (n_suspects)
		qsort(suspects, n_suspects, sizeof *suspects, compare_suspects);
	f->suspects = suspects;
	f->n_suspects = n_suspects;
done:
	HASH_CLEAR(hh, wanted);
	free(rooms);
	free(places);
}

/* ---- what came out ---- */

size_t
firewall_drift_count(const struct firewall *f)
{
	return f->drift_all;
}

size_t
firewall_drift_kept(const struct firewall *f)
{
	return f->drift_kept;
}

const struct fw_drift *
firewall_drift_at(const struct firewall *f, size_t i)
{
	return i < f->drift_kept ? &f->drift[i] : NULL;
}

void
firewall_repair(const struct firewall *f, const struct fw_repair_hooks *hooks)
{
	for (size_t i = 0; i < f->n_repairs; i++) {
		if (!f->repairs[i].id && hooks->start)
			hooks->start(hooks->arg, f->repairs[i].jail, f->repairs[i].object, f->repairs[i].family);
	}
	for (size_t i = 0; i < f->n_repairs; i++) {
		if (f->repairs[i].id && hooks->ban)
			hooks->ban(hooks->arg, f->repairs[i].jail, f->repairs[i].object, f->repairs[i].id);
	}
}

/* ---- the object of a command ---- */

static bool
is_name(const char *word)
{
	return *word && strcspn(word, "$<>`\"'{}();|&\\") == strlen(word) && *word != '-';
}

static bool
keep_object(const char *word, char object[256])
{
	if (!is_name(word))
		return false;
	snprintf(object, 256, "%s", word);
	return true;
}

/* The rest of one command line, after the tool's name. */
static bool
find_object(struct words *w, const char *tool, char object[256], char table[256])
{
	char word[256], family[256];

	while (words_next(w, word)) {
		if (str_ends(tool, "tables")) {
			if ((strcmp(word, "-I") == 0 || strcmp(word, "-A") == 0) && words_next(w, word))
				return keep_object(word, object);
		} else if (strcmp(tool, "ipset") == 0) {
			if (strcmp(word, "add") != 0 && strcmp(word, "--add") != 0 && strcmp(word, "-A") != 0)
				continue;
			while (words_next(w, word)) {
				if (*word != '-')
					return keep_object(word, object);
			}
		} else if (strcmp(word, "element") == 0) {
			if (!words_next(w, family) || !words_next(w, word) || !is_name(family) || !is_name(word))
				return false;
			snprintf(table, 256, "%.15s %.239s", family, word);
			return words_next(w, word) && keep_object(word, object);
		}
	}
	return false;
}

bool
firewall_target_of(const char *command, char object[256], char table[256])
{
	static const char *const tools[] = { "iptables", "ip6tables", "ipset", "nft" };
	struct words w = { command };
	char word[256];

	*table = '\0';
	while (*w.at) {
		while (words_next(&w, word)) {
			const char *slash = strrchr(word, '/'), *base = slash ? slash + 1 : word;

			for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
				if (strcmp(base, tools[i]) == 0 && find_object(&w, base, object, table))
					return true;
			}
		}
		while (*w.at == '\n')
			w.at++;
	}
	*table = '\0';
	return false;
}
