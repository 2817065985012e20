/*
 * systemd: libsystemd's journal, and what it has for services, loaded when somebody first needs it. It brings six libraries along, which
 * would cost every short run of the client more than its own work.
 *
 * Built with HAVE_SYSTEMD the headers are those of the build; the library is looked for at run time, and one
 * that is missing or too old is an error that says so. It is never unloaded.
 */
#ifndef BASE_SYSTEMD_H
#define BASE_SYSTEMD_H

#include <stdbool.h>

#include "base/err.h"

#ifdef HAVE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

/* sd_journal_NAME is the member NAME */
#define SYSTEMD_FUNCTIONS(X)                                                                                 \
	X(open) X(open_directory) X(open_files) X(open_namespace) X(close) X(set_data_threshold)             \
	X(add_match) X(add_disjunction) X(flush_matches)                                                     \
	X(seek_tail) X(seek_realtime_usec) X(next) X(previous)                                               \
	X(restart_data) X(enumerate_available_data) X(get_realtime_usec) X(get_monotonic_usec)               \
	X(get_fd) X(get_events) X(get_timeout) X(process) X(send)

struct systemd {
#define X(name) __typeof__(sd_journal_##name) *name;
	SYSTEMD_FUNCTIONS(X)
#undef X
};

/* sd_NAME is the member NAME */
#define SYSTEMD_SERVICE_FUNCTIONS(X) X(listen_fds_with_names) X(is_socket_unix) X(notify)

struct systemd_service {
#define X(name) __typeof__(sd_##name) *name;
	SYSTEMD_SERVICE_FUNCTIONS(X)
#undef X
};
#else
struct systemd {
	bool is_absent; /* always: the build had no libsystemd */
};

struct systemd_service {
	bool is_absent;
};
#endif

/* False with a reason when there is no library (or the build had none). Cheap once it is loaded. */
bool systemd_load(struct systemd *lib, struct err *err);
bool systemd_load_service(struct systemd_service *lib, struct err *err);

#endif
