// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kernel/netlink.h"
#include "kernel/port_filter.h"

#define STATES ((1u << V2M_TCP_ESTABLISHED) | (1u << V2M_TCP_CLOSE_WAIT) | (1u << V2M_TCP_LAST_ACK))

#define FIRST_CAPACITY 1024

struct v2m_sockets {
	struct v2m_netlink netlink;
	int name_fd; /* asks for device names in the network namespace of netlink */
	size_t last_count;
	/* 1 + the index of a port in the ports of the dump; 0: not monitored. */
	uint16_t place[UINT16_MAX + 1];
};

struct dump {
	struct v2m_sockets *sockets;
	struct v2m_connection_table *table;
	size_t capacity;
	size_t first; /* where the running dump began */
	/* Bound sockets are bound to few devices, and come in runs. */
	uint32_t device_index;
	char device[V2M_DEVICE_NAME_LEN];
};

static struct v2m_connection_table *resize(struct v2m_connection_table *table, size_t capacity)
{
	return realloc(table, sizeof(*table) + capacity * sizeof(table->connections[0]));
}

/* As ss does, a device that is gone is called by its index. */
static const char *device_name(struct dump *dump, uint32_t ifindex)
{
	struct ifreq request = { .ifr_ifindex = (int)ifindex };

	if (!ifindex)
		return "";
	if (ifindex == dump->device_index)
		return dump->device;
	if (ioctl(dump->sockets->name_fd, SIOCGIFNAME, &request) == 0)
		memcpy(dump->device, request.ifr_name, sizeof(dump->device));
	else
		snprintf(dump->device, sizeof(dump->device), "if%u", ifindex);
	dump->device_index = ifindex;
	return dump->device;
}

static void describe(struct dump *dump, const struct inet_diag_msg *socket,
		     struct v2m_connection *connection)
{
	size_t length = socket->idiag_family == AF_INET ? 4 : 16;

	memset(connection, 0, sizeof(*connection));
	connection->family = socket->idiag_family;
	connection->state = socket->idiag_state;
	connection->local_port = ntohs(socket->id.idiag_sport);
	connection->remote_port = ntohs(socket->id.idiag_dport);
	memcpy(connection->local, socket->id.idiag_src, length);
	memcpy(connection->remote, socket->id.idiag_dst, length);
	memcpy(connection->device, device_name(dump, socket->id.idiag_if),
	       socket->id.idiag_if ? sizeof(connection->device) : 0);
}

static int take_socket(const struct nlmsghdr *message, void *context)
{
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(message);
	struct dump *dump = context;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*socket))
		return -EBADMSG;
	/* The kernel's filter lets ports through where it would be too long. */
	if (!dump->sockets->place[ntohs(socket->id.idiag_sport)])
		return 0;
	if (dump->table->count == dump->capacity) {
		struct v2m_connection_table *grown = resize(dump->table, 2 * dump->capacity);

		if (!grown)
			return -ENOMEM;
		dump->table = grown;
		dump->capacity *= 2;
	}
	describe(dump, socket, &dump->table->connections[dump->table->count++]);
	return 0;
}

static void forget_family(void *context)
{
	struct dump *dump = context;

	dump->table->count = dump->first;
}

static int dump_family(struct dump *dump, uint8_t family, const void *filter, size_t filter_size)
{
	_Alignas(struct nlmsghdr) char buffer[V2M_PORT_FILTER_SIZE + 256];
	struct v2m_netlink_visitor visitor = { take_socket, forget_family, dump };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *query = mnl_nlmsg_put_extra_header(request, sizeof(*query));

	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	query->sdiag_family = family;
	query->sdiag_protocol = IPPROTO_TCP;
	/* With no state at all the kernel looks at no socket: that is how open() asks. */
	query->idiag_states = filter ? STATES : 0;
	if (filter)
		mnl_attr_put(request, INET_DIAG_REQ_BYTECODE, filter_size, filter);
	dump->first = dump->table ? dump->table->count : 0;
	return v2m_netlink_ask(&dump->sockets->netlink, request, &visitor);
}

