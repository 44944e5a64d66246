/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_ACCOUNTING_SUBJECT_H
#define V2METER_ACCOUNTING_SUBJECT_H

#include "accounting/pending.h"

/* Everything the account knows of a key or of a shared port. */
struct v2m_subject {
	char *id;
	char *name;    /* of the key, as last known; NULL for a shared port */
	uint16_t port; /* as last known, 0: never had one */
	struct v2m_totals lifetime;
	/* lifetime at the last reset: since_reset = lifetime - baseline */
	struct v2m_totals baseline;
	/* The same for the history, which has its own resets. */
	struct v2m_totals history_baseline;
	uint32_t max_connections; /* since first seen or the last reset of the history, like
				   * sessions */
	uint64_t sessions;
	int64_t first_seen_us;    /* Unix microseconds */
	int64_t last_activity_us; /* 0: never */
	int64_t reset_us;         /* 0: never */

	/* The rest is not stored. */
	uint32_t connections;       /* in the last dump */
	struct v2m_pending pending; /* not stored yet */
	int64_t noted_hour_s;       /* the hour of noted_connections */
	uint32_t noted_connections; /* the most at once that pending has for that hour */
	bool dirty;
};

#endif
