// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/connections.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/transport.h"
#include "base/clock.h"
#include "base/log.h"
#include "datapath/foreign.h"
#include "datapath/owners.h"
#include "keys/slot_rules.h"
#include "sockets/local_udp.h"
#include "sockets/sessions.h"
#include "sockets/sockets.h"
#include "sockets/udp_senders.h"

/* The next tick after this time dumps the connections, even if nobody asks. */
#define DUMP_INTERVAL_S 5

struct v2m_connections {
	const char *pin_dir;
	struct v2m_socket_netns *netns;
	struct v2m_sockets *sockets; /* NULL: the namespace does not exist */
	struct v2m_connection_table *table;
	struct v2m_sessions *sessions;        /* NULL: the kernel does not count them */
	struct v2m_session_reading *readings; /* ascending by port; read just before table */
	size_t n_readings;
	struct v2m_owner_sessions *owners; /* ascending by owner; read just before readings */
	size_t n_owners;
	bool knows_owners; /* the kernel counts for them */
	struct v2m_local_paths *paths;
	struct v2m_local_udp *local_udp; /* NULL: nothing counts UDP, or we may not see it */
	struct v2m_udp_senders senders;
	bool senders_failed;            /* and that was logged */
	bool pass_failed;               /* the last look at all sockets, and that was logged */
	struct v2m_foreign_flows began; /* on this host, as the last look found */
	bool began_failed;              /* to be entered, and that was logged */
};

static int open_sockets(void *context)
{
	struct v2m_connections *connections = context;
	struct v2m_error error = { 0 };
	int result;

	v2m_sockets_close(V2M_TAKE(connections->sockets));
	result = v2m_sockets_open(&connections->sockets, &error);
	if (result)
		v2m_log_error("%s", error.text);
	else if (v2m_sockets_want_details(connections->sockets, true))
		v2m_log_warning("connections are listed without their bytes and times");
	return result;
}

bool v2m_connections_follow_netns(struct v2m_connections *connections)
{
	bool changed = v2m_socket_netns_follow(connections->netns, open_sockets, connections);

	if (!v2m_socket_netns_exists(connections->netns))
		v2m_sockets_close(V2M_TAKE(connections->sockets));
	return changed;
}

int v2m_connections_open(const char *pin_dir, unsigned window_s, struct v2m_socket_netns *netns,
			 struct v2m_connections **connections, struct v2m_error *error)
{
	struct v2m_connections *made = calloc(1, sizeof(*made));

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->pin_dir = pin_dir;
	made->netns = netns;
	made->paths = v2m_local_paths_new(window_s);
	if (!made->paths) {
		v2m_connections_close(made);
		return v2m_error_set(error, -ENOMEM, "out of memory");
	}
	v2m_connections_follow_netns(made);
	/* A named namespace may come later; the daemon's own is here. */
	if (!made->sockets && v2m_socket_netns_exists(netns) && open_sockets(made)) {
		v2m_connections_close(made);
		return v2m_error_set(error, -EIO, "TCP sockets cannot be listed");
	}
	*connections = made;
	return 0;
}

static void forget_sessions(struct v2m_connections *connections)
{
	v2m_sessions_close(V2M_TAKE(connections->sessions));
	free(V2M_TAKE(connections->readings));
	connections->n_readings = 0;
	free(V2M_TAKE(connections->owners));
	connections->n_owners = 0;
	connections->knows_owners = false;
	v2m_local_udp_close(V2M_TAKE(connections->local_udp));
}

void v2m_connections_close(struct v2m_connections *connections)
{
	if (!connections)
		return;
	forget_sessions(connections);
	v2m_local_paths_free(connections->paths);
	v2m_udp_senders_clear(&connections->senders);
	v2m_connection_table_unref(connections->table);
	v2m_sockets_close(connections->sockets);
	v2m_array_clear(&connections->began);
	free(connections);
}

void v2m_connections_count_sessions(struct v2m_connections *connections,
				    const struct v2m_datapath *datapath)
{
	struct v2m_error error = { 0 };

	forget_sessions(connections);
	connections->local_udp = datapath ? v2m_local_udp_open() : NULL;
	if (datapath && v2m_sessions_open(connections->pin_dir, v2m_owners_maps(datapath).sessions,
					  &connections->sessions, &error))
		v2m_log_warning("sessions shorter than %d s may be missed, as the kernel does not "
				"count them: %s",
				DUMP_INTERVAL_S, error.text);
}

