#include "applet/client_dialogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/complete.h"
#include "applet/words.h"
#include "base/log.h"
#include "base/mem.h"
#include "jailtop/applet.h"

#ifdef HAVE_LIBEDIT
#include <dlfcn.h>
#include <histedit.h>

#define EDIT_FUNCTIONS(X)                                                                                    \
	X(el_init) X(el_end) X(el_set) X(el_wset) X(el_gets) X(el_line) X(el_insertstr)            \
	X(history) X(history_init) X(history_end)

/* libedit, loaded for a terminal alone: every other run of the client starts without it. */
struct edit_lib {
#define X(name) __typeof__(name) *name;
	EDIT_FUNCTIONS(X)
#undef X
};
#endif

#define PROMPT "fail2ban> "
#define LINE_MAX_LEN 65536
#define HISTORY_LINES 500

/* Where lines come from: a terminal with editing, or anything else. */
struct input {
	const struct client_opts *opts;
#ifdef HAVE_LIBEDIT
	struct edit_lib lib;
	EditLine *edit; /* NULL: not a terminal, or no library */
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
	__typeof__(el_get) *get;
	struct input *in = NULL;
	const LineInfo *line;
	char *typed, *part;
	unsigned char result = CC_REFRESH_BEEP;
	struct err err;

	(void)key;
	/* the library hands over no word of ours: it must be asked, and so found, first */
	*(void **)&get = dlsym(RTLD_DEFAULT, "el_get");
	get(edit, EL_CLIENTDATA, &in);
	line = in->lib.el_line(edit);
	typed = xstrndup(line->buffer, (size_t)(line->cursor - line->buffer));
	part = strrchr(typed, ' ');
	if (part != NULL)
		*part++ = '\0';
	struct value *before = words_split(part != NULL ? typed : "", &err);
	if (part == NULL)
		part = typed;
	if (before != NULL) {
		struct value *jails = client_jails(in->opts), *candidates = complete_words(before, part, jails);
		char *common = complete_common(candidates);
		if (value_count(candidates) == 1) {
			in->lib.el_insertstr(edit, common + strlen(part));
			in->lib.el_insertstr(edit, " ");
			result = CC_REFRESH;
		} else if (strlen(common) > strlen(part)) {
			in->lib.el_insertstr(edit, common + strlen(part));
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

/* False: no library here, and lines are read without it. */
static bool
edit_load(struct edit_lib *lib)
{
	static const char *const names[] = {"libedit.so.2", "libedit.so.0"}; /* Debian's, everybody's */
	void *handle = NULL;

	for (size_t i = 0; handle == NULL && i < sizeof names / sizeof *names; i++)
		handle = dlopen(names[i], RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
	if (handle == NULL)
		return false;
#define X(name) *(void **)&lib->name = dlsym(handle, #name);
	EDIT_FUNCTIONS(X)
#undef X
	dlclose(handle); /* the count only: it stays */
#define X(name) &&lib->name != NULL
	return dlsym(RTLD_DEFAULT, "el_get") != NULL EDIT_FUNCTIONS(X);
#undef X
}

static void
edit_start(struct input *in)
{
	HistEvent event;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !edit_load(&in->lib))
		return;
	in->edit = in->lib.el_init("jailtop", stdin, stdout, stderr);
	if (in->edit == NULL)
		return;
	in->history = in->lib.history_init();
	in->lib.history(in->history, &event, H_SETSIZE, HISTORY_LINES);
	in->lib.history(in->history, &event, H_SETUNIQUE, 1);
	in->lib.el_set(in->edit, EL_CLIENTDATA, in);
	in->lib.el_set(in->edit, EL_PROMPT, prompt);
	in->lib.el_set(in->edit, EL_EDITOR, "emacs");
	in->lib.el_set(in->edit, EL_HIST, in->lib.history, in->history);
	in->lib.el_set(in->edit, EL_SIGNAL, 1); /* the terminal is put right before a signal ends us */
	/* the narrow form leaks its copies */
	in->lib.el_wset(in->edit, EL_ADDFN, L"complete", L"complete a command", complete);
	in->lib.el_set(in->edit, EL_BIND, "^I", "complete", NULL);
	in->lib.el_set(in->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
}

static void
edit_end(struct input *in)
{
	if (in->edit != NULL) {
		in->lib.el_end(in->edit);
		in->lib.history_end(in->history);
	}
}

static char *
edit_line(struct input *in)
{
	HistEvent event;
	int len = 0;
	const char *line = in->lib.el_gets(in->edit, &len);

	if (line == NULL || len <= 0)
		return NULL;
	char *copy = xstrndup(line, (size_t)len);
	if (copy[len - 1] == '\n')
		copy[len - 1] = '\0';
	if (*copy != '\0')
		in->lib.history(in->history, &event, H_ENTER, copy);
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
