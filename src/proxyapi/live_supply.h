/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asks the APIs that the settings and the configurations of proxies name, and hands what they said
 * to the readers of key sources. */
#ifndef V2METER_PROXYAPI_LIVE_SUPPLY_H
#define V2METER_PROXYAPI_LIVE_SUPPLY_H

#include <stdbool.h>

#include "base/string_list.h"
#include "keys/live_source.h"
#include "proxyapi/stats.h"

struct v2m_live_supply;

/* Follows the APIs among the key sources. 0 or -errno. */
int v2m_live_supply_open(const struct v2m_strings *key_sources, struct v2m_live_supply **supply);
/* NULL: does nothing. */
void v2m_live_supply_close(struct v2m_live_supply *supply);

/* Readable when an API has news. Then drain it, and read the key sources again. */
int v2m_live_supply_fd(const struct v2m_live_supply *supply);
void v2m_live_supply_drain(struct v2m_live_supply *supply);

/* Follows these APIs from now on, which a reading has found (struct v2m_gathered). 1: one of them
 * is new; 0; or -ENOMEM. */
int v2m_live_supply_learn(struct v2m_live_supply *supply, const struct v2m_strings *apis);
/* Adds what each API said last. waits: an API that has not been asked yet is waited for, some
 * seconds at most. 0 or -ENOMEM. */
int v2m_live_supply_collect(struct v2m_live_supply *supply, bool waits,
			    struct v2m_live_sources *live);

/* As v2m_follower_stats(). */
int v2m_live_supply_stats(struct v2m_live_supply *supply, struct v2m_proxy_stats *stats,
			  uint64_t *number);

#endif
