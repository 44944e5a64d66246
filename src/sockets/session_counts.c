// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The counters of the session programs, and the ports for which they count. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "pins/map_shape.h"
#include "sockets/sessions.h"
#include "sockets/sessions_state.h"
#include "sockets/tcp_slots.h"

/* How many connections may have closed between two dumps before a look-up costs a system call. */
#define KNOWN_LOOK_AHEAD 16

static int compare_ports(const void *left, const void *right)
{
	return (int)*(const uint16_t *)left - (int)*(const uint16_t *)right;
}

/* Lists the ports that have counters, ascending; at most V2M_MAX_SLOTS. */
static size_t list_counted_ports(const struct v2m_sessions *sessions, uint16_t ports[V2M_MAX_SLOTS])
{
	size_t count = 0;
	uint16_t port;
	const uint16_t *last = NULL;

	while (count < V2M_MAX_SLOTS &&
	       bpf_map_get_next_key(sessions->maps[V2M_SESSIONS_COUNTERS], last, &port) == 0) {
		ports[count] = port;
		last = &ports[count++];
	}
	qsort(ports, count, sizeof(*ports), compare_ports);
	return count;
}

static void remove_counters(const struct v2m_sessions *sessions, uint16_t port)
{
	bpf_map_delete_elem(sessions->maps[V2M_SESSIONS_COUNTERS], &port);
	bpf_map_delete_elem(sessions->maps[V2M_SESSIONS_DELIVERED], &port);
}

/* Makes the counters of a port, or leaves them as they are. 0 or -errno. */
static int make_counters(const struct v2m_sessions *sessions, uint16_t port, uint64_t now_ns)
{
	const struct v2m_session_counters counters = { .assigned_ns = now_ns };
	const struct v2m_session_delivered delivered = { .assigned_ns = now_ns };
	int result = bpf_map_update_elem(sessions->maps[V2M_SESSIONS_COUNTERS], &port, &counters,
					 BPF_NOEXIST);

	if (!result || result == -EEXIST)
		result = bpf_map_update_elem(sessions->maps[V2M_SESSIONS_DELIVERED], &port,
					     &delivered, BPF_NOEXIST);
	return result == -EEXIST ? 0 : result;
}

/* Makes counters for exactly these ports. A port that stays keeps its counters. 0 or -errno. */
static int set_counters(const struct v2m_sessions *sessions, const uint16_t *ports, size_t n_ports,
			uint32_t netns)
{
	uint64_t now_ns = (uint64_t)v2m_clock_real_us() * 1000;
	struct v2m_session_scope scope = { .netns = netns, .untracked = sessions->untracked };
	uint16_t counted[V2M_MAX_SLOTS];
	size_t count = list_counted_ports(sessions, counted);
	uint32_t first = 0;
	int result;

	for (size_t i = 0; i < count; i++)
		if (!bsearch(&counted[i], ports, n_ports, sizeof(*ports), compare_ports))
			remove_counters(sessions, counted[i]);
	result = bpf_map_update_elem(sessions->maps[V2M_SESSIONS_SCOPE], &first, &scope, BPF_ANY);
	for (size_t i = 0; i < n_ports && i < V2M_MAX_SLOTS && !result; i++)
		result = make_counters(sessions, ports[i], now_ns);
	return result;
}

/* While a port changes, its connections count for the slot alone. */
static void write_port(struct v2m_session_port *port, uint16_t slot_port, bool shared)
{
	if (port->slot_port == slot_port && port->shared == shared)
		return;
	__atomic_store_n(&port->shared, 0, __ATOMIC_RELEASE);
	if (port->slot_port != slot_port)
		__atomic_store_n(&port->repeats, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&port->slot_port, slot_port, __ATOMIC_RELEASE);
	__atomic_store_n(&port->shared, shared, __ATOMIC_RELEASE);
}

#define PORTS_SIZE (65536 * sizeof(struct v2m_session_port))

/* NULL with errno set if that fails; munmap(2) with PORTS_SIZE. */
static struct v2m_session_port *map_ports(const struct v2m_sessions *sessions, int protection)
{
	void *ports = mmap(NULL, PORTS_SIZE, protection, MAP_SHARED,
			   sessions->maps[V2M_SESSIONS_PORTS], 0);

