// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/socket_dump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define LEAST_CAPACITY 1024

static struct v2m_connection_table *resize_table(struct v2m_connection_table *table,
						 size_t capacity)
{
	return realloc(table, sizeof(*table) + capacity * sizeof(table->connections[0]));
}

int v2m_socket_dump_begin(struct v2m_socket_dump *dump, const struct v2m_tcp_slots *slots,
			  size_t expected)
{
	*dump = (struct v2m_socket_dump){ .slots = slots };
	dump->capacity = expected + expected / 8 + LEAST_CAPACITY;
	dump->table = resize_table(NULL, dump->capacity);
	if (!dump->table) {
		v2m_socket_dump_clear(dump);
		return -ENOMEM;
	}
	*dump->table = (struct v2m_connection_table){ .references = 1 };
	return 0;
}

void v2m_socket_dump_clear(struct v2m_socket_dump *dump)
{
	free(dump->table);
	free(dump->closing);
	memset(dump, 0, sizeof(*dump));
}

int v2m_socket_dump_add(struct v2m_socket_dump *dump, uint16_t local_port,
			struct v2m_connection **connection)
{
	uint16_t place = dump->slots->places[local_port];

	*connection = NULL;
	if (!place)
		return 0;
	if (dump->table->count == dump->capacity) {
		struct v2m_connection_table *grown = resize_table(dump->table, 2 * dump->capacity);

		if (!grown)
			return -ENOMEM;
		dump->table = grown;
		dump->capacity *= 2;
	}
	*connection = &dump->table->connections[dump->table->count++];
	memset(*connection, 0, sizeof(**connection));
	(*connection)->local_port = local_port;
	(*connection)->slot_port = dump->slots->ports[place - 1];
	return 0;
}

int v2m_socket_dump_keep_closing(struct v2m_socket_dump *dump)
{
	dump->closing = calloc(dump->slots->count + 1, sizeof(*dump->closing));
	return dump->closing ? 0 : -ENOMEM;
}

void v2m_socket_dump_add_closing(struct v2m_socket_dump *dump,
				 const struct v2m_connection *connection)
{
	uint16_t place = dump->slots->places[connection->local_port];
	struct v2m_closing_port *closing;

	if (!place || !dump->closing)
		return;
	closing = &dump->closing[place - 1];
	closing->slot_port = dump->slots->ports[place - 1];
	closing->count++;
	closing->rx_bytes += connection->rx_bytes;
	closing->tx_bytes += connection->tx_bytes;
}

void v2m_socket_dump_forget_closing(struct v2m_socket_dump *dump)
{
	if (dump->closing)
		memset(dump->closing, 0, dump->slots->count * sizeof(*dump->closing));
}

static void hand_over_closing(struct v2m_socket_dump *dump, struct v2m_connection_table *table)
{
	size_t n = 0;

	for (size_t i = 0; dump->closing && i < dump->slots->count; i++)
		if (dump->closing[i].count)
			dump->closing[n++] = dump->closing[i];
	table->closing = V2M_TAKE(dump->closing);
	table->n_closing = n;
}

/* Sorts in place and in linear time: the run of each slot has a known length, and each swap puts
 * one connection into its run. */
static int sort_by_slot(const struct v2m_socket_dump *dump)
{
	V2M_FREE size_t *next = calloc(dump->slots->count + 1, sizeof(*next));
	V2M_FREE size_t *end = calloc(dump->slots->count + 1, sizeof(*end));
	struct v2m_connection *all = dump->table->connections;

	if (!next || !end)
		return -ENOMEM;
	for (size_t i = 0; i < dump->table->count; i++)
		end[dump->slots->places[all[i].local_port]]++;
	for (size_t i = 1; i <= dump->slots->count; i++) {
		next[i] = end[i - 1];
		end[i] += end[i - 1];
	}
	for (size_t i = 1; i <= dump->slots->count; i++) {
		while (next[i] < end[i]) {
			struct v2m_connection *here = &all[next[i]];
			struct v2m_connection *there =
				&all[next[dump->slots->places[here->local_port]]++];
			struct v2m_connection moved = *there;

			*there = *here;
			*here = moved;
		}
	}
	return 0;
}

int v2m_socket_dump_finish(struct v2m_socket_dump *dump, struct v2m_connection_table **table)
{
	struct v2m_connection_table *fitting;

	if (sort_by_slot(dump))
		return -ENOMEM;
	fitting = resize_table(dump->table, dump->table->count);
	*table = fitting ? fitting : dump->table;
	dump->table = NULL;
	hand_over_closing(dump, *table);
	return 0;
}
