/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Totals and history as a JSON document, which can be imported on another server. Used by the
 * collector's thread alone.
 *
 *     {"format": "v2meter-totals", "version": 1, "ledger": ID, "document": ID, "created_us": N,
 *      "flow": ["packets", "wire", "payload", "delivered"],
 *      "subjects": [{"subject", "name", "port", "first_seen_us", "last_activity_us", "reset_us",
 *                    "max_connections", "sessions", "lifetime": TOTALS, "baseline": TOTALS,
 *                    "history_baseline": TOTALS,
 *                    "parts": [{"slot": N, "lifetime": TOTALS, "baseline": TOTALS}],
 *                    "months": {"YYYY-MM": FIGURES},
 *                    "days": {"YYYY-MM-DD": FIGURES}}]}
 *
 * TOTALS is an array: the counters of rx as "flow" names them, then the same of tx. FIGURES adds
 * the most connections at once and the sessions. A document without "flow" has the first three
 * above; counters that it does not name are 0. Only keys with several slots have "parts", by the
 * number of the slot; of a key without them, all bytes are those of its first slot. A document has
 * no hours. An alias is a subject without figures.
 */
#ifndef V2METER_LEDGER_TRANSFER_H
#define V2METER_LEDGER_TRANSFER_H

#include "ledger/ledger.h"

/* Stores what is pending, then writes the document. *text is malloc'd and 0-terminated. 0 or
 * -errno.
 */
int v2m_ledger_export(struct v2m_ledger *ledger, struct v2m_account *account, int64_t real_us,
		      char **text, size_t *length, struct v2m_error *error);

/* Adds the totals and the history of each subject to those that are here, each subject once only.
 * If its name is an alias here, adds them to the subject of the alias. 0 with all of it on disk.
 * -EINVAL, with line and column, if the text is no such document; -EEXIST if this ledger wrote it;
 * -errno. Nothing has changed then. */
int v2m_ledger_import(struct v2m_ledger *ledger, struct v2m_account *account, const char *text,
		      size_t length, int64_t real_us, struct v2m_import_result *result,
		      struct v2m_error *error);

#endif
