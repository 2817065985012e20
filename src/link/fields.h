/*
 * fields: reading JSON objects whose shape is not trusted: a missing field or one of another type is "" or 0.
 */
#ifndef LINK_FIELDS_H
#define LINK_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

const char *field_text(const json_t *object, const char *key); /* "" unless it is a string; never NULL */
char *field_dup(const json_t *object, const char *key);        /* the caller frees */
double field_real(const json_t *object, const char *key);      /* 0 unless it is a finite number */
int64_t field_int(const json_t *object, const char *key);
bool field_bool(const json_t *object, const char *key);
char **fields_words(const json_t *object, const char *key);    /* NULL-terminated; never NULL */
void fields_words_free(char **words);

#endif
