/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Has the key sources read by the reading process, and never waits for it: a descriptor says when
 * there is something to take in. What it hands over is checked as if it came from the internet. A
 * process that takes too long is killed.
 */
#ifndef V2METER_SUPPLY_SOURCE_READER_H
#define V2METER_SUPPLY_SOURCE_READER_H

#include <stdbool.h>

#include "base/error.h"
#include "ipc/reading.h"

/* Within this time the reading process has read all sources. */
#define V2M_READING_DEADLINE_MS 15000

struct v2m_source_reader;

/* argument: that of the reading process. 0, or -errno with a sentence. */
int v2m_source_reader_open(const char *argument, unsigned deadline_ms,
			   struct v2m_source_reader **reader, struct v2m_error *error);
/* Ends a process that still reads. Does nothing on NULL. */
void v2m_source_reader_close(struct v2m_source_reader *reader);

/* Starts a process that reads the sources. found: what was found of running proxies; NULL: nothing.
 * live: what the APIs of proxies said; NULL: nothing.
 * watches: it also watches the sources for changes. 0; -EBUSY if the process before has not ended
 * yet; or another -errno with a sentence. */
int v2m_source_reader_start(struct v2m_source_reader *reader, const struct v2m_strings *sources,
			    const struct v2m_strings *found, const struct v2m_live_sources *live,
			    bool watches, struct v2m_error *error);
/* Whether a process has been started that has not ended. */
bool v2m_source_reader_is_busy(const struct v2m_source_reader *reader);

/* Readable when v2m_source_reader_take() has something to do. */
int v2m_source_reader_fd(const struct v2m_source_reader *reader);

struct v2m_reading_outcome {
	/* 0 or -errno with a sentence. */
	int result;
	struct v2m_error error;
	bool is_late; /* the process took too long */
	struct v2m_reading reading;
	int inotify_fd; /* that watches the sources; -1: none */
};

/* Takes in what the process says, without waiting. True: the reading has ended, and *outcome is the
 * caller's to clear. */
bool v2m_source_reader_take(struct v2m_source_reader *reader, struct v2m_reading_outcome *outcome);
/* The same, but waits until the reading has ended, at most timeout_ms. False: that long, or until
 * stop_fd is readable; -1: none. */
bool v2m_source_reader_wait(struct v2m_source_reader *reader, int timeout_ms, int stop_fd,
			    struct v2m_reading_outcome *outcome);
/* After the reading: waits until its process has ended too, at most some seconds. */
void v2m_source_reader_wait_for_end(struct v2m_source_reader *reader);
void v2m_reading_outcome_clear(struct v2m_reading_outcome *outcome);

#endif
