#include "match/datevalue.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TWICE_S 7200 /* a stamp this near to now is that of a line that was just written */
#define FUTURE_S 60  /* clocks of other hosts go ahead by as much */

/* Minutes east of Greenwich. Fixed offsets: an abbreviation says itself whether it is summer. */
static const struct zone {
	char name[6];
	short minutes;
} zones[] = {
    {"A", 60}, {"ACDT", 630}, {"ACST", 570}, {"ACT", 480}, {"ADT", -180}, {"AEDT", 660}, {"AEST", 600},
    {"AFT", 270}, {"AKDT", -480}, {"AKST", -540}, {"ALMT", 360}, {"AMST", 300}, {"AMT", 240},
    {"ANAST", 720}, {"ANAT", 720}, {"AQTT", 300}, {"ART", -180}, {"AST", -240}, {"AWDT", 540},
    {"AWST", 480}, {"AZOT", -60}, {"AZST", 300}, {"AZT", 240}, {"B", 120}, {"BDT", 480}, {"BIOT", 360},
    {"BNT", 480}, {"BOT", -240}, {"BRST", -120}, {"BRT", -180}, {"BTT", 360}, {"C", 180},
    {"CAST", 480}, {"CAT", 120}, {"CCT", 390}, {"CDT", -300}, {"CEDT", 120}, {"CEST", 120},
    {"CET", 60}, {"CIST", -480}, {"CKT", -600}, {"CLST", -180}, {"CLT", -240}, {"COST", -240},
    {"COT", -300}, {"CST", -360}, {"CVT", -60}, {"CXT", 420}, {"D", 240}, {"DAVT", 420}, {"DFT", 60},
    {"E", 300}, {"EASST", -300}, {"EAST", -360}, {"EAT", 180}, {"ECT", -300}, {"EDT", -240},
    {"EEDT", 180}, {"EEST", 180}, {"EET", 120}, {"EGST", 0}, {"EGT", -60}, {"EST", -300}, {"F", 360},
    {"FJST", 780}, {"FJT", 720}, {"FKST", -180}, {"FKT", -240}, {"FNT", -120}, {"G", 420},
    {"GALT", -360}, {"GAMT", -540}, {"GET", 240}, {"GFT", -180}, {"GILT", 720}, {"GIT", -540},
    {"GMT", 0}, {"GST", 240}, {"GYT", -240}, {"H", 480}, {"HAA", -180}, {"HAC", -300}, {"HADT", -540},
    {"HAE", -240}, {"HAP", -420}, {"HAR", -360}, {"HAST", -600}, {"HAT", -150}, {"HAY", -480},
    {"HKT", 480}, {"HLV", -270}, {"HMT", 300}, {"HNA", -240}, {"HNC", -360}, {"HNE", -300},
    {"HNP", -480}, {"HNR", -420}, {"HNT", -210}, {"HNY", -540}, {"HOVT", 420}, {"HST", -600},
    {"I", 540}, {"ICT", 420}, {"IDT", 180}, {"IOT", 360}, {"IRDT", 270}, {"IRKST", 540}, {"IRKT", 480},
    {"IRST", 210}, {"JST", 540}, {"K", 600}, {"KGT", 360}, {"KRAST", 480}, {"KRAT", 420}, {"KST", 540},
    {"KUYT", 240}, {"L", 660}, {"LHDT", 660}, {"LHST", 630}, {"M", 720}, {"MAGST", 720}, {"MAGT", 660},
    {"MART", -570}, {"MAWT", 300}, {"MDT", -360}, {"MHT", 720}, {"MIT", -570}, {"MMT", 390},
    {"MSD", 240}, {"MSK", 180}, {"MST", -420}, {"MUT", 240}, {"MVT", 300}, {"MYT", 480}, {"N", -60},
    {"NCT", 660}, {"NDT", -150}, {"NFT", 690}, {"NOVST", 420}, {"NOVT", 360}, {"NPT", 345},
    {"NST", -210}, {"NUT", -660}, {"NZDT", 780}, {"NZST", 720}, {"O", -120}, {"OMSST", 420},
    {"OMST", 360}, {"P", -180}, {"PDT", -420}, {"PET", -300}, {"PETST", 720}, {"PETT", 720},
    {"PGT", 600}, {"PHT", 480}, {"PKT", 300}, {"PMDT", -120}, {"PMST", -180}, {"PONT", 660},
    {"PST", -480}, {"PWT", 540}, {"PYST", -180}, {"PYT", -240}, {"Q", -240}, {"R", -300}, {"RET", 240},
    {"S", -360}, {"SAMT", 240}, {"SAST", 120}, {"SBT", 660}, {"SCT", 240}, {"SGT", 480}, {"SLT", 330},
    {"SRT", -180}, {"SST", -660}, {"T", -420}, {"TAHT", -600}, {"TFT", 300}, {"THA", 420},
    {"TJT", 300}, {"TKT", -600}, {"TLT", 540}, {"TMT", 300}, {"TVT", 720}, {"U", -480}, {"ULAT", 480},
    {"UTC", 0}, {"UYST", -120}, {"UYT", -180}, {"UZT", 300}, {"V", -540}, {"VET", -270},
    {"VLAST", 660}, {"VLAT", 600}, {"VUT", 660}, {"W", -600}, {"WAST", 120}, {"WAT", 60}, {"WDT", 540},
    {"WEDT", 60}, {"WEST", 60}, {"WET", 0}, {"WFT", 720}, {"WGST", -120}, {"WGT", -180}, {"WIB", 420},
    {"WIT", 540}, {"WITA", 480}, {"WST", 480}, {"X", -660}, {"Y", -720}, {"YAKST", 600}, {"YAKT", 540},
    {"YAPT", 600}, {"YEKST", 360}, {"YEKT", 300}, {"Z", 0},
};

