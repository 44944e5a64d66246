/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copies what can still be read of a damaged file into a new one. */
#ifndef V2METER_LEDGER_SALVAGE_H
#define V2METER_LEDGER_SALVAGE_H

#include <stdbool.h>

#include <sqlite3.h>

/*
 * Copies rows of the damaged file into db, an empty ledger, from both ends of each table up to the
 * damage. Rows with impossible values are left out. The damaged file is only read.
 *
 * Totals without the readings that led to them would be counted a second time. If one of the two is
 * not complete, nothing is copied. memory_knows: both are still in memory and will be stored over
 * what was copied; then the rest is copied in any case. A subject with impossible values is left
 * out alone and begins at 0.
 *
 * Returns whether every row of the damaged file is in db.
 */
bool v2m_salvage(sqlite3 *db, const char *damaged, bool memory_knows);

#endif
