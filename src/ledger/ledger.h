/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ledger: what the account must not lose, in SQLite under the state directory. Raw readings and
 * the totals they led to move in one transaction, so that a crash between two of them neither loses
 * nor doubles a byte. Used by the collector's thread alone.
 */
#ifndef V2METER_LEDGER_LEDGER_H
#define V2METER_LEDGER_LEDGER_H

#include "core/account.h"
#include "core/util.h"

struct v2m_ledger;

/* Opens or makes <state_dir>/ledger.db (mode 0600), WAL, migrates an older schema. 0, or -errno. */
int v2m_ledger_open(const char *state_dir, struct v2m_ledger **ledger, struct v2m_error *error);
void v2m_ledger_close(struct v2m_ledger *ledger);
void v2m_ledger_closep(struct v2m_ledger **ledger);

/* Fills an empty account. 0 or -errno. */
int v2m_ledger_load(struct v2m_ledger *ledger, struct v2m_account *account,
		    struct v2m_error *error);

/* Stores all that is dirty in one transaction that is on disk when this returns 0
 * (synchronous=FULL), and marks the account stored. On failure, -errno: nothing was stored, all
 * stays dirty, and a later call tries again. */
int v2m_ledger_store(struct v2m_ledger *ledger, struct v2m_account *account,
		     struct v2m_error *error);

#endif
