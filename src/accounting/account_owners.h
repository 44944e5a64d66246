/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes of shared slots that the kernel counted for the owners of their flows. A slot gets all its
 * bytes first, as if they were unattributed; then each owner's bytes go from the slot to the
 * owner's key. So the keys and the rest of a slot always add up to the slot.
 */
#ifndef V2METER_ACCOUNTING_ACCOUNT_OWNERS_H
#define V2METER_ACCOUNTING_ACCOUNT_OWNERS_H

#include "base/calendar.h"
#include "base/sample.h"
#include "keys/keys.h"

struct v2m_account;
struct v2m_flow_owner;

/* Finds the keys of the shared slots of the key set, and makes the parts that their owners need.
 * Part of v2m_account_bind(). 0 or -ENOMEM. */
int v2m_account_bind_owners(struct v2m_account *account, const struct v2m_keyset *keyset);
/* Makes room, so that v2m_account_owners() cannot fail. 0 or -ENOMEM. */
int v2m_account_reserve_owners(struct v2m_account *account, const struct v2m_sample *sample);
/* Accounts the owners of a sample, after its ports. An owner whose key or slot is not in the key
 * set is left alone: its bytes stay with the slot. */
void v2m_account_owners(struct v2m_account *account, const struct v2m_sample *sample,
			const struct v2m_local_time *when);

/* Takes note of what the owners of a sample have counted, and gives it to no key. There must be
 * room for their readings. */
void v2m_account_pass_owners(struct v2m_account *account, const struct v2m_sample *sample);

/* The owner of a connection. NULL: it is not known, or its key is not in the key set. */
const struct v2m_flow_owner *v2m_account_flow_owner(const struct v2m_account *account,
						    uint32_t owner);

/* Accounts sessions that owners have opened: an owner's number for each session. They are no longer
 * the slot's. After v2m_account_apply() with a sample that has these owners; others are passed
 * over. 0 or -ENOMEM. */
int v2m_account_owner_sessions(struct v2m_account *account, const uint32_t *owners, size_t count,
			       int64_t real_us);

#endif
