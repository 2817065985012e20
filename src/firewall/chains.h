/*
 * chains: the firewall as the kernel has it, and how it differs from the bans.
 *
 * firewall_refresh() runs the listing tools as children (iptables-save -c, ip6tables-save -c, `ipset save`
 * of the sets that rules refer to, `nft -j list` of fail2ban's tables) and builds a new model; it never
 * blocks. firewall_compare() then marks each rule and finds the drift. The caller decides when: a listing
 * takes 0.5 s and more above 50,000 rules, so no more often than firewall_pause() says.
 *
 * What is read is capped: a listing of more than FIREWALL_OUTPUT_MAX is refused (the old model stays, with
 * an error), FIREWALL_SETS_MAX sets are read, the drift keeps FIREWALL_DRIFT_MAX entries and counts all.
 */
#ifndef FIREWALL_CHAINS_H
#define FIREWALL_CHAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/value.h"

#define FIREWALL_OUTPUT_MAX (32 * 1024 * 1024)
#define FIREWALL_SETS_MAX 128
#define FIREWALL_TABLES_MAX 16
#define FIREWALL_DRIFT_MAX 1000
#define FIREWALL_ITEMS_MAX 500        /* rules of one chain on the wire; the rest is counted as "cut" */
#define FIREWALL_ITEMS_TOTAL_MAX 8000 /* … and of all chains together */
#define FIREWALL_TIMEOUT_S 20.0       /* one tool */

struct firewall;

enum fw_kind {
	FW_CHAIN,   /* an iptables chain */
	FW_IPSET,   /* an ipset; its members are the rules */
	FW_NFT_SET, /* an nftables set; likewise */
};

enum fw_jump { FW_JUMP_OK, FW_JUMP_MISSING, FW_JUMP_SHADOWED };

enum fw_mark {
	FW_MARK_NONE,   /* no ban's rule: no source, RETURN, a built-in chain */
	FW_MARK_BAN,    /* the rule of a ban */
	FW_MARK_FOREIGN /* bans an address that no jail has banned */
};

struct fw_rule {
	uint64_t pkts, bytes;
	struct addr source; /* family 0: none, or negated */
	const char *target; /* "REJECT"; "" when the rule has none */
	const char *text;   /* "-A f2b-sshd -s …", as the tool wrote it: raw */
	enum fw_mark mark;
};

struct fw_chain {
	enum fw_kind kind;
	uint8_t family;        /* 4 or 6 */
	const char *table;     /* "filter", "f2b-table", "" for an ipset */
	const char *name;
	const char *policy;    /* of a built-in chain: "ACCEPT"; NULL for all others */
	struct fw_rule *rules;
	size_t count;
	uint64_t pkts, bytes;  /* of all rules; of a set: of the rules that use it */
	enum fw_jump jump;     /* of a chain or set that no built-in chain leads to: missing */
	const char *from;      /* "INPUT tcp 22"; NULL when nothing leads here */
	unsigned position;     /* of the jump in its chain, from 1; 0: none, or an nftables set */
	const char *shadow;    /* the earlier rule that accepts the same traffic, or NULL */
	const char *jail;      /* set by firewall_compare() */
	bool is_shared;        /* other jails write to it, too */
};

enum fw_drift_kind {
	FW_NO_RULE, /* a ban without its rule */
	FW_NO_BAN,  /* a rule without a ban, seen in two listings one after the other */
	FW_NO_JUMP, /* nothing leads to the chain (it may be gone altogether) */
};

struct fw_drift {
	enum fw_drift_kind kind;
	const char *jail;  /* NULL: not known (FW_NO_BAN in a chain of nobody's) */
	const char *id;    /* the ticket's; of FW_NO_BAN the address; NULL for FW_NO_JUMP */
	const char *chain; /* where it is, or should be */
	uint8_t family;
};

/* What one action of a jail writes to: compare() expects each ban of the jail there. Borrowed. */
struct fw_target {
	const char *jail;
	const char *object;  /* "f2b-sshd"; also found as set f2b-sshd6, addr-set-sshd, addr6-set-sshd */
	const char *table;   /* nftables: "inet f2b-table"; "": not of nftables; NULL: anything that is listed */
	uint8_t family;      /* 4 or 6: only its bans; 0: all */
	bool started4, started6; /* actionstart has run for the family: the jump must be there */
};

struct fw_ban {
	const char *jail;
	const char *id;
	struct addr addr;
	double since; /* clock_now() when its action had succeeded; later than the listing: not looked for */
};

struct firewall_hooks {
	void (*refreshed)(void *arg); /* a listing ended, well or not; the model may be new */
	void *arg;
};

struct firewall *firewall_new(uv_loop_t *loop, const struct clock *clock, const struct firewall_hooks *hooks);
void firewall_close(struct firewall *f, void (*done)(void *arg), void *arg); /* kills what runs; frees f */

/* False while a listing is under way (it will be reported). */
bool firewall_refresh(struct firewall *f);
bool firewall_is_listed(const struct firewall *f);       /* there is a model */
const char *firewall_error(const struct firewall *f);    /* of the last listing: the tool and its stderr; NULL: none */
double firewall_listed_at(const struct firewall *f);     /* clock_now() when the model's listing began */
double firewall_ms(const struct firewall *f);            /* how long the last listing took, all tools */
double firewall_pause(const struct firewall *f, double wish_s); /* seconds to wait so that at most 5 % of the time is listing */

size_t firewall_count(const struct firewall *f);
const struct fw_chain *firewall_at(const struct firewall *f, size_t i);
const struct fw_chain *firewall_find(const struct firewall *f, enum fw_kind kind, uint8_t family, const char *name);
/* The rule that bans addr for the jail (after compare), and its chain and place; NULL: none. */
const struct fw_rule *firewall_rule(const struct firewall *f, const char *jail, const struct addr *addr,
    const struct fw_chain **chain, size_t *place);

/* ---- drift ---- */
/*
 * Marks the rules, names the jails of the chains, finds the drift. Call it in refreshed() when there is no
 * error. The jump of a target is expected in the families that were started, or that have a ban.
 */
void firewall_compare(struct firewall *f, const struct fw_target *targets, size_t n_targets,
    const struct fw_ban *bans, size_t n_bans);
size_t firewall_drift_count(const struct firewall *f); /* all */
size_t firewall_drift_kept(const struct firewall *f);  /* those that can be looked at */
const struct fw_drift *firewall_drift_at(const struct firewall *f, size_t i);
/*
 * What would repair it: first start(jail, object, family) for each target whose chain or jump is gone (run
 * actionstart), then ban(jail, object, id) for every ban without rule there (all, beyond FIREWALL_DRIFT_MAX too).
 */
struct fw_repair_hooks {
	void (*start)(void *arg, const char *jail, const char *object, uint8_t family);
	void (*ban)(void *arg, const char *jail, const char *object, const char *id);
	void *arg;
};
void firewall_repair(const struct firewall *f, const struct fw_repair_hooks *hooks);

/*
 * The object that a ban command writes to: "f2b-sshd" of `iptables -w -I f2b-sshd 1 -s …`; false: none known.
 * table: "inet f2b-table" of nft's, else "".
 */
bool firewall_target_of(const char *command, char object[256], char table[256]);

/* The CHAINS object of include/jailtop/wire.h. every: the period that the caller keeps, seconds. */
struct value *firewall_value(const struct firewall *f, double every);

#endif
