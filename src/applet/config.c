#include "base/log.h"
#include "base/str.h"
#include "base/text.h"
#include "config/stream.h"
#include "jailtop/applet.h"

#include <stdio.h>
#include <string.h>

static void
note(void *arg, int level, const char *logger, const char *text)
{
	(void)arg;
	log_write(level, logger, "%s", text);
}

static int
usage(FILE *to)
{
	fputs("usage: jailtop config [-c DIR] show JAIL\n"
	      "Prints every option of the jail, of its filter and of its actions: its value, and the file and line\n"
	      "that it came from.\n",
	    to);
	return to == stdout ? 0 : 255;
}

int
applet_config(int argc, char **argv)
{
	struct config_request req = {.note = note};
	struct str out = {0}, why = {0};
	struct err err;
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			return usage(stdout);
		if ((strcmp(argv[i], "-c") != 0 && strcmp(argv[i], "--conf") != 0) || i + 1 == argc)
			return usage(stderr);
		req.dir = argv[++i];
	}
	if (argc - i != 2 || strcmp(argv[i], "show") != 0)
		return usage(stderr);
	log_set_level(LOG_LEVEL_WARNING);
	bool is_ok = config_explain(&req, argv[i + 1], &out, &err);
	if (is_ok) {
		fwrite(str_text(&out), 1, out.len, stdout);
	} else {
		text_clean_z(err.text, &why);
		fprintf(stderr, "jailtop config: %s\n", str_text(&why));
	}
	str_done(&out);
	str_done(&why);
	return is_ok ? 0 : 255;
}
