/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The account from inside: for the files of the account alone. */
#ifndef V2METER_ACCOUNTING_ACCOUNT_STATE_H
#define V2METER_ACCOUNTING_ACCOUNT_STATE_H

#include "accounting/aliases.h"
#include "accounting/raw.h"
#include "accounting/session_set.h"
#include "accounting/subjects.h"
#include "keys/keys.h"

/* Where the bytes of a slot go. */
struct v2m_slot_owner {
	struct v2m_subject *subject;
	size_t part; /* 1 + place in the subject's parts; 0: it has none of the slot */
};

struct v2m_account {
	struct v2m_subjects subjects;
	struct v2m_aliases aliases;
	struct v2m_raw_ports raw;

	/* The owners of the last key set's slots: names are looked up once for each key set. */
	struct v2m_keyset *keyset;
	struct v2m_slot_owner *owners; /* parallel to keyset->slots.items */

	struct v2m_session_set connections; /* of the last dump */
	uint64_t mono_ns;                   /* of the last sample */
	bool dirty;
};

/* Forgets the owners: the next key set, also the same one, looks them up again. */
void v2m_account_unbind(struct v2m_account *account);

/* The subject differs from what the ledger has stored. */
static inline void v2m_account_touch(struct v2m_account *account, struct v2m_subject *subject)
{
	subject->dirty = true;
	account->dirty = true;
}

#endif
