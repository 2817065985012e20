/*
 * datetable: the date formats that are known without configuration, in order of preference.
 * The order decides which date wins in a line with several, and reports name them: do not re-order.
 */
#include "match/datepattern.h"

/* Clock times: with and without leading zero or blank, and how their tails may look. */
#define TIME "%H:%M:%S"
#define TIME_K "%k:%M:%S"
#define DOT_FRACTION "(?:\\.%f)?"
#define ANY_FRACTION "(?:[.,]%f)?"
#define TAIL_ZONE "(?:\\s*%z)?"
#define T_OR_BLANKS "(?:T|  ?)"
/* A separator that must be the same the second time. */
#define SEP(set) "(?P<_sep>[" set "])"
#define SAME_SEP "(?P=_sep)"
/* asctime: "Sun Jan 23 21:59:59.011 2005", all but month, day and time optional */
#define ASCTIME "(?:%a )?%b %d " TIME_K DOT_FRACTION "(?: %ExY)?"

static const char *const table[] = {
    "%ExY" SEP("-/.") "%m" SAME_SEP "%d" T_OR_BLANKS TIME ANY_FRACTION TAIL_ZONE,
    ASCTIME,
    "(?:%a )?%b %d %ExY " TIME_K DOT_FRACTION,
    "%d" SEP("-/") "%m" SAME_SEP "(?:%ExY|%Exy) " TIME_K,
    "%d" SEP("-/") "%b" SAME_SEP "%ExY[ :]?" TIME DOT_FRACTION "(?: %z)?",
    "%m/%d/%ExY:" TIME,
    "%m-%d-%ExY " TIME_K DOT_FRACTION,
    "EPOCH",
    "{^LN-BEG}" TIME,
    "^<%m/%d/%Exy@" TIME ">",
    "%Exy%Exm%Exd  ?" TIME,
    "%b %d, %ExY %I:%M:%S %p",
    "^%b-%d-%Exy " TIME_K,
    "%ExY%Exm%Exd" T_OR_BLANKS "%ExH%ExM%ExS" ANY_FRACTION TAIL_ZONE,
    "(?:%Z )?" ASCTIME,
    "(?:%z )?" ASCTIME,
    "TAI64N",
};

const char *
datetable_at(size_t i)
{
	return i < sizeof table / sizeof *table ? table[i] : NULL;
}
