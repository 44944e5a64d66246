// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/socket_counts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/table.h"
#include "base/transport.h"

#define ETHERNET_BYTES 14
#define IPV4_BYTES     20
#define IPV6_BYTES     40
/* A SYN carries 20 bytes of options, other segments carry 12 (time stamps). The listening socket
 * sends the SYN-ACK, so no connection counts that segment. */
#define SYN_EXTRA_BYTES 8
#define SYN_ACK_TCP     40
/* How long a connection is remembered that is in no dump any more and whose end was not announced.
 * A process may hold its closed socket for a while: announced after that, it would count as new. */
#define UNSEEN_NS (900 * UINT64_C(1000000000))
#define SWEEP_NS  (60 * UINT64_C(1000000000))

/* A connection's counters when it was last looked at. */
struct figures {
	uint64_t rx_bytes;
	uint64_t sent_bytes;
	uint32_t rx_segments;
	uint32_t tx_segments;
};

struct known_socket {
	uint64_t cookie;
	struct figures figures;
	uint64_t seen_ns;
};

struct counted_port {
	struct v2m_socket_port port;
	uint64_t assigned_ns;
	struct v2m_flow rx;
	struct v2m_flow tx;
	bool fresh;   /* no pass has ended yet: a connection that is open was open before */
	bool leaving; /* in the next sample for the last time */
};

struct v2m_socket_counts {
	struct counted_port *ports; /* ascending */
	size_t n_ports;
	struct v2m_table sockets; /* of struct known_socket */
	uint64_t swept_ns;
};

static struct v2m_table_key key_of_socket(const void *element)
{
	const struct known_socket *socket = element;

	return (struct v2m_table_key){ &socket->cookie, sizeof(socket->cookie) };
}

/* The kernel numbers its sockets, so nobody can choose a cookie. Cookies are dense: multiplying by
 * 2^64 / phi spreads them. A pass over 100,000 sockets takes 8 ms, with v2m_hash() 15 ms. */
