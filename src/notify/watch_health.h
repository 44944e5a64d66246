/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether the daemon answers, and what it says is wrong. */
#ifndef V2METER_NOTIFY_WATCH_HEALTH_H
#define V2METER_NOTIFY_WATCH_HEALTH_H

#include "notify/round.h"
#include "notify/streak.h"

/* Zeros at first. */
struct v2m_health_watch {
	struct v2m_streaks reasons;
	struct v2m_streaks problems;
};

/* Reasons of a degraded health, and an unreachable daemon, are alerts when they have lasted as long
 * as the settings say, and again when they are over. 0 or -errno. */
int v2m_watch_health(const struct v2m_round *round, struct v2m_health_watch *watch);
void v2m_health_watch_clear(struct v2m_health_watch *watch);

#endif
