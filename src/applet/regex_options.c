/*
 * regex_options: the tester's command line, which is fail2ban-regex's and a little more.
 */
#include "applet/regex.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "jailtop/applet.h"

static void
print_help(FILE *to, const char *called)
{
	fprintf(to,
	    "Usage: %s [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]\n"
	    "\n"
	    "Tries a filter, or an expression of one, on log lines and reports what it finds.\n"
	    "\n"
	    "LOG\n"
	    "  FILE                  a log file\n"
	    "  -                     standard input\n"
	    "  systemd-journal       the journal, with backend parameters in brackets if wanted\n"
	    "  any other text        the text itself is the log\n"
	    "REGEX\n"
	    "  NAME, NAME[OPT=VAL]   a filter of the configuration, or a path to one\n"
	    "  any other text        a failregex\n"
	    "IGNOREREGEX\n"
	    "  text                  an ignoreregex\n"
	    "\n"
	    "Options:\n"
	    "  -c, --config DIR      configuration directory\n"
	    "  -d, --datepattern P   how dates look, instead of the filter's own pattern\n"
	    "  --timezone, --TZ Z    zone of times that name none: UTC+0200, CET\n"
	    "  -e, --encoding E      encoding of the log; default: the locale's\n"
	    "  -r, --raw             do not resolve host names: the name itself is the id\n"
	    "  --usedns MODE         no: <HOST> takes addresses only; yes, warn, raw\n"
	    "  -L, --maxlines N      lines that an expression may span\n"
	    "  -m, --journalmatch M  journal fields, instead of the filter's own\n"
	    "  -l, --log-level L     what of the library's log to print; default: critical\n"
	    "  -v, --verbose         more; may be repeated\n"
	    "  --verbosity N         the same as a number, 0 to 4\n"
	    "  --verbose-date, --VD  how each date pattern is searched\n"
	    "  -D, --debuggex        links to debuggex.com\n"
	    "  --no-check-all        stop at the first failregex that matches a line\n"
	    "  -o, --out TOKEN       only failures: row, id, ip, msg, a group's name, or text with <tags>\n"
	    "  --print-no-missed, --print-no-ignored\n"
	    "  --print-all-matched, --print-all-missed, --print-all-ignored\n"
	    "                        which lines to list\n"
	    "  -t, --log-traceback, --full-traceback\n"
	    "                        accepted, without effect\n"
	    "  --json                everything as one JSON object\n"
	    "  --rows N              with --json: at most N lines\n"
	    "  --explain             tell of each line what took it, or how near it came\n"
	    "  -V, --version, -h, --help\n"
	    "\n"
	    "Exit status: 0 if the log was read to its end, 255 if not, 2 for an unknown option.\n",
	    called);
}

enum {
	OPT_TIMEZONE = 256, OPT_USEDNS, OPT_VERBOSITY, OPT_VERBOSE_DATE, OPT_NO_CHECK_ALL, OPT_NO_MISSED, OPT_NO_IGNORED,
	OPT_ALL_MATCHED, OPT_ALL_MISSED, OPT_ALL_IGNORED, OPT_TRACEBACK, OPT_VERSION, OPT_JSON, OPT_ROWS, OPT_EXPLAIN,
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"datepattern", required_argument, NULL, 'd'},
    {"timezone", required_argument, NULL, OPT_TIMEZONE},
    {"TZ", required_argument, NULL, OPT_TIMEZONE},
    {"encoding", required_argument, NULL, 'e'},
    {"raw", no_argument, NULL, 'r'},
    {"usedns", required_argument, NULL, OPT_USEDNS},
    {"maxlines", required_argument, NULL, 'L'},
    {"journalmatch", required_argument, NULL, 'm'},
    {"log-level", required_argument, NULL, 'l'},
    {"verbose", no_argument, NULL, 'v'},
    {"verbosity", required_argument, NULL, OPT_VERBOSITY},
    {"verbose-date", no_argument, NULL, OPT_VERBOSE_DATE},
    {"VD", no_argument, NULL, OPT_VERBOSE_DATE},
    {"debuggex", no_argument, NULL, 'D'},
    {"no-check-all", no_argument, NULL, OPT_NO_CHECK_ALL},
    {"out", required_argument, NULL, 'o'},
    {"print-no-missed", no_argument, NULL, OPT_NO_MISSED},
    {"print-no-ignored", no_argument, NULL, OPT_NO_IGNORED},
    {"print-all-matched", no_argument, NULL, OPT_ALL_MATCHED},
    {"print-all-missed", no_argument, NULL, OPT_ALL_MISSED},
    {"print-all-ignored", no_argument, NULL, OPT_ALL_IGNORED},
    {"log-traceback", no_argument, NULL, 't'},
    {"full-traceback", no_argument, NULL, OPT_TRACEBACK},
    {"json", no_argument, NULL, OPT_JSON},
    {"rows", required_argument, NULL, OPT_ROWS},
    {"explain", no_argument, NULL, OPT_EXPLAIN},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char *
