/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A key set and the account: every key and slot of the set gets its subject. */
#ifndef V2METER_ACCOUNTING_ACCOUNT_BINDING_H
#define V2METER_ACCOUNTING_ACCOUNT_BINDING_H

#include "keys/keys.h"

struct v2m_account;

/* Makes the subjects and parts that the key set needs, and joins the subjects that its keys have as
 * aliases; real_us: when new ones were first seen. The functions that account something with a key
 * set do this before; a snapshot needs it before if nothing was accounted with the key set yet. 0,
 * or -ENOMEM with no total changed: the next time does the rest. */
int v2m_account_bind(struct v2m_account *account, const struct v2m_keyset *keyset, int64_t real_us);
/* Makes room in what is pending of everybody who may get something, so that accounting cannot fail.
 * 0 or -ENOMEM. */
int v2m_account_reserve_pending(struct v2m_account *account);

#endif
