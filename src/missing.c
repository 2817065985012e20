/* Parts that are not landed yet: weak, so that each disappears when the real one comes. */
#include <stdlib.h>
void filter_clear(void) __attribute__((weak));
void filter_clear(void) {}
void journal_add_match(void) __attribute__((weak));
void journal_add_match(void) { abort(); }
void journal_free(void) __attribute__((weak));
void journal_free(void) {}
void journal_new(void) __attribute__((weak));
void journal_new(void) { abort(); }
void journal_start(void) __attribute__((weak));
void journal_start(void) { abort(); }
