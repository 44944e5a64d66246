/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looks at the daemon and queues alerts. */
#ifndef V2METER_NOTIFY_WATCH_H
#define V2METER_NOTIFY_WATCH_H

#include "notify/look.h"
#include "notify/store.h"

struct v2m_watch;

/* settings and store have to outlive the watch. 0 or -errno with *error. */
int v2m_watch_open(const struct v2m_notify_settings *settings, struct v2m_store *store,
		   struct v2m_watch **watch, struct v2m_error *error);
void v2m_watch_closep(struct v2m_watch **watch);

/* Queues what a look means, all of it or nothing. After an error the next look says it again. 0 or
 * -errno with *error. */
int v2m_watch_take(struct v2m_watch *watch, const struct v2m_look *look, struct v2m_error *error);

/* The name of this server in alerts. */
const char *v2m_watch_server(const struct v2m_watch *watch);

#endif
