// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/transport.h"
#include "netlink/attribute.h"
#include "netlink/netlink.h"

static bool has_bytes(const struct nlattr *attribute, size_t size)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= size;
}

/* Addresses of this host, IPv4 in the IPv4-mapped form. */
struct own_list {
	struct own_address {
		uint8_t bytes[16];
	} * items;
	size_t count;
	size_t capacity;
};

struct search {
	struct own_list own;
	struct v2m_tracked_list found;
	const uint8_t *wanted; /* enum v2m_transport bits for each port */
	struct v2m_foreign_flows flows;
};

static int list_own(struct own_list *own)
{
	struct ifaddrs *list;
	int result = 0;

	if (getifaddrs(&list))
		return -errno;
	for (const struct ifaddrs *entry = list; entry && !result; entry = entry->ifa_next) {
		const void *address = entry->ifa_addr;
		struct own_address made = { { [10] = 0xff, [11] = 0xff } };

		if (!address)
			continue;
		if (entry->ifa_addr->sa_family == AF_INET)
			memcpy(made.bytes + 12, &((const struct sockaddr_in *)address)->sin_addr,
			       4);
		else if (entry->ifa_addr->sa_family == AF_INET6)
			memcpy(made.bytes, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
		else
			continue;
		result = v2m_array_add(own, made);
	}
	freeifaddrs(list);
	return result;
}

static bool is_own(const struct own_list *own, const uint8_t address[16])
{
	for (size_t i = 0; i < own->count; i++)
		if (memcmp(own->items[i].bytes, address, 16) == 0)
			return true;
	return false;
}

/* Takes one of the two addresses, in the IPv4-mapped form. */
static bool take_address(const struct nlattr *ipv4, const struct nlattr *ipv6, uint8_t address[16])
{
	memset(address, 0, 16);
	if (has_bytes(ipv4, 4)) {
		address[10] = address[11] = 0xff;
		memcpy(address + 12, mnl_attr_get_payload(ipv4), 4);
		return true;
	}
	if (!has_bytes(ipv6, 16))
		return false;
	memcpy(address, mnl_attr_get_payload(ipv6), 16);
	return true;
}

/* One direction of a flow. */
struct tuple {
	uint8_t from[16];
	uint8_t to[16];
	uint16_t from_port;
	uint16_t to_port;
	unsigned transports; /* 0: another protocol */
};

static bool read_tuple(const struct nlattr *nest, struct tuple *tuple)
{
	v2m_attributes parts;
	v2m_attributes ip;
	v2m_attributes protocol;
	uint8_t number;

	v2m_attributes_of_nest(nest, parts);
	v2m_attributes_of_nest(parts[CTA_TUPLE_IP], ip);
	v2m_attributes_of_nest(parts[CTA_TUPLE_PROTO], protocol);
	if (!has_bytes(protocol[CTA_PROTO_NUM], 1) || !has_bytes(protocol[CTA_PROTO_SRC_PORT], 2) ||
	    !has_bytes(protocol[CTA_PROTO_DST_PORT], 2))
		return false;
	number = mnl_attr_get_u8(protocol[CTA_PROTO_NUM]);
	tuple->transports = number == IPPROTO_TCP ? V2M_TCP : number == IPPROTO_UDP ? V2M_UDP : 0;
	tuple->from_port = ntohs(mnl_attr_get_u16(protocol[CTA_PROTO_SRC_PORT]));
	tuple->to_port = ntohs(mnl_attr_get_u16(protocol[CTA_PROTO_DST_PORT]));
	return tuple->transports &&
	       take_address(ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC], tuple->from) &&
	       take_address(ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST], tuple->to);
}

/* Kernels before 5.18 hand out all flows. */
static bool read_flow(const struct nlmsghdr *message, uint32_t status, struct tuple *original,
		      struct tuple *reply)
{
	v2m_attributes flow;

	v2m_attributes_of_message(message, sizeof(struct nfgenmsg), flow);
	return has_bytes(flow[CTA_STATUS], 4) &&
	       ntohl(mnl_attr_get_u32(flow[CTA_STATUS])) & status &&
	       read_tuple(flow[CTA_TUPLE_ORIG], original) &&
	       read_tuple(flow[CTA_TUPLE_REPLY], reply);
}

/* Only what arrives for an address of this host is published: a transparent proxy takes over what
 * others send elsewhere. Most flows are like the one before, so that one is not added again. */
static int visit_flow(const struct nlmsghdr *message, void *context)
{
	struct search *search = context;
	struct v2m_tracked tracked = { 0 };
	struct tuple original;
	struct tuple reply;

	if (!read_flow(message, IPS_DST_NAT, &original, &reply) ||
	    original.to_port == reply.from_port || !is_own(&search->own, original.to) ||
	    is_own(&search->own, original.from))
		return 0;
	tracked.port = original.to_port;
	tracked.target = reply.from_port;
	tracked.transports = original.transports;
	memcpy(tracked.address, reply.from, sizeof(tracked.address));
	if (search->found.count &&
	    memcmp(&search->found.items[search->found.count - 1], &tracked, sizeof(tracked)) == 0)
		return 0;
	return v2m_array_add(&search->found, tracked);
}

static int add_flow(struct search *search, const uint8_t local[16], uint16_t port,
		    const uint8_t remote[16], uint16_t remote_port, unsigned transports)
{
	struct v2m_foreign_flow made = {
		.port = port,
		.remote_port = remote_port,
		.protocol = transports == V2M_TCP ? IPPROTO_TCP : IPPROTO_UDP,
	};

	memcpy(made.local, local, sizeof(made.local));
	memcpy(made.remote, remote, sizeof(made.remote));
	return v2m_array_add(&search->flows, made);
}

