/*
 * main: which applet. By the name that the binary was called (fail2ban-client …), else by the first
 * word, else the live screen.
 */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "jailtop/applet.h"

static const struct {
	const char *word, *called;
	int (*run)(int argc, char **argv);
} applets[] = {
    {"server", "fail2ban-server", applet_server},
    {"client", "fail2ban-client", applet_client},
    {"regex", "fail2ban-regex", applet_regex},
    {"config", NULL, applet_config},
};

/*
 * A descriptor that is closed must not become that of a socket or a database: what is printed would go there.
 * Opened the wrong way round, so that whoever reads or writes it is told.
 */
static void
standard_fill(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(1);
}

int
main(int argc, char **argv)
{
	standard_fill();
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *called = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "";

	for (size_t i = 0; i < sizeof applets / sizeof *applets; i++)
		if (applets[i].called != NULL && strcmp(called, applets[i].called) == 0)
			return applets[i].run(argc, argv);
	for (size_t i = 0; argc > 1 && i < sizeof applets / sizeof *applets; i++)
		if (strcmp(argv[1], applets[i].word) == 0)
			return applets[i].run(argc - 1, argv + 1);
	return applet_top(argc, argv);
}