static int
compare_zone(const void *key, const void *member)
{
	return strcmp(key, ((const struct zone *)member)->name);
}

static bool
find_zone(const char *text, size_t len, int *minutes)
{
	char name[6] = "";

	if (len == 0 || len >= sizeof name)
		return false;
	memcpy(name, text, len);
	const struct zone *z = bsearch(name, zones, sizeof zones / sizeof *zones, sizeof *zones, compare_zone);
	if (z != NULL)
		*minutes = z->minutes;
	return z != NULL;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
date_zone(const char *text, size_t len, int *minutes)
{
	size_t n = 0;
	int base = 0;

	while (n < len && text[n] >= 'A' && text[n] <= 'Z')
		n++;
	if (n == 2 || n > 5)
		return false;
	if (n > 0 && !find_zone(text, n, &base))
		return false;
	text += n;
	len -= n;
	if (len == 0) {
		*minutes = base;
		return n > 0;
	}
	if (len < 3 || (text[0] != '+' && text[0] != '-') || (text[1] != '0' && text[1] != '1') || !is_digit(text[2]))
		return false;
	int hours = (text[1] - '0') * 10 + text[2] - '0', more = 0;
	if (len > 3) {
		const char *m = text + 3;
		if (*m == ':')
			m++;
		if (text + len - m != 2 || !is_digit(m[0]) || !is_digit(m[1]))
			return false;
		more = (m[0] - '0') * 10 + m[1] - '0';
	}
	*minutes = base + (text[0] == '-' ? -1 : 1) * (hours * 60 + more);
	return true;
}

enum date_field
date_field_of(const char *name)
{
	static const char letters[] = "YymbBdHIpMSfaAwjUWzZ";
	static const enum date_field fields[] = {DATE_YEAR, DATE_YEAR2, DATE_MONTH, DATE_MON, DATE_MONTH_NAME, DATE_DAY,
	    DATE_HOUR, DATE_HOUR12, DATE_AMPM, DATE_MINUTE, DATE_SECOND, DATE_FRACTION, DATE_WDAY, DATE_WDAY_NAME,
	    DATE_WDAY_NUMBER, DATE_YDAY, DATE_WEEK_SUNDAY, DATE_WEEK_MONDAY, DATE_ZONE, DATE_ZONE};

	if (name == NULL || name[0] == '\0' || name[1] != '\0')
		return DATE_NOTHING;
	const char *at = strchr(letters, name[0]);
	return at != NULL ? fields[at - letters] : DATE_NOTHING;
}

void
date_fields_init(struct date_fields *f)
{
	*f = (struct date_fields){.year = -1, .month = -1, .day = -1, .weekday = -1, .yday = -1, .week = -1, .half = -1};
}

/* As Python's int(): blanks around are fine. */
static bool
number(const char *text, size_t len, int *n)
{
	while (len > 0 && text[0] == ' ')
		text++, len--;
	if (len == 0 || len > 9)
		return false;
	*n = 0;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(text[i]))
			return false;
		*n = *n * 10 + (text[i] - '0');
	}
	return true;
}