	return ports == MAP_FAILED ? NULL : ports;
}

/* Writes the slot of each port for the program, which sees either the old slot or the new one. 0 or
 * -errno. */
static int write_ports(const struct v2m_sessions *sessions, const struct v2m_tcp_slots *slots)
{
	struct v2m_session_port *ports = map_ports(sessions, PROT_READ | PROT_WRITE);

	if (!ports)
		return -errno;
	for (unsigned port = 0; port < 65536; port++) {
		uint16_t place = slots->places[port];
		uint16_t slot_port = place ? slots->ports[place - 1] : 0;

		write_port(&ports[port], slot_port, place && slots->shared[place - 1]);
	}
	munmap(ports, PORTS_SIZE);
	return 0;
}

int v2m_sessions_set(struct v2m_sessions *sessions, const struct v2m_port_rule *rules,
		     size_t n_rules, uint32_t netns, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_tcp_slots_clear) struct v2m_tcp_slots slots = { 0 };
	int result = v2m_tcp_slots_make(rules, n_rules, &slots);

	if (!result)
		result = set_counters(sessions, slots.ports, slots.count, netns);
	if (!result)
		result = write_ports(sessions, &slots);
	if (result)
		return v2m_error_set(error, result,
				     "cannot change the ports whose sessions are counted: %s",
				     strerror(-result));
	return 0;
}

/* 0 or -errno. */
static int set_inner(int outer, int inner)
{
	uint32_t first = 0;
	uint32_t id;

	/* The kernel answers with the number of the inner map. */
	if (bpf_map_lookup_elem(outer, &first, &id) == 0 && id == v2m_map_id(inner))
		return 0;
	return bpf_map_update_elem(outer, &first, &inner, BPF_ANY);
}

int v2m_sessions_set_flows(struct v2m_sessions *sessions, int flows, int owner_sessions)
{
	int result = set_inner(sessions->maps[V2M_SESSIONS_OWNERS], owner_sessions);

	if (!result)
		result = set_inner(sessions->maps[V2M_SESSIONS_FLOWS], flows);
	return result;
}

bool v2m_sessions_measure_delivered(const struct v2m_sessions *sessions)
{
	return sessions->pass;
}

/* All elements of session_counters or of session_delivered. */
struct elements {
	uint32_t count;
	uint16_t ports[V2M_MAX_SLOTS];
	union {
		struct v2m_session_counters counters[V2M_MAX_SLOTS];
		struct v2m_session_delivered delivered[V2M_MAX_SLOTS];
	};
};

/* One system call for all of them: they have room, so the kernel never stops before the end. 0 or
 * -errno. */
static int read_elements(int map, void *values, struct elements *elements)
{
	uint32_t cursor;
	int result;

	elements->count = V2M_MAX_SLOTS;
	result = bpf_map_lookup_batch(map, NULL, &cursor, elements->ports, values, &elements->count,
				      NULL);
	return result == -ENOENT ? 0 : result;
}

static int compare_readings(const void *left, const void *right)
{
	return (int)((const struct v2m_session_reading *)left)->port -
	       (int)((const struct v2m_session_reading *)right)->port;
}

/* Those of all slots, ascending by port. */
struct readings {
	struct v2m_session_reading *list;
	size_t count;
};

static void clear_readings(struct readings *readings)
{
	free(V2M_TAKE(readings->list));
	readings->count = 0;
}

/* NULL: the port has none. */
static const struct v2m_session_reading *find_reading(const struct readings *readings,
						      uint16_t port)
{
	const struct v2m_session_reading wanted = { .port = port };

	/* bsearch(3) must not get NULL. */
	return readings->count ? bsearch(&wanted, readings->list, readings->count, sizeof(wanted),
					 compare_readings)
			       : NULL;
}

/* Reads a map, and makes a reading of zeros for each port in it, in the map's order. 0 or -errno.
 */
static int make_readings(int map, void *values, struct elements *elements,
			 struct readings *readings)
{
	int result = read_elements(map, values, elements);