/* Packets of the flow leave with the source that its replies go to. */
static int visit_masqueraded(const struct nlmsghdr *message, void *context)
{
	struct search *search = context;
	struct tuple original;
	struct tuple reply;

	if (!read_flow(message, IPS_SRC_NAT, &original, &reply) ||
	    !(search->wanted[reply.to_port] & reply.transports) ||
	    !is_own(&search->own, reply.to) || is_own(&search->own, original.from))
		return 0;
	return add_flow(search, reply.to, reply.to_port, reply.from, reply.from_port,
			reply.transports);
}

/* Linux marks a UDP flow as assured when it has gone both ways for 2 s. */
static int visit_local(const struct nlmsghdr *message, void *context)
{
	struct search *search = context;
	struct tuple original;
	struct tuple reply;

	if (!read_flow(message, IPS_ASSURED, &original, &reply) || reply.transports != V2M_UDP ||
	    !(search->wanted[reply.from_port] & V2M_UDP) || !is_own(&search->own, reply.from) ||
	    !is_own(&search->own, original.from))
		return 0;
	return add_flow(search, reply.from, reply.from_port, original.from, original.from_port,
			reply.transports);
}

static void forget_flows(void *context)
{
	struct search *search = context;

	search->found.count = 0;
	search->flows.count = 0;
}

/* Flows with this bit in their status. */
static struct nlmsghdr *begin_dump(char *buffer, uint32_t status)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	request->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	*header = (struct nfgenmsg){ .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
	mnl_attr_put_u32(request, CTA_STATUS, htonl(status));
	mnl_attr_put_u32(request, CTA_STATUS_MASK, htonl(status));
	return request;
}

/* To ask a kernel that tracks nothing would load its modules. */
static bool tracks_anything(void)
{
	V2M_FCLOSE FILE *file = fopen("/proc/sys/net/netfilter/nf_conntrack_count", "re");
	char text[16];

	return file && fgets(text, sizeof(text), file) && strtoul(text, NULL, 10) > 0;
}

static int compare_tracked(const void *left, const void *right)
{
	const struct v2m_tracked *a = left;
	const struct v2m_tracked *b = right;

	if (a->transports != b->transports)
		return (int)a->transports - (int)b->transports;
	if (a->port != b->port)
		return (int)a->port - (int)b->port;
	if (a->target != b->target)
		return (int)a->target - (int)b->target;
	return memcmp(a->address, b->address, sizeof(a->address));
}

/* Sorts the list, and keeps each one once. */
static void sort(struct v2m_tracked_list *list)
{
	size_t kept = 0;

	if (!list->count)
		return;
	qsort(list->items, list->count, sizeof(*list->items), compare_tracked);
	for (size_t i = 0; i < list->count; i++)
		if (!i || compare_tracked(&list->items[i], &list->items[kept - 1]) != 0)
			list->items[kept++] = list->items[i];
	list->count = kept < V2M_TRACKED_MAX ? kept : V2M_TRACKED_MAX;
}

static int ask_kernel(struct search *search, uint32_t status,
		      int (*visit)(const struct nlmsghdr *message, void *context))
{
	const struct v2m_netlink_visitor visitor = { visit, forget_flows, search };
	struct v2m_netlink netlink;
	char buffer[128];
	int result = list_own(&search->own);

	if (!result)
		result = v2m_netlink_open(NETLINK_NETFILTER, &netlink);
	if (result)
		return result;
	result = v2m_netlink_ask(&netlink, begin_dump(buffer, status), &visitor);
	v2m_netlink_close(&netlink);
	return result;
}

int v2m_conntrack_read(struct v2m_tracked_list *list, bool *grew)
{
	struct search search = { 0 };
	size_t before = list->count;
	int result = 0;

	*grew = false;
	if (tracks_anything())
		result = ask_kernel(&search, IPS_DST_NAT, visit_flow);
	sort(&search.found);
	if (!result)
		result = v2m_array_reserve(list, search.found.count);
	for (size_t i = 0; i < search.found.count && !result; i++)
		list->items[list->count++] = search.found.items[i];
	if (!result)
		sort(list);
	*grew = list->count > before;
	v2m_tracked_clear(&search.found);
	v2m_array_clear(&search.own);
	return result;
}

static int read_flows(const uint8_t wanted[65536], uint32_t status,
		      int (*visit)(const struct nlmsghdr *message, void *context),
		      struct v2m_foreign_flows *flows)
{
	struct search search = { .wanted = wanted };
	int result = 0;

	if (tracks_anything())
		result = ask_kernel(&search, status, visit);
	for (size_t i = 0; i < search.flows.count && !result; i++)
		result = v2m_array_add(flows, search.flows.items[i]);
	v2m_array_clear(&search.flows);
	v2m_array_clear(&search.own);
	return result;
}

int v2m_conntrack_read_masqueraded(const uint8_t wanted[65536], struct v2m_foreign_flows *flows)
{
	return read_flows(wanted, IPS_SRC_NAT, visit_masqueraded, flows);
}

int v2m_conntrack_read_local_udp(const uint8_t wanted[65536], struct v2m_foreign_flows *flows)
{
	return read_flows(wanted, IPS_ASSURED, visit_local, flows);
}

void v2m_tracked_clear(struct v2m_tracked_list *list)
{
	v2m_array_clear(list);
}
