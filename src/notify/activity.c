// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/activity.h"

#include <stdio.h>
#include <string.h>

#include "base/calendar.h"

#define DAYS 8

static unsigned hour_of(const struct v2m_local_time *now)
{
	int64_t wall_s = now->hour_start_s + now->utc_offset_s;

	return (unsigned)((wall_s / 3600 % 24 + 24) % 24);
}

/* Makes bit 0 the date's. A date that goes back, or far ahead, begins anew. */
static bool turn_to(struct v2m_activity *activity, int32_t date)
{
	int days = 0;

	if (activity->date == date)
		return false;
	while (days < DAYS && activity->date && v2m_date_add(activity->date, days) != date)
		days++;
	for (unsigned hour = 0; hour < 24; hour++) {
		activity->observed[hour] = (uint8_t)(activity->observed[hour] << days);
		activity->active[hour] = (uint8_t)(activity->active[hour] << days);
	}
	activity->date = date;
	return true;
}

bool v2m_activity_note(struct v2m_activity *activity, int64_t real_us, bool moved)
{
	struct v2m_local_time now = v2m_local_time_at(real_us);
	unsigned hour = hour_of(&now);
	bool changed = turn_to(activity, now.date);

	changed |= !(activity->observed[hour] & 1) || (moved && !(activity->active[hour] & 1));
	activity->observed[hour] |= 1;
	if (moved)
		activity->active[hour] |= 1;
	return changed;
}

bool v2m_activity_is_normal(const struct v2m_activity *activity, int64_t real_us)
{
	struct v2m_local_time now = v2m_local_time_at(real_us);
	unsigned hour = hour_of(&now);
	int observed = __builtin_popcount(activity->observed[hour] >> 1);
	int active = __builtin_popcount(activity->active[hour] >> 1);

	return 2 * active >= observed;
}

bool v2m_activity_ever(const struct v2m_activity *activity)
{
	for (unsigned hour = 0; hour < 24; hour++)
		if (activity->active[hour])
			return true;
	return false;
}

void v2m_activity_format(const struct v2m_activity *activity, char text[static V2M_ACTIVITY_LEN])
{
	int length = snprintf(text, V2M_ACTIVITY_LEN, "%d ", activity->date);

	for (unsigned hour = 0; hour < 24; hour++)
		length += snprintf(text + length, V2M_ACTIVITY_LEN - (size_t)length, "%02x%02x",
				   activity->observed[hour], activity->active[hour]);
}

bool v2m_activity_parse(const char *text, struct v2m_activity *activity)
{
	struct v2m_activity read = { 0 };
	int used = 0;
	bool good = sscanf(text, "%8d %n", &read.date, &used) == 1 && strlen(text + used) == 96;

	for (unsigned hour = 0; hour < 24 && good; hour++)
		good = sscanf(text + used + 4 * hour, "%2hhx%2hhx", &read.observed[hour],
			      &read.active[hour]) == 2;
	*activity = good ? read : (struct v2m_activity){ 0 };
	return good;
}
