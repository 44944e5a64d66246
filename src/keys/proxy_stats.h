/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bytes that proxies have counted for their users. They are payload, and start at 0 with the
 * proxy. Plain data: proxyapi/stats.h asks a proxy for it. */
#ifndef V2METER_KEYS_PROXY_STATS_H
#define V2METER_KEYS_PROXY_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct v2m_proxy_stat {
	char *name;        /* the email of the user */
	uint64_t rx_bytes; /* from the user to the proxy ("uplink") */
	uint64_t tx_bytes; /* from the proxy to the user ("downlink") */
	bool is_old;       /* of an earlier time than those of other proxies */
};

struct v2m_proxy_stats {
	struct v2m_proxy_stat *items; /* each name once, in order */
	size_t count;
	size_t capacity;
	bool is_partial; /* a proxy has not answered, so users may be missing */
};

/* Adds copies of the counters of another proxy. A user whom both know gets the sum, which is old if
 * a part of it is. 0 or -ENOMEM. */
int v2m_proxy_stats_add(struct v2m_proxy_stats *stats, const struct v2m_proxy_stats *others,
			bool are_old);
/* Brings items that were added in any order into order. A name that is there twice gets the sum. */
void v2m_proxy_stats_join(struct v2m_proxy_stats *stats);
/* The counters of a user. NULL: there are none. */
const struct v2m_proxy_stat *v2m_proxy_stats_find(const struct v2m_proxy_stats *stats,
						  const char *name);
void v2m_proxy_stats_clear(struct v2m_proxy_stats *stats);

#endif
