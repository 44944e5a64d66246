/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The server's local calendar, by the process's time zone. A date is an integer, 20250804, and a
 * month too, 202508: they sort, and a person reads them in the database.
 */
#ifndef V2METER_BASE_CALENDAR_H
#define V2METER_BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

/* What day and hour a moment belongs to. The hour is named by its local start and the offset from
 * UTC: the hour that the end of summer time repeats is two. */
struct v2m_local_time {
	int32_t date;
	int64_t hour_start_s; /* Unix seconds of the local full hour, by the offset now in force */
	int32_t utc_offset_s; /* local minus UTC */
};

/* Two hours with the same start and other offsets are in the same hour of UTC, and maybe on other
 * dates: a zone was changed, by law or by hand. */
static inline bool v2m_is_same_hour(const struct v2m_local_time *a, const struct v2m_local_time *b)
{
	return a->hour_start_s == b->hour_start_s && a->utc_offset_s == b->utc_offset_s;
}

/* Of a moment in Unix microseconds. */
struct v2m_local_time v2m_local_time_at(int64_t real_us);

/* The date that many days later, earlier where days is negative. */
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

/* "2025-08-04" and "2025-08": exactly so, and a date that exists, years 1970 to 9999. 0 or -EINVAL.
 */
int v2m_date_parse(const char *text, int32_t *date);
int v2m_month_parse(const char *text, int32_t *month);
#define V2M_DATE_LEN 16
void v2m_date_format(int32_t date, char text[static V2M_DATE_LEN]);
void v2m_month_format(int32_t month, char text[static V2M_DATE_LEN]);

#endif
