// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/socket_table.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_SIZE 64

struct v2m_socket_figures v2m_socket_figures_of(const struct v2m_connection *connection)
{
	return (struct v2m_socket_figures){
		.rx_bytes = connection->rx_bytes,
		.sent_bytes = connection->sent_bytes,
		.rx_segments = connection->rx_segments,
		.tx_segments = connection->tx_segments,
	};
}

void v2m_socket_table_clear(struct v2m_socket_table *table)
{
	free(table->sockets);
	memset(table, 0, sizeof(*table));
}

/* Cookies are dense: multiplying by 2^64 / phi spreads them. */
static size_t home_of(const struct v2m_socket_table *table, uint64_t cookie)
{
	return (size_t)((cookie * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (table->size - 1);
}

/* Where the cookie is, or the free place where it would be. */
static size_t place_of(const struct v2m_socket_table *table, uint64_t cookie)
{
	size_t at = home_of(table, cookie);

	while (table->sockets[at].cookie && table->sockets[at].cookie != cookie)
		at = (at + 1) & (table->size - 1);
	return at;
}

static bool grow(struct v2m_socket_table *table)
{
	struct v2m_socket_table grown = { .size = table->size ? 2 * table->size : LEAST_SIZE,
					  .count = table->count };

	grown.sockets = calloc(grown.size, sizeof(*grown.sockets));
	if (!grown.sockets)
		return false;
	for (size_t i = 0; i < table->size; i++)
		if (table->sockets[i].cookie)
			grown.sockets[place_of(&grown, table->sockets[i].cookie)] =
				table->sockets[i];
	free(table->sockets);
	*table = grown;
	return true;
}

struct v2m_socket *v2m_socket_table_get(struct v2m_socket_table *table, uint64_t cookie,
					bool *known)
{
	struct v2m_socket *socket;

	if (2 * (table->count + 1) > table->size && !grow(table))
		return NULL;
	socket = &table->sockets[place_of(table, cookie)];
	*known = socket->cookie != 0;
	if (!*known)
		*socket = (struct v2m_socket){ .cookie = cookie };
	table->count += !*known;
	return socket;
}

/* Closes the gap: every socket behind it that may stand nearer to its home moves up. */
static void remove_at(struct v2m_socket_table *table, size_t gap)
{
	size_t mask = table->size - 1;

	for (size_t at = (gap + 1) & mask; table->sockets[at].cookie; at = (at + 1) & mask) {
		size_t home = home_of(table, table->sockets[at].cookie);

		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		table->sockets[gap] = table->sockets[at];
		gap = at;
	}
	table->sockets[gap] = (struct v2m_socket){ 0 };
	table->count--;
}

bool v2m_socket_table_take(struct v2m_socket_table *table, uint64_t cookie,
			   struct v2m_socket_figures *figures)
{
	size_t at;

	if (!table->size || !cookie)
		return false;
	at = place_of(table, cookie);
	if (!table->sockets[at].cookie)
		return false;
	*figures = table->sockets[at].figures;
	remove_at(table, at);
	return true;
}

/* What moves into the place of one that was taken out is looked at there. */
void v2m_socket_table_forget(struct v2m_socket_table *table, uint64_t seen_ns)
{
	for (size_t at = 0; at < table->size;) {
		const struct v2m_socket *socket = &table->sockets[at];

		if (socket->cookie && socket->seen_ns < seen_ns)
			remove_at(table, at);
		else
			at++;
	}
}
