/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The figures of one subject since the ledger last stored it, by local day and hour. The
 * ledger adds it to its rows. While the disk cannot be written it is kept in memory, within limits.
 */
#ifndef V2METER_ACCOUNTING_PENDING_H
#define V2METER_ACCOUNTING_PENDING_H

#include "accounting/history.h"

/* The limits: two months of days and three days of hours. Beyond them the oldest day's figures are
 * added to the next day, and no byte is lost; the oldest hour is dropped, its bytes are in its day.
 */
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

/* Makes room for one day and hour more: the next addition cannot fail then. 0 or -ENOMEM. */
int v2m_pending_reserve(struct v2m_pending *pending);
void v2m_pending_add(struct v2m_pending *pending, const struct v2m_local_time *when,
		     const struct v2m_history_figures *figures);
/* Takes as much of the totals as the day and hour have, and returns what the day had. */
struct v2m_totals v2m_pending_take(struct v2m_pending *pending, const struct v2m_local_time *when,
				   const struct v2m_totals *wanted);
/* Makes room for everything that another subject has pending: v2m_pending_add_all() cannot fail
 * then. 0 or -ENOMEM. */
int v2m_pending_reserve_more(struct v2m_pending *pending, const struct v2m_pending *more);
void v2m_pending_add_all(struct v2m_pending *pending, const struct v2m_pending *more);
/* Removes the days and hours and keeps the memory. */
void v2m_pending_clear(struct v2m_pending *pending);
void v2m_pending_free(struct v2m_pending *pending);

#endif