static int run_pass(void *context)
{
	struct v2m_connections *connections = context;

	return v2m_sessions_pass(connections->sessions, &connections->began);
}

void v2m_connections_pass(struct v2m_connections *connections)
{
	int result;

	connections->began.count = 0;
	if (!connections->sessions || !v2m_sessions_measure_delivered(connections->sessions) ||
	    !v2m_socket_netns_exists(connections->netns))
		return;
	result = v2m_socket_netns_run(connections->netns, run_pass, connections);
	if (result && !connections->pass_failed)
		v2m_log_error("delivered bytes of open connections cannot be read: %s",
			      strerror(-result));
	connections->pass_failed = result != 0;
}

/* After each look: before Linux 5.15, a socket that is busy is seen by a later one. */
static void enter_began(struct v2m_connections *connections, const struct v2m_datapath *datapath)
{
	struct v2m_error error = { 0 };
	int result = datapath ? v2m_foreign_add(datapath, &connections->began, &error) : 0;

	if (result && !connections->began_failed)
		v2m_log_error("%s", error.text);
	connections->began_failed = result != 0;
}

/* The programs of sockets add to the flows of the counting programs. */
static void share_flows(struct v2m_connections *connections, const struct v2m_datapath *datapath)
{
	struct v2m_owner_maps maps;
	int result;

	if (!datapath)
		return;
	maps = v2m_owners_maps(datapath);
	result = v2m_sessions_set_flows(connections->sessions, maps.flows, maps.sessions);
	connections->knows_owners = !result;
	if (result)
		v2m_log_error("the sessions of users on shared ports are not counted: %s",
			      strerror(-result));
}

void v2m_connections_set_slots(struct v2m_connections *connections, const struct v2m_keyset *keyset,
			       const struct v2m_datapath *datapath)
{
	size_t count;
	V2M_FREE struct v2m_port_rule *rules = v2m_slot_rules_make(keyset, &count);
	struct v2m_error error = { 0 };

	if (!connections->sessions)
		return;
	share_flows(connections, datapath);
	if (!rules || v2m_sessions_set(connections->sessions, rules, count,
				       v2m_socket_netns_inode(connections->netns), &error))
		v2m_log_error("the sessions of new ports are not counted: %s",
			      rules ? error.text : "out of memory");
	v2m_connections_pass(connections);
	enter_began(connections, datapath);
}

/* Before the sessions of the slots, so that no owner has more than its slot. */
static void read_owners(struct v2m_connections *connections, const struct v2m_datapath *datapath)
{
	struct v2m_owner_sessions *owners;
	size_t count;
	int result;

	if (!datapath || !connections->knows_owners)
		return;
	result = v2m_owners_read_sessions(datapath, &owners, &count);
	if (result) {
		v2m_log_error("the sessions of users on shared ports cannot be read: %s",
			      strerror(-result));
		return;
	}
	free(connections->owners);
	connections->owners = owners;
	connections->n_owners = count;
}

void v2m_connections_read_sessions(struct v2m_connections *connections)
{
	struct v2m_session_reading *readings;
	size_t n_readings;

	if (!connections->sessions)
		return;
	v2m_sessions_keep(connections->sessions);
	if (v2m_sessions_read(connections->sessions, &readings, &n_readings))
		return;
	free(connections->readings);
	connections->readings = readings;
	connections->n_readings = n_readings;
}

void v2m_connections_read_delivered(struct v2m_connections *connections,
				    const struct v2m_datapath *datapath)
{
	v2m_connections_pass(connections);
	enter_began(connections, datapath);
	read_owners(connections, datapath);
	v2m_connections_read_sessions(connections);
}

bool v2m_connections_measure_delivered(const struct v2m_connections *connections)
{
	return connections->sessions && v2m_sessions_measure_delivered(connections->sessions);
}

bool v2m_connections_pass_is_due(const struct v2m_connections *connections)
{
	return connections->sessions && v2m_sessions_pass_is_due(connections->sessions);
}

bool v2m_connections_know_owners(const struct v2m_connections *connections)
{
	return connections->knows_owners && v2m_connections_measure_delivered(connections);
}

