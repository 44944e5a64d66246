/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The API key, and which requests carry it. */
#ifndef V2METER_HTTP_AUTH_H
#define V2METER_HTTP_AUTH_H

#include <civetweb.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"

/* Zeros follow the key up to this length. The field is compared by words. */
#define V2M_AUTH_FIELD (V2M_API_KEY_MAX + sizeof(uint64_t))

struct v2m_auth {
	char api_key[V2M_AUTH_FIELD];
};

/* Copies the key. 0; -EINVAL with a sentence if it is NULL, empty or longer than V2M_API_KEY_MAX.
 */
int v2m_auth_init(struct v2m_auth *auth, const char *api_key, struct v2m_error *error);
/* Whether the request carries the API key, in X-API-Key or as a bearer token. */
bool v2m_auth_allows(const struct v2m_auth *auth, const struct mg_connection *connection);

#endif
