/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The access logs of the following process: reads them in turn, and gathers what their new lines
 * say. */
#ifndef V2METER_FOLLOWING_LOG_ROUND_H
#define V2METER_FOLLOWING_LOG_ROUND_H

#include "ipc/following.h"

struct v2m_log_round;

/* NULL: out of memory. */
struct v2m_log_round *v2m_log_round_new(void);
/* Does nothing on NULL. */
void v2m_log_round_free(struct v2m_log_round *round);

/* Follows one more log. 0; -ENOMEM; or -ENOSPC beyond V2M_FOLLOWING_LOGS_MAX. */
int v2m_log_round_add(struct v2m_log_round *round, const struct v2m_following_order *order);

/* Reads what was written since the last call, at most V2M_FOLLOWING_READ_MAX bytes. *news is valid
 * until the next call. 0; or -ENOMEM, after which lines are lost. */
int v2m_log_round_read(struct v2m_log_round *round, const struct v2m_following_question *question,
		       struct v2m_following_news **news);

#endif
