// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "v2meter/sample.h"

#include <stdlib.h>
#include <string.h>

void v2m_sample_clear(struct v2m_sample *sample)
{
	free(sample->ports);
	free(sample->devices);
	memset(sample, 0, sizeof(*sample));
}

struct v2m_connection_table *v2m_connection_table_ref(struct v2m_connection_table *table)
{
	__atomic_add_fetch(&table->references, 1, __ATOMIC_RELAXED);
	return table;
}

void v2m_connection_table_unref(struct v2m_connection_table *table)
{
	if (table && __atomic_sub_fetch(&table->references, 1, __ATOMIC_ACQ_REL) == 0) {
		free(table->closing);
		free(table->peers);
		free(table);
	}
}

/* The first connection whose port is not below port. */
static size_t lower_bound(const struct v2m_connection_table *table, uint32_t port)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->connections[middle].local_port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct v2m_connection *v2m_connection_table_port(const struct v2m_connection_table *table,
						       uint16_t port, size_t *count)
{
	size_t first = table ? lower_bound(table, port) : 0;

	*count = table ? lower_bound(table, (uint32_t)port + 1) - first : 0;
	return *count ? &table->connections[first] : NULL;
}

static size_t lower_peer(const struct v2m_connection_table *table, uint32_t port)
{
	size_t low = 0;
	size_t high = table->n_peers;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->peers[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct v2m_peer *v2m_connection_table_peers(const struct v2m_connection_table *table,
						  uint16_t port, size_t *count)
{
	size_t first = table ? lower_peer(table, port) : 0;

	*count = table ? lower_peer(table, (uint32_t)port + 1) - first : 0;
	return *count ? &table->peers[first] : NULL;
}
