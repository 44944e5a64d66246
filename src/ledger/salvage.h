/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What can still be read of a damaged file goes into the new one. */
#ifndef V2METER_LEDGER_SALVAGE_H
#define V2METER_LEDGER_SALVAGE_H

#include <stdbool.h>

#include <sqlite3.h>

/*
 * Copies rows of the damaged file into db, an empty ledger, up to the damage from both ends. The
 * damaged file is only read.
 *
 * Totals without the readings that led to them would be counted a second time. So where one of the
 * two is not whole, nothing is taken; unless memory_knows, because both are still in memory and
 * will be stored over what was copied: then the names are needed for the days alone.
 */
void v2m_salvage(sqlite3 *db, const char *damaged, bool memory_knows);

#endif
