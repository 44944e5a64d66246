/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes an account into the tables of the ledger. The caller begins and ends the transaction. */
#ifndef V2METER_LEDGER_STORE_H
#define V2METER_LEDGER_STORE_H

#include "accounting/account.h"
#include "ledger/statements.h"

/* Writes everything that is dirty or pending. 0 or -errno. */
int v2m_store_account(const struct v2m_statements *statements, const struct v2m_account *account);
/* Adds figures to a subject's day (V2M_ADD_DAY) or month (V2M_ADD_MONTH). 0 or -errno. */
int v2m_store_date(const struct v2m_statements *statements, enum v2m_statement which,
		   const char *subject, int32_t date, const struct v2m_history_figures *figures);

#endif
