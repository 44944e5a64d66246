/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The data that answers about history are rendered from. The ledger's queries fill it in, the
 * caller owns it, and nothing in it points elsewhere. Bytes are there in all units of
 * struct v2m_totals.
 */
#ifndef V2METER_ACCOUNTING_HISTORY_H
#define V2METER_ACCOUNTING_HISTORY_H

#include <stddef.h>

#include "accounting/snapshot.h"
#include "base/calendar.h"

/* The figures of one subject over some time. */
struct v2m_history_figures {
	struct v2m_totals totals;
	uint32_t max_connections; /* most at once */
	uint64_t sessions;        /* TCP connections opened */
};

/* Adds totals and sessions; of the connections the larger number stays. */
void v2m_history_figures_add(struct v2m_history_figures *sum,
			     const struct v2m_history_figures *more);

struct v2m_history_day {
	int32_t date;
	struct v2m_history_figures figures;
};

struct v2m_history_hour {
	int64_t start_s; /* as in v2m_local_time */
	int32_t utc_offset_s;
	struct v2m_history_figures figures;
};

/* One key or one shared slot. For a shared slot, slot_number is set, and id, uuid, name and
 * created_at are NULL. A key that shares a slot is there too: shares_port is set, and its figures
 * hold only what was counted while the key had the slot to itself. */
struct v2m_history_key {
	char *id;
	char *uuid;
	char *name;
	char *created_at;     /* as the key source wrote it, NULL if it does not say */
	uint16_t port;        /* the first port; 0: none */
	bool is_active;       /* has connections now */
	uint32_t slot_number; /* v2m_slot_number() of a slot that is no single key's; 0: a key */
	bool shares_port;
	int64_t first_seen_us;
	int64_t last_activity_us;         /* 0: never */
	struct v2m_history_figures all;   /* since first seen, or the last reset of the history */
	struct v2m_history_figures month; /* of v2m_history.month */
	struct v2m_history_day *days;     /* ascending; all there are, or those of the month */
	size_t n_days;
};

/* The keys of the key set in its order, then the shared slots. */
struct v2m_history {
	int32_t month; /* 0: no month was asked for */
	struct v2m_history_key *keys;
	size_t n_keys;
};

/* Frees what the history holds and empties it. */
void v2m_history_clear(struct v2m_history *history);

/* The sums over all subjects on one day, removed keys included. */
struct v2m_history_date {
	int32_t date;
	struct v2m_totals totals;
	uint64_t connections; /* the sum of the max_connections of all subjects */
	uint64_t sessions;
	size_t active_keys; /* subjects with traffic, connections or sessions */
};

/* The result of an import: how many subjects were added, how many had been added from the same
 * document before, and how many were refused because another document of the same ledger was
 * imported before, whose totals overlap with these. */
struct v2m_import_result {
	size_t added;
	size_t known;
	size_t refused;
};

#endif
