// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/socket_stats.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "sockets/socket_counts.h"
#include "sockets/socket_diag.h"
#include "base/transport.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* Room for some 10,000 announcements of 400 bytes. Without privilege the kernel gives at most
 * net.core.rmem_max, 208 KiB by default, which is room for 200 to 500. */
#define EVENT_BUFFER  (8 << 20)
#define MESSAGE_BYTES 8192

struct v2m_socket_stats {
	struct v2m_socket_diag diag;
	struct v2m_netlink events; /* fd -1: the kernel announces no destroyed sockets */
	struct v2m_socket_counts *counts;
	struct v2m_tcp_slots slots;
	size_t last_count;
	bool lost_some; /* announcements were lost, and the log knows it */
};

static int open_events(struct v2m_netlink *events)
{
	const int size = EVENT_BUFFER;
	int result = v2m_netlink_open(NETLINK_SOCK_DIAG, events);

	if (result)
		return result;
	if (setsockopt(events->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(events->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	result = v2m_netlink_join(events, SKNLGRP_INET_TCP_DESTROY);
	if (!result)
		result = v2m_netlink_join(events, SKNLGRP_INET6_TCP_DESTROY);
	if (result)
		v2m_netlink_close(events);
	return result;
}

static int open_sources(struct v2m_socket_stats *stats)
{
	int result = v2m_socket_diag_open(&stats->diag);

	if (result)
		return result;
	stats->diag.details = true;
	stats->diag.states = V2M_COUNTED_STATES;
	stats->counts = v2m_socket_counts_new();
	if (!stats->counts)
		return -ENOMEM;
	result = open_events(&stats->events);
	if (result)
		v2m_log_warning("the kernel does not announce closed sockets (%s): bytes of a "
				"connection after its last sample are not counted",
				strerror(-result));
	return 0;
}

int v2m_socket_stats_open(struct v2m_socket_stats **stats, struct v2m_error *error)
{
	struct v2m_socket_stats *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	opened->events.fd = -1;
	opened->diag.netlink.fd = -1;
	opened->diag.name_fd = -1;
	result = open_sources(opened);
	if (result) {
		v2m_socket_stats_close(opened);
		return v2m_error_set(error, result,
				     "cannot read the counters of sockets (tcp_diag): %s",
				     strerror(-result));
	}
	*stats = opened;
	return 0;
}

void v2m_socket_stats_close(struct v2m_socket_stats *stats)
{
	if (!stats)
		return;
	v2m_socket_diag_close(&stats->diag);
	v2m_netlink_close(&stats->events);
	v2m_socket_counts_free(stats->counts);
	v2m_tcp_slots_clear(&stats->slots);
	free(stats);
}

static int count_open_sockets(struct v2m_socket_stats *stats, uint64_t mono_ns)
{
	struct v2m_socket_dump dump;
	int result = v2m_socket_dump_begin(&dump, &stats->slots, stats->last_count);

	if (result)
		return result;
	if (stats->slots.count)
		result = v2m_socket_diag_dump(&stats->diag, &dump);
	for (size_t i = 0; i < dump.table->count && !result; i++)
		result = v2m_socket_counts_add_open(stats->counts, &dump.table->connections[i],
						    mono_ns);
	stats->last_count = dump.table->count;
	v2m_socket_dump_clear(&dump);
	return result;
}

static void count_announced(struct v2m_socket_stats *stats, const char *buffer, ssize_t length)
{
	const struct nlmsghdr *message = NULL;

	while (v2m_netlink_next(buffer, (size_t)length, &message)) {
		struct v2m_connection connection = { 0 };
		uint16_t place;

		if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || !stats->slots.places ||
		    v2m_socket_diag_describe(message, &connection))
			continue;
		place = stats->slots.places[connection.local_port];
		if (!place)
			continue;
		connection.slot_port = stats->slots.ports[place - 1];
		v2m_socket_counts_add_closed(stats->counts, &connection);
	}
}

/* The kernel announces all sockets of the network namespace, also those of other ports. */
static int count_closed_sockets(struct v2m_socket_stats *stats)
{
	_Alignas(struct nlmsghdr) char buffer[MESSAGE_BYTES];

	while (stats->events.fd >= 0) {
		ssize_t length = recv(stats->events.fd, buffer, sizeof(buffer), MSG_DONTWAIT);

		if (length < 0 && errno == ENOBUFS) {
			if (!stats->lost_some)
				v2m_log_warning("sockets close faster than the kernel can announce "
						"them: the last bytes of some are not counted");
			stats->lost_some = true;
			continue;
		}
		if (length < 0 && errno != EINTR)
			return errno == EAGAIN ? 0 : -errno;
		if (length > 0)
			count_announced(stats, buffer, length);
	}
	return 0;
}

static int count_sockets(struct v2m_socket_stats *stats, uint64_t mono_ns, struct v2m_error *error)
{
	int result = count_open_sockets(stats, mono_ns);

	if (!result)
		result = count_closed_sockets(stats);
	if (result)
		return v2m_error_set(error, result, "cannot read the counters of sockets: %s",
				     strerror(-result));
	v2m_socket_counts_end_pass(stats->counts, mono_ns);
	return 0;
}

int v2m_socket_stats_set_ports(struct v2m_socket_stats *stats, const struct v2m_port_rule *rules,
			       size_t count, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_tcp_slots_clear) struct v2m_tcp_slots slots = { 0 };
	V2M_FREE struct v2m_socket_port *wanted = calloc(count + 1, sizeof(*wanted));
	int result;

	if (!wanted || v2m_tcp_slots_make(rules, count, &slots))
		return v2m_error_set(error, -ENOMEM, "out of memory for %zu ports", count);
	/* The last look at the sockets of ports that leave. */
	result = count_sockets(stats, v2m_clock_mono_ns(), error);
	if (result)
		return result;
	for (size_t i = 0; i < slots.count; i++)
		wanted[i] = (struct v2m_socket_port){
			.port = slots.ports[i],
			.last_port = slots.last[i],
			.loopback = slots.loopback[i],
		};
	if (v2m_socket_counts_set_ports(stats->counts, wanted, slots.count,
					(uint64_t)v2m_clock_real_us() * 1000))
		return v2m_error_set(error, -ENOMEM, "out of memory for %zu ports", count);
	v2m_tcp_slots_clear(&stats->slots);
	stats->slots = slots;
	slots = (struct v2m_tcp_slots){ 0 };
	return (int)count;
}

int v2m_socket_stats_read(struct v2m_socket_stats *stats, struct v2m_sample *sample,
			  struct v2m_error *error)
{
	struct v2m_sample made = { .mode = V2M_MODE_SOCKET_STATS, .epoch = "socket_stats" };
	int result;

	made.mono_ns = v2m_clock_mono_ns();
	made.real_us = v2m_clock_real_us();
	result = count_sockets(stats, made.mono_ns, error);
	if (result)
		return result;
	if (v2m_socket_counts_sample(stats->counts, &made))
		return v2m_error_set(error, -ENOMEM, "out of memory for %zu ports",
				     stats->slots.count);
	*sample = made;
	return 0;
}

int v2m_socket_stats_event_fd(const struct v2m_socket_stats *stats)
{
	return stats->events.fd;
}

int v2m_socket_stats_drain(struct v2m_socket_stats *stats)
{
	return count_closed_sockets(stats);
}
