/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the ledger share. */
#ifndef V2METER_LEDGER_PRIVATE_H
#define V2METER_LEDGER_PRIVATE_H

#include <sys/types.h>

#include "ledger/document.h"
#include "ledger/ledger.h"
#include "ledger/statements.h"

struct v2m_ledger {
	char *path;
	struct v2m_ledger_retention retention;
	sqlite3 *db; /* NULL where a file could not be opened again yet */
	struct v2m_statements statements;
	ino_t log_inode;  /* of its log as it was opened; 0: it has none, or it is only read */
	bool readonly;    /* db can only be read: the disk took no writes when it was opened */
	bool damaged;     /* the next writing begins a new file */
	unsigned n_aside; /* how many files were set aside */
	char *aside;      /* a damaged file that nothing was brought over from yet */
	/* When it was first seen that the clock runs evenly; 0: not yet. */
	uint64_t steady_since_ns;
	int64_t steady_since_us;
};

/* Work that goes into the transaction after what is dirty and pending. 0 or -errno. */
typedef int (*v2m_ledger_work)(struct v2m_ledger *ledger, const void *argument);

/* Stores what is dirty and does the work, in one transaction; NULL: no work. A damaged file is set
 * aside, a new one begun with all that is in memory, and the work done again. 0 with all on disk,
 * or -errno with nothing stored. */
int v2m_ledger_write(struct v2m_ledger *ledger, struct v2m_account *account, v2m_ledger_work work,
		     const void *argument, struct v2m_error *error);

/* Adds figures to a subject's day (V2M_ADD_DAY) or month (V2M_ADD_MONTH). 0 or -errno. */
int v2m_ledger_add_date(struct v2m_ledger *ledger, enum v2m_statement which, const char *subject,
			int32_t date, const struct v2m_history_figures *figures);

/* After a reading that failed with code and for the reason why: says so with the file's name,
 * remembers damage, returns code. */
int v2m_ledger_read_failed(struct v2m_ledger *ledger, int code, const struct v2m_error *why,
			   struct v2m_error *error);
/* 0, or -ENODEV if no file is open. */
int v2m_ledger_readable(const struct v2m_ledger *ledger, struct v2m_error *error);

/* The name that this ledger's exports carry. 0 or -errno. */
int v2m_ledger_identity(struct v2m_ledger *ledger, char identity[static V2M_IDENTITY_LEN + 1],
			struct v2m_error *error);

#endif
