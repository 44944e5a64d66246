/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The collector: the one thread that reads the kernel, accounts, stores, and publishes what the API
 * answers from. HTTP threads reach it only through its struct v2m_meter.
 */
#ifndef V2METER_COLLECTOR_COLLECTOR_H
#define V2METER_COLLECTOR_COLLECTOR_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "config/config.h"
#include "api/meter.h"

struct v2m_collector;

/* Loads the ledger and the keys, the kernel programs, attaches them, and takes the first sample.
 * 0, or -errno with one line for the operator: -EINVAL where a key source is broken and there is no
 * last good key set. What it does from then on it does in callbacks of the event loop. The
 * configuration must outlive the collector. */
int v2m_collector_open(const struct v2m_config *config, sd_event *event,
		       struct v2m_collector **collector, struct v2m_error *error);
/* Whether the kernel goes on counting when this process ends: not without its programs. */
bool v2m_collector_outlasts(const struct v2m_collector *collector);

/* A last sample, a last flush, and everything closed; what is pinned stays. Nobody may be
 * using the meter any more. Does nothing on NULL. */
void v2m_collector_close(struct v2m_collector *collector);

/* For the API. Lives as long as the collector. */
const struct v2m_meter *v2m_collector_meter(struct v2m_collector *collector);

/* Reads the key sources again; a broken one keeps the last good keys. */
void v2m_collector_reload(struct v2m_collector *collector);

/* From now on every request is answered V2M_UNREADABLE at once, those that wait too: the HTTP
 * threads can end while nobody dispatches any more. */
void v2m_collector_refuse(struct v2m_collector *collector);

#endif
