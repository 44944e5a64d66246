/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The first message to the answering process: all that it needs to know. The page of the pulse
 * comes along as a descriptor. */
#ifndef V2METER_IPC_GREETING_H
#define V2METER_IPC_GREETING_H

#include "api/metrics.h"
#include "base/api_bytes.h"
#include "base/string_list.h"
#include "process/wire.h"

/* More addresses than a server has. */
#define V2M_LISTENERS_MAX 256

struct v2m_greeting {
	uint32_t n_listeners; /* listening sockets, which follow: V2M_NEWS_LISTENER with one each */
	enum v2m_api_bytes api_bytes;
	struct v2m_metrics_options metrics;
	struct v2m_strings hosts; /* of struct v2m_config */
	bool verbose;
	char *empty_in; /* a directory in which an empty one can be made for a moment */
};

/* Writes or reads (process/wire.h). */
void v2m_put_greeting(struct v2m_wire *wire, struct v2m_greeting *greeting);
void v2m_greeting_clear(struct v2m_greeting *greeting);

#endif
