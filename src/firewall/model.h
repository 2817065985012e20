/*
 * model: the insides of firewall/: one listing's chains, sets and rules, built by the readers.
 *
 * Texts lie in the listings themselves, which the state keeps (a rule's text is not copied). Nothing here
 * runs programs or knows bans.
 */
#ifndef FIREWALL_MODEL_H
#define FIREWALL_MODEL_H

#include <uthash.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "firewall/chains.h"

#define MODEL_KEY_MAX 512

struct model_chain {
	struct fw_chain pub;   /* first: firewall_at() hands it out */
	size_t room;           /* of pub.rules */
	uint32_t *by_source;   /* owned, made on demand: places of rules with a source, sorted by it */
	size_t n_by_source;
	bool is_reached;       /* a built-in chain leads here */
	char *key;             /* in the arena */
	UT_hash_handle hh;
};

struct model {
	struct arena *arena;
	char **texts; /* owned: the listings */
	size_t n_texts;
	struct model_chain *by_key;
	struct model_chain **chains; /* owned array, in the order of the listing */
	size_t count, room;
	double at; /* clock_now() when the listing began */
};

struct model *model_new(void);
void model_free(struct model *m);
char *model_keep(struct model *m, const char *bytes, size_t len); /* a copy that lives with the model */
struct model_chain *model_chain(struct model *m, enum fw_kind kind, uint8_t family, const char *table,
    const char *name); /* found, or new */
struct model_chain *model_find(const struct model *m, enum fw_kind kind, uint8_t family, const char *table,
    const char *name); /* table NULL: in any */
struct fw_rule *model_add(struct model_chain *c);
/* The first rule for the address at or after place `from` of by_source; the rule's place, or SIZE_MAX. */
size_t model_rule_of(struct model_chain *c, const struct addr *source);

/* ---- words of a rule ---- */
struct words {
	const char *at;
};
/* The next word without its quotes; false at the end. Words of more than 255 bytes are cut. */
bool words_next(struct words *w, char word[256]);

/* ---- readers: text is writable, ends with NUL and lives as long as the model ---- */
bool rules_read(struct model *m, uint8_t family, char *text, struct err *err); /* iptables-save -c */
bool sets_read_ipset(struct model *m, char *text, struct err *err);            /* ipset save */
bool sets_read_nft(struct model *m, const char *text, size_t len, struct err *err); /* nft -j list table */
size_t sets_tables(const char *text, size_t len, char names[][256], size_t room);   /* nft -j list tables */
/* Names of the ipsets that rules match the source against. */
size_t rules_sets(const struct model *m, const char **names, size_t room);

/* ---- jumps.c ---- */
void jumps_find(struct model *m); /* from, position, jump, shadow of every chain and ipset */

#endif
