/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A table of connections while it is being filled, from wherever; for src/kernel alone. */
#ifndef V2METER_SOCKETS_SOCKET_DUMP_H
#define V2METER_SOCKETS_SOCKET_DUMP_H

#include "base/connection.h"

#define V2M_DUMP_STATES                                                                            \
	((1u << V2M_TCP_ESTABLISHED) | (1u << V2M_TCP_CLOSE_WAIT) | (1u << V2M_TCP_LAST_ACK))

/* Every state in which a socket has counters. */
#define V2M_COUNTED_STATES                                                                         \
	(V2M_DUMP_STATES | (1u << V2M_TCP_FIN_WAIT1) | (1u << V2M_TCP_FIN_WAIT2) |                 \
	 (1u << V2M_TCP_CLOSING))

struct v2m_socket_dump {
	struct v2m_connection_table *table;
	size_t capacity;
	const uint16_t *ports; /* ascending */
	size_t n_ports;
	/* By port: 1 + its index in ports; 0: not monitored. */
	uint16_t *place;
	struct v2m_closing_port *closing; /* parallel to ports; NULL: none are apart */
};

/* Keeps the sums of those connections that are closing apart from the table. 0 or -ENOMEM. */
int v2m_socket_dump_keep_closing(struct v2m_socket_dump *dump);

/* 0 or -ENOMEM. expected is how many connections there may be. */
int v2m_socket_dump_begin(struct v2m_socket_dump *dump, const uint16_t *ports, size_t n_ports,
			  size_t expected);
void v2m_socket_dump_clear(struct v2m_socket_dump *dump);

/* *connection is where to describe the next one, zeroed; NULL where the port is not monitored. 0 or
 * -ENOMEM. */
int v2m_socket_dump_add(struct v2m_socket_dump *dump, uint16_t local_port,
			struct v2m_connection **connection);

/* Adds to the sums of a port that is monitored, where they are kept. */
void v2m_socket_dump_add_closing(struct v2m_socket_dump *dump,
				 const struct v2m_connection *connection);

/* Forgets the sums: all comes again. */
void v2m_socket_dump_forget_closing(struct v2m_socket_dump *dump);

/* Sorts the table and hands it over. 0 or -ENOMEM. */
int v2m_socket_dump_finish(struct v2m_socket_dump *dump, struct v2m_connection_table **table);

#endif
