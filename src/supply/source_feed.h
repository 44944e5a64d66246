/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Has the key sources read when it is time for it: when one has changed, when the API of a proxy
 * has news, or some time after a reading that failed. Nobody waits for it except a daemon that
 * starts.
 */
#ifndef V2METER_SUPPLY_SOURCE_FEED_H
#define V2METER_SUPPLY_SOURCE_FEED_H

#include "base/string_list.h"
#include "ipc/asking.h"
#include "supply/source_reader.h"

struct v2m_source_feed;

/* The sources must outlive it. 0 or -errno. */
int v2m_source_feed_open(const struct v2m_strings *sources, struct v2m_source_feed **feed,
			 struct v2m_error *error);
/* Does nothing on NULL. */
void v2m_source_feed_close(struct v2m_source_feed *feed);

/* Has all sources read by the reading process. Only the first reading waits for APIs. If a reading
 * is in progress, another one has to follow. */
void v2m_source_feed_request(struct v2m_source_feed *feed);
/* Whether a reading is in progress. */
bool v2m_source_feed_is_reading(const struct v2m_source_feed *feed);
/* Whether another one has to follow, because of a request during the reading. */
bool v2m_source_feed_must_read(const struct v2m_source_feed *feed);

/* Readable when v2m_source_feed_drain() has something to do. */
int v2m_source_feed_fd(const struct v2m_source_feed *feed);
/* Readable when the asking process says something: v2m_source_feed_drain_apis(). */
int v2m_source_feed_api_fd(const struct v2m_source_feed *feed);
/* True: the API of a proxy has news, so request a reading. */
bool v2m_source_feed_drain_apis(struct v2m_source_feed *feed);

/* Adds what running proxies have counted for their users to an empty list, if one has answered
 * since the last time. 1: one has; 0; or -ENOMEM. */
int v2m_source_feed_stats(struct v2m_source_feed *feed, struct v2m_proxy_stats *stats);
/* As v2m_live_supply_want_online() and v2m_live_supply_online(). */
void v2m_source_feed_want_online(struct v2m_source_feed *feed, bool wants);
int v2m_source_feed_online(struct v2m_source_feed *feed, struct v2m_online_list *online);

enum v2m_feed_event {
	V2M_FEED_CHANGED = 1, /* a source has changed */
	V2M_FEED_DUE = 2,     /* the sources have to be read again for another reason */
	V2M_FEED_READ = 4,    /* a reading has ended: v2m_source_feed_outcome() has it */
};
/* Takes in what the kernel and the reading process report, without waiting. Returns bits. */
unsigned v2m_source_feed_drain(struct v2m_source_feed *feed);
/* Waits until the reading has ended, at most that long. False: it has not, or stop_fd is readable.
 */
bool v2m_source_feed_wait(struct v2m_source_feed *feed, int timeout_ms, int stop_fd);

/* The reading that has ended, until v2m_source_feed_finish(). */
struct v2m_reading_outcome *v2m_source_feed_outcome(struct v2m_source_feed *feed);
/* Watches the sources as the reading found them. 0, or -errno if not all can be watched. */
int v2m_source_feed_follow(struct v2m_source_feed *feed);
/* Forgets the reading. retries: the same may succeed without a change of a source, so the next
 * attempt is due later. */
void v2m_source_feed_finish(struct v2m_source_feed *feed, bool retries);
/* The next attempt is an early one again. */
void v2m_source_feed_reset_pace(struct v2m_source_feed *feed);

#endif
