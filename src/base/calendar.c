// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/calendar.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int32_t date_of(const struct tm *tm)
{
	return (tm->tm_year + 1900) * 10000 + (tm->tm_mon + 1) * 100 + tm->tm_mday;
}

struct v2m_local_time v2m_local_time_at(int64_t real_us)
{
	/* Rounds towards the past also before 1970, which a wrong clock may show. */
	time_t now = (time_t)(real_us / 1000000 - (real_us % 1000000 < 0));
	struct tm tm;

	localtime_r(&now, &tm);
	return (struct v2m_local_time){
		.date = date_of(&tm),
		.hour_start_s = now - 60 * tm.tm_min - tm.tm_sec,
		.utc_offset_s = (int32_t)tm.tm_gmtoff,
	};
}

/* UTC, because each of its days has 24 hours. The time zone does not matter for whole dates. */
int32_t v2m_date_add(int32_t date, int days)
{
	struct tm tm = {
		.tm_year = date / 10000 - 1900,
		.tm_mon = date / 100 % 100 - 1,
		.tm_mday = date % 100 + days,
	};

	timegm(&tm);
	return date_of(&tm);
}

int64_t v2m_date_wall_s(int32_t date)
{
	struct tm tm = {
		.tm_year = date / 10000 - 1900,
		.tm_mon = date / 100 % 100 - 1,
		.tm_mday = date % 100,
	};

	return timegm(&tm);
}

/* Reads count digits. -1: there is something else. */
static int read_digits(const char *text, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -1;
		value = 10 * value + (text[i] - '0');
	}
	return value;
}

/* Reads "YYYY-MM" and ignores what follows. */
static int parse_month(const char *text, int32_t *month)
{
	int year = read_digits(text, 4);
	int number = year < 1970 || text[4] != '-' ? -1 : read_digits(text + 5, 2);

	if (number < 1 || number > 12)
		return -EINVAL;
	*month = year * 100 + number;
	return 0;
}

int v2m_month_parse(const char *text, int32_t *month)
{
	int32_t parsed;

	if (parse_month(text, &parsed) || text[7])
		return -EINVAL;
	*month = parsed;
	return 0;
}

int v2m_date_parse(const char *text, int32_t *date)
{
	int32_t month;
	int day;

	if (parse_month(text, &month) || text[7] != '-')
		return -EINVAL;
	day = read_digits(text + 8, 2);
	/* timegm() turns the 31st of April into the 1st of May. */
	if (day < 1 || text[10] || v2m_date_add(month * 100 + day, 0) != month * 100 + day)
		return -EINVAL;
	*date = month * 100 + day;
	return 0;
}

/* Reads "Z", "+HH:MM" or nothing. False: it is something else. */
static bool read_offset(const char *text, bool *is_local, int *offset_s)
{
	int hours;
	int minutes;

	*is_local = !*text;
	*offset_s = 0;
	if (!*text || strcmp(text, "Z") == 0)
		return true;
	if ((*text != '+' && *text != '-') || strlen(text) != 6 || text[3] != ':')
		return false;
	hours = read_digits(text + 1, 2);
	minutes = read_digits(text + 4, 2);
	*offset_s = (*text == '-' ? -60 : 60) * (60 * hours + minutes);
	return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

/* Reads "HH:MM", ":SS" and a fraction, and moves *text behind them. */
static bool read_clock(const char **text, struct tm *tm)
{
	const char *at = *text;

	tm->tm_hour = read_digits(at, 2);
	tm->tm_min = tm->tm_hour < 0 || at[2] != ':' ? -1 : read_digits(at + 3, 2);
	if (tm->tm_hour < 0 || tm->tm_hour > 23 || tm->tm_min < 0 || tm->tm_min > 59)
		return false;
	at += 5;
	if (*at == ':') {
		tm->tm_sec = read_digits(at + 1, 2);
		if (tm->tm_sec < 0 || tm->tm_sec > 59)
			return false;
		at += 3;
		if (*at == '.')
			at += 1 + strspn(at + 1, "0123456789");
	}
	*text = at;
	return true;
}

int v2m_time_parse(const char *text, int64_t *real_s)
{
	struct tm tm = { .tm_isdst = -1 };
	char day[11] = "";
	bool is_local;
	int32_t date;
	int64_t time;
	int offset_s;

	memccpy(day, text, 0, sizeof(day) - 1);
	if (v2m_date_parse(day, &date))
		return -EINVAL;
	text += 10;
	if (*text && ((*text != 'T' && *text != ' ') || (text++, !read_clock(&text, &tm))))
		return -EINVAL;
	if (!read_offset(text, &is_local, &offset_s))
		return -EINVAL;
	tm.tm_year = date / 10000 - 1900;
	tm.tm_mon = date / 100 % 100 - 1;
	tm.tm_mday = date % 100;
	time = is_local ? mktime(&tm) : timegm(&tm) - offset_s;
	if (time < 0 || time > V2M_TIME_MAX_S)
		return -EINVAL;
	*real_s = time;
	return 0;
}

void v2m_date_format(int32_t date, char text[static V2M_DATE_LEN])
{
	snprintf(text, V2M_DATE_LEN, "%04d-%02d-%02d", date / 10000, date / 100 % 100, date % 100);
}

void v2m_month_format(int32_t month, char text[static V2M_DATE_LEN])
{
	snprintf(text, V2M_DATE_LEN, "%04d-%02d", month / 100, month % 100);
}
