/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The collector puts the parts of this folder together, in the order in which a tick passes through
 * them. One thread reads the kernel, accounts, stores, and publishes the windows of the API. HTTP
 * threads reach it only through its struct v2m_meter.
 */
#ifndef V2METER_COLLECTOR_COLLECTOR_H
#define V2METER_COLLECTOR_COLLECTOR_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "config/config.h"
#include "api/meter.h"

struct v2m_collector;

/* Loads the ledger, the kernel programs and the keys, attaches the programs, and takes the first
 * sample. All later work is done in callbacks of the event loop. The configuration must outlive the
 * collector. 0, or -errno with one line for the operator; error->failure is
 * V2M_FAILURE_CONFIGURATION if a key source is broken and there are no last good keys. */
int v2m_collector_open(const struct v2m_config *config, sd_event *event,
		       struct v2m_collector **collector, struct v2m_error *error);
/* Whether the kernel goes on counting after this process has ended: only its programs do. */
bool v2m_collector_outlasts(const struct v2m_collector *collector);

/* Takes a last sample, stores it, and closes everything. Pinned programs and maps stay. No other
 * thread may use the meter any more. Does nothing on NULL. */
void v2m_collector_close(struct v2m_collector *collector);

/* For the HTTP server. Lives as long as the collector. */
const struct v2m_meter *v2m_collector_meter(struct v2m_collector *collector);

/* Reads the key sources again, and tries the kernel programs again if they are not used. Messages
 * that were logged once are logged again. If a source is broken the active keys stay. */
void v2m_collector_reload(struct v2m_collector *collector);

/* Answers every request V2M_UNREADABLE at once from now on, and those that wait too. So the HTTP
 * threads can end after the event loop has ended. */
void v2m_collector_refuse(struct v2m_collector *collector);

#endif
