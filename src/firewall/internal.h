/*
 * internal: struct firewall, shared by the files of this folder.
 */
#ifndef FIREWALL_INTERNAL_H
#define FIREWALL_INTERNAL_H

#include "base/child.h"
#include "base/err.h"
#include "base/str.h"
#include "firewall/model.h"

/* A rule that bans somebody whom nobody banned; reported when two listings in a row show it. */
struct suspect {
	char chain[64];
	struct addr addr;
};

struct firewall {
	uv_loop_t *loop;
	const struct clock *clock;
	struct firewall_hooks hooks;
	struct model *model; /* the last good listing, NULL before the first */

	/* the listing under way */
	struct child *child;
	struct model *next;
	const char *const *argv; /* of the tool that runs */
	char words[4][300];      /* what argv points at when it is not static */
	const char *argv_room[8];
	unsigned step, sub;
	const char *sets[FIREWALL_SETS_MAX];
	size_t n_sets;
	char tables[FIREWALL_TABLES_MAX][256]; /* "inet f2b-table": nftables' that are listed */
	size_t n_tables;
	bool has_any;        /* one of the tools was there */
	bool tried_sbin;
	unsigned listings;   /* since the start */
	unsigned listed;     /* … that went well */
	bool uses_nft, next_uses_nft;
	uint64_t started_ns;
	double ms;
	struct str error;    /* of the last listing; empty: none */
	struct str next_error;

	/* what compare() found */
	struct arena *names; /* texts of the drift */
	struct fw_drift drift[FIREWALL_DRIFT_MAX];
	size_t drift_kept, drift_all;
	struct repair *repairs; /* owned array, texts in names: all of them */
	size_t n_repairs, repairs_room;
	struct suspect *suspects, *suspects_before; /* owned, sorted: of this listing, of the one before */
	size_t n_suspects, n_suspects_before;
	unsigned compared; /* the listing that suspects are of */

	void (*closed)(void *arg);
	void *closed_arg;
	bool is_closing;
};

struct repair {
	const char *jail, *id; /* id NULL: start */
	const char *object;    /* where it is missed */
	uint8_t family;
};

bool firewall_add_table(struct firewall *f, const char *table); /* true: it is new */
bool firewall_is_shown(const struct fw_chain *c); /* fail2ban's, by its name or as a jail's */

#endif