	if (result)
		return result;
	readings->list = calloc(elements->count + 1, sizeof(*readings->list));
	if (!readings->list)
		return -ENOMEM;
	readings->count = elements->count;
	for (size_t i = 0; i < readings->count; i++)
		readings->list[i].port = elements->ports[i];
	return 0;
}

static void sort_readings(struct readings *readings)
{
	qsort(readings->list, readings->count, sizeof(*readings->list), compare_readings);
}

static int read_repeats(const struct v2m_sessions *sessions, struct readings *readings)
{
	struct v2m_session_port *ports = map_ports(sessions, PROT_READ);

	if (!ports)
		return -errno;
	for (size_t i = 0; i < readings->count; i++)
		readings->list[i].repeats =
			__atomic_load_n(&ports[readings->list[i].port].repeats, __ATOMIC_ACQUIRE);
	munmap(ports, PORTS_SIZE);
	return 0;
}

/* The programs mark repeats before they add to the delivered bytes. */
static int read_delivered(const struct v2m_sessions *sessions, struct elements *elements,
			  struct readings *readings)
{
	int result = make_readings(sessions->maps[V2M_SESSIONS_DELIVERED], elements->delivered,
				   elements, readings);

	if (result)
		return result;
	for (size_t i = 0; i < readings->count; i++)
		readings->list[i].delivered = elements->delivered[i];
	sort_readings(readings);
	return read_repeats(sessions, readings);
}

/* Ports that have no delivered bytes keep zeros. */
static int read_counters(const struct v2m_sessions *sessions, struct elements *elements,
			 const struct readings *delivered, struct readings *readings)
{
	int result = make_readings(sessions->maps[V2M_SESSIONS_COUNTERS], elements->counters,
				   elements, readings);

	if (result)
		return result;
	for (size_t i = 0; i < readings->count; i++) {
		const struct v2m_session_reading *before =
			find_reading(delivered, elements->ports[i]);

		if (before)
			readings->list[i] = *before;
		readings->list[i].counters = elements->counters[i];
	}
	sort_readings(readings);
	return 0;
}

int v2m_sessions_read(struct v2m_sessions *sessions, struct v2m_session_reading **readings,
		      size_t *n_readings)
{
	V2M_CLEANUP(clear_readings) struct readings delivered = { 0 };
	V2M_FREE struct elements *elements = malloc(sizeof(*elements));
	struct readings made = { 0 };
	int result = elements ? 0 : -ENOMEM;

	if (!result && sessions->pass)
		result = read_delivered(sessions, elements, &delivered);
	if (!result)
		result = read_counters(sessions, elements, &delivered, &made);
	if (result && !sessions->read_failed)
		v2m_log_error("the sessions of the ports cannot be read: %s", strerror(-result));
	sessions->read_failed = result != 0;
	if (result)
		return result;
	*readings = made.list;
	*n_readings = made.count;
	return 0;
}

/* Finds a connection in the dump before. The kernel lists connections in the same order each time,
 * except those that opened or closed since, so only the next few are compared. *at is where the
 * search starts, and moves on. */
static const struct v2m_connection *find_in_dump(const struct v2m_connection_table *known,
						 size_t *at,
						 const struct v2m_connection *connection)
{
	while (*at < known->count && known->connections[*at].slot_port < connection->slot_port)
		++*at;
	for (size_t i = *at; i < known->count && i < *at + KNOWN_LOOK_AHEAD &&
			     known->connections[i].slot_port == connection->slot_port;
	     i++) {
		if (known->connections[i].cookie == connection->cookie) {
			*at = i + 1;
			return &known->connections[i];
		}
	}
	return NULL;
}

void v2m_sessions_date(struct v2m_sessions *sessions, const struct v2m_connection_table *known,
		       struct v2m_connection_table *table)
{
	size_t at = 0;

	for (size_t i = 0; i < table->count; i++) {
		struct v2m_connection *connection = &table->connections[i];
		const struct v2m_connection *before =
			known ? find_in_dump(known, &at, connection) : NULL;

		if (before)
			connection->opened_ns = before->opened_ns;
		else if (bpf_map_lookup_elem(sessions->maps[V2M_SESSIONS_STARTS],
					     &connection->cookie, &connection->opened_ns))
			connection->opened_ns = 0;
	}
}
