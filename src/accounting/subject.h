/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_ACCOUNTING_SUBJECT_H
#define V2METER_ACCOUNTING_SUBJECT_H

#include "accounting/parts.h"
#include "accounting/pending.h"

/* Everything that the account knows of a key, of a shared slot, or of a slot behind another one. */
struct v2m_subject {
	char *id;
	char *name;    /* of the key, as last known; NULL for a slot */
	uint16_t port; /* the first port, as last known; 0: never had one */
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
	struct v2m_key_parts parts;

	/* The rest is not stored. */
	uint32_t connections;       /* in the last dump, over all slots */
	uint64_t opened;            /* since the dump before; only account_connections.c uses it */
	struct v2m_pending pending; /* not stored yet */
	/* Bytes of a shared slot that got an owner after the ledger had stored them as the slot's.
	 * Later bytes of the slot make up for them. */
	struct v2m_totals owed;
	uint64_t owed_sessions;      /* the same for sessions that are not accounted yet */
	struct v2m_local_time noted; /* the hour of noted_connections */
	uint32_t noted_connections;  /* the most at once that pending has for that hour */
	bool dirty;
};

/* True for the subject of a slot behind another one. Its bytes are in no sum. */
bool v2m_subject_is_behind(const struct v2m_subject *subject);

/* The totals since the last reset of the traffic, or of the history. */
struct v2m_totals v2m_subject_since_reset(const struct v2m_subject *subject);
struct v2m_totals v2m_subject_history(const struct v2m_subject *subject);

#endif