struct dump_job {
	struct v2m_connections *connections;
	struct v2m_sockets *sockets;
	const struct v2m_port_rule *rules;
	size_t n_rules;
	struct v2m_connection_table *table;
	struct v2m_error error;
};

static void read_senders(const struct dump_job *job)
{
	struct v2m_connections *connections = job->connections;
	struct v2m_foreign_flows seen = { 0 };
	const struct v2m_foreign_flows *flows = &seen;
	int result = v2m_local_udp_read(connections->local_udp, job->rules, job->n_rules,
					v2m_socket_netns_inode(connections->netns), &seen);

	if (result)
		flows = v2m_local_paths_udp(connections->paths, job->rules, job->n_rules);
	result = v2m_udp_senders_read(&connections->senders, job->rules, job->n_rules, flows,
				      v2m_clock_mono_ns());
	v2m_array_clear(&seen);
	if (result && !connections->senders_failed)
		v2m_log_warning("UDP that comes from this host itself is not noticed: its sockets "
				"cannot be listed (module udp_diag): %s",
				strerror(-result));
	connections->senders_failed = result != 0;
}

static int run_dump_job(void *context)
{
	struct dump_job *job = context;

	read_senders(job);
	return v2m_sockets_dump(job->sockets, job->rules, job->n_rules, &job->table, &job->error);
}

/* If the namespace does not exist, nobody has a socket in it. Another namespace needs a thread of
 * its own, since /proc/net is the thread's. */
static int dump_sockets(struct v2m_connections *connections, struct dump_job *job)
{
	int result;

	if (!connections->sockets) {
		v2m_udp_senders_clear(&connections->senders);
		job->table = v2m_connection_table_make_empty(v2m_clock_mono_ns());
		return job->table ? 0 : v2m_error_set(&job->error, -ENOMEM, "out of memory");
	}
	job->sockets = connections->sockets;
	result = v2m_socket_netns_run(connections->netns, run_dump_job, job);
	if (result && !*job->error.text)
		v2m_error_set(&job->error, result, "%s", strerror(-result));
	return result;
}

int v2m_connections_dump(struct v2m_connections *connections, const struct v2m_keyset *keyset,
			 struct v2m_connection_table **table)
{
	size_t count;
	V2M_FREE struct v2m_port_rule *rules = v2m_slot_rules_make(keyset, &count);
	struct dump_job job = { .connections = connections, .rules = rules, .n_rules = count };
	int result;

	if (!rules)
		return -ENOMEM;
	result = dump_sockets(connections, &job);
	if (result) {
		v2m_log_error("the connections cannot be read: %s", job.error.text);
		return result;
	}
	if (connections->sessions)
		v2m_sessions_date(connections->sessions, connections->table, job.table);
	*table = job.table;
	return 0;
}

void v2m_connections_replace(struct v2m_connections *connections,
			     struct v2m_connection_table *table)
{
	v2m_connection_table_unref(connections->table);
	connections->table = table;
}

const struct v2m_local_path *v2m_connections_find_paths(struct v2m_connections *connections,
							bool (*is_counted)(const void *context,
									   uint16_t slot_port),
							const void *context, size_t *count)
{
	*count = 0;
	if (v2m_local_paths_add(connections->paths, connections->table, is_counted, context))
		return NULL;
	return v2m_local_paths_worst(connections->paths, count);
}

uint16_t v2m_connections_find_senders(const struct v2m_connections *connections, size_t *sockets,
				      size_t *slots)
{
	uint16_t slot_port = v2m_udp_senders_worst(&connections->senders, slots);

	*sockets = v2m_udp_senders_count(&connections->senders, slot_port);
	return slot_port;
}

bool v2m_connections_dump_is_due(const struct v2m_connections *connections)
{
	return !connections->table || v2m_clock_mono_ns() - connections->table->mono_ns >=
					      DUMP_INTERVAL_S * UINT64_C(1000000000);
}

struct v2m_connection_table *v2m_connections_table(const struct v2m_connections *connections)
{
	return connections->table;
}

