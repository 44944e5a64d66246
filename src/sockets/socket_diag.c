// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/socket_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "netlink/attribute.h"
#include "sockets/port_filter.h"
#include "base/cleanup.h"

/* States that a mask of states has room for. */
#define STATES 32

#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

struct walk {
	struct v2m_socket_diag *diag;
	struct v2m_socket_dump *dump;
	/* The last device name: bound sockets are bound to few devices, one after another. */
	uint32_t device_index;
	char device[V2M_DEVICE_NAME_LEN];
};

/* A device that is gone is named by its index, as ss does. */
static const char *find_device_name(struct walk *walk, uint32_t ifindex)
{
	struct ifreq request = { .ifr_ifindex = (int)ifindex };

	if (ifindex == walk->device_index)
		return walk->device;
	if (ioctl(walk->diag->name_fd, SIOCGIFNAME, &request) == 0)
		memcpy(walk->device, request.ifr_name, sizeof(walk->device));
	else
		snprintf(walk->device, sizeof(walk->device), "if%u", ifindex);
	walk->device_index = ifindex;
	return walk->device;
}

/* A FIN takes one number of the sequence, and bytes_received counts it. In these states the peer's
 * FIN has arrived. In CLOSE it may be missing, but after most connections it is not. */
static uint64_t without_fin(uint64_t received, uint8_t state)
{
	bool fin = state == V2M_TCP_CLOSE_WAIT || state == V2M_TCP_LAST_ACK ||
		   state == V2M_TCP_CLOSING || state == V2M_TCP_CLOSE;

	return received && fin ? received - 1 : received;
}

/* Payload sent, each byte once. bytes_sent - bytes_retrans is too much if the local queue
 * discipline dropped segments: each failed attempt is in bytes_sent alone. The acknowledged bytes
 * and the segments in flight limit it. Our FIN is among the acknowledged bytes in FIN_WAIT2. */
static uint64_t sent_once(const struct tcp_info *info, uint8_t state)
{
	uint64_t attempted = info->tcpi_bytes_sent - info->tcpi_bytes_retrans;
	uint64_t fin = state == V2M_TCP_FIN_WAIT2;
	uint64_t most =
		info->tcpi_bytes_acked - fin + (uint64_t)info->tcpi_unacked * info->tcpi_snd_mss;

	return attempted < most ? attempted : most;
}

static void describe_tcp_info(const struct nlattr *attribute, struct v2m_connection *connection)
{
	struct tcp_info info = { 0 };
	size_t length = v2m_attribute_copy(attribute, &info, sizeof(info));

	connection->rx_bytes = without_fin(info.tcpi_bytes_received, connection->state);
	connection->tx_bytes = info.tcpi_bytes_acked;
	connection->sent_bytes = info.tcpi_bytes_acked;
	if (length >= END_OF(struct tcp_info, tcpi_bytes_retrans)) {
		connection->tx_bytes = sent_once(&info, connection->state);
		connection->sent_bytes = info.tcpi_bytes_sent;
	}
	connection->rx_segments = info.tcpi_segs_in;
	connection->tx_segments = info.tcpi_segs_out;
	connection->rtt_us = info.tcpi_rtt;
	connection->retransmits = info.tcpi_total_retrans;
	connection->tcp_header = info.tcpi_options & TCPI_OPT_TIMESTAMPS ? 32 : 20;
}

int v2m_socket_diag_describe(const struct nlmsghdr *message, struct v2m_connection *connection)
{
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	size_t length;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*socket))
		return -EBADMSG;
	length = socket->idiag_family == AF_INET ? 4 : 16;
	connection->family = socket->idiag_family;
	connection->state = socket->idiag_state;
	connection->local_port = ntohs(socket->id.idiag_sport);
	connection->remote_port = ntohs(socket->id.idiag_dport);
	memcpy(connection->local, socket->id.idiag_src, length);
	memcpy(connection->remote, socket->id.idiag_dst, length);
	connection->cookie =
		(uint64_t)socket->id.idiag_cookie[1] << 32 | socket->id.idiag_cookie[0];
	mnl_attr_for_each (attribute, message, sizeof(*socket)) {
		if (mnl_attr_get_type(attribute) == INET_DIAG_INFO)
			describe_tcp_info(attribute, connection);
	}
	return 0;
}