static const char *const months[] = {"january", "february", "march", "april", "may", "june", "july", "august",
    "september", "october", "november", "december"};
static const char *const days[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

/* Index of a name, or of its first three letters. */
static bool
named(const char *text, size_t len, bool is_short, const char *const *names, size_t count, int *n)
{
	for (size_t i = 0; i < count; i++) {
		if (len == (is_short ? 3 : strlen(names[i])) && strncasecmp(text, names[i], len) == 0) {
			*n = (int)i;
			return true;
		}
	}
	return false;
}

bool
date_fields_set(struct date_fields *f, enum date_field field, const char *text, size_t len)
{
	int n;

	switch (field) {
	case DATE_YEAR:
		return number(text, len, &f->year);
	case DATE_YEAR2:
		if (!number(text, len, &f->year))
			return false;
		if (f->year <= 2000)
			f->year += 2000;
		return true;
	case DATE_MONTH:
		return number(text, len, &f->month);
	case DATE_MON:
	case DATE_MONTH_NAME:
		if (!named(text, len, field == DATE_MON, months, 12, &n))
			return false;
		f->month = n + 1;
		return true;
	case DATE_DAY:
		return number(text, len, &f->day);
	case DATE_HOUR:
		f->is_hour12 = false;
		return number(text, len, &f->hour);
	case DATE_HOUR12:
		f->is_hour12 = true;
		return number(text, len, &f->hour);
	case DATE_AMPM:
		f->half = len == 2 && (text[0] | 0x20) == 'p';
		return true;
	case DATE_MINUTE:
		return number(text, len, &f->minute);
	case DATE_SECOND:
		return number(text, len, &f->second);
	case DATE_WDAY:
	case DATE_WDAY_NAME:
		return named(text, len, field == DATE_WDAY, days, 7, &f->weekday);
	case DATE_WDAY_NUMBER:
		if (!number(text, len, &n))
			return false;
		f->weekday = n == 0 ? 6 : n - 1;
		return true;
	case DATE_YDAY:
		return number(text, len, &f->yday);
	case DATE_WEEK_SUNDAY:
	case DATE_WEEK_MONDAY:
		f->week_start = field == DATE_WEEK_SUNDAY ? 6 : 0;
		return number(text, len, &f->week);
	case DATE_ZONE:
		f->has_zone = true;
		return date_zone(text, len, &f->zone_min);
	default:
		return true; /* fractions are dropped (compat) */
	}
}

/* ---- the calendar, without zones: seconds since 1970 of a date as it is written ---- */

static double
naive(int year, int month, int day, int hour, int minute, int second)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute,
	    .tm_sec = second};

	return (double)timegm(&tm);
}

static bool
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool
is_day(int year, int month, int day)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
		return false;
	return day <= lengths[month - 1] + (month == 2 && is_leap(year));
}

static void
naive_tm(double t, struct tm *tm)
{
	time_t whole = (time_t)t;

	gmtime_r(&whole, tm);
}

/* Local wall clock of now, as naive seconds; and in now_tm. */
static double
local_now(struct date_clock *clock)
{
	double start = floor(clock->now);
	time_t whole = (time_t)start;

	if (start != clock->asked_now || start == 0) {
		localtime_r(&whole, &clock->now_tm);
		struct tm copy = clock->now_tm;
		clock->naive_now = (double)timegm(&copy);
		clock->asked_now = start;
	}
	return clock->naive_now + (clock->now - start);
}

static double
end_of_year(int year, struct date_clock *clock)
{
	if (year != clock->ended_year || clock->year_end == 0) {
		struct tm next = {.tm_year = year + 1, .tm_mday = 1, .tm_isdst = -1};
		clock->year_end = (double)mktime(&next);
		clock->ended_year = year;
	}
	return clock->year_end;
}

/* The naive seconds that the local clock shows at this moment. */
static double
shown_at(time_t moment)
{
	struct tm tm;

	localtime_r(&moment, &tm);
	return (double)timegm(&tm);
}

/* A line that is being read is of now: of the two moments the later one that has come. */
static double
nearest(double first, double second, double now)
{
	return second <= now + FUTURE_S ? second : first;
}

/*
 * Local time as written -> moment; asks the C library once an hour. In the hour that the clock shows twice, a log
 * that is followed says which of the two it means by when it is read; of an old one the C library decides (compat).
 */
