/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps an answering process running. If it ends, the next one is started at once; if it has
 * ended within a second, after half a second or more. Counting goes on meanwhile. */
#ifndef V2METER_DAEMON_ANSWERER_H
#define V2METER_DAEMON_ANSWERER_H

#include "collector/collector.h"
#include "config/config.h"
#include "http/listen.h"

struct v2m_answerer;

/* Starts the first answering process. Whether it serves is known later, on the event loop: then
 * systemd is told, or the loop ends and v2m_answerer_failed() has the reason. The configuration,
 * the listening sockets and the collector must outlive it. 0 or -errno. */
int v2m_answerer_start(sd_event *event, const struct v2m_config *config,
		       const struct v2m_listeners *listeners, struct v2m_collector *collector,
		       struct v2m_answerer **answerer, struct v2m_error *error);
/* Whether the first answering process could not serve. */
bool v2m_answerer_failed(const struct v2m_answerer *answerer, struct v2m_error *error);
/* Lets the answers in progress leave, at most a second, and ends the process. Does nothing on NULL.
 */
void v2m_answerer_stop(struct v2m_answerer *answerer);

#endif
