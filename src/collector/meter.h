/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The collector's side of struct v2m_meter: the functions that HTTP threads call. */
#ifndef V2METER_COLLECTOR_METER_H
#define V2METER_COLLECTOR_METER_H

#include "api/meter.h"
#include "collector/parts.h"

/* Fills in the meter. On HTTP threads its functions use only what is thread-safe: the request
 * queue, the publisher and the conditions. The parts must outlive the meter. */
void v2m_meter_init(struct v2m_meter *meter, struct v2m_parts *parts);

#endif
