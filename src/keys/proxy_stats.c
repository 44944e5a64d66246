// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/proxy_stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static int compare_names(const void *a, const void *b)
{
	const struct v2m_proxy_stat *left = a;
	const struct v2m_proxy_stat *right = b;

	return strcmp(left->name, right->name);
}

void v2m_proxy_stats_join(struct v2m_proxy_stats *stats)
{
	size_t n = 0;

	if (stats->count)
		qsort(stats->items, stats->count, sizeof(*stats->items), compare_names);
	for (size_t i = 0; i < stats->count; i++) {
		struct v2m_proxy_stat *last = n ? &stats->items[n - 1] : NULL;
		struct v2m_proxy_stat *stat = &stats->items[i];

		if (!last || strcmp(last->name, stat->name) != 0) {
			stats->items[n++] = *stat;
			continue;
		}
		last->rx_bytes += stat->rx_bytes;
		last->tx_bytes += stat->tx_bytes;
		last->is_old |= stat->is_old;
		free(stat->name);
	}
	stats->count = n;
}

int v2m_proxy_stats_add(struct v2m_proxy_stats *stats, const struct v2m_proxy_stats *others,
			bool are_old)
{
	for (size_t i = 0; i < others->count; i++) {
		struct v2m_proxy_stat stat = others->items[i];

		stat.is_old = are_old;
		stat.name = strdup(stat.name);
		if (!stat.name || v2m_array_add(stats, stat)) {
			free(stat.name);
			return -ENOMEM;
		}
	}
	v2m_proxy_stats_join(stats);
	return 0;
}

const struct v2m_proxy_stat *v2m_proxy_stats_find(const struct v2m_proxy_stats *stats,
						  const char *name)
{
	const struct v2m_proxy_stat key = { .name = (char *)name };

	/* bsearch(3) must not get NULL, which an empty array may be. */
	return stats->count ? bsearch(&key, stats->items, stats->count, sizeof(*stats->items),
				      compare_names)
			    : NULL;
}

void v2m_proxy_stats_clear(struct v2m_proxy_stats *stats)
{
	for (size_t i = 0; i < stats->count; i++)
		free(stats->items[i].name);
	v2m_array_clear(stats);
}
