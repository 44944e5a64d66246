/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What holds now and has been alerted about. Each look at the daemon names everything that holds, a
 * family at a time: v2m_crossings_hold() says what is new, and v2m_crossings_end() forgets what was
 * not named, so that the next time is new again. Names survive restarts.
 */
#ifndef V2METER_NOTIFY_CROSSINGS_H
#define V2METER_NOTIFY_CROSSINGS_H

#include <stdbool.h>

#include "notify/store.h"

struct v2m_crossings;

/* Reads the names from the store, which has to outlive the crossings. 0 or -errno with *error. */
int v2m_crossings_open(struct v2m_store *store, struct v2m_crossings **crossings,
		       struct v2m_error *error);
void v2m_crossings_closep(struct v2m_crossings **crossings);

/* Whether a name holds. */
bool v2m_crossings_has(const struct v2m_crossings *crossings, const char *name);
/* A name, "family/...", holds. 1: it is new; 0: it held before; -errno. */
int v2m_crossings_hold(struct v2m_crossings *crossings, const char *name, struct v2m_error *error);
/* Forgets the names of the family, such as "key/", that were not held since the last end. released
 * is called with each; it may be NULL. 0 or -errno. */
int v2m_crossings_end(struct v2m_crossings *crossings, const char *family,
		      int (*released)(void *context, const char *name), void *context,
		      struct v2m_error *error);

#endif
