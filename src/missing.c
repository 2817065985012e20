/* Parts that are not landed yet: weak, so that each disappears when the real one comes. */
#include <stdlib.h>
void action_ban(void) __attribute__((weak));
void
action_ban(void)
{
	abort();
}
void action_check(void) __attribute__((weak));
void
action_check(void)
{
	abort();
}
void action_flush(void) __attribute__((weak));
void
action_flush(void)
{
	abort();
}
void action_free(void) __attribute__((weak));
void
action_free(void)
{
	abort();
}
void action_get(void) __attribute__((weak));
void
action_get(void)
{
	abort();
}
void action_has_flush(void) __attribute__((weak));
void
action_has_flush(void)
{
	abort();
}
void action_name(void) __attribute__((weak));
void
action_name(void)
{
	abort();
}
void action_new(void) __attribute__((weak));
void
action_new(void)
{
	abort();
}
void action_phase_name(void) __attribute__((weak));
void
action_phase_name(void)
{
	abort();
}
void action_prolong(void) __attribute__((weak));
void
action_prolong(void)
{
	abort();
}
void action_properties(void) __attribute__((weak));
void
action_properties(void)
{
	abort();
}
void action_queue_close(void) __attribute__((weak));
void
action_queue_close(void)
{
	abort();
}
void action_queue_drain(void) __attribute__((weak));
void
action_queue_drain(void)
{
	abort();
}
void action_queue_new(void) __attribute__((weak));
void
action_queue_new(void)
{
	abort();
}
void action_queue_waiting(void) __attribute__((weak));
void
action_queue_waiting(void)
{
	abort();
}
void action_reload(void) __attribute__((weak));
void
action_reload(void)
{
	abort();
}
void action_reload_begin(void) __attribute__((weak));
void
action_reload_begin(void)
{
	abort();
}
void action_set(void) __attribute__((weak));
void
action_set(void)
{
	abort();
}
void action_start(void) __attribute__((weak));
void
action_start(void)
{
	abort();
}
void action_stop(void) __attribute__((weak));
void
action_stop(void)
{
	abort();
}
void action_unban(void) __attribute__((weak));
void
action_unban(void)
{
	abort();
}
void config_default_dir(void) __attribute__((weak));
void
config_default_dir(void)
{
	abort();
}
void config_paths_done(void) __attribute__((weak));
void
config_paths_done(void)
{
	abort();
}
void config_read(void) __attribute__((weak));
void
config_read(void)
{
	abort();
}
void config_read_paths(void) __attribute__((weak));
void
config_read_paths(void)
{
	abort();
}
void engine_chains(void) __attribute__((weak));
void
engine_chains(void)
{
	abort();
}
void filter_add_failregex(void) __attribute__((weak));
void
filter_add_failregex(void)
{
	abort();
}
void filter_add_ignoreregex(void) __attribute__((weak));
void
filter_add_ignoreregex(void)
{
	abort();
}
void filter_clear(void) __attribute__((weak));
void
filter_clear(void)
{
	abort();
}
void filter_counters(void) __attribute__((weak));
void
filter_counters(void)
{
	abort();
}
void filter_datepattern(void) __attribute__((weak));
void
filter_datepattern(void)
{
	abort();
}
void filter_del_failregex(void) __attribute__((weak));
void
filter_del_failregex(void)
{
	abort();
}
void filter_del_ignoreregex(void) __attribute__((weak));
void
filter_del_ignoreregex(void)
{
	abort();
}
void filter_failregex(void) __attribute__((weak));
void
filter_failregex(void)
{
	abort();
}
void filter_failregex_source(void) __attribute__((weak));
void
filter_failregex_source(void)
{
	abort();
}
void filter_free(void) __attribute__((weak));
void
filter_free(void)
{
	abort();
}
void filter_ignoreregex(void) __attribute__((weak));
void
filter_ignoreregex(void)
{
	abort();
}
void filter_logtimezone(void) __attribute__((weak));
void
filter_logtimezone(void)
{
	abort();
}
void filter_maxlines(void) __attribute__((weak));
void
filter_maxlines(void)
{
	abort();
}
void filter_new(void) __attribute__((weak));
void
filter_new(void)
{
	abort();
}
void filter_prefregex(void) __attribute__((weak));
void
filter_prefregex(void)
{
	abort();
}
void filter_set_datepattern(void) __attribute__((weak));
void
filter_set_datepattern(void)
{
	abort();
}
void filter_set_findtime(void) __attribute__((weak));
void
filter_set_findtime(void)
{
	abort();
}
void filter_set_logtimezone(void) __attribute__((weak));
void
filter_set_logtimezone(void)
{
	abort();
}
void filter_set_maxlines(void) __attribute__((weak));
void
filter_set_maxlines(void)
{
	abort();
}
void filter_set_prefregex(void) __attribute__((weak));
void
filter_set_prefregex(void)
{
	abort();
}
void filter_set_usedns(void) __attribute__((weak));
void
filter_set_usedns(void)
{
	abort();
}
void filter_usedns(void) __attribute__((weak));
void
filter_usedns(void)
{
	abort();
}
void filter_usedns_name(void) __attribute__((weak));
void
filter_usedns_name(void)
{
	abort();
}
void filter_usedns_parse(void) __attribute__((weak));
void
filter_usedns_parse(void)
{
	abort();
}
void filters_feed(void) __attribute__((weak));
void
filters_feed(void)
{
	abort();
}
void journal_add_match(void) __attribute__((weak));
void
journal_add_match(void)
{
	abort();
}
void journal_free(void) __attribute__((weak));
void
journal_free(void)
{
	abort();
}
void journal_new(void) __attribute__((weak));
void
journal_new(void)
{
	abort();
}
void journal_start(void) __attribute__((weak));
void
journal_start(void)
{
	abort();
}
void lines_drop(void) __attribute__((weak));
void
lines_drop(void)
{
	abort();
}
void lines_encoding(void) __attribute__((weak));
void
lines_encoding(void)
{
	abort();
}
void lines_end(void) __attribute__((weak));
void
lines_end(void)
{
	abort();
}
void lines_feed(void) __attribute__((weak));
void
lines_feed(void)
{
	abort();
}
void lines_free(void) __attribute__((weak));
void
lines_free(void)
{
	abort();
}
void lines_new(void) __attribute__((weak));
void
lines_new(void)
{
	abort();
}
void lines_pending(void) __attribute__((weak));
void
lines_pending(void)
{
	abort();
}
void resolve_close(void) __attribute__((weak));
void
resolve_close(void)
{
	abort();
}
void resolve_flush(void) __attribute__((weak));
void
resolve_flush(void)
{
	abort();
}
void resolve_name(void) __attribute__((weak));
void
resolve_name(void)
{
	abort();
}
void resolve_new(void) __attribute__((weak));
void
resolve_new(void)
{
	abort();
}
void store_ban_add(void) __attribute__((weak));
void
store_ban_add(void)
{
	abort();
}
void store_ban_del(void) __attribute__((weak));
void
store_ban_del(void)
{
	abort();
}
void store_bans_current(void) __attribute__((weak));
void
store_bans_current(void)
{
	abort();
}
void store_bans_of(void) __attribute__((weak));
void
store_bans_of(void)
{
	abort();
}
void store_begin(void) __attribute__((weak));
void
store_begin(void)
{
	abort();
}
void store_close(void) __attribute__((weak));
void
store_close(void)
{
	abort();
}
void store_commit(void) __attribute__((weak));
void
store_commit(void)
{
	abort();
}
void store_jail_off(void) __attribute__((weak));
void
store_jail_off(void)
{
	abort();
}
void store_jail_on(void) __attribute__((weak));
void
store_jail_on(void)
{
	abort();
}
void store_jails_off(void) __attribute__((weak));
void
store_jails_off(void)
{
	abort();
}
void store_log_add(void) __attribute__((weak));
void
store_log_add(void)
{
	abort();
}
void store_log_pos(void) __attribute__((weak));
void
store_log_pos(void)
{
	abort();
}
void store_log_update(void) __attribute__((weak));
void
store_log_update(void)
{
	abort();
}
void store_open(void) __attribute__((weak));
void
store_open(void)
{
	abort();
}
void store_path(void) __attribute__((weak));
void
store_path(void)
{
	abort();
}
void store_problem(void) __attribute__((weak));
void
store_problem(void)
{
	abort();
}
void store_purge(void) __attribute__((weak));
void
store_purge(void)
{
	abort();
}
void store_set_max_matches(void) __attribute__((weak));
void
store_set_max_matches(void)
{
	abort();
}
void store_set_purge_age(void) __attribute__((weak));
void
store_set_purge_age(void)
{
	abort();
}
void store_tick(void) __attribute__((weak));
void
store_tick(void)
{
	abort();
}
