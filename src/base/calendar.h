/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The server's local calendar, by the process's time zone. A date is an integer, 20250804, and a
 * month too, 202508: they sort, and a person reads them in the database.
 */
#ifndef V2METER_BASE_CALENDAR_H
#define V2METER_BASE_CALENDAR_H

#include <stdint.h>

/* What day and hour a moment belongs to. The hour is named by its local start and the offset from
 * UTC: the hour that the end of summer time repeats is two. */
struct v2m_local_time {
	int32_t date;
	int64_t hour_start_s; /* Unix seconds of the local full hour, by the offset now in force */
	int32_t utc_offset_s; /* local minus UTC */
};

/* Of a moment in Unix microseconds. */
struct v2m_local_time v2m_local_time_at(int64_t real_us);

/* The date that many days later, earlier where days is negative. */
int32_t v2m_date_add(int32_t date, int days);
/* Unix seconds of the local midnight that begins the date. */
int64_t v2m_date_start_s(int32_t date);
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
