/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Looks for running proxies now and then, for the key source "auto": the configurations with which
 * they were started are read, and the sockets at which they listen are tried for an API.
 */
#ifndef V2METER_SUPPLY_PROXY_WATCH_H
#define V2METER_SUPPLY_PROXY_WATCH_H

#include <stdbool.h>

#include "keys/gathered.h"
#include "supply/live_supply.h"

struct v2m_proxy_watch;

/* wanted: whether the key sources have "auto"; otherwise it finds nothing. Looks for the first
 * time. 0 or -errno. */
int v2m_proxy_watch_open(bool wanted, struct v2m_proxy_watch **watch);
/* Does nothing on NULL. */
void v2m_proxy_watch_close(struct v2m_proxy_watch *watch);

/* Readable when it is time for v2m_proxy_watch_drain(). */
int v2m_proxy_watch_fd(const struct v2m_proxy_watch *watch);
/* Looks if it is time for it. True: other configurations are found than before. */
bool v2m_proxy_watch_drain(struct v2m_proxy_watch *watch, struct v2m_live_supply *apis);

/* The ports of keys are never tried, because those bytes would be counted. So no socket is tried
 * before the first reading that succeeded, on which this is called. */
void v2m_proxy_watch_note_ports(struct v2m_proxy_watch *watch, const struct v2m_gathered *gathered);
/* Tries the sockets that were found last. */
void v2m_proxy_watch_try(const struct v2m_proxy_watch *watch, struct v2m_live_supply *apis);

/* Adds the configurations, and the APIs that have answered. 0 or -ENOMEM. */
int v2m_proxy_watch_sources(const struct v2m_proxy_watch *watch, const struct v2m_live_supply *apis,
			    struct v2m_strings *found);

/* Says which running proxies and sockets were found and cannot be asked, and what to do, in the
 * notes of a reading. If it found no source, the users of these proxies are not counted. is_last:
 * all sockets have been tried; otherwise that is so some time after a proxy has begun. */
void v2m_proxy_watch_add_notes(const struct v2m_proxy_watch *watch,
			       const struct v2m_live_supply *apis, bool is_last,
			       struct v2m_gathered *gathered);

#endif
