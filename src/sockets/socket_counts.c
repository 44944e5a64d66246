// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/socket_counts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sockets/socket_table.h"

#define ETHERNET_BYTES 14
#define IPV4_BYTES     20
#define IPV6_BYTES     40
/* A SYN carries 20 bytes of options where the other segments carry the time stamps' 12, and the
 * SYN-ACK, which the listening socket sends, is in no connection's count of segments. */
#define SYN_EXTRA_BYTES 8
#define SYN_ACK_TCP     40
/* A connection that has left the dumps without its final figures: its socket may be held by a
 * process for a while, and would else be taken for a new one. */
#define UNSEEN_NS (900 * UINT64_C(1000000000))
#define SWEEP_NS  (60 * UINT64_C(1000000000))

struct counted_port {
	struct v2m_socket_port port;
	uint64_t assigned_ns;
	struct v2m_flow rx;
	struct v2m_flow tx;
	bool fresh;   /* no reading has ended yet: what is open was open before */
	bool leaving; /* in the next sample, and no more */
};

struct v2m_socket_counts {
	struct counted_port *ports; /* ascending */
	size_t n_ports;
	struct v2m_socket_table sockets;
	uint64_t swept_ns;
};

struct v2m_socket_counts *v2m_socket_counts_new(void)
{
	return calloc(1, sizeof(struct v2m_socket_counts));
}

void v2m_socket_counts_free(struct v2m_socket_counts *counts)
{
	if (!counts)
		return;
	v2m_socket_table_clear(&counts->sockets);
	free(counts->ports);
	free(counts);
}

static int compare_port(const void *number, const void *port)
{
	return (int)*(const uint16_t *)number - (int)((const struct counted_port *)port)->port.port;
}

static struct counted_port *find_port(const struct v2m_socket_counts *counts, uint16_t number)
{
	return counts->n_ports ? bsearch(&number, counts->ports, counts->n_ports,
					 sizeof(*counts->ports), compare_port)
			       : NULL;
}

/* What it is when it is counted on: the old counter of a port that stays. */
static struct counted_port counted(const struct v2m_socket_counts *counts,
				   const struct v2m_socket_port *port, uint64_t assigned_ns)
{
	const struct counted_port *old = find_port(counts, port->port);
	struct counted_port made = { .port = *port, .assigned_ns = assigned_ns, .fresh = true };

	if (old && !old->leaving && old->port.loopback == port->loopback)
		made = *old;
	return made;
}

int v2m_socket_counts_set_ports(struct v2m_socket_counts *counts,
				const struct v2m_socket_port *ports, size_t n_ports,
				uint64_t assigned_ns)
{
	struct counted_port *made = calloc(n_ports + counts->n_ports + 1, sizeof(*made));
	size_t n = 0;
	size_t old = 0;

	if (!made)
		return -ENOMEM;
	for (size_t i = 0; i <= n_ports; i++) {
		unsigned next = i < n_ports ? ports[i].port : UINT16_MAX + 1u;

		for (; old < counts->n_ports && counts->ports[old].port.port <= next; old++) {
			if (counts->ports[old].port.port == next)
				continue;
			made[n] = counts->ports[old];
			made[n++].leaving = true;
		}
		if (i < n_ports)
			made[n++] = counted(counts, &ports[i], assigned_ns);
	}
	free(counts->ports);
	counts->ports = made;
	counts->n_ports = n;
	return 0;
}

static bool is_mapped(const uint8_t address[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address, prefix, sizeof(prefix)) == 0;
}

static bool is_ipv4(const struct v2m_connection *connection)
{
	return connection->family == AF_INET || is_mapped(connection->local);
}

/* Whether its packets pass the loopback device: to a loopback address, or to oneself. */
static bool is_loopback(const struct v2m_connection *connection)
{
	static const uint8_t loopback6[16] = { [15] = 1 };
	size_t length = connection->family == AF_INET ? 4 : 16;

	if (memcmp(connection->local, connection->remote, length) == 0)
		return true;
	if (connection->family == AF_INET)
		return connection->local[0] == 127;
	return is_mapped(connection->local) ? connection->local[12] == 127
					    : memcmp(connection->local, loopback6, 16) == 0;
}

static struct counted_port *port_of(const struct v2m_socket_counts *counts,
				    const struct v2m_connection *connection)
{
	struct counted_port *port = find_port(counts, connection->local_port);

	return port && !port->leaving && port->port.loopback == is_loopback(connection) ? port
											: NULL;
}

