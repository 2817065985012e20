/*
 * supervisor: what a service manager hands to the server, and what it wants to hear: sockets that listen
 * already, and that the server is ready, or ends. Without one all of this does nothing.
 */
#ifndef APPLET_SUPERVISOR_H
#define APPLET_SUPERVISOR_H

#include "base/systemd.h"

struct supervisor {
	struct systemd_service lib;
	bool is_there;
	int fd, monitor_fd; /* -1: not given */
};

/* Problems are said in the log. Takes the sockets out of the environment, so that no child sees them. */
void supervisor_init(struct supervisor *s);
/* state: "READY=1", "STOPPING=1", with "\nSTATUS=…" for people. */
void supervisor_tell(const struct supervisor *s, const char *state);

#endif
