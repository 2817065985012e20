/*
 * mirror_rows: bans and hosts: rows in slots that stay, found by name through a hash.
 */
#include "link/mirror_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "link/fields.h"

static uint32_t
slot_take(void ***slots, size_t *used, size_t *room, uint32_t *free_slots, size_t *n_free)
{
	if (*n_free > 0)
		return free_slots[--*n_free];
	if (*used == *room) {
		*room = *room == 0 ? 64 : *room * 2;
		*slots = xreallocarray(*slots, *room, sizeof **slots);
	}
	return (uint32_t)(*used)++;
}

static void
slot_give(uint32_t slot, uint32_t **free_slots, size_t *n_free, size_t *room)
{
	if (*n_free == *room) {
		*room = *room == 0 ? 64 : *room * 2;
		*free_slots = xreallocarray(*free_slots, *room, sizeof **free_slots);
	}
	(*free_slots)[(*n_free)++] = slot;
}

struct ban_node *
rows_ban_find(const struct holder *h, const char *jail, const char *id)
{
	size_t jail_len = strlen(jail), id_len = strlen(id);
	struct ban_node *node;
	char small[256], *key = small;

	if (jail_len + id_len + 2 > sizeof small)
		key = xmalloc(jail_len + id_len + 2);
	memcpy(key, jail, jail_len);
	key[jail_len] = '\n';
	memcpy(key + jail_len + 1, id, id_len + 1);
	HASH_FIND(hh, ((struct holder *)(uintptr_t)h)->ban_index, key, jail_len + 1 + id_len, node);
	if (key != small)
		free(key);
	return node;
}

static uint8_t
rule_of(const char *name)
{
	return strcmp(name, "ok") == 0 ? VIEW_RULE_OK
	    : strcmp(name, "fail") == 0 ? VIEW_RULE_FAIL
	    : strcmp(name, "none") == 0 ? VIEW_RULE_NONE
	    : strcmp(name, "dry") == 0 ? VIEW_RULE_DRY : VIEW_RULE_WAIT;
}

void
rows_ban_put(struct holder *h, const json_t *j)
{
	struct view *v = &h->view;
	const char *jail = field_text(j, "jail"), *id = field_text(j, "id"), *ip = field_text(j, "ip");
	if (*id == '\0')
		id = ip;
	if (*jail == '\0' || *id == '\0' || strlen(id) > VIEW_LINE_MAX || strlen(jail) > VIEW_LINE_MAX)
		return;

	struct ban_node *node = rows_ban_find(h, jail, id);
	if (node == NULL) {
		if (v->n_bans >= VIEW_BANS_MAX) {
			v->bans_over++;
			return;
		}
		node = xcalloc(1, sizeof *node);
		struct view_ban *b = &node->ban;
		size_t jail_len = strlen(jail), id_len = strlen(id), ip_len = strlen(ip);
		bool is_same = strcmp(ip, id) == 0;
		/* one allocation: key, then jail, then ip when it differs from id */
		b->key = xmalloc(jail_len + 1 + id_len + 1 + jail_len + 1 + (is_same ? 0 : ip_len + 1));
		memcpy(b->key, jail, jail_len);
		b->key[jail_len] = '\n';
		memcpy(b->key + jail_len + 1, id, id_len + 1);
		char *rest = b->key + jail_len + 1 + id_len + 1;
		memcpy(rest, jail, jail_len + 1);
		b->jail = rest;
		b->id = b->key + jail_len + 1;
		b->ip = b->id;
		if (!is_same) {
			memcpy(rest + jail_len + 1, ip, ip_len + 1);
			b->ip = rest + jail_len + 1;
		}
		if (!addr_parse(b->ip, &b->addr))
			b->addr.family = 0;
		b->slot = slot_take((void ***)&v->bans, &v->n_ban_slots, &h->slots_bans, h->free_bans, &h->n_free_bans);
		b->serial = ++*h->serials;
		v->bans[b->slot] = b;
		v->n_bans++;
		HASH_ADD_KEYPTR(hh, h->ban_index, b->key, jail_len + 1 + id_len, node);
	}
	struct view_ban *b = &node->ban;
	const char *flags = field_text(j, "flags");
	b->since = field_real(j, "since");
	b->until = field_real(j, "until");
	b->bantime = field_real(j, "bantime");
	b->count = (int)field_int(j, "count");
	b->fails = (int)field_int(j, "fails");
	b->hits = field_int(j, "hits");
	b->rule = rule_of(field_text(j, "rule"));
	b->is_repeat = strchr(flags, 'R') != NULL;
	b->is_manual = strchr(flags, 'M') != NULL;
	b->is_restored = field_bool(j, "restored");
	v->generation[VIEW_BANS]++;
}