static double
local_moment(double t, struct date_clock *clock, bool *is_twice)
{
	struct tm tm;

	naive_tm(t, &tm);
	int key[4] = {tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour};
	if (memcmp(key, clock->hour_key, sizeof key) != 0) {
		struct tm hour = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday, .tm_hour = tm.tm_hour,
		    .tm_isdst = -1};
		struct tm last = hour;
		last.tm_min = 59;
		last.tm_sec = 59;
		time_t base = mktime(&hour), end = mktime(&last);
		if (end - base != 3599) { /* the clock changes within this hour */
			struct tm exact = tm;
			exact.tm_isdst = -1;
			return (double)mktime(&exact);
		}
		double shown = shown_at(base);
		clock->hour_base = (double)base;
		clock->hour_again = shown_at(base + 3600) == shown ? 3600 : shown_at(base - 3600) == shown ? -3600 : 0;
		memcpy(clock->hour_key, key, sizeof key);
	}
	double moment = clock->hour_base + tm.tm_min * 60 + tm.tm_sec, other = moment + clock->hour_again;
	*is_twice = clock->hour_again != 0;
	if (!*is_twice || fabs(clock->now - moment) > TWICE_S)
		return moment;
	return nearest(fmin(moment, other), fmax(moment, other), clock->now);
}

/* compat: strptime's week and weekday -> day of the year (may fall outside of it). */
static int
yday_of_week(int year, int week, int weekday, bool from_monday)
{
	struct tm tm;

	naive_tm(naive(year, 1, 1, 0, 0, 0), &tm);
	int first = (tm.tm_wday + 6) % 7; /* Monday 0 */
	if (!from_monday) {
		first = (first + 1) % 7;
		weekday = (weekday + 1) % 7;
	}
	int week0 = (7 - first) % 7;
	return week == 0 ? 1 + weekday - first : 1 + week0 + 7 * (week - 1) + weekday;
}

bool
date_fields_time(const struct date_fields *f, struct date_clock *clock, struct date_value *out)
{
	double now = local_now(clock);
	int year = f->year, month = f->month, day = f->day, hour = f->hour;

	*out = (struct date_value){0};
	if (f->is_hour12) {
		if (f->half == 1)
			hour = hour == 12 ? 12 : hour + 12;
		else if (hour == 12)
			hour = 0;
	}
	if (year < 0) {
		year = clock->now_tm.tm_year + 1900;
		out->assumed_year = true;
	}
	if (f->week > 53 || f->weekday > 6 || f->yday > 366) /* from groups that the user wrote: (?P<W>\d+) */
		return false;
	if (month < 0 || day < 0) {
		int yday = f->yday;
		if (yday < 0 && f->week >= 0 && f->weekday >= 0)
			yday = yday_of_week(year, f->week, f->weekday, f->week_start == 0);
		if (f->yday >= 0 || (f->week >= 0 && f->weekday >= 0)) {
			struct tm tm;
			naive_tm(naive(year, 1, 1, 0, 0, 0) + (yday - 1) * 86400.0, &tm);
			year = tm.tm_year + 1900;
			month = tm.tm_mon + 1;
			day = tm.tm_mday;
		}
	}
	if (month < 0 && day < 0) {
		month = clock->now_tm.tm_mon + 1;
		day = clock->now_tm.tm_mday;
		out->assumed_day = true;
	}
	if (!is_day(year, month, day) || hour > 23 || f->minute > 59 || f->second > 59)
		return false; /* compat: second 60 passes the template, but is no time */

	double t = naive(year, month, day, hour, f->minute, f->second);
	bool has_zone = f->has_zone || clock->has_zone;
	if (has_zone)
		t -= (f->has_zone ? f->zone_min : clock->zone_min) * 60.0;
	if (out->assumed_day && t > now)
		t -= 86400;
	if (out->assumed_year) {
		if (t > now + 86400) {
			struct tm tm;
			naive_tm(t, &tm); /* compat: the clock time after the zone was applied, the day before it */
			if (!is_day(year - 1, month, day))
				return false;
			t = naive(year - 1, month, day, tm.tm_hour, tm.tm_min, tm.tm_sec);
			out->now_year_end = 0;
		} else {
			out->now_year_end = end_of_year(clock->now_tm.tm_year, clock);
		}
	}
	out->time = has_zone ? t : local_moment(t, clock, &out->is_twice);
	return true;
}
