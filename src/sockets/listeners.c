// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/listeners.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/connection.h"
#include "base/macros.h"
#include "base/proc_tcp_line.h"
#include "netlink/netlink.h"

/* How the listening sockets of one transport are found. A UDP socket without a peer has the state
 * CLOSE in the kernel. */
struct place {
	uint8_t protocol;
	unsigned state;
	/* thread-self: the thread may be in another network namespace than the process. */
	const char *files[2];
};

static const struct place places[] = {
	{ IPPROTO_TCP,
	  V2M_TCP_LISTEN,
	  { "/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6" } },
	{ IPPROTO_UDP,
	  V2M_TCP_CLOSE,
	  { "/proc/thread-self/net/udp", "/proc/thread-self/net/udp6" } },
};

static void add_port(uint8_t *ports, uint16_t port)
{
	ports[port / 8] |= (uint8_t)(1u << port % 8);
}

static int visit_socket(const struct nlmsghdr *message, void *context)
{
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*socket))
		return -EBADMSG;
	if (!socket->id.idiag_dport)
		add_port(context, ntohs(socket->id.idiag_sport));
	return 0;
}

/* Adds the ports of the sockets of one family. 0 or -errno. */
static int ask_family(struct v2m_netlink *netlink, const struct place *place, int family,
		      struct v2m_ports_of_family *ports)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	/* If the kernel interrupts the dump and it is taken again, a port that was closed meanwhile
	 * may stay. The next reading corrects this. */
	struct v2m_netlink_visitor visitor = { visit_socket, NULL,
					       family == AF_INET ? ports->ipv4 : ports->ipv6 };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *query = mnl_nlmsg_put_extra_header(request, sizeof(*query));

	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	query->sdiag_family = (uint8_t)family;
	query->sdiag_protocol = place->protocol;
	query->idiag_states = 1u << place->state;
	return v2m_netlink_ask(netlink, request, &visitor);
}

static int ask_kernel(const struct place *place, struct v2m_ports_of_family *ports)
{
	struct v2m_netlink netlink;
	int result = v2m_netlink_open(NETLINK_SOCK_DIAG, &netlink);

	if (result)
		return result;
	result = ask_family(&netlink, place, AF_INET, ports);
	if (!result)
		result = ask_family(&netlink, place, AF_INET6, ports);
	v2m_netlink_close(&netlink);
	return result;
}

static int read_file(const struct place *place, const char *path, uint8_t *ports)
{
	V2M_FCLOSE FILE *file = fopen(path, "re");
	V2M_FREE char *line = NULL;
	size_t size = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) > 0) {
		struct v2m_connection socket;

		if (v2m_proc_tcp_parse(line, &socket) == 0 && socket.state == place->state &&
		    !socket.remote_port)
			add_port(ports, socket.local_port);
	}
	return ferror(file) ? -EIO : 0;
}

/* A kernel without IPv6 does not have the second file. */
static int read_files(const struct place *place, struct v2m_ports_of_family *ports)
{
	int result = read_file(place, place->files[0], ports->ipv4);

	if (result)
		return result;
	result = read_file(place, place->files[1], ports->ipv6);
	return result == -ENOENT ? 0 : result;
}

int v2m_listeners_read(struct v2m_listeners *listeners, struct v2m_error *error)
{
	struct v2m_ports_of_family *const ports[] = { &listeners->tcp, &listeners->udp };

	memset(listeners, 0, sizeof(*listeners));
	for (size_t i = 0; i < V2M_ARRAY_LEN(places); i++) {
		int result = ask_kernel(&places[i], ports[i]);

		if (result)
			result = read_files(&places[i], ports[i]);
		if (result)
			return v2m_error_set(error, result, "cannot list the sockets of %s: %s",
					     i ? "UDP" : "TCP", strerror(-result));
	}
	return 0;
}

static bool has_port(const uint8_t *ports, uint16_t port)
{
	return ports[port / 8] & 1u << port % 8;
}

bool v2m_listeners_has_ipv6(const struct v2m_listeners *listeners, uint16_t port,
			    enum v2m_transport transport)
{
	return has_port(transport == V2M_TCP ? listeners->tcp.ipv6 : listeners->udp.ipv6, port);
}

bool v2m_listeners_has(const struct v2m_listeners *listeners, uint16_t port,
		       enum v2m_transport transport)
{
	return has_port(transport == V2M_TCP ? listeners->tcp.ipv4 : listeners->udp.ipv4, port) ||
	       v2m_listeners_has_ipv6(listeners, port, transport);
}