static int visit_socket(const struct nlmsghdr *message, void *context)
{
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(message);
	struct v2m_connection *connection;
	struct walk *walk = context;
	int result;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*socket) || socket->idiag_state >= STATES)
		return -EBADMSG;
	if (walk->dump->closing && !(V2M_DUMP_STATES & 1u << socket->idiag_state)) {
		struct v2m_connection closing = { 0 };

		result = v2m_socket_diag_describe(message, &closing);
		v2m_socket_dump_add_closing(walk->dump, &closing);
		return result;
	}
	/* The filter may let other ports through, see v2m_port_filter(). */
	result = v2m_socket_dump_add(walk->dump, ntohs(socket->id.idiag_sport), &connection);
	if (result || !connection)
		return result;
	if (socket->id.idiag_if)
		memcpy(connection->device, find_device_name(walk, socket->id.idiag_if),
		       sizeof(connection->device));
	return v2m_socket_diag_describe(message, connection);
}

static void forget_connections(void *context)
{
	struct walk *walk = context;

	walk->dump->table->count = 0;
	v2m_socket_dump_forget_closing(walk->dump);
}

/* The question only tries whether tcp_diag is there. */
static int ignore_socket(const struct nlmsghdr *message, void *context)
{
	(void)message;
	(void)context;
	return 0;
}

/* Dumps both families in one walk of the kernel's table. Only the older form of the request can do
 * this (inet_diag_dump_compat() in net/ipv4/inet_diag.c, in all kernels with sock_diag). The newer
 * form takes one family, and IPv4 connections of a dual-stack socket are IPv6 there. */
static int dump_all(struct v2m_socket_diag *diag, struct v2m_socket_dump *dump, const void *filter,
		    size_t filter_size)
{
	_Alignas(struct nlmsghdr) char buffer[V2M_PORT_FILTER_SIZE + 256];
	struct walk walk = { .diag = diag, .dump = dump };
	struct v2m_netlink_visitor visitor = { ignore_socket, NULL, &walk };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req *query = mnl_nlmsg_put_extra_header(request, sizeof(*query));

	request->nlmsg_type = TCPDIAG_GETSOCK;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	/* Without a dump, no state is asked for. */
	if (dump) {
		query->idiag_states = diag->states;
		visitor.visit = visit_socket;
		visitor.restart = forget_connections;
	}
	if (diag->details)
		query->idiag_ext = 1 << (INET_DIAG_INFO - 1);
	if (filter)
		mnl_attr_put(request, INET_DIAG_REQ_BYTECODE, filter_size, filter);
	return v2m_netlink_ask(&diag->netlink, request, &visitor);
}

int v2m_socket_diag_open(struct v2m_socket_diag *diag)
{
	int result;

	*diag = (struct v2m_socket_diag){ .netlink.fd = -1,
					  .name_fd = -1,
					  .states = V2M_DUMP_STATES };
	diag->name_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	result = diag->name_fd < 0 ? -errno : 0;
	if (!result)
		result = v2m_netlink_open(NETLINK_SOCK_DIAG, &diag->netlink);
	if (!result)
		result = dump_all(diag, NULL, NULL, 0);
	if (result)
		v2m_socket_diag_close(diag);
	return result;
}

void v2m_socket_diag_close(struct v2m_socket_diag *diag)
{
	v2m_netlink_close(&diag->netlink);
	v2m_closep(&diag->name_fd);
	diag->name_fd = -1;
}

int v2m_socket_diag_dump(struct v2m_socket_diag *diag, struct v2m_socket_dump *dump)
{
	unsigned char filter[V2M_PORT_FILTER_SIZE];
	size_t filter_size =
		v2m_port_filter(dump->slots->ranges, dump->slots->n_ranges, false, filter);

	return filter_size ? dump_all(diag, dump, filter, filter_size) : -ENOMEM;
}
