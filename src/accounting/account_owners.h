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
struct v2m_totals;

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

/* Accounts the sessions of owners, and what these delivered. They are no longer the slot's. They
 * were read before the readings of the last v2m_account_delivered(), so that the slot has them
 * already. Owners that the last sample has not are passed over: a later call makes up for it. 0 or
 * -ENOMEM. */
int v2m_account_owner_sessions(struct v2m_account *account, const struct v2m_owner_sessions *owners,
			       size_t count, int64_t real_us);
/* The same without readings: an owner's number for each session. 0 or -ENOMEM. */
int v2m_account_labelled_sessions(struct v2m_account *account, const uint32_t *owners, size_t count,
				  int64_t real_us);
/* Takes over a reading, and gives it to nobody. Returns how many sessions are new, and puts the
 * bytes that are new into *delivered. There must be room for one more item in sessions. */
uint32_t v2m_account_advance_owner(struct v2m_account *account,
				   const struct v2m_owner_sessions *owner,
				   struct v2m_totals *delivered);

#endif
