/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Key sources that are no file: the API of a running proxy. Somebody else asks the proxy; the
 * readers of key sources only take what it said last. */
#ifndef V2METER_KEYS_LIVE_SOURCE_H
#define V2METER_KEYS_LIVE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"

/* Gives what the API at a source said last, as a V2Ray configuration: proxyapi/follower.h. */
struct v2m_live_sources {
	int (*text)(void *context, const char *source, char **text, size_t *length,
		    struct v2m_error *error);
	void *context;
};

/* Whether a key source of the configuration is the address of an API, and no path. */
static inline bool v2m_is_live_source(const char *source)
{
	static const char prefix[] = "xray-api";

	return strncmp(source, prefix, strlen(prefix)) == 0;
}

#endif
