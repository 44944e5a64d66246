/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long something has been there, or gone: what changes for a moment is no alert. */
#ifndef V2METER_NOTIFY_STREAK_H
#define V2METER_NOTIFY_STREAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct v2m_streak {
	char name[64];
	bool present;
	bool seen;         /* in this round */
	uint64_t since_ns; /* CLOCK_MONOTONIC */
};

/* An array (base/array.h). Zeros are an empty list. */
struct v2m_streaks {
	struct v2m_streak *items;
	size_t count;
	size_t capacity;
};

/* Notes that something is there now. Returns for how many seconds, or -ENOMEM. A name that is too
 * long is cut. */
int64_t v2m_streaks_present(struct v2m_streaks *streaks, const char *name, uint64_t now_ns);
/* Ends a round: what was not there is absent. What has been absent for forget_s is forgotten. */
void v2m_streaks_end(struct v2m_streaks *streaks, uint64_t now_ns, unsigned forget_s);
void v2m_streaks_clear(struct v2m_streaks *streaks);

#endif
