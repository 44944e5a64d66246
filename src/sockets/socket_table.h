/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What sockets' counters stood at when they were last looked at, by the sockets' cookies. */
#ifndef V2METER_SOCKETS_SOCKET_TABLE_H
#define V2METER_SOCKETS_SOCKET_TABLE_H

#include "base/connection.h"

struct v2m_socket_figures {
	uint64_t rx_bytes;
	uint64_t sent_bytes;
	uint32_t rx_segments;
	uint32_t tx_segments;
};

struct v2m_socket {
	uint64_t cookie; /* 0: free, for the kernel gives none to a socket */
	struct v2m_socket_figures figures;
	uint64_t seen_ns;
};

/* Open addressing. Cookies are the kernel's numbers, nobody can choose them. */
struct v2m_socket_table {
	struct v2m_socket *sockets;
	size_t size; /* 0 or a power of two */
	size_t count;
};

/* What the connection's details say; zeros without them. */
struct v2m_socket_figures v2m_socket_figures_of(const struct v2m_connection *connection);

void v2m_socket_table_clear(struct v2m_socket_table *table);
/* The socket of a cookie other than 0, made where it was not *known. It stays where it is until the
 * table is next changed. NULL: out of memory. */
struct v2m_socket *v2m_socket_table_get(struct v2m_socket_table *table, uint64_t cookie,
					bool *known);
/* Takes a socket out; false where it was not there. */
bool v2m_socket_table_take(struct v2m_socket_table *table, uint64_t cookie,
			   struct v2m_socket_figures *figures);
/* Takes out those that were last seen before seen_ns. */
void v2m_socket_table_forget(struct v2m_socket_table *table, uint64_t seen_ns);

#endif
