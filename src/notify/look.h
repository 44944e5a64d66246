/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The answers of the daemon at one moment. */
#ifndef V2METER_NOTIFY_LOOK_H
#define V2METER_NOTIFY_LOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "notify/settings.h"

/* The members "data" of the daemon's answers; NULL: it gave none. */
struct v2m_look {
	int64_t real_us;
	uint64_t mono_ns;
	char problem[320]; /* why nothing is known; "" if the daemon answered */
	json_t *status;    /* the whole answer of /api/meter/status, or of /health */
	json_t *keys;      /* of /api/meter/keys */
	json_t *month;     /* of /api/traffic/monthly; only if the settings need it */
	json_t *budget;    /* of /api/meter/budget */
	bool no_budget;    /* the daemon says that none is configured */
};

/* Asks the daemon. The API key is read anew each time, so a changed one takes effect. */
void v2m_look_take(const struct v2m_notify_settings *settings, struct v2m_look *look);
void v2m_look_clear(struct v2m_look *look);

#endif
