/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What v2meter-notify keeps on disk: the alerts that are not delivered yet, and what has been
 * alerted about. Both change in one transaction, so an alert is neither lost nor made twice,
 * whenever the process or the machine stops.
 */
#ifndef V2METER_NOTIFY_STORE_H
#define V2METER_NOTIFY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct v2m_store;

/* Opens <directory>/notify.db, and makes both if they are not there. A damaged file is set aside
 * with an error in the log. 0, or -errno with *error; -EBUSY: another process has it. */
int v2m_store_open(const char *directory, struct v2m_store **store, struct v2m_error *error);
void v2m_store_closep(struct v2m_store **store);

int v2m_store_begin(struct v2m_store *store, struct v2m_error *error);
/* Makes all changes since v2m_store_begin() durable. After an error, none of them has happened. */
int v2m_store_commit(struct v2m_store *store, struct v2m_error *error);
void v2m_store_rollback(struct v2m_store *store);

/* Names of what holds now and has been alerted about. visit returns 0 to go on. */
int v2m_store_each_held(struct v2m_store *store, int (*visit)(void *context, const char *name),
			void *context, struct v2m_error *error);
int v2m_store_hold(struct v2m_store *store, const char *name, struct v2m_error *error);
int v2m_store_release(struct v2m_store *store, const char *name, struct v2m_error *error);

/* A small text under a name. *value is the caller's to free; NULL: there is none. */
int v2m_store_get(struct v2m_store *store, const char *name, char **value, struct v2m_error *error);
int v2m_store_set(struct v2m_store *store, const char *name, const char *value,
		  struct v2m_error *error);

/* An alert for one channel. */
struct v2m_queued {
	int64_t id; /* later ones have larger ids */
	char *channel;
	char *event; /* JSON */
	int64_t made_us;
	unsigned attempts;
	int64_t due_us; /* not to be sent before */
};

int v2m_store_queue(struct v2m_store *store, const char *channel, const char *event,
		    int64_t real_us, struct v2m_error *error);
/* The oldest alert for the channel that is due. No alert is postponed for more than longest_s, so
 * if one is due later than that, the clock was set back, and it is due now. 1: there is one, and
 * the caller clears it; 0: there is none; -errno. */
int v2m_store_due(struct v2m_store *store, const char *channel, int64_t real_us, unsigned longest_s,
		  struct v2m_queued *queued, struct v2m_error *error);
void v2m_queued_clear(struct v2m_queued *queued);
/* Notes a failed attempt. */
int v2m_store_postpone(struct v2m_store *store, int64_t id, int64_t due_us,
		       struct v2m_error *error);
int v2m_store_remove(struct v2m_store *store, int64_t id, struct v2m_error *error);
/* Removes alerts for the channel that were made before oldest_us, and the oldest beyond max.
 * Returns how many, or -errno. */
int64_t v2m_store_trim(struct v2m_store *store, const char *channel, size_t max, int64_t oldest_us,
		       struct v2m_error *error);
/* Removes alerts for channels that are not in a JSON list of names. Returns how many, or -errno. */
int64_t v2m_store_remove_strangers(struct v2m_store *store, const char *channels,
				   struct v2m_error *error);
/* The number of alerts in the queue, or -errno. */
int64_t v2m_store_count(struct v2m_store *store, struct v2m_error *error);

#endif
