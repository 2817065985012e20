/*
 * complete: what may stand next in a command that is being typed, from the table of commands.
 * Knows nothing of terminals.
 */
#ifndef COMMAND_COMPLETE_H
#define COMMAND_COMPLETE_H

#include "base/value.h"

/*
 * The words that begin with `part` and may follow the words `before`; `jails` are the names known.
 * A list of strings in order, each once. The caller frees.
 */
struct value *complete_words(const struct value *before, const char *part, const struct value *jails);

/* What all the candidates begin with. The caller frees. */
char *complete_common(const struct value *candidates);

#endif
