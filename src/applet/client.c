#include "applet/beautify.h"
#include "applet/client.h"

#include "applet/pretty.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/version.h"
#include "jailtop/applet.h"

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOGGER "fail2ban"

enum { OPT_LOGLEVEL = 256, OPT_LOGTARGET, OPT_SYSLOGSOCKET, OPT_ASYNC, OPT_PNAME, OPT_TIMEOUT, OPT_STR2SEC, OPT_VERSION, OPT_DP, OPT_JSON };

static const struct option long_options[] = {
    {"loglevel", required_argument, NULL, OPT_LOGLEVEL},
    {"logtarget", required_argument, NULL, OPT_LOGTARGET},
    {"syslogsocket", required_argument, NULL, OPT_SYSLOGSOCKET},
    {"test", no_argument, NULL, 't'},
    {"async", no_argument, NULL, OPT_ASYNC},
    {"conf", required_argument, NULL, 'c'},
    {"pidfile", required_argument, NULL, 'p'},
    {"pname", required_argument, NULL, OPT_PNAME},
    {"socket", required_argument, NULL, 's'},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"str2sec", required_argument, NULL, OPT_STR2SEC},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
    {"dp", no_argument, NULL, OPT_DP},
    {"dump-pretty", no_argument, NULL, OPT_DP},
    {"json", no_argument, NULL, OPT_JSON},
    {0},
};

/* '+': the first word that is no option ends them. */
static const char short_options[] = "+hc:s:p:xfbdtviqV";

struct modes {
	bool dump, pretty, test;
};

void
client_usage(const char *called)
{
	const char *slash = strrchr(called, '/'), *name = slash != NULL ? slash + 1 : called;

	printf("Usage: %s%s [OPTIONS] <COMMAND>\n\n"
	       "jailtop %s, in the words of fail2ban %s\n\n"
	       "Options:\n"
	       "    -c, --conf <DIR>        configuration directory\n"
	       "    -s, --socket <FILE>     socket of the server\n"
	       "    -p, --pidfile <FILE>    file with the server's process number\n"
	       "    --pname <NAME>          name of the server process\n"
	       "    --loglevel <LEVEL>      how much is logged\n"
	       "    --logtarget <TARGET>    where to: a file, STDOUT, STDERR, SYSOUT, SYSLOG, SYSTEMD-JOURNAL\n"
	       "    --syslogsocket auto|<FILE>\n"
	       "    -d                      print the commands that the configuration means\n"
	       "    --dp, --dump-pretty     the same, wrapped for reading\n"
	       "    -t, --test              test the configuration; with a command: before it\n"
	       "    -i                      read commands from the terminal\n"
	       "    -v, -q                  say more, say less\n"
	       "    -x                      start although a socket is left over\n"
	       "    -b, -f                  start in the background (default), in the foreground\n"
	       "    --json                  answers as JSON, one object for each command\n"
	       "    --async                 start without reading the configuration (internal)\n"
	       "    --timeout <TIME>        how long to wait for the server (internal)\n"
	       "    --str2sec <TIME>        print a time such as 1d12h in seconds\n"
	       "    -h, --help              this text\n"
	       "    -V, --version           version; -V: the number alone\n\n"
	       "Commands: start, stop, restart, reload, status, get, set, …: see jailtop-client(1)\n",
	    strcmp(name, "client") == 0 ? "jailtop " : "", name, JAILTOP_VERSION, JAILTOP_COMPAT_VERSION);
}

/* ---- reading the configuration ---- */

/* What -d and -t do with the commands while they are read; the text counts only if all of it can be read. */
struct dump {
	bool is_wanted, is_pretty;
	struct str text;
	unsigned notes; /* that were made */
};

#define NOTES_HELD 256       /* notes that are written together */
#define DUMP_ROOM (256 << 10) /* bytes that all jails of the stock configuration need */

static void
note(void *arg, int level, const char *logger, const char *text)
{
	struct dump *d = arg;

	log_write(level, logger, "%s", text);
	if (d != NULL && ++d->notes % NOTES_HELD == 0) {
		log_release();
		log_hold();
	}
}

