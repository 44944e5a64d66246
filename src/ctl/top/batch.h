/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* v2meterctl top --batch: tables for a pipe. */
#ifndef V2METER_CTL_TOP_BATCH_H
#define V2METER_CTL_TOP_BATCH_H

#include "ctl/ctl.h"
#include "ctl/top/feed.h"

/* Prints a table with each answer, busiest key first, after a first answer that only begins the
 * rates. Ends after ctl->count tables, 0: never; or when the server does not answer. */
enum v2m_outcome v2m_top_batch(const struct v2m_ctl *ctl, struct v2m_top_feed *feed);

#endif
