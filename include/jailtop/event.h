/*
 * event: what the engine tells: the names on the wire, in the history and in tests.
 * All also carry "ev", "seq" and "t" (wire.h).
 */
#ifndef JAILTOP_EVENT_H
#define JAILTOP_EVENT_H

/*      symbol          name        fields */
#define EVENT_TABLE(X)                                                                                  \
	/* a failure was counted. verdict: "counted", "ban" (this one decides), "own" (PROTECTED, counted, not banned), "held" (enough, but banning is on hold),
	 * "ignored" (why: "ip", "self", "dns", "command", "cache"), "invalid" (no real address). Sampled in a flood: see stats. */ \
	X(EVENT_FOUND, "found")       /* jail, ip, id, n, max, regex (1-based), line, raw?, user?, verdict, why? */ \
	X(EVENT_BAN, "ban")           /* BAN fields; dry: bool */                                      \
	X(EVENT_UNBAN, "unban")       /* jail, ip, id, why: "expired" "command" "whitelist" "stop", left: s */ \
	X(EVENT_PROLONG, "prolong")   /* BAN fields */                                                  \
	X(EVENT_ACTION, "action")     /* jail, action, phase, ip|null, ok, dry, exit, timeout, ms, tries, command, output; rule: new state */ \
	X(EVENT_JAIL, "jail")         /* JAIL fields: changed or new */                                 \
	X(EVENT_JAIL_GONE, "jail_gone") /* name */                                                      \
	X(EVENT_FILE, "file")         /* jail, path, state, error, retry, rotated */                    \
	X(EVENT_HOSTS, "hosts")       /* items: [HOST…] changed rows, gone: [ip…] */                    \
	X(EVENT_STATS, "stats")       /* STATS fields, at most 4 a second, at least one every 2 s */    \
	X(EVENT_CHAINS, "chains")     /* CHAINS fields */                                               \
	X(EVENT_WHITE, "white")       /* WHITE fields; gone: bool */                                    \
	X(EVENT_RULES, "rules")       /* items: [{jail, id, rule, hits}…]: what the kernel shows of bans, changed rows */ \
	X(EVENT_REPAIR, "repair")     /* what, jail?, ip?, count */                                     \
	X(EVENT_ENGINE, "engine")     /* ENGINE fields */                                               \
	X(EVENT_NOTICE, "notice")     /* level: "info" "warning" "error", text */

enum event_kind {
#define X(symbol, name) symbol,
	EVENT_TABLE(X)
#undef X
	EVENT_KINDS,
};

#endif
