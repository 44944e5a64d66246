/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Compares what running proxies count for their users with the account. */
#ifndef V2METER_DRIFT_DRIFT_ACCOUNT_H
#define V2METER_DRIFT_DRIFT_ACCOUNT_H

#include "accounting/account.h"
#include "api/status.h"
#include "drift/drift.h"
#include "keys/keys.h"
#include "keys/proxy_stats.h"

/* Compares the keys that share no port with the users of the same name. The account must not be
 * older than the counters of the proxies. 1: a key drifts, with a sentence about the worst; 0: none
 * does; or -ENOMEM with the drift unchanged. */
int v2m_drift_compare_account(struct v2m_drift *drift, const struct v2m_keyset *keyset,
			      const struct v2m_account *account,
			      const struct v2m_proxy_stats *stats, int64_t now_us,
			      struct v2m_error *sentence);
/* Fills in what the status tells of it. 0 or -ENOMEM. */
int v2m_drift_fill_status(const struct v2m_drift *drift, struct v2m_status *status);

#endif
