/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ledger: what the account must not lose, in an SQLite file in the state directory. Raw
 * readings and the totals that they led to are stored in one transaction: a crash at any moment
 * neither loses nor doubles a byte. Used by the collector's thread alone.
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

/* Opens or makes <state_dir>/ledger.db (mode 0600), WAL. A file of an older version is copied to
 * ledger.db.v<version> and then migrated. A damaged file is renamed to ledger.db.corrupt-<time>,
 * and a new one is begun with what can be read of it. A file that cannot be written (full or
 * read-only disk) is opened for reading: stores fail until the disk takes writes. 0; -EPROTO for a
 * file of a newer version or of another program; -EBUSY while another process holds it; -ENOSPC,
 * -EROFS, -EACCES, or another -errno. */
int v2m_ledger_open(const char *state_dir, struct v2m_ledger **ledger, struct v2m_error *error);
void v2m_ledger_close(struct v2m_ledger *ledger);
/* Without this call: the configuration's defaults. */
void v2m_ledger_set_retention(struct v2m_ledger *ledger,
			      const struct v2m_ledger_retention *retention);

/* Fills an empty account. 0 or -errno. */
int v2m_ledger_load(struct v2m_ledger *ledger, struct v2m_account *account,
		    struct v2m_error *error);

/* Stores everything that is dirty or pending in one transaction, which is on disk when this returns
 * 0 (synchronous=FULL), and marks the account stored. On failure, -errno as in open: nothing was
 * stored, everything stays dirty, and a later call tries again. If the file is damaged or somebody
 * has taken it away, a new one is begun with everything that is in memory. A damaged file is set
 * aside as in open, at most three of them in one process. */
int v2m_ledger_store(struct v2m_ledger *ledger, struct v2m_account *account,
		     struct v2m_error *error);

/* When this ledger was begun from a damaged one of which some rows could not be taken over, in Unix
 * microseconds. 0: never, or it cannot be read. */
int64_t v2m_ledger_damaged_us(struct v2m_ledger *ledger);

/* Reads the name of this ledger and how often it has stored. 0 or -errno. */
int v2m_ledger_read_mark(struct v2m_ledger *ledger, struct v2m_ledger_mark *mark,
			 struct v2m_error *error);
/* Calls stored after each store, of whatever kind, from now on. */
typedef void (*v2m_ledger_stored)(const struct v2m_ledger_mark *mark, void *context);
void v2m_ledger_tell_stored(struct v2m_ledger *ledger, v2m_ledger_stored stored, void *context);

/* Deletes days and hours beyond the retention, at most once an hour; may be called at any rate. It
 * waits until the wall clock has run beside the monotonic one for an hour: a clock that starts in
 * the wrong year must not delete the history. Stores as v2m_ledger_store() does. 0 or -errno. */
int v2m_ledger_expire(struct v2m_ledger *ledger, struct v2m_account *account, uint64_t mono_ns,
		      int64_t real_us, struct v2m_error *error);

#endif
