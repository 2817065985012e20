/*
 * delrule: takes a rule out of the kernel that bans somebody whom no jail has banned, as the operator asks.
 */
#ifndef DELRULE_H
#define DELRULE_H

#include <stdbool.h>

#include "base/err.h"

struct engine;
struct firewall;

/* The rule must stand in the listing with exactly this text. The outcome is told as a notice. */
bool delrule_run(struct engine *e, const struct firewall *f, int family, const char *chain, const char *text, struct err *err);

#endif
