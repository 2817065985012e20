/*
 * checks: mistakes that fail2ban takes without a word: unknown options and sections, values of the wrong
 * kind. Warnings only: what the files mean stays the same.
 */
#ifndef CONFIG_CHECKS_H
#define CONFIG_CHECKS_H

#include "config/ini.h"
#include "config/opts.h"
#include "config/tree.h"
#include "options.h"

void checks_main(struct tree *t, const struct ini *ini);
/* [DEFAULT] and the section names of jail.conf, once. */
void checks_jails(struct tree *t, const struct ini *jails);
/* A jail that is used, with what was fetched. */
void checks_jail(struct tree *t, const struct ini *jails, const struct ini_section *own, const struct opts *options);
/* A filter or action; each file once. */
void checks_definition(struct tree *t, const struct ini *ini, const struct option_row *rows);

#endif
