/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What one subject did since the ledger last stored it, by local day and hour: additions to the
 * ledger's rows, kept in memory and bounded while the disk cannot be written. */
#ifndef V2METER_ACCOUNTING_PENDING_H
#define V2METER_ACCOUNTING_PENDING_H

#include "accounting/history.h"

/* Two months and three days of a broken disk. Beyond that the oldest day's figures go to the day
 * after it, so that no byte is lost; the oldest hour is dropped, its bytes are in its day. */
#define V2M_PENDING_DAYS  62
#define V2M_PENDING_HOURS 72

struct v2m_pending {
	struct v2m_history_day *days;
	size_t n_days;
	size_t days_size;
	struct v2m_history_hour *hours;
	size_t n_hours;
	size_t hours_size;
};

/* Room for one more day and hour, so that the next addition cannot fail. 0 or -ENOMEM. */
int v2m_pending_reserve(struct v2m_pending *pending);
void v2m_pending_add(struct v2m_pending *pending, const struct v2m_local_time *when,
		     const struct v2m_history_figures *figures);
/* Empties it and keeps the room. */
void v2m_pending_clear(struct v2m_pending *pending);
void v2m_pending_free(struct v2m_pending *pending);

#endif
