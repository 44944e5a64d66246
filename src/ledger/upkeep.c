// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Deletes from the ledger: histories that begin anew, and days and hours that are too old. */
#include <stdlib.h>

#include "ledger/history.h"
#include "ledger/private.h"

#define STEADY_NS    3600000000000ull
#define TOLERANCE_US 60000000ll

static int delete_history_of(struct v2m_ledger *ledger, const void *argument)
{
	static const enum v2m_statement tables[] = {
		V2M_DELETE_DAYS_OF,
		V2M_DELETE_MONTHS_OF,
		V2M_DELETE_HOURS_OF,
	};
	int result = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(tables) && result == 0; i++) {
		struct v2m_cursor cursor = v2m_cursor_of(&ledger->statements, tables[i]);

		v2m_bind_text(&cursor, argument);
		result = v2m_cursor_run(&cursor);
	}
	return result;
}

int v2m_ledger_history_reset(struct v2m_ledger *ledger, struct v2m_account *account,
			     const char *subject, struct v2m_error *error)
{
	struct v2m_history_undo undo;
	int result = v2m_account_reset_history(account, subject, &undo);

	if (result)
		return v2m_error_set(error, result, "ledger: no such key");
	result = v2m_ledger_write(ledger, account, delete_history_of, subject, error);
	if (result)
		v2m_account_undo_history_reset(account, subject, &undo);
	v2m_history_undo_clear(&undo);
	return result;
}

struct before {
	int32_t date;
	int64_t hour_start_s;
};

static int delete_before(struct v2m_ledger *ledger, const void *argument)
{
	const struct before *before = argument;
	struct v2m_cursor days = v2m_cursor_of(&ledger->statements, V2M_DELETE_DAYS_BEFORE);
	struct v2m_cursor hours = v2m_cursor_of(&ledger->statements, V2M_DELETE_HOURS_BEFORE);
	int result;

	v2m_bind_int(&days, before->date);
	result = v2m_cursor_run(&days);
	if (result)
		return result;
	v2m_bind_int(&hours, before->hour_start_s);
	return v2m_cursor_run(&hours);
}

int v2m_ledger_history_cleanup(struct v2m_ledger *ledger, struct v2m_account *account,
			       unsigned days_to_keep, int64_t real_us, struct v2m_error *error)
{
	struct before before;

	before.date = v2m_date_add(v2m_local_time_at(real_us).date, -(int)days_to_keep);
	before.hour_start_s = v2m_date_start_s(before.date);
	return v2m_ledger_write(ledger, account, delete_before, &before, error);
}

/* True if the two clocks have run side by side for an hour. A jump begins the hour anew. */
static bool is_steady(struct v2m_ledger *ledger, uint64_t mono_ns, int64_t real_us)
{
	int64_t drift_us = real_us - ledger->steady_since_us -
			   (int64_t)((mono_ns - ledger->steady_since_ns) / 1000);

	if (ledger->steady_since_ns == 0 || llabs(drift_us) > TOLERANCE_US) {
		ledger->steady_since_ns = mono_ns;
		ledger->steady_since_us = real_us;
		return false;
	}
	return mono_ns - ledger->steady_since_ns >= STEADY_NS;
}

int v2m_ledger_expire(struct v2m_ledger *ledger, struct v2m_account *account, uint64_t mono_ns,
		      int64_t real_us, struct v2m_error *error)
{
	struct before before;

	if (!is_steady(ledger, mono_ns, real_us))
		return 0;
	before.date = v2m_date_add(v2m_local_time_at(real_us).date, -(int)ledger->retention.days);
	before.hour_start_s = real_us / 1000000 - 3600 * (int64_t)ledger->retention.hours;
	/* The next time is in an hour, even if this fails: a lock or a full disk is no better a
	 * second later, and every attempt at a lock waits for its time-out. */
	ledger->steady_since_ns = mono_ns;
	ledger->steady_since_us = real_us;
	return v2m_ledger_write(ledger, account, delete_before, &before, error);
}
