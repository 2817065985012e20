#include "applet/client_dialogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applet/complete.h"
#include "applet/words.h"
#include "base/log.h"
#include "base/mem.h"
#include "jailtop/applet.h"

#ifdef HAVE_LIBEDIT
#include <histedit.h>
#endif

#define PROMPT "fail2ban> "
#define LINE_MAX_LEN 65536
#define HISTORY_LINES 500

/* Where lines come from: a terminal with editing, or anything else. */
struct input {
	const struct client_opts *opts;
#ifdef HAVE_LIBEDIT
	EditLine *edit; /* NULL: not a terminal */
	History *history;
#endif
};

#ifdef HAVE_LIBEDIT
static char *
prompt(EditLine *edit)
{
	static char text[] = PROMPT; /* libedit wants it writable; nobody writes */

	(void)edit;
	return text;
}

static void
list_candidates(const struct value *candidates)
{
	putchar('\n');
	for (size_t i = 0; i < value_count(candidates); i++)
		printf("%s%s", value_text(value_at(candidates, i)), i + 1 == value_count(candidates) ? "\n" : "  ");
	fflush(stdout);
}

/* The Tab key: completes as far as it is sure, else shows what is possible. */
static unsigned char
complete(EditLine *edit, int key)
{
	struct input *in = NULL;
	const LineInfo *line = el_line(edit);
	char *typed = xstrndup(line->buffer, (size_t)(line->cursor - line->buffer));
	char *part = strrchr(typed, ' ');
	unsigned char result = CC_REFRESH_BEEP;
	struct err err;

	(void)key;
	el_get(edit, EL_CLIENTDATA, &in);
	if (part != NULL)
		*part++ = '\0';
	struct value *before = words_split(part != NULL ? typed : "", &err);
	if (part == NULL)
		part = typed;
	if (before != NULL) {
		struct value *jails = client_jails(in->opts), *candidates = complete_words(before, part, jails);
		char *common = complete_common(candidates);
		if (value_count(candidates) == 1) {
			el_insertstr(edit, common + strlen(part));
			el_insertstr(edit, " ");
			result = CC_REFRESH;
		} else if (strlen(common) > strlen(part)) {
			el_insertstr(edit, common + strlen(part));
			result = CC_REFRESH;
		} else if (value_count(candidates) != 0) {
			list_candidates(candidates);
			result = CC_REDISPLAY;
		}
		free(common);
		value_free(candidates);
		value_free(jails);
		value_free(before);
	}
	free(typed);
	return result;
}

static void
edit_start(struct input *in)
{
	HistEvent event;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return;
	in->edit = el_init("jailtop", stdin, stdout, stderr);
	if (in->edit == NULL)
		return;
	in->history = history_init();
	history(in->history, &event, H_SETSIZE, HISTORY_LINES);
	history(in->history, &event, H_SETUNIQUE, 1);
	el_set(in->edit, EL_CLIENTDATA, in);
	el_set(in->edit, EL_PROMPT, prompt);
	el_set(in->edit, EL_EDITOR, "emacs");
	el_set(in->edit, EL_HIST, history, in->history);
	el_set(in->edit, EL_SIGNAL, 1); /* the terminal is put right before a signal ends us */
	el_wset(in->edit, EL_ADDFN, L"complete", L"complete a command", complete); /* the narrow form leaks its copies */
	el_set(in->edit, EL_BIND, "^I", "complete", NULL);
	el_set(in->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
}

static void
edit_end(struct input *in)
{
	if (in->edit != NULL) {
		el_end(in->edit);
		history_end(in->history);
	}
}

static char *
edit_line(struct input *in)
{
	HistEvent event;
	int len = 0;
	const char *line = el_gets(in->edit, &len);

	if (line == NULL || len <= 0)
		return NULL;
	char *copy = xstrndup(line, (size_t)len);
	if (copy[len - 1] == '\n')
		copy[len - 1] = '\0';
	if (*copy != '\0')
		history(in->history, &event, H_ENTER, copy);
	return copy;
}
#endif

/* The next line without its LF; NULL at the end. The caller frees. */
static char *
read_line(struct input *in)
{
	char *line = NULL;
	size_t room = 0;

#ifdef HAVE_LIBEDIT
	if (in->edit != NULL)
		return edit_line(in);
#endif
	(void)in;
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

/* One line; false when it ends the dialogue. */
static bool
do_line(const struct client_opts *o, const char *line)
{
	struct err err;

	if (strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0)
		return false;
	if (strcmp(line, "help") == 0) {
		client_usage(o->called);
	} else if (*line != '\0') {
		struct value *words = words_split(line, &err);
		if (words != NULL)
			client_command(o, words);
		else
			log_write(LOG_LEVEL_ERROR, "fail2ban", "%s", err.text);
		value_free(words);
	}
	fflush(stdout);
	return true;
}

bool
client_dialogue(const struct client_opts *o)
{
	struct input in = {.opts = o};
	char *line = NULL;

	printf("Fail2Ban v%s reads log file that contains password failure report\n"
	       "and bans the corresponding IP addresses using firewall rules.\n\n", JAILTOP_COMPAT_VERSION);
	fflush(stdout);
#ifdef HAVE_LIBEDIT
	edit_start(&in);
#endif
	bool goes_on = true;
	while (goes_on && (line = read_line(&in)) != NULL) {
		goes_on = do_line(o, line);
		free(line);
	}
#ifdef HAVE_LIBEDIT
	edit_end(&in);
#endif
	if (goes_on) { /* compat: the end of the input is an error */
		puts("");
		log_write(LOG_LEVEL_ERROR, "fail2ban", "EOF when reading a line");
	}
	return !goes_on;
}
