/*
 * wire: the JSON-lines protocol between the engine and its clients (the live screen, --json).
 *
 * Each message is one JSON object on one line of UTF-8, ended by LF. The same socket speaks
 * fail2ban's pickles: the first byte of a connection decides ('{': JSON lines).
 * Times are seconds since the epoch (real), durations seconds, -1: for ever. Unknown keys are ignored.
 *
 * CLIENT -> ENGINE (each has an "id", an integer that the answer repeats)
 *   {"id":1,"hello":{"protocol":1,"client":"top","own":["198.51.100.7"]}}
 *       own: the operator's addresses, PROTECTED while this connection lives.
 *       -> {"id":1,"ok":true,"value":{"protocol":1,"version":"0.1.0","pid":4711,"uid":0,"write":true}}
 *   {"id":2,"command":["set","sshd","unbanip","203.0.113.7"]}
 *       fail2ban's words, and jailtop's additions (below).
 *       -> {"id":2,"ok":true,"value":1}
 *       -> {"id":2,"ok":false,"error":"Sorry but …","class":"UnknownJailException"}
 *   {"id":3,"subscribe":true}
 *       -> {"id":3,"ok":true,"value":null}, then a snapshot, then events for as long as it lasts.
 *
 * Commands beyond fail2ban's:
 *   set JAIL banip [--time S | --until T] IP...   a ban with its own length or end (-1: for ever)
 *   set JAIL addignoreip [--for S] IP...          with an end; "set JAIL delignoreip IP" takes it back
 *   set all addignoreip|delignoreip [--for S] IP  in every jail
 *   get JAIL lines [N [raw]] the last N raw lines read for the jail, oldest first (list of strings; with the word raw
 *                            those that have U+FFFD are {"text","raw"})
 *   get host IP              all that is known of one address: see HOST DETAIL
 *   repair [IP]              put missing rules back
 *   set hold S|off           for S seconds failures are counted and ban nobody
 *   set delrule 4|6 CHAIN TEXT   deletes a rule that no ban asks for: TEXT as CHAINS has it
 *   get|set amend ignoreip [--remove] IP | failregex JAIL N REGEX | enable JAIL
 *                            a change of jail.d/zz-jailtop.local or filter.d/NAME.local: get shows
 *                            {"path","before","after"}, set writes it (the old file stays as NAME~)
 *   get completions WORD... PART   the words that may stand for PART
 *   stop --keep-bans         end the engine, leave the rules in the kernel
 *
 * SNAPSHOT: a group of messages that replaces all the client knew:
 *   {"snapshot":{"seq":N,"now":T,"engine":ENGINE,"stats":STATS,"jails":[JAIL…],"white":[WHITE…],
 *                "chains":CHAINS|null,"log":[EVENT…]}}      log: the recent found/ban/unban… events
 *   {"bans":[BAN…]}    any number of these, at most WIRE_CHUNK rows each
 *   {"hosts":[HOST…]}  likewise
 *   {"snapshot_end":{"seq":N}}    only now the client shows it
 * A client that reads too slowly loses events: {"resync":{"dropped":N}} and a new snapshot follow.
 *
 * A line is UTF-8; where the log has bytes that are none it has U+FFFD, and "raw" beside it tells for each U+FFFD, in
 * turn, what the log has, in hex: "raw":["9b","fe"].
 *
 * EVENTS {"ev":NAME,"seq":N,"t":T,…}: seq grows by one with each; names and fields in event.h.
 *
 * ENGINE {"version","pid","host","started":T,"mode":"live"|"dry-run","why":"not root",
 *         "state":"starting"|"ok"|"stopping","jails_ready":n,"jails_all":n,"config":"/etc/fail2ban",
 *         "owned":bool (started by a jailtop screen, so that leaving may stop it),"config_notes":n,
 *         "hold":T until when no failure bans, 0: no hold}
 * STATS  {"lines":n,"lines_s":x,"matched":n,"found":n,"found_sent":n,"fail_min":n,
 *         "spark":[n…] failures per 10 s, oldest first,"bans":n,"bans_min":n,"unbans_min":n,
 *         "queue":n commands waiting,"fw":"ok"|"fail","fw_fails":n,"fw_error":"…","logs_ok":n,"logs_all":n,
 *         "drift":n,"lag":seconds behind the logs,"limit":n,"white":n,"db":"ok"|"off"|"fail","db_error":"…"}
 * JAIL   {"name","state":"on"|"starting"|"idle"|"error","why","backend","fail_now":n,"fail_total":n,
 *         "fail_min":n,"ban_now":n,"ban_total":n,"maxretry":n,"findtime":s,"bantime":s,
 *         "lines":n,"matched":n,"missed":n,"ignored":n,"limit":n,"no_date":n,"spark":[n…] failures per minute,
 *         "files":[{"path","state":"ok"|"missing"|"denied"|"error","size":n,"pos":n,"last_line":T,
 *                   "rotated":T,"retry":s,"error":"…"}…],
 *         "actions":[name…],"failregex":[as written…],"ignoreregex":[…],"prefregex":"…","maxlines":n,
 *         "datepattern":"…"|null}
 * BAN    {"jail","id","ip","since":T,"until":T|-1,"bantime":s,"count":n bans of it so far,"fails":n,
 *         "flags":"RM" (R repeat, M by hand),"rule":"ok"|"wait"|"fail"|"none"|"dry","hits":n packets,"restored":bool}
 * HOST   {"ip","jail" of the last failure,"fail":n counted now,"max":maxretry,"min":n per minute,
 *         "total":n,"first":T,"last":T}
 * WHITE  {"ip","jail":name|"all","until":T|-1}    only what was added while running
 * CHAINS {"t":T,"ms":n the listing took,"every":s,"error":"…"|null,
 *         "chains":[{"name","family":4|6,"rules":n,"pkts":n,"bytes":n,"jail":name|null,"from":"INPUT tcp 22"|null,
 *                    "jump":"ok"|"missing"|"shadowed",
 *                    "items":[{"n":1,"pkts":n,"bytes":n,"target":"REJECT","source":"203.0.113.44",
 *                              "ban":"yes"|"no"|"-","text":"-A …"}…],"cut":n items left out}…],
 *         "policy":[{"chain":"INPUT","family":4,"policy":"ACCEPT"}…],
 *         "drift":[{"kind":"no-rule"|"no-ban"|"no-jump","jail","ip","chain"}…]}
 *
 * HOST DETAIL {"ip","own":bool,"white":WHITE|null,
 *   "bans":[BAN + {"maxretry":n,"findtime":s,"failregex":n,"regex":"as written","span":s first to last failure,
 *            "lines":[{"t":T,"text":"…","raw"?}…],"outcomes":[{"action","phase","ok":bool,"exit":n,"ms":x,"command","output"}…]}…],
 *   "fails":[{"jail","count":n,"max":n,"first":T,"last":T,"lines":[…],"failregex":n}…],
 *   "history":[{"jail","t":T,"bantime":s}…] bans before this one, oldest first,
 *   "users":[{"name","raw"?,"count":n}…], "rule":[{"jail","chain","n" from 1,"target","pkts","bytes"}…]}
 */
#ifndef JAILTOP_WIRE_H
#define JAILTOP_WIRE_H

#define WIRE_PROTOCOL 1
#define WIRE_MAX_REQUEST (256 * 1024)   /* bytes of one line from a client; longer: the connection ends */
#define WIRE_MAX_MESSAGE (4 * 1024 * 1024) /* bytes of one line from the engine */
#define WIRE_CHUNK 200                  /* rows per bans/hosts message */
#define WIRE_QUEUE_BYTES (2 * 1024 * 1024) /* queued to one client before events are dropped and it is resynced */
#define WIRE_MAX_CLIENTS 64

#endif
