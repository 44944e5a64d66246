// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/live_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

bool v2m_is_live_source(const char *source)
{
	static const char prefix[] = "xray-api";

	return strncmp(source, prefix, strlen(prefix)) == 0;
}

const struct v2m_live_source *v2m_live_sources_find(const struct v2m_live_sources *live,
						    const char *source)
{
	for (size_t i = 0; i < live->count; i++)
		if (strcmp(live->items[i].source, source) == 0)
			return &live->items[i];
	return NULL;
}

void v2m_live_sources_clear(struct v2m_live_sources *live)
{
	for (size_t i = 0; i < live->count; i++) {
		free(live->items[i].source);
		free(live->items[i].text);
	}
	v2m_array_clear(live);
}
