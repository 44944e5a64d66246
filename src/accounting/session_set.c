// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/session_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORT_SHIFT 48

/* Spreads every bit of the word over the hash: the multiplication carries it up, the shift brings
 * it down again. The factor is odd and has no pattern: 2^64 divided by the golden ratio. */
static uint64_t mix_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

static uint64_t read_word(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* The port in the upper 16 bits, a hash of everything else below. If a port has 1,000 connections
 * and all of them are new, one of them is mistaken for an old one once in 280 million dumps. */
static uint64_t hash_connection(const struct v2m_connection *connection)
{
	uint64_t hash = mix_word(connection->family, connection->remote_port);

	hash = mix_word(hash, read_word(connection->remote));
	hash = mix_word(hash, read_word(connection->remote + 8));
	hash = mix_word(hash, read_word(connection->local));
	hash = mix_word(hash, read_word(connection->local + 8));
	return (uint64_t)connection->local_port << PORT_SHIFT |
	       mix_word(hash, 0) >> (64 - PORT_SHIFT);
}

static int compare_hashes(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* Sorted, not hashed into a table: a client chooses its remote ports, and could choose those that
 * collide. The table of connections is in the order of slots already. If each slot has one port,
 * only the connections of one port are sorted among themselves. */
int v2m_session_set_make(const struct v2m_connection_table *table, struct v2m_session_set *set)
{
	size_t count = table ? table->count : 0;
	uint64_t *hashes = calloc(count + 1, sizeof(*hashes));
	bool ascending = true;
	size_t first = 0;

	if (!hashes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		hashes[i] = hash_connection(&table->connections[i]);
		ascending = ascending &&
			    (i == 0 || hashes[i] >> PORT_SHIFT >= hashes[i - 1] >> PORT_SHIFT);
	}
	for (size_t i = 1; i <= count; i++) {
		if (i < count &&
		    (!ascending || hashes[i] >> PORT_SHIFT == hashes[first] >> PORT_SHIFT))
			continue;
		qsort(hashes + first, i - first, sizeof(*hashes), compare_hashes);
		first = i;
	}
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

	if (!set->known)
		return 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t hash = hash_connection(&connections[i]);

		if (!set->count ||
		    !bsearch(&hash, set->hashes, set->count, sizeof(hash), compare_hashes))
			opened++;
	}
	return opened;
}