static void
dump_take(void *arg, const struct value *commands)
{
	struct dump *d = arg;

	for (size_t i = 0; d->is_wanted && i < value_count(commands); i++) {
		if (d->is_pretty)
			pretty_format(value_at(commands, i), &d->text);
		else
			value_repr(value_at(commands, i), &d->text);
		str_addc(&d->text, '\n');
	}
}

/* False: do not go on. */
static bool
is_usable(const struct client_opts *o, enum config_result result, const struct err *err)
{
	bool is_ok = result == CONFIG_OK || (result == CONFIG_JAIL_ERRORS && !o->is_strict);

	if (result == CONFIG_FAILED)
		log_write(LOG_LEVEL_ERROR, LOGGER, "Failed during configuration: %s", err->text);
	if (!is_ok && o->json) { /* beside what was logged: programs read one object for each command */
		struct str line = {0};
		beautify_json_error("ValueError", result == CONFIG_FAILED ? err->text : "the configuration has errors", &line);
		puts(str_text(&line));
		str_done(&line);
	}
	return is_ok;
}

bool
client_read_config(const struct client_opts *o, const char *jail, enum config_logs logs, struct value **stream)
{
	struct config_request req = {.dir = o->dir, .over = o->over, .only_jail = jail, .logs = logs, .note = note};
	struct err err;

	return is_usable(o, config_read(&req, stream, &err), &err);
}

/* -1: nothing was asked for that ends here; else the exit code. */
static int
run_modes(const struct client_opts *o, const struct modes *modes, bool has_command)
{
	bool goes_on = modes->test && has_command;
	struct tree *left = NULL;
	struct value *rest = NULL;
	struct err err;
	struct dump d = {.is_wanted = modes->dump, .is_pretty = modes->pretty};
	struct config_request req = {.dir = o->dir, .over = o->over, .note = note, .take = dump_take, .arg = &d,
	    .logs = modes->dump ? CONFIG_LOGS_WARN : CONFIG_LOGS_NEEDED, .is_strict = modes->test, .left = goes_on ? NULL : &left};

	if (!modes->dump && !modes->test)
		return -1;
	mallopt(M_TOP_PAD, 4 << 20); /* one short run: ask the kernel once, give nothing back */
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	if (modes->dump)
		str_reserve(&d.text, DUMP_ROOM);
	log_hold(); /* a note for each jail is common: one write for all */
	enum config_result result = config_read(&req, &rest, &err);
	bool is_ok = is_usable(o, result, &err);
	log_release();
	if (rest != NULL)
		dump_take(&d, rest);
	if (modes->dump && result != CONFIG_FAILED)
		fwrite(str_text(&d.text), 1, d.text.len, stdout);
	else if (modes->dump)
		puts("ERROR: The configuration stream failed because of the invalid syntax.");
	value_free(rest);
	str_done(&d.text);
	if (modes->test && !is_ok)
		log_write(LOG_LEVEL_ERROR, LOGGER, "ERROR: test configuration failed");
	else if (modes->test && !has_command)
		puts("OK: configuration test is successful");
	else if (!is_ok)
		log_write(LOG_LEVEL_ERROR, LOGGER, "Init of command line failed");
	if (is_ok && goes_on)
		return -1;
	exit(is_ok ? 0 : 255); /* what is left of the files is freed by the kernel, which is faster */
}

/* ---- the command line ---- */

