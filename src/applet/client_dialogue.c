#include "applet/client_dialogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet/words.h"
#include "base/log.h"
#include "base/mem.h"
#include "jailtop/applet.h"

#define PROMPT "fail2ban> "
#define LINE_MAX_LEN 65536

/* The next line without its LF; NULL at the end. The caller frees. */
static char *
read_plain(void)
{
	char *line = NULL;
	size_t room = 0;

	fputs(PROMPT, stdout);
	fflush(stdout);
	ssize_t len = getline(&line, &room, stdin);
	if (len <= 0 || len > LINE_MAX_LEN) {
		free(line);
		return NULL;
	}
	if (line[len - 1] == '\n')
		line[len - 1] = '\0';
	return line;
}

bool
client_dialogue(const struct client_opts *o)
{
	printf("Fail2Ban v%s reads log file that contains password failure report\n"
	       "and bans the corresponding IP addresses using firewall rules.\n\n", JAILTOP_COMPAT_VERSION);
	for (;;) {
		struct err err;
		char *line = read_plain();
		if (line == NULL) {
			/* compat: the end of the input is an error */
			puts("");
			log_write(LOG_LEVEL_ERROR, "fail2ban", "EOF when reading a line");
			return false;
		}
		if (strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0) {
			free(line);
			return true;
		}
		struct value *words = words_split(line, &err);
		if (strcmp(line, "help") == 0)
			client_usage(o->called);
		else if (words == NULL)
			log_write(LOG_LEVEL_ERROR, "fail2ban", "%s", err.text);
		else if (*line != '\0')
			client_command(o, words);
		value_free(words);
		free(line);
	}
}
