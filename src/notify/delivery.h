/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sends what is in the queue. */
#ifndef V2METER_NOTIFY_DELIVERY_H
#define V2METER_NOTIFY_DELIVERY_H

#include "notify/settings.h"
#include "notify/store.h"

struct v2m_delivery;

/* settings and store have to outlive the delivery. 0 or -errno with *error. Alerts for channels
 * that are no longer configured are removed, with a warning. */
int v2m_delivery_open(const struct v2m_notify_settings *settings, struct v2m_store *store,
		      const char *server, struct v2m_delivery **delivery, struct v2m_error *error);
void v2m_delivery_closep(struct v2m_delivery **delivery);

/* Sends to each channel what is due, oldest first, and drops what is too old or too much. An alert
 * leaves the queue when the receiver has taken it, so it may arrive twice, never zero times.
 * Returns how many alerts are left, or -errno with *error. */
int64_t v2m_delivery_run(struct v2m_delivery *delivery, struct v2m_error *error);

/* Sends one event past the queue. 0, or -1 with the reason in *problem. */
int v2m_delivery_try(const struct v2m_notify_settings *settings, const struct v2m_channel *channel,
		     const char *event, char problem[static 256]);

/* The seconds to wait after that many failed attempts, at least 1. */
unsigned v2m_delivery_pause(const struct v2m_notify_settings *settings, unsigned attempts);

#endif
