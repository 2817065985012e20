/*
 * batch: `jailtop --batch` (the state as text, once) and `--json` (the engine's messages as they come).
 */
#ifndef UI_BATCH_H
#define UI_BATCH_H

#include <stdbool.h>

#include "jailtop/attach.h"

/* Takes the attach (NULL with a replay). Returns the exit code. */
int batch_run(struct attach *attach, const char *replay, bool is_json);

#endif
