/*
 * pickle_scalar: what a pickle's opcodes carry with them: numbers, lines, texts in their many forms. Each verb
 * takes it from the input; those called push put it on the stack. False with r->err at the end of the input.
 */
#ifndef SERVER_PICKLE_SCALAR_H
#define SERVER_PICKLE_SCALAR_H

#include "server/pickle_stack.h"

bool pickle_truncated(struct pickle_reader *r);
bool pickle_take_number(struct pickle_reader *r, size_t n, uint64_t *number);
bool pickle_take_line(struct pickle_reader *r, struct slice *line);
bool pickle_push_raw_unicode(struct pickle_reader *r);
bool pickle_push_quoted(struct pickle_reader *r);
bool pickle_push_sized(struct pickle_reader *r, size_t width, bool is_unicode);
bool pickle_take_line_number(struct pickle_reader *r, uint64_t *number);
bool pickle_push_long(struct pickle_reader *r, size_t width);
bool pickle_push_decimal(struct pickle_reader *r, bool is_long);
bool pickle_push_float_text(struct pickle_reader *r);
bool pickle_push_binfloat(struct pickle_reader *r);

#endif
