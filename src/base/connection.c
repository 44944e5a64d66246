// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/connection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LOOPBACK_IPV4 127

struct v2m_connection_table *v2m_connection_table_ref(struct v2m_connection_table *table)
{
	__atomic_add_fetch(&table->references, 1, __ATOMIC_RELAXED);
	return table;
}

struct v2m_connection_table *v2m_connection_table_make_empty(uint64_t mono_ns)
{
	struct v2m_connection_table *table = calloc(1, sizeof(*table));

	if (table)
		*table = (struct v2m_connection_table){ .references = 1, .mono_ns = mono_ns };
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

/* The index of the first port that is not below the given one, among n ascending ports that are
 * stride bytes apart. */
static size_t lower_bound(const uint16_t *ports, size_t stride, size_t n, uint32_t port)
{
	size_t low = 0;
	size_t high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *at = (const char *)ports + middle * stride;

		if (*(const uint16_t *)at < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How many of the ports are equal to port. *first is the index of the first one. */
static size_t count_equal(const uint16_t *ports, size_t stride, size_t n, uint16_t port,
			  size_t *first)
{
	*first = lower_bound(ports, stride, n, port);
	return lower_bound(ports, stride, n, (uint32_t)port + 1) - *first;
}

const struct v2m_connection *v2m_connection_table_slot(const struct v2m_connection_table *table,
						       uint16_t slot_port, size_t *count)
{
	size_t first = 0;

	*count = table ? count_equal(&table->connections[0].slot_port,
				     sizeof(table->connections[0]), table->count, slot_port, &first)
		       : 0;
	return *count ? &table->connections[first] : NULL;
}

const struct v2m_peer *v2m_connection_table_peers(const struct v2m_connection_table *table,
						  uint16_t slot_port, size_t *count)
{
	size_t first = 0;

	*count = table && table->n_peers
			 ? count_equal(&table->peers[0].slot_port, sizeof(table->peers[0]),
				       table->n_peers, slot_port, &first)
			 : 0;
	return *count ? &table->peers[first] : NULL;
}

bool v2m_connection_is_local(const struct v2m_connection *connection)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t loopback[16] = { [15] = 1 };
	const uint8_t *remote = connection->remote;
	size_t size = connection->family == AF_INET ? 4 : 16;

	if (memcmp(connection->local, remote, size) == 0)
		return true;
	if (size == 4)
		return remote[0] == LOOPBACK_IPV4;
	if (memcmp(remote, mapped, sizeof(mapped)) == 0)
		return remote[12] == LOOPBACK_IPV4;
	return memcmp(remote, loopback, sizeof(loopback)) == 0;
}