static uint64_t growth(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

/* Adds what a socket has counted since it was last looked at. Segments are counted modulo 2^32. */
static void add_growth(struct counted_port *port, const struct v2m_connection *now,
		       const struct v2m_socket_figures *then)
{
	uint64_t header = ETHERNET_BYTES + (is_ipv4(now) ? IPV4_BYTES : IPV6_BYTES) +
			  (uint64_t)now->tcp_header;
	struct v2m_flow rx = { .packets = now->rx_segments - then->rx_segments,
			       .payload_bytes = growth(now->rx_bytes, then->rx_bytes) };
	struct v2m_flow tx = { .packets = now->tx_segments - then->tx_segments,
			       .payload_bytes = growth(now->sent_bytes, then->sent_bytes) };

	port->rx.packets += rx.packets;
	port->rx.payload_bytes += rx.payload_bytes;
	port->rx.wire_bytes += rx.payload_bytes + rx.packets * header;
	port->tx.packets += tx.packets;
	port->tx.payload_bytes += tx.payload_bytes;
	port->tx.wire_bytes += tx.payload_bytes + tx.packets * header;
}

static void add_handshake(struct counted_port *port, const struct v2m_connection *connection)
{
	unsigned ip = is_ipv4(connection) ? IPV4_BYTES : IPV6_BYTES;

	port->rx.wire_bytes += SYN_EXTRA_BYTES;
	port->tx.packets++;
	port->tx.wire_bytes += ETHERNET_BYTES + ip + SYN_ACK_TCP;
}

/* A connection that was not known: whole, unless it may have been open before its port was counted.
 */
static void add_new(struct counted_port *port, const struct v2m_connection *connection)
{
	static const struct v2m_socket_figures none;

	if (port->fresh)
		return;
	add_growth(port, connection, &none);
	add_handshake(port, connection);
}

/* What is left of a socket in TIME_WAIT has no counters. */
static bool has_figures(const struct v2m_connection *connection)
{
	return connection->cookie && (connection->rx_segments || connection->tx_segments);
}

int v2m_socket_counts_open(struct v2m_socket_counts *counts,
			   const struct v2m_connection *connection, uint64_t mono_ns)
{
	struct counted_port *port = port_of(counts, connection);
	struct v2m_socket *socket;
	bool known;

	if (!port || !has_figures(connection))
		return 0;
	socket = v2m_socket_table_get(&counts->sockets, connection->cookie, &known);
	if (!socket)
		return -ENOMEM;
	if (known && !port->fresh)
		add_growth(port, connection, &socket->figures);
	else
		add_new(port, connection);
	socket->figures = v2m_socket_figures_of(connection);
	socket->seen_ns = mono_ns;
	return 0;
}

int v2m_socket_counts_closed(struct v2m_socket_counts *counts,
			     const struct v2m_connection *connection)
{
	struct counted_port *port = port_of(counts, connection);
	struct v2m_socket_figures then;
	bool known = v2m_socket_table_take(&counts->sockets, connection->cookie, &then);

	if (!port || !has_figures(connection))
		return 0;
	if (known && !port->fresh)
		add_growth(port, connection, &then);
	else
		add_new(port, connection);
	return 0;
}

void v2m_socket_counts_end(struct v2m_socket_counts *counts, uint64_t mono_ns)
{
	for (size_t i = 0; i < counts->n_ports; i++)
		counts->ports[i].fresh = false;
	if (mono_ns - counts->swept_ns < SWEEP_NS)
		return;
	counts->swept_ns = mono_ns;
	if (mono_ns > UNSEEN_NS)
		v2m_socket_table_forget(&counts->sockets, mono_ns - UNSEEN_NS);
}

int v2m_socket_counts_sample(struct v2m_socket_counts *counts, struct v2m_sample *sample)
{
	struct v2m_port_sample *ports = calloc(counts->n_ports + 1, sizeof(*ports));
	size_t staying = 0;

	if (!ports)
		return -ENOMEM;
	for (size_t i = 0; i < counts->n_ports; i++) {
		const struct counted_port *port = &counts->ports[i];

		ports[i] = (struct v2m_port_sample){ .port = port->port.port,
						     .assigned_ns = port->assigned_ns,
						     .tcp_rx = port->rx,
						     .tcp_tx = port->tx };
	}
	sample->ports = ports;
	sample->n_ports = counts->n_ports;
	for (size_t i = 0; i < counts->n_ports; i++)
		if (!counts->ports[i].leaving)
			counts->ports[staying++] = counts->ports[i];
	counts->n_ports = staying;
	return 0;
}
