/*
 * sqlite: libsqlite3, loaded when somebody first needs a database. The loader would tie 1600 names of it in every short
 * run of the client, which is a sixth of what such a run takes.
 *
 * sqlite3_NAME stands for NAME_ of what was found (plain NAME may be a macro: snprintf), as in SQLite's own header for its
 * extensions; sqlite_load() comes first.
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/err.h"

#define SQLITE_FUNCTIONS(X)                                                                                    \
	X(bind_blob) X(bind_double) X(bind_int64) X(bind_text) X(bind_value) X(busy_timeout) X(changes)        \
	X(clear_bindings) X(close) X(column_blob) X(column_bytes) X(column_double) X(column_int)               \
	X(column_int64) X(column_text) X(column_value) X(db_config) X(db_readonly) X(errcode) X(errmsg)        \
	X(errstr) X(exec) X(extended_result_codes) X(finalize) X(free) X(get_autocommit) X(mprintf) X(open_v2) \
	X(prepare_v2) X(prepare_v3) X(reset) X(snprintf) X(step) X(wal_checkpoint_v2) X(wal_hook)

struct sqlite {
#define X(name) __typeof__(sqlite3_##name) *name##_;
	SQLITE_FUNCTIONS(X)
#undef X
};

/* Of the process, as the library itself: written once, by the first sqlite_load(). */
extern struct sqlite sqlite_library;

/* False with a reason when there is no library. Cheap once it is loaded; it is never unloaded. */
bool sqlite_load(struct err *err);

#define sqlite3_bind_blob sqlite_library.bind_blob_
#define sqlite3_bind_double sqlite_library.bind_double_
#define sqlite3_bind_int64 sqlite_library.bind_int64_
#define sqlite3_bind_text sqlite_library.bind_text_
#define sqlite3_bind_value sqlite_library.bind_value_
#define sqlite3_busy_timeout sqlite_library.busy_timeout_
#define sqlite3_changes sqlite_library.changes_
#define sqlite3_clear_bindings sqlite_library.clear_bindings_
#define sqlite3_close sqlite_library.close_
#define sqlite3_column_blob sqlite_library.column_blob_
#define sqlite3_column_bytes sqlite_library.column_bytes_
#define sqlite3_column_double sqlite_library.column_double_
#define sqlite3_column_int sqlite_library.column_int_
#define sqlite3_column_int64 sqlite_library.column_int64_
#define sqlite3_column_text sqlite_library.column_text_
#define sqlite3_column_value sqlite_library.column_value_
#define sqlite3_db_config sqlite_library.db_config_
#define sqlite3_db_readonly sqlite_library.db_readonly_
#define sqlite3_errcode sqlite_library.errcode_
#define sqlite3_errmsg sqlite_library.errmsg_
#define sqlite3_errstr sqlite_library.errstr_
#define sqlite3_exec sqlite_library.exec_
#define sqlite3_extended_result_codes sqlite_library.extended_result_codes_
#define sqlite3_finalize sqlite_library.finalize_
#define sqlite3_free sqlite_library.free_
#define sqlite3_get_autocommit sqlite_library.get_autocommit_
#define sqlite3_mprintf sqlite_library.mprintf_
#define sqlite3_open_v2 sqlite_library.open_v2_
#define sqlite3_prepare_v2 sqlite_library.prepare_v2_
#define sqlite3_prepare_v3 sqlite_library.prepare_v3_
#define sqlite3_reset sqlite_library.reset_
#define sqlite3_snprintf sqlite_library.snprintf_
#define sqlite3_step sqlite_library.step_
#define sqlite3_wal_checkpoint_v2 sqlite_library.wal_checkpoint_v2_
#define sqlite3_wal_hook sqlite_library.wal_hook_

#endif