static int
fail_early(const char *text)
{
	struct str clean = {0};

	text_clean_z(text, &clean);
	printf("ERROR: %s\n", str_text(&clean));
	str_done(&clean);
	log_write(LOG_LEVEL_ERROR, LOGGER, "Init of command line failed");
	return 255;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

/* compat: nobody has set up the log while options are read. */
static int
fail_options(const char *text)
{
	if (text != NULL)
		printf("ERROR: %s\n", text);
	fputs("Init of command line failed\n", stderr);
	return 255;
}

/* compat: Python evaluates a time, and knows no such name. */
static int
fail_time(const char *text, const struct err *err)
{
	struct str clean = {0}, said = {0};

	text_clean_z(text, &clean);
	if (*text != '\0' && strspn(text, LETTERS) == strlen(text))
		str_addf(&said, "name '%s' is not defined", str_text(&clean));
	str_done(&clean);
	text_clean_z(err->text, &clean);
	int rc = fail_options(said.len != 0 ? str_text(&said) : str_text(&clean));
	str_done(&clean);
	str_done(&said);
	return rc;
}

static int
print_seconds(const char *text)
{
	struct err err;
	struct str out = {0};
	double seconds;
	bool is_whole;

	if (!duration_eval(text, &seconds, &is_whole, &err))
		return fail_time(text, &err);
	struct value *v = is_whole ? value_int((int64_t)seconds) : value_float(seconds);
	value_to_text(v, &out);
	puts(str_text(&out));
	value_free(v);
	str_done(&out);
	return 0;
}

/* -1: go on; else the exit code. */
static int
apply_option(struct client_opts *o, struct modes *modes, int c, const char *arg)
{
	struct err err;

	switch (c) {
	case 'c': o->dir = arg; break;
	case 's': o->over.socket = arg; break;
	case 'p': o->over.pidfile = arg; break;
	case 'd': modes->dump = true; modes->pretty = false; break;
	case OPT_DP: modes->dump = modes->pretty = true; break;
	case 't': modes->test = o->is_strict = true; break;
	case 'v': o->verbose++; break;
	case 'q': o->verbose--; break;
	case 'x': o->force = true; break;
	case 'i': o->interactive = true; break;
	case 'b': o->foreground = false; break;
	case 'f': o->foreground = true; break;
	case OPT_ASYNC: o->async = true; break;
	case OPT_JSON: o->json = true; break;
	case OPT_PNAME: o->pname = arg; break;
	case OPT_LOGLEVEL: o->over.loglevel = arg; break;
	case OPT_LOGTARGET: o->over.logtarget = arg; break;
	case OPT_SYSLOGSOCKET: o->over.syslogsocket = arg; break;
	case OPT_TIMEOUT:
		if (!duration_parse(arg, &o->timeout_s, &err))
			return fail_time(arg, &err);
		break;
	case OPT_STR2SEC: return print_seconds(arg);
	case 'h': client_usage(o->called); return 0;
	case 'V': puts(JAILTOP_COMPAT_VERSION); return 0;
	case OPT_VERSION: printf("Fail2Ban v%s\n", JAILTOP_COMPAT_VERSION); return 0;
	}
	return -1;
}

static bool
parse_words(int argc, char **argv)
{
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1)
		if (c == '?' || c == ':')
			return false;
	return true;
}

static void
set_verbosity(int verbose)
{
	static const int levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_HEAVYDEBUG};

	log_set_level(levels[verbose < 0 ? 0 : verbose > 4 ? 4 : verbose]);
}

int
applet_client(int argc, char **argv)
{
	struct client_opts o = {.called = argv[0], .verbose = 1, .timeout_s = CLIENT_TIMEOUT_S};
	struct modes modes = {0};
	struct err err;
	int c, code;

	if (!parse_words(argc, argv)) {
		client_usage(o.called);
		return fail_options(NULL);
	}
	set_verbosity(o.verbose);
	optind = 0;
	while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1)
		if ((code = apply_option(&o, &modes, c, optarg)) >= 0)
			return code;
	set_verbosity(o.verbose);
	o.dir = config_default_dir(o.dir);
	if (!config_read_paths(o.dir, &o.over, &o.paths, &err))
		return fail_early(err.text);
	o.over = (struct config_overrides){o.paths.socket, o.paths.pidfile, o.paths.loglevel, o.paths.logtarget, o.paths.syslogsocket};
	code = run_modes(&o, &modes, optind < argc);
	if (code < 0 && optind >= argc && !o.interactive) {
		client_usage(o.called);
		code = 255;
	}
	if (code < 0)
		code = client_send(&o, argc - optind, argv + optind);
	config_paths_done(&o.paths);
	return code;
}
