/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ledger from inside, for the files of this folder. */
#ifndef V2METER_LEDGER_PRIVATE_H
#define V2METER_LEDGER_PRIVATE_H

#include <sys/types.h>

#include "ledger/document.h"
#include "ledger/ledger.h"
#include "ledger/statements.h"

struct v2m_ledger {
	char *path;
	struct v2m_ledger_retention retention;
	sqlite3 *db; /* NULL: no file could be opened again yet */
	struct v2m_statements statements;
	ino_t log_inode;  /* of the log when the file was opened; 0: none, or the file is only read
			   */
	bool readonly;    /* the disk took no writes when the file was opened */
	bool damaged;     /* the next store begins a new file */
	unsigned n_aside; /* how many files were set aside */
	char *aside;      /* a damaged file that is not salvaged yet */
	v2m_ledger_stored stored; /* NULL: nobody wants to know */
	void *stored_context;
	/* Since when the two clocks have run side by side; 0: not known yet. */
	uint64_t steady_since_ns;
	int64_t steady_since_us;
};

/* Work that is done in the transaction of a store, at its end. 0 or -errno. */
typedef int (*v2m_ledger_work)(struct v2m_ledger *ledger, const void *argument);

/* Stores what is dirty and does the work (NULL: none), in one transaction. If the file is damaged,
 * it is set aside, a new one is begun with everything that is in memory, and the work is done
 * again. 0 with everything on disk, or -errno with nothing stored. */
int v2m_ledger_write(struct v2m_ledger *ledger, struct v2m_account *account, v2m_ledger_work work,
		     const void *argument, struct v2m_error *error);

/* Reports that a reading failed with code, for the reason why: sets the error, with the file's
 * name, notes damage, and returns code. */
int v2m_ledger_read_failed(struct v2m_ledger *ledger, int code, const struct v2m_error *why,
			   struct v2m_error *error);
/* 0, or -ENODEV if no file is open. */
int v2m_ledger_readable(const struct v2m_ledger *ledger, struct v2m_error *error);

/* Reads the name that this ledger's exports carry. 0 or -errno. */
int v2m_ledger_identity(struct v2m_ledger *ledger, char identity[static V2M_IDENTITY_LEN + 1],
			struct v2m_error *error);

#endif
