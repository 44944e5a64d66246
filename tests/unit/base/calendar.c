// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include <errno.h>

#include "base/calendar.h"
#include "base/macros.h"
#include "base/zone.h"

static void zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static struct v2m_local_time at(const char *utc)
{
	struct tm tm = { 0 };

	assert_non_null(strptime(utc, "%Y-%m-%dT%H:%M:%S", &tm));
	return v2m_local_time_at((int64_t)timegm(&tm) * 1000000 + 999999);
}

static int64_t unix_s(const char *utc)
{
	struct tm tm = { 0 };

	assert_non_null(strptime(utc, "%Y-%m-%dT%H:%M:%S", &tm));
	return timegm(&tm);
}

static void a_day_is_the_local_one(void **context)
{
	(void)context;
	zone("Europe/Berlin");
	assert_int_equal(at("2025-08-03T21:59:59").date, 20250803);
	assert_int_equal(at("2025-08-03T22:00:00").date, 20250804);
	zone("Pacific/Kiritimati");
	assert_int_equal(at("2025-08-03T22:00:00").date, 20250804);
	zone("America/Los_Angeles");
	assert_int_equal(at("2025-08-04T06:59:59").date, 20250803);
}

static void an_hour_starts_on_the_half_in_a_zone_of_half_an_hour(void **context)
{
	(void)context;
	zone("Asia/Kolkata");
	assert_int_equal(at("2025-08-04T10:29:59").hour_start_s, unix_s("2025-08-04T09:30:00"));
	assert_int_equal(at("2025-08-04T10:30:00").hour_start_s, unix_s("2025-08-04T10:30:00"));
	assert_int_equal(at("2025-08-04T10:30:00").utc_offset_s, 19800);
	assert_int_equal(at("2025-08-03T18:29:59").date, 20250803);
	assert_int_equal(at("2025-08-03T18:30:00").date, 20250804);
}

static void the_repeated_hour_of_berlin_is_two(void **context)
{
	struct v2m_local_time summer;
	struct v2m_local_time winter;

	(void)context;
	zone("Europe/Berlin");
	summer = at("2025-10-26T00:59:59");
	winter = at("2025-10-26T01:00:00");
	assert_int_equal(summer.date, 20251026);
	assert_int_equal(winter.date, 20251026);
	assert_int_equal(summer.hour_start_s + summer.utc_offset_s,
			 winter.hour_start_s + winter.utc_offset_s);
	assert_int_equal(summer.utc_offset_s, 7200);
	assert_int_equal(winter.utc_offset_s, 3600);
	assert_int_equal(winter.hour_start_s - summer.hour_start_s, 3600);
}

static void the_hour_that_spring_leaves_out_is_nobodys(void **context)
{
	(void)context;
	zone("Europe/Berlin");
	assert_int_equal(at("2025-03-30T00:59:59").hour_start_s, unix_s("2025-03-30T00:00:00"));
	assert_int_equal(at("2025-03-30T01:00:00").hour_start_s, unix_s("2025-03-30T01:00:00"));
	assert_int_equal(at("2025-03-30T01:00:00").utc_offset_s, 7200);
}

/* The clock goes back by half an hour at two, so 1:30 to 2:00 comes twice. */
static void half_an_hour_repeated_on_lord_howe_is_two_hours(void **context)
{
	struct v2m_local_time summer;
	struct v2m_local_time winter;

	(void)context;
	zone("Australia/Lord_Howe");
	summer = at("2025-04-05T14:59:59");
	winter = at("2025-04-05T15:00:00");
	assert_int_equal(summer.utc_offset_s, 39600);
	assert_int_equal(winter.utc_offset_s, 37800);
	assert_int_equal(summer.hour_start_s + summer.utc_offset_s,
			 winter.hour_start_s + winter.utc_offset_s);
	assert_int_not_equal(summer.hour_start_s, winter.hour_start_s);
	assert_int_equal(summer.date, winter.date);
}

static void a_clock_before_1970_is_a_date_too(void **context)
{
	(void)context;
	zone("UTC");
	assert_int_equal(v2m_local_time_at(-1).date, 19691231);
	assert_int_equal(v2m_local_time_at(0).date, 19700101);
}

static void dates_add_up_over_months_leap_days_and_years(void **context)
{
	(void)context;
	zone("Europe/Berlin");
	assert_int_equal(v2m_date_add(20250804, -30), 20250705);
	assert_int_equal(v2m_date_add(20240228, 1), 20240229);
	assert_int_equal(v2m_date_add(20250228, 1), 20250301);
	assert_int_equal(v2m_date_add(20250101, -1), 20241231);
	assert_int_equal(v2m_date_add(20250330, 0), 20250330);
}

