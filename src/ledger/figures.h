/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The stored figures of all subjects in one day or month, found by name. */
#ifndef V2METER_LEDGER_FIGURES_H
#define V2METER_LEDGER_FIGURES_H

#include "base/array.h"
#include "ledger/private.h"

struct v2m_ledger_figures_row {
	char *name;
	struct v2m_history_figures figures;
};

struct v2m_ledger_figures {
	V2M_ARRAY(struct v2m_ledger_figures_row) rows; /* ascending by name */
};

/* Reads all rows of one date (which: V2M_GET_DATE) or month (V2M_GET_MONTH). 0 or -errno; clear the
 * figures in either case. */
int v2m_ledger_figures_read(struct v2m_ledger *ledger, enum v2m_statement which, int32_t when,
			    struct v2m_ledger_figures *figures, struct v2m_error *error);
void v2m_ledger_figures_clear(struct v2m_ledger_figures *figures);
/* The stored figures of a name, plus what is pending of its subject (NULL: nothing) on the dates
 * from..to. */
struct v2m_history_figures v2m_ledger_figures_with_pending(const struct v2m_ledger_figures *figures,
							   const struct v2m_subject *subject,
							   const char *name, int32_t from,
							   int32_t to);

#endif
