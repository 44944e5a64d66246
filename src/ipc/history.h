/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Answers about history and rates in a message. Each function writes or reads (process/wire.h);
 * what is read is the caller's to free. */
#ifndef V2METER_IPC_HISTORY_H
#define V2METER_IPC_HISTORY_H

#include "api/meter.h"
#include "process/wire.h"

void v2m_put_history(struct v2m_wire *wire, struct v2m_history *history);
void v2m_put_history_date(struct v2m_wire *wire, struct v2m_history_date *date);
void v2m_put_hours(struct v2m_wire *wire, struct v2m_history_hour **hours, size_t *count);
void v2m_put_rates(struct v2m_wire *wire, struct v2m_key_rates *rates);

#endif
