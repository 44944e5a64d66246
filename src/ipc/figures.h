/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters in messages. Each function writes or reads (process/wire.h). */
#ifndef V2METER_IPC_FIGURES_H
#define V2METER_IPC_FIGURES_H

#include "accounting/history.h"
#include "accounting/totals.h"
#include "process/wire.h"

void v2m_put_totals(struct v2m_wire *wire, struct v2m_totals *totals);
void v2m_put_figures(struct v2m_wire *wire, struct v2m_history_figures *figures);

#endif
