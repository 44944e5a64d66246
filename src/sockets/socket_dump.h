/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A table of connections while sock_diag or /proc fills it. */
#ifndef V2METER_SOCKETS_SOCKET_DUMP_H
#define V2METER_SOCKETS_SOCKET_DUMP_H

#include "base/connection.h"
#include "sockets/tcp_slots.h"

#define V2M_DUMP_STATES                                                                            \
	((1u << V2M_TCP_ESTABLISHED) | (1u << V2M_TCP_CLOSE_WAIT) | (1u << V2M_TCP_LAST_ACK))

/* All states in which a socket has counters. */
#define V2M_COUNTED_STATES                                                                         \
	(V2M_DUMP_STATES | (1u << V2M_TCP_FIN_WAIT1) | (1u << V2M_TCP_FIN_WAIT2) |                 \
	 (1u << V2M_TCP_CLOSING))

struct v2m_socket_dump {
	struct v2m_connection_table *table;
	size_t capacity;
	const struct v2m_tcp_slots *slots;
	struct v2m_closing_port *closing; /* parallel to slots->ports; NULL: not summed up */
};

/* Makes the dump sum up closing connections apart from the table. 0 or -ENOMEM. */
int v2m_socket_dump_keep_closing(struct v2m_socket_dump *dump);

/* Starts an empty dump. expected is the likely number of connections. 0 or -ENOMEM. */
int v2m_socket_dump_begin(struct v2m_socket_dump *dump, const struct v2m_tcp_slots *slots,
			  size_t expected);
void v2m_socket_dump_clear(struct v2m_socket_dump *dump);

/* Appends a connection of zeros and its local port; *connection is NULL if the port is not
 * monitored. 0 or -ENOMEM. */
int v2m_socket_dump_add(struct v2m_socket_dump *dump, uint16_t local_port,
			struct v2m_connection **connection);

/* Adds a closing connection to the sums of its port, if the port is monitored and the dump has
 * sums. */
void v2m_socket_dump_add_closing(struct v2m_socket_dump *dump,
				 const struct v2m_connection *connection);

/* Sets all sums to 0, because the dump starts again. */
void v2m_socket_dump_forget_closing(struct v2m_socket_dump *dump);

/* Sorts the table and gives it to the caller. 0 or -ENOMEM. */
int v2m_socket_dump_finish(struct v2m_socket_dump *dump, struct v2m_connection_table **table);

#endif
