/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The stored figures of all subjects in one day or month, found by name. */
#ifndef V2METER_LEDGER_FIGURES_H
#define V2METER_LEDGER_FIGURES_H

#include "ledger/private.h"

struct v2m_ledger_figures_row {
	char *name;
	struct v2m_history_figures figures;
};

struct v2m_ledger_figures {
	struct v2m_ledger_figures_row *rows; /* ascending by name */
	size_t count;
	size_t size;
};

/* which: V2M_GET_DATE with a date, or V2M_GET_MONTH with a month. 0 or -errno. */
int v2m_ledger_figures_read(struct v2m_ledger *ledger, enum v2m_statement which, int32_t when,
			    struct v2m_ledger_figures *figures, struct v2m_error *error);
void v2m_ledger_figures_clear(struct v2m_ledger_figures *figures);
/* What is stored of the name, and what is pending of the subject (may be NULL) in the days from
 * from to to. */
struct v2m_history_figures v2m_ledger_figures_with_pending(const struct v2m_ledger_figures *figures,
							   const struct v2m_subject *subject,
							   const char *name, int32_t from,
							   int32_t to);

#endif
