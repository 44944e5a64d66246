/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bytes that a proxy has counted for its users (StatsService). They are payload, and start at 0
 * with the proxy. */
#ifndef V2METER_PROXYAPI_STATS_H
#define V2METER_PROXYAPI_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proxyapi/grpc.h"

struct v2m_proxy_stat {
	char *name;        /* the email of the user */
	uint64_t rx_bytes; /* from the user to the proxy ("uplink") */
	uint64_t tx_bytes; /* from the proxy to the user ("downlink") */
};

struct v2m_proxy_stats {
	struct v2m_proxy_stat *items; /* each name once, in order */
	size_t count;
	size_t capacity;
};

/* Asks for the counters of all users, which it does not reset, into an empty list. A proxy counts
 * users only if its policy says so, and lists one from the first byte on. 0, or -errno as of
 * v2m_grpc_call(); the list is the caller's to clear either way. */
int v2m_proxy_stats_ask(struct v2m_grpc *grpc, uint64_t deadline_ns, struct v2m_proxy_stats *stats,
			struct v2m_error *error);
/* Adds copies of the counters of another proxy. A user whom both know gets the sum. 0 or -ENOMEM.
 */
int v2m_proxy_stats_add(struct v2m_proxy_stats *stats, const struct v2m_proxy_stats *others);
/* The counters of a user. NULL: there are none. */
const struct v2m_proxy_stat *v2m_proxy_stats_find(const struct v2m_proxy_stats *stats,
						  const char *name);
void v2m_proxy_stats_clear(struct v2m_proxy_stats *stats);

#endif
