/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How often a costly look at all sockets is worth its cost: with many sockets, answers that follow
 * each other share one, and the daemon looks more seldom while nobody asks.
 */
#ifndef V2METER_SOCKETS_LOOK_PACE_H
#define V2METER_SOCKETS_LOOK_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* A look that takes less CPU is always due. Looks take about 1.3 us for each socket. */
#define V2M_LOOK_CHEAP_NS UINT64_C(30000000)
/* The share of the time that costly looks take. */
#define V2M_LOOK_SHARE 50

/* The share of the time that looks take for which nobody waits, and how long the next one waits at
 * most. */
#define V2M_LOOK_UNASKED_SHARE   500
#define V2M_LOOK_UNASKED_WAIT_NS UINT64_C(30000000000)

/* The last look. */
struct v2m_look_pace {
	uint64_t ended_ns; /* CLOCK_MONOTONIC; 0: there was none */
	uint64_t cost_ns;  /* CPU time */
};

/* For an answer. */
bool v2m_look_pace_is_due(const struct v2m_look_pace *last, uint64_t now_ns);
/* For nobody. */
bool v2m_look_pace_is_due_unasked(const struct v2m_look_pace *last, uint64_t now_ns);

/* So long nothing waits after the connections of a moment were needed: for a live answer, for the
 * list of online users, for the counters of a proxy, or because ports have changed. */
#define V2M_LOOKS_NEEDED_NS UINT64_C(15000000000)

/* What is done each time while nobody asks. */
struct v2m_unasked_looks {
	struct v2m_look_pace dump; /* the last list of the connections */
	uint64_t pass_ns;          /* CPU time of the last look at all sockets */
	/* When the connections of that moment were last needed, CLOCK_MONOTONIC; 0: never. */
	uint64_t needed_ns;
};

/* Whether the next list and look may come later. */
bool v2m_unasked_looks_may_wait(const struct v2m_unasked_looks *looks, uint64_t now_ns);

#endif