void
rows_ban_drop(struct holder *h, struct ban_node *node)
{
	struct view *v = &h->view;

	HASH_DEL(h->ban_index, node);
	v->bans[node->ban.slot] = NULL;
	v->n_bans--;
	slot_give(node->ban.slot, &h->free_bans, &h->n_free_bans, &h->room_bans);
	free(node->ban.key);
	free(node);
	v->generation[VIEW_BANS]++;
}

void
rows_host_put(struct holder *h, const json_t *j)
{
	struct view *v = &h->view;
	const char *ip = field_text(j, "ip"), *jail = field_text(j, "jail");
	struct host_node *node;

	if (*ip == '\0' || strlen(ip) > VIEW_LINE_MAX || strlen(jail) > VIEW_LINE_MAX)
		return;
	HASH_FIND_STR(h->host_index, ip, node);
	if (node == NULL) {
		if (v->n_hosts >= VIEW_HOSTS_MAX) {
			v->hosts_over++;
			return;
		}
		node = xcalloc(1, sizeof *node);
		node->host.ip = xstrdup(ip);
		if (!addr_parse(ip, &node->host.addr))
			node->host.addr.family = 0;
		node->host.slot = slot_take((void ***)&v->hosts, &v->n_host_slots, &h->slots_hosts, h->free_hosts, &h->n_free_hosts);
		node->host.serial = ++*h->serials;
		v->hosts[node->host.slot] = &node->host;
		v->n_hosts++;
		HASH_ADD_KEYPTR(hh, h->host_index, node->host.ip, strlen(node->host.ip), node);
	}
	struct view_host *host = &node->host;
	if (host->jail == NULL || strcmp(host->jail, jail) != 0) {
		free(host->jail);
		host->jail = xstrdup(jail);
	}
	host->fail = (int)field_int(j, "fail");
	host->max = (int)field_int(j, "max");
	host->per_min = (int)field_int(j, "min");
	host->total = field_int(j, "total");
	host->first = field_real(j, "first");
	host->last = field_real(j, "last");
	v->generation[VIEW_HOSTS]++;
}

void
rows_host_drop(struct holder *h, const char *ip)
{
	struct view *v = &h->view;
	struct host_node *node;

	HASH_FIND_STR(h->host_index, ip, node);
	if (node == NULL)
		return;
	HASH_DEL(h->host_index, node);
	v->hosts[node->host.slot] = NULL;
	v->n_hosts--;
	slot_give(node->host.slot, &h->free_hosts, &h->n_free_hosts, &h->room_hosts);
	free(node->host.ip);
	free(node->host.jail);
	free(node);
	v->generation[VIEW_HOSTS]++;
}

void
rows_rule(struct holder *h, const json_t *j)
{
	const char *rule = field_text(j, "rule"), *jail = field_text(j, "jail");
	const char *id = field_text(j, *field_text(j, "id") != '\0' ? "id" : "ip");

	if (*rule == '\0')
		return;
	struct ban_node *node = rows_ban_find(h, jail, id);
	if (node == NULL)
		return;
	node->ban.rule = rule_of(rule);
	h->view.generation[VIEW_BANS]++;
}

/* What the kernel shows of bans. */
void
rows_rules(struct holder *h, const json_t *j)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(j, "items"), i, row) {
		struct ban_node *node = rows_ban_find(h, field_text(row, "jail"), field_text(row, "id"));
		if (node == NULL)
			continue;
		if (*field_text(row, "rule") != '\0')
			node->ban.rule = rule_of(field_text(row, "rule"));
		if (json_object_get(row, "hits") != NULL)
			node->ban.hits = field_int(row, "hits");
		h->view.generation[VIEW_BANS]++;
	}
}

const struct view_ban *
view_ban(const struct view *v, const char *jail, const char *id)
{
	struct ban_node *node = rows_ban_find((const struct holder *)v, jail, id);

	return node != NULL ? &node->ban : NULL;
}

const struct view_host *
view_host(const struct view *v, const char *ip)
{
	struct host_node *node;

	HASH_FIND_STR(((const struct holder *)v)->host_index, ip, node);
	return node != NULL ? &node->host : NULL;
}

const struct view_ban *
view_ban_next(const struct view *v, const char *ip, size_t *jail)
{
	while (*jail < v->n_jails) {
		const struct view_ban *b = view_ban(v, v->jails[(*jail)++]->name, ip);
		if (b != NULL)
			return b;
	}
	return NULL;
}
