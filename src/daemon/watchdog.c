// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "daemon/watchdog.h"

#include <stdint.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/log.h"

#define TIMES_PER_PERIOD 2
#define ACCURACY_US      1000

static int tell(sd_event_source *timer, uint64_t due_us, void *context)
{
	const struct v2m_collector *collector = context;
	uint64_t period_us;
	int result;

	(void)due_us;
	if (v2m_collector_is_on_time(collector))
		sd_notify(0, "WATCHDOG=1");
	if (sd_watchdog_enabled(0, &period_us) <= 0)
		return 0;
	result = sd_event_source_set_time_relative(timer, period_us / TIMES_PER_PERIOD);
	if (result >= 0)
		result = sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
	if (result < 0)
		v2m_log_error("the timer for systemd's watchdog cannot be set: %s",
			      strerror(-result));
	return 0;
}

int v2m_watchdog_start(sd_event *event, const struct v2m_collector *collector)
{
	int result = sd_watchdog_enabled(0, NULL);

	/* The loop owns the timer. */
	if (result > 0)
		result = sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, 0, ACCURACY_US,
						    tell, (void *)collector);
	return result < 0 ? result : 0;
}
