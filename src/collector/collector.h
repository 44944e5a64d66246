/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The collector puts the parts of this folder together, in the order in which a tick passes through
 * them. One thread reads the kernel, accounts, stores, and publishes the windows of the API. The
 * answering process reaches it only through the messages of a channel.
 */
#ifndef V2METER_COLLECTOR_COLLECTOR_H
#define V2METER_COLLECTOR_COLLECTOR_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/error.h"
#include "collector/requests.h"
#include "config/config.h"
#include "ipc/greeting.h"

struct v2m_collector;

/* Loads the ledger, the kernel programs and the keys, attaches the programs, and takes the first
 * sample. All later work is done in callbacks of the event loop. The configuration must outlive the
 * collector. 0, or -errno with one line for the operator; error->failure is
 * V2M_FAILURE_CONFIGURATION if a key source is broken and there are no last good keys; -ECANCELED
 * if the daemon is told to end meanwhile. api_keys: those that are valid. */
int v2m_collector_open(const struct v2m_config *config, sd_event *event,
		       const struct v2m_api_keys *api_keys, struct v2m_collector **collector,
		       struct v2m_error *error);
/* Whether the kernel goes on counting after this process has ended: only its programs do. */
bool v2m_collector_outlasts(const struct v2m_collector *collector);
/* Whether the next sample is planned, and is not late by more than a disk that hangs would explain.
 */
bool v2m_collector_is_on_time(const struct v2m_collector *collector);

/* Takes a last sample, stores it, and closes everything. Pinned programs and maps stay. Does
 * nothing on NULL. */
void v2m_collector_close(struct v2m_collector *collector);

/* Serves a new answering process: greets it, hands it the listening sockets, and answers it from
 * now on. The channel stays the caller's, who disconnects before closing it. told: what happens to
 * it; if the channel fails at once, it is told so. */
void v2m_collector_connect(struct v2m_collector *collector, int channel,
			   const struct v2m_greeting *greeting, const int *listeners,
			   v2m_answering_told told, void *context);
void v2m_collector_disconnect(struct v2m_collector *collector);
/* Other API keys are valid from now on, here and in the answering process. */
void v2m_collector_set_api_keys(struct v2m_collector *collector,
				const struct v2m_api_keys *api_keys);

/* Has the key sources read again, and tries the kernel programs again if they are not used.
 * Messages that were logged once are logged again. If a source is broken the active keys stay.
 * reloaded: what to call once the keys of now are active, or have been refused. */
void v2m_collector_reload(struct v2m_collector *collector, void (*reloaded)(void));

#endif
