/*
 * describe: the engine's objects as the JSON of include/jailtop/wire.h. Read-only.
 * Each returns a new reference that the caller owns.
 */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include <jansson.h>

#include "ticket.h"

struct engine;
struct jail;
struct ban;
struct jail_log;

#define DESCRIBE_LINE_MAX 2048 /* bytes of a log line in an event; longer ones are cut */

json_t *describe_text(const char *text);
void describe_line(json_t *o, const char *name, const struct ticket_match *m); /* without the date text, trimmed; sets "raw", too */
json_t *describe_engine(const struct engine *e);
json_t *describe_stats(struct engine *e);
json_t *describe_jail(struct jail *j);
json_t *describe_ban(const struct jail *j, const struct ban *ban);
json_t *describe_file(const struct jail *j, const struct jail_log *log);
json_t *describe_white(const struct engine *e);                     /* array of WHITE */
json_t *describe_host(const struct engine *e, const char *ip);      /* HOST DETAIL */

#endif
