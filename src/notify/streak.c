// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/streak.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"

static void set_present(struct v2m_streak *streak, bool present, uint64_t now_ns)
{
	if (streak->present != present)
		streak->since_ns = now_ns;
	streak->present = present;
}

int64_t v2m_streaks_present(struct v2m_streaks *streaks, const char *name, uint64_t now_ns)
{
	struct v2m_streak made = { .present = true, .since_ns = now_ns };
	struct v2m_streak *streak = NULL;

	snprintf(made.name, sizeof(made.name), "%s", name);
	for (size_t i = 0; i < streaks->count && !streak; i++)
		if (strcmp(streaks->items[i].name, made.name) == 0)
			streak = &streaks->items[i];
	if (!streak) {
		if (v2m_array_add(streaks, made))
			return -ENOMEM;
		streak = &streaks->items[streaks->count - 1];
	}
	set_present(streak, true, now_ns);
	streak->seen = true;
	return (int64_t)((now_ns - streak->since_ns) / 1000000000);
}

void v2m_streaks_end(struct v2m_streaks *streaks, uint64_t now_ns, unsigned forget_s)
{
	size_t kept = 0;

	for (size_t i = 0; i < streaks->count; i++) {
		struct v2m_streak *streak = &streaks->items[i];

		set_present(streak, streak->seen, now_ns);
		streak->seen = false;
		if (streak->present || now_ns - streak->since_ns < forget_s * 1000000000ull)
			streaks->items[kept++] = *streak;
	}
	streaks->count = kept;
}

void v2m_streaks_clear(struct v2m_streaks *streaks)
{
	v2m_array_clear(streaks);
}
