/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tells systemd's watchdog that the daemon counts. Without that, systemd starts the service again.
 */
#ifndef V2METER_DAEMON_WATCHDOG_H
#define V2METER_DAEMON_WATCHDOG_H

#include <systemd/sd-event.h>

#include "collector/collector.h"

/* Tells systemd twice in each period of WatchdogSec=, from the event loop and only if the collector
 * takes its samples on time: a loop that goes round without counting is of no use. Does nothing if
 * systemd has no watchdog for this process. The collector must live as long as the loop runs. 0 or
 * -errno. */
int v2m_watchdog_start(sd_event *event, const struct v2m_collector *collector);

#endif