static void only_a_date_that_exists_is_a_date(void **context)
{
	static const char *const wrong[] = {
		"",           "2025",       "2025-8-4", "2025-02-29",  "2025-04-31", "2025-13-01",
		"2025-00-10", "2025-01-00", "20250804", "2025-08-04x", "2025-08-0x", " 2025-08-04",
		"1969-12-31", "2025/08/04", "2025-08-", "+025-08-04"
	};
	int32_t date = 7;

	(void)context;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(v2m_date_parse(wrong[i], &date), -EINVAL);
	assert_int_equal(date, 7);
	assert_int_equal(v2m_date_parse("2024-02-29", &date), 0);
	assert_int_equal(date, 20240229);
}

static void only_a_month_that_exists_is_a_month(void **context)
{
	static const char *const wrong[] = {
		"", "2025-13", "2025-00", "2025-8", "2025-08-04", "x"
	};
	int32_t month = 7;

	(void)context;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(v2m_month_parse(wrong[i], &month), -EINVAL);
	assert_int_equal(month, 7);
	assert_int_equal(v2m_month_parse("2025-08", &month), 0);
	assert_int_equal(month, 202508);
}

static void dates_and_months_are_written_as_they_are_read(void **context)
{
	char text[V2M_DATE_LEN];

	(void)context;
	v2m_date_format(20250804, text);
	assert_string_equal(text, "2025-08-04");
	v2m_month_format(v2m_date_month(20250804), text);
	assert_string_equal(text, "2025-08");
}

static void a_time_has_a_zone_or_is_local(void **context)
{
	static const struct {
		const char *text;
		const char *utc;
	} good[] = {
		{ "2026-08-04T12:00:00Z", "2026-08-04T12:00:00" },
		{ "2026-08-04 12:00:00.878594Z", "2026-08-04T12:00:00" },
		{ "2026-08-04T12:00+03:30", "2026-08-04T08:30:00" },
		{ "2026-08-04T12:00:07-01:00", "2026-08-04T13:00:07" },
		{ "2026-08-04T12:00:00", "2026-08-04T10:00:00" },
		{ "2026-08-04", "2026-08-03T22:00:00" },
		{ "2026-01-04", "2026-01-03T23:00:00" },
	};
	static const char *const bad[] = {
		"",
		"2026",
		"2026-02-30",
		"2026-08-04T",
		"2026-08-04T24:00",
		"2026-08-04T12:60",
		"2026-08-04T12:00:60",
		"2026-08-04T12:00:00z",
		"2026-08-04T12:00:00+0330",
		"2026-08-04T12:00:00 Z",
		"1970-01-01T00:00:00+01:00",
		"tomorrow",
	};
	int64_t real_s;

	(void)context;
	zone("Europe/Berlin");
	for (size_t i = 0; i < V2M_ARRAY_LEN(good); i++) {
		assert_int_equal(v2m_time_parse(good[i].text, &real_s), 0);
		assert_int_equal(real_s, unix_s(good[i].utc));
	}
	for (size_t i = 0; i < V2M_ARRAY_LEN(bad); i++)
		if (v2m_time_parse(bad[i], &real_s) != -EINVAL)
			fail_msg("%s", bad[i]);
}

/* The zone would change for every thread, at the moment of a request. */
static void reading_dates_does_not_change_the_zone(void **context)
{
	const int64_t now_us = unix_s("2025-08-03T21:30:00") * 1000000;
	int32_t date;

	(void)context;
	zone("Europe/Berlin");
	assert_int_equal(v2m_local_time_at(now_us).date, 20250803);
	setenv("TZ", "Asia/Tokyo", 1);
	assert_int_equal(v2m_date_parse("2025-08-03", &date), 0);
	v2m_date_add(date, 1);
	v2m_date_wall_s(date);
	assert_int_equal(v2m_local_time_at(now_us).date, 20250803);
	assert_false(v2m_zone_follow());
	assert_int_equal(v2m_local_time_at(now_us).date, 20250804);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_is_the_local_one),
		cmocka_unit_test(an_hour_starts_on_the_half_in_a_zone_of_half_an_hour),
		cmocka_unit_test(the_repeated_hour_of_berlin_is_two),
		cmocka_unit_test(the_hour_that_spring_leaves_out_is_nobodys),
		cmocka_unit_test(half_an_hour_repeated_on_lord_howe_is_two_hours),
		cmocka_unit_test(a_clock_before_1970_is_a_date_too),
		cmocka_unit_test(dates_add_up_over_months_leap_days_and_years),
		cmocka_unit_test(only_a_date_that_exists_is_a_date),
		cmocka_unit_test(only_a_month_that_exists_is_a_month),
		cmocka_unit_test(dates_and_months_are_written_as_they_are_read),
		cmocka_unit_test(a_time_has_a_zone_or_is_local),
		cmocka_unit_test(reading_dates_does_not_change_the_zone),
	};

	return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
