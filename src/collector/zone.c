// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The time zone in which days begin, when somebody changes it. */
#include <stdlib.h>

#include "base/calendar.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/zone.h"
#include "collector/internal.h"

void collector_follow_zone(struct v2m_collector *collector)
{
	int offset_min;

	if (!v2m_zone_follow())
		return;
	offset_min = v2m_local_time_at(v2m_clock_real_us()).utc_offset_s / 60;
	v2m_log_info(
		"/etc/localtime has changed: days begin and times are written by UTC%c%02d:%02d "
		"from now on",
		offset_min < 0 ? '-' : '+', abs(offset_min) / 60, abs(offset_min) % 60);
	/* The answers that are cached have times of the old zone. */
	publish_nothing(collector);
}
