/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An alert: what happened, for a person and for a program. */
#ifndef V2METER_NOTIFY_EVENT_H
#define V2METER_NOTIFY_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

enum v2m_event_kind {
	V2M_EVENT_KEY_LIMIT,
	V2M_EVENT_KEY_EXPIRY,
	V2M_EVENT_BUDGET,
	V2M_EVENT_BUDGET_PROJECTED,
	V2M_EVENT_DEGRADED,
	V2M_EVENT_UNREACHABLE,
	V2M_EVENT_SILENT,
	V2M_EVENT_NOT_LISTENING,
	V2M_EVENT_DROPPED, /* alerts were lost: every channel gets it */
	V2M_EVENT_TEST,
	V2M_N_EVENTS,
};

enum v2m_event_state {
	V2M_STATE_RAISED,
	V2M_STATE_CLEARED,
};

/* The stable word of a kind. */
const char *v2m_event_word(enum v2m_event_kind kind);
/* Whether a channel may name that word. */
bool v2m_event_known(const char *word);

/* Makes the event as JSON with the members id (random, for the receiver to recognise a repetition),
 * event, state, severity, server, time, title and text. The caller sets further ones. NULL: out of
 * memory. */
json_t *v2m_event_new(enum v2m_event_kind kind, enum v2m_event_state state, const char *server,
		      int64_t real_us, const char *title);
/* Adds a line to the text. 0 or -ENOMEM. */
int v2m_event_line(json_t *event, const char *format, ...) V2M_PRINTF(2, 3);

#endif
