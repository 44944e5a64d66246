/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The members of the account. Only the files of the account use them. */
#ifndef V2METER_ACCOUNTING_ACCOUNT_STATE_H
#define V2METER_ACCOUNTING_ACCOUNT_STATE_H

#include "accounting/aliases.h"
#include "accounting/raw.h"
#include "accounting/session_set.h"
#include "accounting/subjects.h"
#include "keys/keys.h"

/* The subject that gets the bytes of a slot. */
struct v2m_slot_owner {
	struct v2m_subject *subject;
	size_t part; /* 1 + index of the part for this slot in the subject's parts; 0: there is none
		      */
};

/* Bytes of an owner's flows go from the subject of the slot to that of the key. Both are NULL if
 * the number has no owner. */
struct v2m_flow_owner {
	struct v2m_subject *key;
	struct v2m_subject *rest; /* the slot's */
	uint32_t slot_number;
	uint64_t assigned_ns; /* identity of the owner's counters */
};

struct v2m_account {
	struct v2m_subjects subjects;
	struct v2m_aliases aliases;
	struct v2m_raw_ports raw;
	V2M_ARRAY(struct v2m_aside) asides;

	/* The last key set and the owners of its slots, which are looked up once for each set. */
	struct v2m_keyset *keyset;
	struct v2m_slot_owner *owners; /* parallel to keyset->slots.items */
	struct v2m_table owner_keys;   /* the keys of shared slots, see account_owners.c */
	/* By the owner's number, V2M_OWNERS_LIMIT of them, as in the last sample. NULL if no sample
	 * had an owner. */
	struct v2m_flow_owner *flow_owners;

	struct v2m_session_set connections; /* of the last dump */
	uint64_t mono_ns;                   /* of the last sample */
	bool dirty;
};

/* Forgets the key set and the owners. They are looked up again, even for the same key set. */
void v2m_account_unbind(struct v2m_account *account);

/* Adds what was counted in a slot of the last key set until real_us to its subject, and to the part
 * of its key if it has one. There must be room in what is pending of the subject. */
void v2m_account_add_to_slot(struct v2m_account *account, const struct v2m_slot *slot,
			     const struct v2m_totals *delta, int64_t real_us,
			     const struct v2m_local_time *when);

/* Marks a subject that differs from what the ledger has stored. */
static inline void v2m_account_touch(struct v2m_account *account, struct v2m_subject *subject)
{
	subject->dirty = true;
	account->dirty = true;
}

#endif
