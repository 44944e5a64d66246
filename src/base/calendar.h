/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The server's local calendar, in the time zone of the process. A date is an integer such as
 * 20250804, and a month one such as 202508. They sort by time, and a person can read them in the
 * database.
 */
#ifndef V2METER_BASE_CALENDAR_H
#define V2METER_BASE_CALENDAR_H

#include <stdint.h>

/* The day and hour of a moment. The local start and the offset from UTC name an hour, because the
 * end of summer time repeats one: those are two hours. */
struct v2m_local_time {
	int32_t date;
	int64_t hour_start_s; /* Unix seconds of the local full hour, by the offset of that moment
			       */
	int32_t utc_offset_s; /* local minus UTC */
};

/* The day and hour of a moment in Unix microseconds. */
struct v2m_local_time v2m_local_time_at(int64_t real_us);

/* The date that many days later, or earlier if days is negative. */
int32_t v2m_date_add(int32_t date, int days);
/* Unix seconds of the local midnight that begins the date. */
int64_t v2m_date_start_s(int32_t date);
static inline int32_t v2m_date_month(int32_t date)
{
	return date / 100;
}

/* Read "2025-08-04" and "2025-08", in exactly this form. The date has to exist, in the years 1970
 * to 9999. 0 or -EINVAL. */
int v2m_date_parse(const char *text, int32_t *date);
int v2m_month_parse(const char *text, int32_t *month);
#define V2M_DATE_LEN 16
void v2m_date_format(int32_t date, char text[static V2M_DATE_LEN]);
void v2m_month_format(int32_t month, char text[static V2M_DATE_LEN]);

#endif
