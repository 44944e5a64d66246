/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether the proxy still works: it moves bytes, and its ports listen. */
#ifndef V2METER_NOTIFY_WATCH_TRAFFIC_H
#define V2METER_NOTIFY_WATCH_TRAFFIC_H

#include "notify/activity.h"
#include "notify/listening.h"
#include "notify/round.h"

/* Zeros at first. */
struct v2m_traffic_watch {
	bool begun;
	uint64_t bytes;    /* of all keys at the last look */
	uint64_t look_ns;  /* CLOCK_MONOTONIC of it */
	uint64_t moved_ns; /* when bytes last moved, or when watching began */
	bool moved_ever;   /* now, or before a restart */
	struct v2m_activity activity;
	/* NULL: the sockets are not known. The caller reads them before each round. */
	const struct v2m_listening *listening;
};

/* Too little traffic for as long as the settings say, at an hour that normally has some, is an
 * alert, and again when it is over. So is a port of a key at which somebody listened and nobody
 * does any more, at two looks one after the other. 0 or -errno. */
int v2m_watch_traffic(const struct v2m_round *round, struct v2m_traffic_watch *watch);

#endif
