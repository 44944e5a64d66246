/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The server's local calendar, in the time zone of the process. A date is an integer such as
 * 20250804, and a month one such as 202508. They sort by time, and a person can read them in the
 * database.
 */
#ifndef V2METER_BASE_CALENDAR_H
#define V2METER_BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

/* The day and hour of a moment. The local start and the offset from UTC name an hour, because the
 * end of summer time repeats one: those are two hours. */
struct v2m_local_time {
	int32_t date;
	int64_t hour_start_s; /* Unix seconds of the local full hour, by the offset of that moment
			       */
	int32_t utc_offset_s; /* local minus UTC */
};

/* Two hours with the same start and different offsets differ, and may be on different dates: the
 * offset was changed within an hour of UTC. */
static inline bool v2m_is_same_hour(const struct v2m_local_time *a, const struct v2m_local_time *b)
{
	return a->hour_start_s == b->hour_start_s && a->utc_offset_s == b->utc_offset_s;
}

/* The day and hour of a moment in Unix microseconds. */
struct v2m_local_time v2m_local_time_at(int64_t real_us);

/* The date that many days later, or earlier if days is negative. */
int32_t v2m_date_add(int32_t date, int days);
/* Seconds on the wall clock from 1970 to the midnight that begins the date. An hour is in the date
 * if hour_start_s + utc_offset_s is in [v2m_date_wall_s(date), v2m_date_wall_s(next date)). No Unix
 * time can say so: America/St_Johns showed 00:00 in 2006 and then 23:01 of the day before. */
int64_t v2m_date_wall_s(int32_t date);
/* No zone is further from UTC than this, POSIX TZ strings included. */
#define V2M_UTC_OFFSET_MAX_S 90000
static inline int32_t v2m_date_month(int32_t date)
{
	return date / 100;
}

/* Read "2025-08-04" and "2025-08", in exactly this form. The date has to exist, in the years 1970
 * to 9999. 0 or -EINVAL. */
int v2m_date_parse(const char *text, int32_t *date);
int v2m_month_parse(const char *text, int32_t *month);
/* Reads a time: a date alone, which is its midnight, or with "T" or a blank and hours and minutes,
 * perhaps seconds and a fraction, which is cut off. "Z" or an offset such as "+03:30" may follow;
 * without it, the time is local. From 1970 to V2M_TIME_MAX_S. 0 with Unix seconds, or -EINVAL. */
#define V2M_TIME_MAX_S 253402300799
int v2m_time_parse(const char *text, int64_t *real_s);
#define V2M_DATE_LEN 16
void v2m_date_format(int32_t date, char text[static V2M_DATE_LEN]);
void v2m_month_format(int32_t month, char text[static V2M_DATE_LEN]);

#endif
