/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is set aside. If the ledger was lost while the counters in the kernel lived on, nobody knows
 * which of their bytes belong to periods that are closed and billed. These bytes are added to no
 * subject. They are kept here, for the operator to see.
 */
#ifndef V2METER_ACCOUNTING_ACCOUNT_ASIDE_H
#define V2METER_ACCOUNTING_ACCOUNT_ASIDE_H

#include "accounting/raw_port.h"

struct v2m_account;

/* Sets aside what a sample has beyond the last readings. The next sample adds what is counted after
 * this one. What socket statistics have counted meanwhile no longer matters. 0, or -ENOMEM with
 * nothing changed. */
int v2m_account_set_aside(struct v2m_account *account, const struct v2m_sample *sample);
/* Takes over how many connections of slots and of owners were opened and what they delivered, and
 * adds it to nobody. 0 or -ENOMEM. */
int v2m_account_set_sessions_aside(struct v2m_account *account,
				   const struct v2m_port_sessions *opened, size_t n_opened,
				   const struct v2m_owner_sessions *owners, size_t n_owners);

/* Everything that is set aside, in the order in which it was found. */
const struct v2m_aside *v2m_account_asides(const struct v2m_account *account, size_t *count);
/* Puts back what the ledger has stored. 0 or -ENOMEM. */
int v2m_account_restore_aside(struct v2m_account *account, const struct v2m_aside *aside);

#endif
