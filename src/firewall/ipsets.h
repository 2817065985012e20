/*
 * ipsets: how many entries an ipset has, asked of the kernel itself: it tells nobody of changes to one, and a program
 * for each question would cost a hundred times as much.
 */
#ifndef FIREWALL_IPSETS_H
#define FIREWALL_IPSETS_H

#include <stdint.h>

struct ipsets;

struct ipsets *ipsets_open(void); /* NULL: the kernel or the rights do not allow it */
void ipsets_close(struct ipsets *s); /* NULL is fine */
/* The number of entries; -1: there is no such set; -2: the kernel does not say. Does not wait. */
int64_t ipsets_count(struct ipsets *s, const char *name);

#endif
