/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Key sources that are no file: the API of a running proxy. Plain data: somebody asks the proxies
 * (proxyapi/live_supply.h), and the readers of key sources only take what they said last.
 */
#ifndef V2METER_KEYS_LIVE_SOURCE_H
#define V2METER_KEYS_LIVE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The last answer of the API of one proxy. */
struct v2m_live_source {
	char *source; /* its address, as in key_sources */
	char *text;   /* its inbounds and users, as a V2Ray configuration; NULL: it has never
			 answered */
	size_t length;
	int result; /* 0: the text is used; or -errno */
	/* If it does not answer now, why. The text of one that was found is used nevertheless. */
	struct v2m_error error;
};

/* Arrays (base/array.h). */
struct v2m_live_sources {
	struct v2m_live_source *items;
	size_t count;
	size_t capacity;
};

/* Whether a key source of the configuration is the address of an API, and no path. */
bool v2m_is_live_source(const char *source);

/* The last answer of the API at this address. NULL: it has not been asked. */
const struct v2m_live_source *v2m_live_sources_find(const struct v2m_live_sources *live,
						    const char *source);
void v2m_live_sources_clear(struct v2m_live_sources *live);

#endif
