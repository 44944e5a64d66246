/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys that come near their limit or their expiry. */
#ifndef V2METER_NOTIFY_WATCH_KEYS_H
#define V2METER_NOTIFY_WATCH_KEYS_H

#include "notify/round.h"

/* The most keys that one alert names. If more cross at once, there are several alerts. */
#define V2M_KEYS_PER_EVENT 20

/* An expiry further in the past is no news, as on the first start. */
#define V2M_EXPIRY_NEWS_S (7 * 86400)

/* Does nothing if the look has no keys. 0 or -errno. */
int v2m_watch_keys(const struct v2m_round *round);

#endif
