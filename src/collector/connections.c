// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The connections of the monitored ports: those that are open, and the counts of all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/internal.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/udp_peers.h"

#define UDP_PEER_NS (60 * UINT64_C(1000000000))

static uint16_t *ports_of(const struct v2m_keyset *keyset)
{
	uint16_t *ports = calloc(keyset->n_ports + 1, sizeof(*ports));

	for (size_t i = 0; ports && i < keyset->n_ports; i++)
		ports[i] = keyset->ports[i].port;
	return ports;
}

static void forget_sessions(struct v2m_collector *collector)
{
	v2m_sessions_close(V2M_TAKE(collector->sessions));
	free(V2M_TAKE(collector->readings));
	collector->n_readings = 0;
}

void connections_close(struct v2m_collector *collector)
{
	forget_sessions(collector);
	v2m_connection_table_unref(V2M_TAKE(collector->connections));
}

void connections_count(struct v2m_collector *collector)
{
	struct v2m_error error = { 0 };

	forget_sessions(collector);
	if (!collector->datapath)
		return;
	if (v2m_sessions_open(collector->config->pin_dir, &collector->sessions, &error))
		v2m_log_warning("connections are counted by looking at them every %u s: %s",
				(unsigned)(CONNECTIONS_INTERVAL_NS / 1000000000u), error.text);
}

void connections_set_keyset(struct v2m_collector *collector, const struct v2m_keyset *keyset)
{
	V2M_FREE uint16_t *ports = ports_of(keyset);
	struct v2m_error error = { 0 };

	if (!collector->sessions)
		return;
	if (!ports ||
	    v2m_sessions_set(collector->sessions, ports, keyset->n_ports, collector->netns, &error))
		v2m_log_error("%s", ports ? error.text : "out of memory");
}

/* Before the dump: a connection that closes in between is in neither, and in the next reading; the
 * other way round it would be in both. */
static void read_sessions(struct v2m_collector *collector)
{
	struct v2m_session_reading *readings;
	size_t n_readings;

	if (!collector->sessions)
		return;
	v2m_sessions_keep(collector->sessions);
	if (v2m_sessions_read(collector->sessions, &readings, &n_readings))
		return;
	free(collector->readings);
	collector->readings = readings;
	collector->n_readings = n_readings;
}

/* Where they cannot be read there are none; the next dump tries again. */
static void read_peers(struct v2m_collector *collector, struct v2m_connection_table *table)
{
	uint64_t since_ns = table->mono_ns > UDP_PEER_NS ? table->mono_ns - UDP_PEER_NS : 0;
	int result;

	if (!collector_is_exact(collector))
		return;
	result = v2m_datapath_udp_peers(collector->datapath, since_ns, &table->peers,
					&table->n_peers);
	if (result)
		v2m_log_error("the UDP peers cannot be read: %s", strerror(-result));
}

static int account(struct v2m_collector *collector)
{
	size_t n = collector->n_readings;
	V2M_FREE struct v2m_port_sessions *opened = calloc(n + 1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		opened[i] = (struct v2m_port_sessions){
			.port = collector->readings[i].port,
			.assigned_ns = collector->readings[i].counters.assigned_ns,
			.opened = collector->readings[i].counters.opened,
		};
	return v2m_account_connections(collector->account, collector->keyset,
				       collector->connections, collector->sessions ? opened : NULL,
				       n, v2m_clock_real_us());
}

struct dumping {
	struct v2m_sockets *sockets;
	const uint16_t *ports;
	size_t n_ports;
	struct v2m_connection_table *table;
	struct v2m_error error;
};

static int dump_sockets(void *context)
{
	struct dumping *dumping = context;

	return v2m_sockets_dump(dumping->sockets, dumping->ports, dumping->n_ports, &dumping->table,
				&dumping->error);
}

/* Where the namespace is not there nobody has a socket in it. */
static struct v2m_connection_table *no_connections(void)
{
	struct v2m_connection_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->references = 1;
	table->mono_ns = v2m_clock_mono_ns();
	return table;
}

/* On a thread of its own where sockets are read from elsewhere: /proc/net is the thread's. */
static int dump(struct v2m_collector *collector, struct dumping *dumping)
{
	int result;

	if (!collector->sockets) {
		dumping->table = no_connections();
		return dumping->table ? 0 : -ENOMEM;
	}
	dumping->sockets = collector->sockets;
	result = netns_run(collector, dump_sockets, dumping);
	if (result && !*dumping->error.text)
		v2m_error_set(&dumping->error, result, "%s", strerror(-result));
	return result;
}

int collector_dump_connections(struct v2m_collector *collector)
{
	const struct v2m_keyset *keyset = collector->keyset;
	V2M_FREE uint16_t *ports = ports_of(keyset);
	struct dumping dumping = { .ports = ports, .n_ports = keyset->n_ports };
	struct v2m_connection_table *table;
	int result;

	if (!ports)
		return -ENOMEM;
	read_sessions(collector);
	result = dump(collector, &dumping);
	if (result) {
		v2m_log_error("the connections cannot be read: %s", dumping.error.text);
		return result;
	}
	table = dumping.table;
	if (collector->sessions)
		v2m_sessions_date(collector->sessions, collector->connections, table);
	read_peers(collector, table);
	v2m_connection_table_unref(collector->connections);
	collector->connections = table;
	if (account(collector))
		v2m_log_error("out of memory: connections go without their sessions");
	return 0;
}

static int compare_closing(const void *port, const void *closing)
{
	return (int)*(const uint16_t *)port - (int)((const struct v2m_closing_port *)closing)->port;
}

static int compare_reading(const void *port, const void *reading)
{
	return (int)*(const uint16_t *)port -
	       (int)((const struct v2m_session_reading *)reading)->port;
}

/* An array that is empty may be NULL, of which bsearch(3) must not hear. */
static const void *find(uint16_t port, const void *array, size_t n, size_t size,
			int (*compare)(const void *, const void *))
{
	return n ? bsearch(&port, array, n, size, compare) : NULL;
}

void connections_fill(const struct v2m_collector *collector, struct v2m_port_view *view)
{
	const struct v2m_connection_table *table = collector->connections;
	const struct v2m_session_reading *reading =
		find(view->port, collector->readings, collector->n_readings, sizeof(*reading),
		     compare_reading);
	const struct v2m_closing_port *closing = NULL;
	struct v2m_sessions_view *sessions = &view->sessions;

	view->connections = v2m_connection_table_port(table, view->port, &view->n_connections);
	view->udp_peers = v2m_connection_table_peers(table, view->port, &view->n_udp_peers);
	if (!reading || !table)
		return;
	*sessions = (struct v2m_sessions_view){
		.since_us = (int64_t)(reading->counters.assigned_ns / 1000),
		.opened = reading->counters.opened,
		.closed = reading->counters.closed,
		.rx_bytes = reading->counters.rx_bytes,
		.tx_bytes = reading->counters.tx_bytes,
	};
	for (size_t i = 0; i < view->n_connections; i++) {
		sessions->rx_bytes += view->connections[i].rx_bytes;
		sessions->tx_bytes += view->connections[i].tx_bytes;
	}
	closing = find(view->port, table->closing, table->n_closing, sizeof(*closing),
		       compare_closing);
	sessions->rx_bytes += closing ? closing->rx_bytes : 0;
	sessions->tx_bytes += closing ? closing->tx_bytes : 0;
}
