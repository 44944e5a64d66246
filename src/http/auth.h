/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which API key a request carries: in X-API-Key, or as a bearer token. */
#ifndef V2METER_HTTP_AUTH_H
#define V2METER_HTTP_AUTH_H

#include <civetweb.h>
#include <stdbool.h>

#include "apikeys/key_ring.h"
#include "config/config.h"

struct v2m_auth {
	bool presented; /* one of the two headers is there, and not empty */
	bool valid;
	struct v2m_api_key key; /* if valid */
	char text[V2M_API_KEY_MAX + 1];
};

/* Looks for a valid API key in a request. The text is the key if it is valid. */
void v2m_auth_read(struct v2m_key_ring *api_keys, const struct mg_connection *connection,
		   struct v2m_auth *auth);
/* The same for the headers of a request as they arrived, before the server has parsed them. */
void v2m_auth_peek(struct v2m_key_ring *api_keys, const char *header, size_t length,
		   struct v2m_auth *auth);

#endif