static struct v2m_port_sessions read_port_sessions(const struct v2m_session_reading *reading)
{
	return (struct v2m_port_sessions){
		.port = reading->port,
		.assigned_ns = reading->counters.assigned_ns,
		.opened = reading->counters.opened,
		.delivered = { .assigned_ns = reading->delivered.assigned_ns,
			       .rx_bytes = reading->delivered.rx_bytes,
			       .tx_bytes = reading->delivered.tx_bytes,
			       .again_bytes = reading->delivered.again_bytes },
	};
}

int v2m_connections_sessions(const struct v2m_connections *connections,
			     struct v2m_session_counts *counts)
{
	struct v2m_port_sessions *ports;

	*counts = (struct v2m_session_counts){ 0 };
	if (!connections->sessions)
		return 0;
	ports = calloc(connections->n_readings + 1, sizeof(*ports));
	if (!ports)
		return -ENOMEM;
	for (size_t i = 0; i < connections->n_readings; i++)
		ports[i] = read_port_sessions(&connections->readings[i]);
	*counts = (struct v2m_session_counts){
		.ports = ports,
		.n_ports = connections->n_readings,
		.owners = connections->owners,
		.n_owners = connections->n_owners,
	};
	return 0;
}

void v2m_session_counts_clear(struct v2m_session_counts *counts)
{
	free(V2M_TAKE(counts->ports));
}

/* Both kinds of entries begin with the first port of a slot. */
static int compare_port(const void *port, const void *entry)
{
	return (int)*(const uint16_t *)port - (int)*(const uint16_t *)entry;
}

/* bsearch(3) must not get NULL, which an empty array may be. */
static const void *find_port(uint16_t port, const void *array, size_t n, size_t size)
{
	return n ? bsearch(&port, array, n, size, compare_port) : NULL;
}

/* Fills in the sessions of a slot: those that have ended, and the open ones as they are now. */
static void fill_sessions(const struct v2m_connections *connections, uint16_t slot_port,
			  struct v2m_slot_view *view)
{
	const struct v2m_connection_table *table = connections->table;
	const struct v2m_session_reading *reading = find_port(
		slot_port, connections->readings, connections->n_readings, sizeof(*reading));
	const struct v2m_closing_port *closing = NULL;
	struct v2m_sessions_view *sessions = &view->sessions;

	if (!reading || !table)
		return;
	view->repeats = reading->repeats;
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
	closing = find_port(slot_port, table->closing, table->n_closing, sizeof(*closing));
	sessions->rx_bytes += closing ? closing->rx_bytes : 0;
	sessions->tx_bytes += closing ? closing->tx_bytes : 0;
}

static void fill_path(const struct v2m_connections *connections, const struct v2m_slot *slot,
		      struct v2m_slot_view *view)
{
	const struct v2m_local_path *path =
		v2m_local_paths_find(connections->paths, slot->first_port);

	if (!path || slot->loopback || slot->behind)
		return;
	view->local_connections = path->connections;
	view->local_bytes = path->bytes;
}

void v2m_connections_fill(const struct v2m_connections *connections, const struct v2m_slot *slot,
			  struct v2m_slot_view *view)
{
	const struct v2m_connection_table *table = connections->table;

	if (slot->transports & V2M_TCP) {
		view->connections =
			v2m_connection_table_slot(table, slot->first_port, &view->n_connections);
		fill_sessions(connections, slot->first_port, view);
		fill_path(connections, slot, view);
	}
	if (slot->transports & V2M_UDP) {
		view->udp_peers =
			v2m_connection_table_peers(table, slot->first_port, &view->n_udp_peers);
		view->local_senders =
			v2m_udp_senders_count(&connections->senders, slot->first_port);
	}
}

void v2m_connections_fill_owner(const struct v2m_connections *connections, uint32_t owner,
				struct v2m_sessions_view *view)
{
	const struct v2m_owner_sessions *sessions;

	/* All owners from 1 on are there. */
	if (!v2m_connections_know_owners(connections) || owner == V2M_NO_OWNER ||
	    owner > connections->n_owners)
		return;
	sessions = &connections->owners[owner - 1];
	*view = (struct v2m_sessions_view){
		.since_us = (int64_t)(sessions->assigned_ns / 1000),
		.opened = sessions->counts.opened,
		.closed = sessions->counts.closed,
		.rx_bytes = sessions->counts.rx_bytes,
		.tx_bytes = sessions->counts.tx_bytes,
	};
}
