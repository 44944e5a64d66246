/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One round: what a look at the daemon means. Everything in it is one transaction of the store. */
#ifndef V2METER_NOTIFY_ROUND_H
#define V2METER_NOTIFY_ROUND_H

#include "notify/crossings.h"
#include "notify/event.h"
#include "notify/look.h"

struct v2m_round {
	const struct v2m_notify_settings *settings;
	const struct v2m_look *look;
	struct v2m_store *store;
	struct v2m_crossings *crossings;
	const char *server;
	struct v2m_error *error;
};

/* Queues an event for every channel that takes it, and consumes the reference. 0 or -errno; event
 * NULL is -ENOMEM. */
int v2m_round_send(const struct v2m_round *round, json_t *event);
/* Makes an event with a title like printf(3). NULL: out of memory. */
json_t *v2m_round_event(const struct v2m_round *round, enum v2m_event_kind kind,
			enum v2m_event_state state, const char *format, ...) V2M_PRINTF(4, 5);

#endif
