/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a proxy serves its API, by its configuration. */
#ifndef V2METER_KEYS_FORMATS_V2RAY_API_H
#define V2METER_KEYS_FORMATS_V2RAY_API_H

#include <stdbool.h>

#include "json/json_doc.h"

struct v2m_v2ray_api {
	char source[160]; /* as a key source, such as "xray-api://127.0.0.1:10085" */
	bool has_handler; /* it serves inbounds and users */
	bool has_stats;   /* it serves counters */
};

/* Finds the address of the API that these documents, which are one configuration, switch on:
 * "api.listen", or the inbound from which a routing rule leads to "api.tag". False: there is none,
 * or it listens neither on a loopback address nor on a unix socket. The services are set either
 * way. */
bool v2m_v2ray_api_find(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_v2ray_api *api);

#endif
