/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* In which hours of the day there normally is traffic, by the last seven days. */
#ifndef V2METER_NOTIFY_ACTIVITY_H
#define V2METER_NOTIFY_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>

/* Bit 0 of an hour stands for today, bit n for n days ago. Zeros at first. */
struct v2m_activity {
	int32_t date; /* today (base/calendar.h); 0: nothing was noted */
	uint8_t observed[24];
	uint8_t active[24];
};

/* Notes whether traffic was seen at a moment in Unix microseconds. Returns whether anything
 * changed. */
bool v2m_activity_note(struct v2m_activity *activity, int64_t real_us, bool moved);
/* Whether there was traffic at this hour of the day on at least half of the earlier days that were
 * observed. If none was, true: there is no reason to expect silence. */
bool v2m_activity_is_normal(const struct v2m_activity *activity, int64_t real_us);
/* Whether there was traffic at any hour that is noted. */
bool v2m_activity_ever(const struct v2m_activity *activity);

#define V2M_ACTIVITY_LEN 128
void v2m_activity_format(const struct v2m_activity *activity, char text[static V2M_ACTIVITY_LEN]);
/* Reads what v2m_activity_format() wrote. False, with zeros: it is something else. */
bool v2m_activity_parse(const char *text, struct v2m_activity *activity);

#endif
