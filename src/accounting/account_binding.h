/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Gives every key and every slot of a key set its subject. */
#ifndef V2METER_ACCOUNTING_ACCOUNT_BINDING_H
#define V2METER_ACCOUNTING_ACCOUNT_BINDING_H

#include "keys/keys.h"

struct v2m_account;
struct v2m_subject;

/* Makes the subjects and parts that the key set needs, and joins the subjects that are aliases of
 * its keys. New subjects were first seen at real_us. Functions that account something with a key
 * set call this first. Before a snapshot, the caller does. 0, or -ENOMEM with no byte lost: the
 * next call does the rest. */
int v2m_account_bind(struct v2m_account *account, const struct v2m_keyset *keyset, int64_t real_us);
/* If the subject is that of a key of the last key set, and the key had one slot until now: makes a
 * part of that slot, which has all its bytes. 0 or -ENOMEM. */
int v2m_account_begin_parts(struct v2m_account *account, struct v2m_subject *subject);
/* Makes room in what is pending of every owner, so that accounting cannot fail. 0 or -ENOMEM. */
int v2m_account_reserve_pending(struct v2m_account *account);

#endif
