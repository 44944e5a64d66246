/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which requests carry the API key. */
#ifndef V2METER_HTTP_AUTH_H
#define V2METER_HTTP_AUTH_H

#include <civetweb.h>
#include <stdbool.h>

#include "base/hash.h"
#include "config/config.h"

/* Whether the request carries the API key, in X-API-Key or as a bearer token. If so, *presented
 * gets it. */
bool v2m_auth_allows(const struct v2m_digest *api_key, const struct mg_connection *connection,
		     char presented[static V2M_API_KEY_MAX + 1]);

#endif
