#include "applet/supervisor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#ifdef HAVE_SYSTEMD

/* The socket called `monitor` is the second one; of the others the first is the clients'. */
static void
take_sockets(struct supervisor *s)
{
	char **names = NULL;
	int n = s->lib.listen_fds_with_names(1, &names);

	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		const char *name = names != NULL && names[i] != NULL ? names[i] : "";
		int *place = strcmp(name, "monitor") == 0 ? &s->monitor_fd : &s->fd;
		if (s->lib.is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0 || *place >= 0) {
			log_write(LOG_LEVEL_WARNING, "fail2ban.server", "the socket '%s' that came with the start is not used: %s", name,
			    *place >= 0 ? "there is another one" : "it is no unix stream socket that listens");
			close(fd);
		} else {
			*place = fd;
		}
	}
	for (int i = 0; names != NULL && names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

void
supervisor_tell(const struct supervisor *s, const char *state)
{
	if (s->is_there)
		s->lib.notify(0, state);
}

#else

static void
take_sockets(struct supervisor *s)
{
	(void)s;
}

void
supervisor_tell(const struct supervisor *s, const char *state)
{
	(void)s;
	(void)state;
}

#endif

void
supervisor_init(struct supervisor *s)
{
	struct err err;

	*s = (struct supervisor){.fd = -1, .monitor_fd = -1};
	if (getenv("NOTIFY_SOCKET") == NULL && getenv("LISTEN_FDS") == NULL)
		return;
	s->is_there = systemd_load_service(&s->lib, &err);
	if (s->is_there)
		take_sockets(s);
	else
		log_write(LOG_LEVEL_WARNING, "fail2ban.server", "the service manager is not spoken to: %s", err.text);
}
