/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Follows how fragments that arrive are counted. */
#ifndef V2METER_COLLECTOR_FRAGMENT_WATCH_H
#define V2METER_COLLECTOR_FRAGMENT_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/health.h"
#include "devices/links.h"

struct v2m_datapath;

/* Zeroed at first. */
struct v2m_fragment_watch {
	uint64_t inexact;    /* fragments that were not counted exactly */
	uint64_t inexact_ns; /* CLOCK_MONOTONIC when there were more; 0: not since the start */
	bool known;          /* the two above began */
};

/* Tells the programs from which devices fragments count: the chosen ones, and the links over them.
 * Failures are logged. */
void v2m_fragment_watch_devices(struct v2m_links *links, struct v2m_datapath *datapath,
				const struct v2m_chosen_device *chosen, size_t n_chosen);

/* Sets or clears the condition fragments_inexact. datapath may be NULL. Failures are ignored: the
 * sample reads the same maps. */
void v2m_fragment_watch_check(struct v2m_fragment_watch *watch, const struct v2m_datapath *datapath,
			      struct v2m_conditions *conditions);

#endif