static uint32_t hash_cookie(const void *key, size_t length)
{
	(void)length;
	return (uint32_t)((*(const uint64_t *)key * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

struct v2m_socket_counts *v2m_socket_counts_new(void)
{
	static const struct v2m_table_type known_sockets = { .element_size =
								     sizeof(struct known_socket),
							     .key_of = key_of_socket };
	struct v2m_socket_counts *counts = calloc(1, sizeof(*counts));

	if (counts)
		counts->sockets = (struct v2m_table){ .type = &known_sockets, .hash = hash_cookie };
	return counts;
}

void v2m_socket_counts_free(struct v2m_socket_counts *counts)
{
	if (!counts)
		return;
	v2m_table_clear(&counts->sockets);
	free(counts->ports);
	free(counts);
}

static int compare_port_number(const void *number, const void *port)
{
	return (int)*(const uint16_t *)number - (int)((const struct counted_port *)port)->port.port;
}

static struct counted_port *find_port(const struct v2m_socket_counts *counts, uint16_t number)
{
	return counts->n_ports ? bsearch(&number, counts->ports, counts->n_ports,
					 sizeof(*counts->ports), compare_port_number)
			       : NULL;
}

/* The old counter of a port that stays, otherwise a new one. */
static struct counted_port counter_for(const struct v2m_socket_counts *counts,
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
			made[n++] = counter_for(counts, &ports[i], assigned_ns);
	}
	free(counts->ports);
	counts->ports = made;
	counts->n_ports = n;
	return 0;
}

static bool is_mapped_ipv4(const uint8_t address[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address, prefix, sizeof(prefix)) == 0;
}

static bool is_ipv4(const struct v2m_connection *connection)
{
	return connection->family == AF_INET || is_mapped_ipv4(connection->local);
}

/* Whether the connection's packets pass the loopback device: it is to a loopback address, or both
 * ends have the same address. */
static bool is_loopback(const struct v2m_connection *connection)
{
	static const uint8_t loopback6[16] = { [15] = 1 };
	size_t length = connection->family == AF_INET ? 4 : 16;

	if (memcmp(connection->local, connection->remote, length) == 0)
		return true;
	if (connection->family == AF_INET)
		return connection->local[0] == 127;
	return is_mapped_ipv4(connection->local) ? connection->local[12] == 127
						 : memcmp(connection->local, loopback6, 16) == 0;
}

static struct counted_port *find_port_of(const struct v2m_socket_counts *counts,
					 const struct v2m_connection *connection)
{
	struct counted_port *port = find_port(counts, connection->slot_port);

	return port && !port->leaving && port->port.loopback == is_loopback(connection) ? port
											: NULL;
}

/* Never below 0: after a reset, bytes_received is taken as if it held a FIN. */
static uint64_t growth(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

/* Adds what the socket has counted since then. The kernel counts segments modulo 2^32. */
static void add_growth(struct counted_port *port, const struct v2m_connection *now,
		       const struct figures *then)
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

/* Adds all of a connection that was not known before, unless it may have been open before its port
 * was counted. */
static void add_new_connection(struct counted_port *port, const struct v2m_connection *connection)
{
	static const struct figures none;

	if (port->fresh)
		return;
	add_growth(port, connection, &none);
	add_handshake(port, connection);
}

/* A socket in TIME_WAIT has no counters any more. */
static bool has_figures(const struct v2m_connection *connection)
{
	return connection->cookie && (connection->rx_segments || connection->tx_segments);
}

static struct figures figures_of(const struct v2m_connection *connection)
{
	return (struct figures){
		.rx_bytes = connection->rx_bytes,
		.sent_bytes = connection->sent_bytes,
		.rx_segments = connection->rx_segments,
		.tx_segments = connection->tx_segments,
	};
}

/* Adds the connection to its port, from the known figures on if there are any. */
static void add_connection(struct counted_port *port, const struct v2m_connection *connection,
			   const struct known_socket *known)
{
	if (known && !port->fresh)
		add_growth(port, connection, &known->figures);
	else
		add_new_connection(port, connection);
}

static struct known_socket *find_socket(const struct v2m_socket_counts *counts, uint64_t cookie)
{
	return v2m_table_find(&counts->sockets, &cookie, sizeof(cookie));
}

int v2m_socket_counts_add_open(struct v2m_socket_counts *counts,
			       const struct v2m_connection *connection, uint64_t mono_ns)
{
	struct counted_port *port = find_port_of(counts, connection);
	const struct known_socket now = { connection->cookie, figures_of(connection), mono_ns };
	struct known_socket *known;
	int result = 0;

	if (!port || !has_figures(connection))
		return 0;
	known = find_socket(counts, connection->cookie);
	if (!known)
		result = v2m_table_add(&counts->sockets, &now);
	if (result)
		return result;
	add_connection(port, connection, known);
	if (known)
		*known = now;
	return 0;
}

void v2m_socket_counts_add_closed(struct v2m_socket_counts *counts,
				  const struct v2m_connection *connection)
{
	struct counted_port *port = find_port_of(counts, connection);
	struct known_socket *known = find_socket(counts, connection->cookie);

	if (port && has_figures(connection))
		add_connection(port, connection, known);
	if (known)
		v2m_table_remove(&counts->sockets, known);
}

/* If memory runs out, the next sweep forgets the rest. */
static void forget_unseen_sockets(struct v2m_socket_counts *counts, uint64_t before_ns)
{
	V2M_ARRAY(uint64_t) cookies = { 0 };
	const struct known_socket *socket = NULL;

	while ((socket = v2m_table_next(&counts->sockets, socket)))
		if (socket->seen_ns < before_ns && v2m_array_add(&cookies, socket->cookie))
			break;
	for (size_t i = 0; i < cookies.count; i++)
		v2m_table_remove(&counts->sockets, find_socket(counts, cookies.items[i]));
	v2m_array_clear(&cookies);
}

void v2m_socket_counts_end_pass(struct v2m_socket_counts *counts, uint64_t mono_ns)
{
	for (size_t i = 0; i < counts->n_ports; i++)
		counts->ports[i].fresh = false;
	if (mono_ns - counts->swept_ns < SWEEP_NS)
		return;
	counts->swept_ns = mono_ns;
	if (mono_ns > UNSEEN_NS)
		forget_unseen_sockets(counts, mono_ns - UNSEEN_NS);
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
						     .last_port = port->port.last_port,
						     .slot = port->port.port,
						     .transports = V2M_TCP,
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
