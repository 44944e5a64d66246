/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asks a proxy for the bytes that it has counted for its users (StatsService). */
#ifndef V2METER_PROXYAPI_STATS_H
#define V2METER_PROXYAPI_STATS_H

#include <stdint.h>

#include "base/error.h"
#include "keys/proxy_stats.h"
#include "proxyapi/grpc.h"

/* Asks for the counters of all users, which it does not reset, into an empty list. A proxy counts
 * users only if its policy says so, and lists one from the first byte on. 0, or -errno as of
 * v2m_grpc_call(); the list is the caller's to clear either way. */
int v2m_proxy_stats_ask(struct v2m_grpc *grpc, uint64_t deadline_ns, struct v2m_proxy_stats *stats,
			struct v2m_error *error);

#endif
