/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Questions about history. The answers include what the account has not stored yet. Used by the
 * collector's thread alone. All return 0, or -errno with a sentence in *error and *out untouched.
 */
#ifndef V2METER_LEDGER_HISTORY_H
#define V2METER_LEDGER_HISTORY_H

#include "accounting/history.h"
#include "ledger/ledger.h"

/* Every key, without days; reads memory alone. */
int v2m_ledger_history(struct v2m_ledger *ledger, const struct v2m_account *account,
		       const struct v2m_keyset *keyset, struct v2m_history *out,
		       struct v2m_error *error);
/* One key of the key set with all its days: n_keys is 1. */
int v2m_ledger_history_key(struct v2m_ledger *ledger, const struct v2m_account *account,
			   const struct v2m_keyset *keyset, const struct v2m_key *key,
			   struct v2m_history *out, struct v2m_error *error);
/* Every key with its month, without days. */
int v2m_ledger_history_month(struct v2m_ledger *ledger, const struct v2m_account *account,
			     const struct v2m_keyset *keyset, int32_t month,
			     struct v2m_history *out, struct v2m_error *error);
/* One key with its month and those days of the month that are still kept: n_keys is 1. */
int v2m_ledger_history_key_month(struct v2m_ledger *ledger, const struct v2m_account *account,
				 const struct v2m_keyset *keyset, const struct v2m_key *key,
				 int32_t month, struct v2m_history *out, struct v2m_error *error);
/* The sums over all subjects on one day; zeros if nothing was counted. */
int v2m_ledger_history_date(struct v2m_ledger *ledger, const struct v2m_account *account,
			    int32_t date, struct v2m_history_date *out, struct v2m_error *error);
/* The hours of a subject that start in [from_s, to_s), Unix seconds, ascending. The caller frees
 * *hours. */
int v2m_ledger_history_hours(struct v2m_ledger *ledger, const struct v2m_account *account,
			     const char *subject, int64_t from_s, int64_t to_s,
			     struct v2m_history_hour **hours, size_t *n_hours,
			     struct v2m_error *error);

/* Begins a subject's history anew: deletes its days, hours and months, and counts its totals in the
 * history from now. The totals since the last reset and the lifetime totals stay. On disk when this
 * returns 0; on failure nothing has changed. -ENOENT: the subject was never seen. */
int v2m_ledger_history_reset(struct v2m_ledger *ledger, struct v2m_account *account,
			     const char *subject, struct v2m_error *error);
/* Deletes the days and hours before the local day days_to_keep (0 to 100000) days ago. Months,
 * lifetime totals and today's day stay. */
int v2m_ledger_history_cleanup(struct v2m_ledger *ledger, struct v2m_account *account,
			       unsigned days_to_keep, int64_t real_us, struct v2m_error *error);

#endif
