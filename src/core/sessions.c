// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/sessions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a, 64 bits: among 100,000 connections two share a hash once in 3.7 billion dumps. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ byte[i]) * 0x100000001b3u;
	return hash;
}

static uint64_t hash_connection(const struct v2m_connection *connection)
{
	uint64_t hash = 0xcbf29ce484222325u;

	hash = hash_bytes(hash, &connection->family, sizeof(connection->family));
	hash = hash_bytes(hash, &connection->local_port, sizeof(connection->local_port));
	hash = hash_bytes(hash, &connection->remote_port, sizeof(connection->remote_port));
	hash = hash_bytes(hash, connection->local, sizeof(connection->local));
	return hash_bytes(hash, connection->remote, sizeof(connection->remote));
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* Sorted rather than hashed into a table: remote ports are the client's to choose, and a client
 * could choose those that fall into one place. */
int v2m_session_set_make(const struct v2m_connection_table *table, struct v2m_session_set *set)
{
	size_t count = table ? table->count : 0;
	uint64_t *hashes = calloc(count + 1, sizeof(*hashes));

	if (!hashes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		hashes[i] = hash_connection(&table->connections[i]);
	qsort(hashes, count, sizeof(*hashes), compare);
	*set = (struct v2m_session_set){ .hashes = hashes, .count = count, .known = true };
	return 0;
}

void v2m_session_set_clear(struct v2m_session_set *set)
{
	free(set->hashes);
	memset(set, 0, sizeof(*set));
}

uint32_t v2m_session_set_count_new(const struct v2m_session_set *set,
				   const struct v2m_connection *connections, size_t count)
{
	uint32_t opened = 0;

	for (size_t i = 0; set->known && i < count; i++) {
		uint64_t hash = hash_connection(&connections[i]);

		if (!bsearch(&hash, set->hashes, set->count, sizeof(hash), compare))
			opened++;
	}
	return opened;
}