called_as(const char *name)
{
	return strcmp(name, "regex") == 0 ? "jailtop regex" : name;
}

static int
usage_error(const char *called, const char *before, const char *what)
{
	fprintf(stderr, "Usage: %s [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]\n\nfail2ban-regex: error: ", called);
	fprintf(stderr, "%s%s", before, what);
	fputc('\n', stderr);
	return 2;
}

static bool
parse_number(const char *text, long *n)
{
	char *end;

	errno = 0;
	*n = strtol(text, &end, 10);
	return *text != '\0' && *end == '\0' && errno == 0 && *n >= INT32_MIN && *n <= INT32_MAX;
}

int
tester_parse(int argc, char **argv, struct tester_opts *o)
{
	const char *called = called_as(argv[0]);
	long n;
	int c;

	*o = (struct tester_opts){.max_rows = -1, .log_level = LOG_LEVEL_CRITICAL};
	optind = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":c:d:e:rL:m:l:Vo:vDth", options, NULL)) != -1) {
		switch (c) {
		case 'c': o->config = optarg; break;
		case 'd': o->datepattern = optarg; break;
		case OPT_TIMEZONE: o->timezone = optarg; break;
		case 'e': o->encoding = optarg; break;
		case 'r': o->raw = true; break;
		case OPT_USEDNS: o->usedns = optarg; break;
		case 'L':
		case OPT_VERBOSITY:
		case OPT_ROWS:
			if (!parse_number(optarg, &n))
				return usage_error(called, "a number is expected, not ", optarg);
			if (c == 'L')
				o->maxlines = (int)n;
			else if (c == OPT_VERBOSITY)
				o->verbose = (int)n;
			else
				o->max_rows = n;
			break;
		case 'm': o->journalmatch = optarg; break;
		case 'l':
			o->log_level = log_level_parse(optarg);
			if (o->log_level < 0) {
				printf("ERROR: Invalid log level '%s'\n", optarg);
				return 255;
			}
			break;
		case 'V': puts(JAILTOP_COMPAT_VERSION); return 0;
		case OPT_VERSION: puts("fail2ban-regex " JAILTOP_COMPAT_VERSION); return 0;
		case 'v': o->verbose++; break;
		case OPT_VERBOSE_DATE: o->verbose_date = true; break;
		case 'D': o->debuggex = true; break;
		case OPT_NO_CHECK_ALL: o->no_check_all = true; break;
		case 'o': o->out = *optarg != '\0' ? optarg : NULL; break;
		case OPT_NO_MISSED: o->no_missed = true; break;
		case OPT_NO_IGNORED: o->no_ignored = true; break;
		case OPT_ALL_MATCHED: o->all_matched = true; break;
		case OPT_ALL_MISSED: o->all_missed = true; break;
		case OPT_ALL_IGNORED: o->all_ignored = true; break;
		case 't':
		case OPT_TRACEBACK: break;
		case OPT_JSON: o->json = true; break;
		case OPT_EXPLAIN: o->explain = true; break;
		case 'h': print_help(stdout, called); return 0;
		case ':': return usage_error(called, "a value is missing: ", argv[optind - 1]);
		default: return usage_error(called, "no such option: ", argv[optind - 1]);
		}
	}
	if (o->json)
		o->out = NULL;
	return -1;
}

bool
tester_check(int count, const struct tester_opts *o, const char *called)
{
	const char *errors[3];
	size_t n = 0;

	if (o->no_missed && o->all_missed)
		errors[n++] = "ERROR: --print-no-missed and --print-all-missed are mutually exclusive.";
	if (o->no_ignored && o->all_ignored)
		errors[n++] = "ERROR: --print-no-ignored and --print-all-ignored are mutually exclusive.";
	if (count != 2 && count != 3)
		errors[n++] = "ERROR: provide both <LOG> and <REGEX>.";
	if (n == 0)
		return true;
	print_help(stdout, called_as(called));
	fflush(stdout);
	fputc('\n', stderr);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s\n", errors[i]);
	return false;
}
