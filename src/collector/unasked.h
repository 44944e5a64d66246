/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How often the connections are listed, and all sockets looked at, while nobody asks: more seldom
 * if there are many, see sockets/look_pace.h.
 */
#ifndef V2METER_COLLECTOR_UNASKED_H
#define V2METER_COLLECTOR_UNASKED_H

#include <stdbool.h>
#include <stdint.h>

#include "sockets/look_pace.h"

struct v2m_parts;

struct v2m_unasked {
	struct v2m_look_pace dump; /* the last list of the connections */
	uint64_t pass_ns;          /* CPU time of the last look at all sockets */
	uint64_t watched_ns;       /* CLOCK_MONOTONIC; 0: nobody has watched */
};

/* A list of the connections was made, or a look was taken. cost_ns: CPU time in nanoseconds. */
void v2m_unasked_note_dump(struct v2m_unasked *unasked, uint64_t cost_ns);
void v2m_unasked_note_pass(struct v2m_unasked *unasked, uint64_t cost_ns);
/* Somebody watches live figures: for the next seconds nothing waits. */
void v2m_unasked_note_watched(struct v2m_unasked *unasked);

/* Whether the next list and look may come later. They may not if something would be missed or late
 * in a day: if the kernel does not count the sessions, or if delivered bytes are billed. */
bool v2m_unasked_may_wait(const struct v2m_parts *parts);

#endif
