/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What v2meterctl top asks the server for, and whether the server answers. */
#ifndef V2METER_CTL_TOP_FEED_H
#define V2METER_CTL_TOP_FEED_H

#include <time.h>

#include "ctl/client.h"
#include "ctl/outcome.h"
#include "ctl/top/rates.h"
#include "ctl/top/rows.h"

/* Time between two answers. */
#define V2M_TOP_INTERVAL_S 2

struct v2m_top_feed {
	struct v2m_client *client;
	struct v2m_top_rates *rates;
	struct v2m_top_rows rows; /* of the last good answer */
	json_t *keys;
	time_t keys_at;
	char health[512]; /* "healthy", or "degraded: " and a sentence for each reason */
	time_t health_at;
	struct v2m_error problem; /* why there was no answer; "" if there was one */
	time_t problem_since;
};

/* 0 or -ENOMEM. The client must outlive the feed. */
int v2m_top_feed_open(struct v2m_client *client, struct v2m_top_feed *feed);
void v2m_top_feed_close(struct v2m_top_feed *feed);

/* Asks for the figures; for the keys and the health only if they are old or a row's key is not
 * known. V2M_DONE, or why not, with problem filled in and the rows as they were. */
enum v2m_outcome v2m_top_feed_read(struct v2m_top_feed *feed);

#endif
