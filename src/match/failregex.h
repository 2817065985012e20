/*
 * failregex: an expression as a filter writes it, with <HOST>, <ADDR>, <F-USER>…</F-USER>,
 * <SKIPLINES>, -> the plain Python expression that it stands for.
 *
 * The expanded text is what fail2ban shows (`get JAIL failregex`), to the byte.
 */
#ifndef MATCH_FAILREGEX_H
#define MATCH_FAILREGEX_H

#include <stdbool.h>

#include "match/mapped.h"

/* with_names: <HOST> also takes host names (usedns other than "no"). */
void failregex_expand(const char *source, bool with_names, struct mapped *out);

/* compat: mapTag2Opt; the name of a group that a tag or an alternative feeds: "ID" -> "fid", "USER" -> "user". */
char *failregex_group_name(const char *tag, size_t len);

#endif