static int explain(int result, struct v2m_error *error)
{
	if (result == -ENOENT || result == -EPROTONOSUPPORT)
		return v2m_error_set(error, result,
				     "the kernel has no tcp_diag (CONFIG_INET_TCP_DIAG, module "
				     "tcp_diag): TCP connections cannot be listed");
	return v2m_error_set(error, result, "listing TCP connections: %s", strerror(-result));
}

int v2m_sockets_open(struct v2m_sockets **sockets, struct v2m_error *error)
{
	struct v2m_sockets *opened = calloc(1, sizeof(*opened));
	struct dump probe = { .sockets = opened };
	int result;

	if (!opened)
		return explain(-ENOMEM, error);
	opened->netlink.fd = -1;
	opened->name_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	result = opened->name_fd < 0 ? -errno : 0;
	if (!result)
		result = v2m_netlink_open(NETLINK_SOCK_DIAG, &opened->netlink);
	if (!result)
		result = dump_family(&probe, AF_INET, NULL, 0);
	if (result) {
		v2m_sockets_close(opened);
		return explain(result, error);
	}
	*sockets = opened;
	return 0;
}

void v2m_sockets_close(struct v2m_sockets *sockets)
{
	if (!sockets)
		return;
	v2m_netlink_close(&sockets->netlink);
	v2m_closep(&sockets->name_fd);
	free(sockets);
}

/* Sorts by port in place and in linear time: every port's run has a known length, and each swap
 * puts one connection into its run. */
static int sort_by_port(const struct v2m_sockets *sockets, size_t n_ports,
			struct v2m_connection_table *table)
{
	V2M_FREE size_t *next = calloc(n_ports + 1, sizeof(*next));
	V2M_FREE size_t *end = calloc(n_ports + 1, sizeof(*end));
	struct v2m_connection *all = table->connections;

	if (!next || !end)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++)
		end[sockets->place[all[i].local_port]]++;
	for (size_t i = 1; i <= n_ports; i++) {
		next[i] = end[i - 1];
		end[i] += end[i - 1];
	}
	for (size_t i = 1; i <= n_ports; i++) {
		while (next[i] < end[i]) {
			struct v2m_connection *here = &all[next[i]];
			size_t place = sockets->place[here->local_port];
			struct v2m_connection *there = &all[next[place]++];
			struct v2m_connection moved = *there;

			*there = *here;
			*here = moved;
		}
	}
	return 0;
}

static int dump_both(struct dump *dump, const uint16_t *ports, size_t n_ports)
{
	unsigned char filter[V2M_PORT_FILTER_SIZE];
	size_t filter_size = v2m_port_filter(ports, n_ports, filter);
	int result;

	if (!filter_size)
		return -ENOMEM;
	/* IPv4 connections of a dual-stack socket are in the IPv6 dump alone. */
	result = dump_family(dump, AF_INET, filter, filter_size);
	if (!result)
		result = dump_family(dump, AF_INET6, filter, filter_size);
	if (!result)
		result = sort_by_port(dump->sockets, n_ports, dump->table);
	return result;
}

static void shrink(struct dump *dump)
{
	struct v2m_connection_table *fitting = resize(dump->table, dump->table->count);

	if (fitting)
		dump->table = fitting;
}

int v2m_sockets_dump(struct v2m_sockets *sockets, const uint16_t *ports, size_t n_ports,
		     struct v2m_connection_table **table, struct v2m_error *error)
{
	struct dump dump = { .sockets = sockets };
	int result = 0;

	dump.capacity = sockets->last_count + sockets->last_count / 8 + FIRST_CAPACITY;
	dump.table = resize(NULL, dump.capacity);
	if (!dump.table)
		return explain(-ENOMEM, error);
	*dump.table = (struct v2m_connection_table){ .references = 1 };
	for (size_t i = 0; i < n_ports; i++)
		sockets->place[ports[i]] = (uint16_t)(i + 1);
	dump.table->mono_ns = v2m_clock_mono_ns();
	if (n_ports)
		result = dump_both(&dump, ports, n_ports);
	for (size_t i = 0; i < n_ports; i++)
		sockets->place[ports[i]] = 0;
	if (result) {
		v2m_connection_table_unref(dump.table);
		return explain(result, error);
	}
	sockets->last_count = dump.table->count;
	shrink(&dump);
	*table = dump.table;
	return 0;
}
