/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ledger: what the account must not lose, in SQLite under the state directory. Raw readings and
 * the totals they led to move in one transaction, so that a crash between two of them neither loses
 * nor doubles a byte. Used by the collector's thread alone.
 */
#ifndef V2METER_LEDGER_LEDGER_H
#define V2METER_LEDGER_LEDGER_H

#include "accounting/account.h"
#include "base/error.h"

struct v2m_ledger;

/* How long days and hours are kept. Months and totals never expire. */
struct v2m_ledger_retention {
	unsigned days;  /* 1 to 100000 */
	unsigned hours; /* 1 to 1000000 */
};

/* Opens or makes <state_dir>/ledger.db (mode 0600), WAL, migrates an older schema. A file that is
 * damaged is renamed to ledger.db.corrupt-<time>, and a new one begun with what can be read of it.
 * One that cannot be written (full or read-only disk) is opened for reading; stores fail until it
 * can. 0; -EPROTO for a file of a newer version or of another program; -EBUSY while another process
 * holds it; -ENOSPC, -EROFS, -EACCES, or another -errno. */
int v2m_ledger_open(const char *state_dir, struct v2m_ledger **ledger, struct v2m_error *error);
void v2m_ledger_close(struct v2m_ledger *ledger);
/* The configuration's defaults unless set. */
void v2m_ledger_set_retention(struct v2m_ledger *ledger,
			      const struct v2m_ledger_retention *retention);

/* Fills an empty account. 0 or -errno. */
int v2m_ledger_load(struct v2m_ledger *ledger, struct v2m_account *account,
		    struct v2m_error *error);

/* Stores all that is dirty or pending in one transaction that is on disk when this returns 0
 * (synchronous=FULL), and marks the account stored. On failure, -errno as in open: nothing was
 * stored, all stays dirty, and a later call tries again. A file that is found damaged, or that
 * somebody has taken away, is replaced by a new one with all that is in memory; the damaged one is
 * set aside as in open, three of them in a process and no more. */
int v2m_ledger_store(struct v2m_ledger *ledger, struct v2m_account *account,
		     struct v2m_error *error);

/* Deletes days and hours beyond the retention. To be called now and then; it deletes only when the
 * wall clock has kept pace with the monotonic one for an hour, lest a clock that starts in the
 * wrong year takes the history along, and once an hour. Stores as v2m_ledger_store() does. 0 or
 * -errno. */
int v2m_ledger_expire(struct v2m_ledger *ledger, struct v2m_account *account, uint64_t mono_ns,
		      int64_t real_us, struct v2m_error *error);

#endif
