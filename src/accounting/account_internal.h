/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The account from inside, for account.c and account_changes.c alone. */
#ifndef V2METER_ACCOUNTING_ACCOUNT_INTERNAL_H
#define V2METER_ACCOUNTING_ACCOUNT_INTERNAL_H

#include "accounting/account.h"
#include "accounting/raw.h"
#include "accounting/session_set.h"
#include "accounting/subjects.h"

struct v2m_account {
	struct v2m_subjects subjects;
	struct v2m_raw_ports raw;

	/* The owners of the last key set's ports: names are looked up once for each key set. */
	struct v2m_keyset *keyset;
	struct v2m_subject **owners; /* parallel to keyset->ports */

	struct v2m_session_set connections; /* of the last dump */
	uint64_t mono_ns;                   /* of the last sample */
	bool dirty;
};

/* The subject differs from what the ledger has stored. */
static inline void v2m_account_touch(struct v2m_account *account, struct v2m_subject *subject)
{
	subject->dirty = true;
	account->dirty = true;
}

#endif
