/* Parts that are not landed yet: weak, so that each disappears when the real one comes. */
#include <stdlib.h>
void action_reload_begin(void) __attribute__((weak));
void action_reload_begin(void) {}
void filter_clear(void) __attribute__((weak));
void filter_clear(void) {}
void *engine_chains(void) __attribute__((weak));
void *engine_chains(void) { extern void *json_null(void); return json_null(); }
void journal_add_match(void) __attribute__((weak));
void journal_add_match(void) { abort(); }
void journal_free(void) __attribute__((weak));
void journal_free(void) {}
void journal_new(void) __attribute__((weak));
void journal_new(void) { abort(); }
void journal_start(void) __attribute__((weak));
void journal_start(void) { abort(); }
void resolve_close(void *r, void (*done)(void *), void *arg) __attribute__((weak));
void resolve_close(void *r, void (*done)(void *), void *arg) { (void)r; done(arg); }
void resolve_flush(void) __attribute__((weak));
void resolve_flush(void) {}
void resolve_name(void) __attribute__((weak));
void resolve_name(void) {}
void *resolve_new(void) __attribute__((weak));
void *resolve_new(void) { return NULL; }
void resolve_ptr(void) __attribute__((weak));
void resolve_ptr(void) {}
