/*
 * regex_options: the tester's command line, which is fail2ban-regex's and a little more.
 */
#include "applet/regex.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
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

/* compat: the words of Python's optparse */
static int
usage_error(const char *called, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "Usage: %s [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]\n\nfail2ban-regex: error: ", called);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return 2;
}

/*
 * compat: 0x10, 0b10, 010 and 0o10 are 16, 2, 8 and 8; blanks stand around, single _ between digits.
 * Python's numbers have no end: what is too large for us is the largest.
 */
static bool
parse_number(const char *text, long *n)
{
	struct str digits = {0};
	int radix = 10;
	const char *s = text;
	char *end;
	bool ok;

	if (s[0] == '0' && (s[1] | 0x20) == 'b' && s[2] == '\0')
		s++; /* of 0b alone the 0 is left */
	else if (s[0] == '0')
		radix = (s[1] | 0x20) == 'x' ? 16 : (s[1] | 0x20) == 'b' ? 2 : 8;
	bool has_radix = radix != 10 && ((s[1] | 0x20) == 'x' || (s[1] | 0x20) == 'b' || (s[1] | 0x20) == 'o');
	if (has_radix)
		s += 2;
	else
		s += strspn(s, " \t\n\v\f\r");
	for (const char *from = s; *s != '\0'; s++)
		if (*s != '_' || !(s > from || has_radix) || !isxdigit((unsigned char)s[1]) || s[-1] == '_')
			str_addc(&digits, *s);
	while (digits.len > 0 && isspace((unsigned char)digits.at[digits.len - 1]))
		str_cut(&digits, digits.len - 1);
	const char *all = str_text(&digits);
	ok = !has_radix || isxdigit((unsigned char)all[0]);
	*n = strtol(all, &end, radix);
	ok = ok && *all != '\0' && *end == '\0';
	str_done(&digits);
	*n = *n > INT32_MAX ? INT32_MAX : *n < INT32_MIN ? INT32_MIN : *n;
	return ok;
}

static int
wrong_number(const char *called, int option, int index, const char *text)
{
	struct str shown = {0};

	value_repr_str(text, strlen(text), &shown);
	if (index >= 0)
		usage_error(called, "option --%s: invalid integer value: %s", options[index].name, str_text(&shown));
	else
		usage_error(called, "option -%c: invalid integer value: %s", option, str_text(&shown));
	str_done(&shown);
	return 2;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * A long option that getopt does not know: an abbreviation of one of fail2ban-regex's that our own make
 * ambiguous is that one: its index. Else tells what is wrong and returns -1.
 */
static int
find_long(const char *called, const char *arg)
{
	const char *names[sizeof options / sizeof *options];
	size_t n = 0, len = strcspn(arg, "=");
	int at = -1;

	for (int i = 0; options[i].name != NULL; i++) {
		int val = options[i].val;
		bool is_ours = val == OPT_JSON || val == OPT_ROWS || val == OPT_EXPLAIN;
		if (is_ours || strncmp(options[i].name, arg + 2, len - 2) != 0)
			continue;
		names[n++] = options[i].name;
		at = i;
	}
	if (n == 1 && options[at].has_arg == no_argument && arg[len] == '=') {
		usage_error(called, "--%s option does not take a value", options[at].name);
		return -1;
	}
	if (n == 1)
		return at;
	if (n == 0) {
		usage_error(called, "no such option: %.*s", (int)len, arg);
		return -1;
	}
	qsort(names, n, sizeof *names, by_name);
	struct str list = {0};
	for (size_t i = 0; i < n; i++)
		str_addf(&list, "%s--%s", i > 0 ? ", " : "", names[i]);
	usage_error(called, "ambiguous option: %.*s (%s?)", (int)len, arg, str_text(&list));
	str_done(&list);
	return -1;
}

/* A letter of a long option is told when that was given a value that it does not take. */
static bool
is_unknown_letter(int letter)
{
	for (size_t i = 0; options[i].name != NULL; i++)
		if (options[i].val == letter)
			return false;
	return letter != 0;
}

/* compat: an empty value is none. */
static const char *
given(const char *value)
{
	return *value != '\0' ? value : NULL;
}

int
tester_parse(int argc, char **argv, struct tester_opts *o)
{
	const char *called = called_as(argv[0]);
	const char *level = "critical";
	long n;
	int c, index;

	*o = (struct tester_opts){.max_rows = -1, .log_level = LOG_LEVEL_CRITICAL};
	optind = 1;
	opterr = 0;
	while (index = -1, (c = getopt_long(argc, argv, ":c:d:e:rL:m:l:Vo:vDth", options, &index)) != -1) {
		const char *arg = argv[optind - 1];
		if (c == '?' && is_unknown_letter(optopt))
			return usage_error(called, "no such option: -%c", optopt);
		if (c == '?') {
			index = find_long(called, arg);
			if (index < 0)
				return 2;
			c = options[index].val;
			if (options[index].has_arg != no_argument) {
				const char *value = strchr(arg, '=');
				optarg = value != NULL ? argv[optind - 1] + (value - arg) + 1 : optind < argc ? argv[optind++] : NULL;
				if (optarg == NULL)
					return usage_error(called, "--%s option requires 1 argument", options[index].name);
			}
		}
		switch (c) {
		case 'c': o->config = optarg; break;
		case 'd': o->datepattern = given(optarg); break;
		case OPT_TIMEZONE: o->timezone = given(optarg); break;
		case 'e': o->encoding = optarg; break;
		case 'r': o->raw = true; break;
		case OPT_USEDNS: o->usedns = given(optarg); break;
		case 'L':
		case OPT_VERBOSITY:
		case OPT_ROWS:
			if (!parse_number(optarg, &n))
				return wrong_number(called, c, index, optarg);
			if (c == 'L')
				o->maxlines = (int)n;
			else if (c == OPT_VERBOSITY)
				o->verbose = (int)n;
			else
				o->max_rows = n;
			break;
		case 'm': o->journalmatch = optarg; break;
		case 'l': level = optarg; break;
		case 'V': puts(JAILTOP_COMPAT_VERSION); return 0;
		case OPT_VERSION: puts("fail2ban-regex " JAILTOP_COMPAT_VERSION); return 0;
		case 'v': o->verbose++; break;
		case OPT_VERBOSE_DATE: o->verbose_date = true; break;
		case 'D': o->debuggex = true; break;
		case OPT_NO_CHECK_ALL: o->no_check_all = true; break;
		case 'o': o->out = given(optarg); break;
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
		case ':':
			if (arg[0] == '-' && arg[1] != '-')
				return usage_error(called, "-%c option requires 1 argument", optopt);
			index = find_long(called, arg);
			return index < 0 ? 2 : usage_error(called, "--%s option requires 1 argument", options[index].name);
		default: return 2;
		}
	}
	o->log_level = log_level_parse(level);
	if (o->log_level < 0) {
		printf("ERROR: Invalid log level '%s'\n", level);
		return 255;
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
