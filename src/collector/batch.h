/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a batch of requests is answered. A batch of resets shares one sample and one transaction, a
 * batch of windows shares one window. The sample is taken after the last request of the batch
 * arrived. So it is fresh for each request, and the moment of a reset lies between its request and
 * its answer.
 */
#ifndef V2METER_COLLECTOR_BATCH_H
#define V2METER_COLLECTOR_BATCH_H

#include "collector/parts.h"
#include "collector/requests.h"

/* Sets the answer of each request. */
void v2m_batch_answer(struct v2m_parts *parts, struct v2m_request *batch);

#endif
