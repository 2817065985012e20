/*
 * linehead: the search of "^HEAD(?P<x>.+)$" in one line that ends with its only line feed.
 *
 * HEAD alone decides, the rest of the line is x. And if HEAD takes any digit for any other, two lines that differ in
 * digits only give the same, as far as HEAD looked. The beginnings of log lines are few, so what
 * HEAD gave for the last of them is kept.
 */
#ifndef MATCH_LINEHEAD_H
#define MATCH_LINEHEAD_H

#include "match/regex.h"

struct linehead;

/* NULL: the expression is not of that form. It is anchored, and without options. room is borrowed. */
struct linehead *linehead_new(struct regex_room *room, const char *pattern, size_t len, const struct pyregex *parsed);
void linehead_free(struct linehead *h); /* NULL is fine */
/* text is ASCII, len > 1. spans: the expression's, filled on a hit. */
enum regex_result linehead_search(struct linehead *h, const char *text, size_t len, size_t *spans);

#endif
