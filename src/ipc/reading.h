/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the counting process and the reading process say to each other. The counting process sends
 * an order. The reading process says which source it reads, and hands over what it read at the end.
 */
#ifndef V2METER_IPC_READING_H
#define V2METER_IPC_READING_H

#include "keys/gathered.h"
#include "keys/live_source.h"
#include "keys/watch_list.h"
#include "process/wire.h"

/* The only argument of the reading process. */
#define V2M_READING_ARGUMENT "--reading-process"

enum v2m_reading_message {
	V2M_READING_WATCH, /* to the reading process: an inotify descriptor comes along */
	V2M_READING_ORDER, /* to the reading process: struct v2m_reading_order */
	V2M_READING_AT,    /* from it: the path of the source that it reads now, with a 0 */
	V2M_READING_DONE,  /* from it: struct v2m_reading */
};

/* The longest messages in bytes. */
#define V2M_READING_ORDER_MAX (64u << 20)
#define V2M_READING_DONE_MAX  (64u << 20)

struct v2m_reading_order {
	struct v2m_strings sources;
	struct v2m_strings found;     /* configurations and APIs of running proxies, for "auto" */
	struct v2m_live_sources live; /* what the APIs of proxies said */
	bool verbose;
	bool watches; /* V2M_READING_WATCH has been sent */
};

struct v2m_reading {
	struct v2m_gathered gathered;
	struct v2m_watch_list watched;
	uint32_t unprotected; /* enum v2m_protection bits that the reading process lacks */
};

/* Each writes or reads (process/wire.h). What was read is the caller's to clear. */
void v2m_put_reading_order(struct v2m_wire *wire, struct v2m_reading_order *order);
void v2m_put_reading(struct v2m_wire *wire, struct v2m_reading *reading);

/* Checks what was read beyond its form: that all strings are there, of a length that the sources
 * may have, and UTF-8, and that there is not more of anything than allowed. False: whoever wrote it
 * is not our reading process, or is broken. Paths and sentences that are not UTF-8 are made so. */
bool v2m_reading_is_allowed(struct v2m_reading *reading);

void v2m_reading_order_clear(struct v2m_reading_order *order);
void v2m_reading_clear(struct v2m_reading *reading);

#endif
