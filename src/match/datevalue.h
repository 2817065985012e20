/*
 * datevalue: the text that a date template matched -> seconds since the epoch.
 *
 * Completes what the text leaves open (year, day, zone) from the clock that it is given.
 * Knows nothing of templates or lines.
 */
#ifndef MATCH_DATEVALUE_H
#define MATCH_DATEVALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* The fields that a template's groups can feed; the letter is strptime's. */
enum date_field {
	DATE_NOTHING,
	DATE_YEAR,       /* Y */
	DATE_YEAR2,      /* y */
	DATE_MONTH,      /* m */
	DATE_MON,        /* b */
	DATE_MONTH_NAME, /* B */
	DATE_DAY,        /* d */
	DATE_HOUR,       /* H */
	DATE_HOUR12,     /* I */
	DATE_AMPM,       /* p */
	DATE_MINUTE,     /* M */
	DATE_SECOND,     /* S */
	DATE_FRACTION,   /* f */
	DATE_WDAY,       /* a */
	DATE_WDAY_NAME,  /* A */
	DATE_WDAY_NUMBER, /* w */
	DATE_YDAY,       /* j */
	DATE_WEEK_SUNDAY, /* U */
	DATE_WEEK_MONDAY, /* W */
	DATE_ZONE,       /* z, Z */
	DATE_FIELDS,
};

enum date_field date_field_of(const char *group_name); /* "Y" -> DATE_YEAR; DATE_NOTHING if it is none */

/* What was read. -1: not there. */
struct date_fields {
	int year, month, day, hour, minute, second;
	int weekday; /* 0 Monday */
	int yday;
	int week;
	int week_start; /* 6 Sunday, 0 Monday */
	bool is_hour12;
	int half; /* 0 am, 1 pm */
	bool has_zone;
	int zone_min; /* east of Greenwich */
};

void date_fields_init(struct date_fields *f);
/* False: the text means nothing in this field (an unknown zone, for instance). */
bool date_fields_set(struct date_fields *f, enum date_field field, const char *text, size_t len);

/* Offset of "CET", "UTC+0200", "+02:00", "Z" in minutes. */
bool date_zone(const char *text, size_t len, int *minutes);

#define DATE_SAME_MOMENT_S 10 /* two read the same lines one after the other: their clocks differ by less */

struct date_clock {
	double now;
	bool has_zone; /* logtimezone: for texts without a zone of their own */
	int zone_min;
	/* What the C library was asked for last, as that is slow: an hour, now, and the end of a year. */
	int hour_key[4];
	double hour_base;
	double hour_again; /* 3600 or -3600: the clock shows that hour twice, so much later or earlier; 0: once */
	double asked_now, naive_now;
	struct tm now_tm;
	int ended_year; /* struct tm's */
	double year_end;
};

struct date_value {
	double time;
	bool assumed_year, assumed_day;
	bool is_twice; /* the clock shows it twice: which of the two it is depends on now */
	double now_year_end; /* when the year was assumed: the moment that the assumption ends with */
};

/* False: there is no such date (February 30th). */
bool date_fields_time(const struct date_fields *f, struct date_clock *clock, struct date_value *out);

#endif
