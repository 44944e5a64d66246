// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/udp_senders.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/transport.h"
#include "netlink/netlink.h"
#include "sockets/port_filter.h"
#include "sockets/socket_diag.h"

#define AGE_NS (V2M_UDP_SENDER_AGE_S * UINT64_C(1000000000))

struct search {
	const struct v2m_tcp_slots *slots;
	struct v2m_udp_senders found;
	size_t before; /* what the dump of the other family found */
};

static int compare_senders(const void *left, const void *right)
{
	const struct v2m_udp_sender *a = left;
	const struct v2m_udp_sender *b = right;

	if (a->slot_port != b->slot_port)
		return (int)a->slot_port - (int)b->slot_port;
	return a->cookie < b->cookie ? -1 : a->cookie > b->cookie;
}

void v2m_udp_senders_clear(struct v2m_udp_senders *senders)
{
	v2m_array_clear(senders);
}

void v2m_udp_senders_replace(struct v2m_udp_senders *senders, struct v2m_udp_senders *found)
{
	if (found->count)
		qsort(found->items, found->count, sizeof(*found->items), compare_senders);
	for (size_t i = 0; i < found->count; i++) {
		struct v2m_udp_sender *sender = &found->items[i];
		const struct v2m_udp_sender *known =
			senders->count ? bsearch(sender, senders->items, senders->count,
						 sizeof(*sender), compare_senders)
				       : NULL;

		sender->since_ns = known ? known->since_ns : found->mono_ns;
	}
	v2m_udp_senders_clear(senders);
	*senders = *found;
	*found = (struct v2m_udp_senders){ 0 };
}

static bool is_old(const struct v2m_udp_senders *senders, const struct v2m_udp_sender *sender)
{
	return senders->mono_ns - sender->since_ns >= AGE_NS;
}

size_t v2m_udp_senders_count(const struct v2m_udp_senders *senders, uint16_t slot_port)
{
	size_t count = 0;

	for (size_t i = 0; i < senders->count; i++)
		count += senders->items[i].slot_port == slot_port &&
			 is_old(senders, &senders->items[i]);
	return count;
}

uint16_t v2m_udp_senders_worst(const struct v2m_udp_senders *senders, size_t *slots)
{
	uint16_t worst = 0;
	size_t most = 0;

	*slots = 0;
	for (size_t i = 0; i < senders->count;) {
		uint16_t slot_port = senders->items[i].slot_port;
		size_t count = 0;

		for (; i < senders->count && senders->items[i].slot_port == slot_port; i++)
			count += is_old(senders, &senders->items[i]);
		*slots += count > 0;
		if (count > most) {
			most = count;
			worst = slot_port;
		}
	}
	return worst;
}

/* --- the kernel's sockets --- */

static int visit_socket(const struct nlmsghdr *message, void *context)
{
	struct search *search = context;
	struct v2m_connection socket = { 0 };
	uint16_t place;
	int result = v2m_socket_diag_describe(message, &socket);

	if (result)
		return result;
	/* The filter may let other ports through, see v2m_port_filter(). */
	place = search->slots->places[socket.remote_port];
	if (!place || !v2m_connection_is_local(&socket))
		return 0;
	return v2m_array_add(&search->found,
			     (struct v2m_udp_sender){ .slot_port = search->slots->ports[place - 1],
						      .cookie = socket.cookie });
}

static void forget_sockets(void *context)
{
	struct search *search = context;

	search->found.count = search->before;
}

/* A UDP socket with a peer has the state ESTABLISHED in the kernel. */
static int ask_family(struct v2m_netlink *netlink, uint8_t family, struct search *search)
{
	_Alignas(struct nlmsghdr) char buffer[V2M_PORT_FILTER_SIZE + 256];
	unsigned char filter[V2M_PORT_FILTER_SIZE];
	size_t size = v2m_port_filter(search->slots->ranges, search->slots->n_ranges, true, filter);
	struct v2m_netlink_visitor visitor = { visit_socket, forget_sockets, search };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *query = mnl_nlmsg_put_extra_header(request, sizeof(*query));

	if (!size)
		return -ENOMEM;
	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	query->sdiag_family = family;
	query->sdiag_protocol = IPPROTO_UDP;
	query->idiag_states = 1u << V2M_TCP_ESTABLISHED;
	mnl_attr_put(request, INET_DIAG_REQ_BYTECODE, size, filter);
	search->before = search->found.count;
	return v2m_netlink_ask(netlink, request, &visitor);
}

static int ask_kernel(struct search *search)
{
	struct v2m_netlink netlink;
	int result = v2m_netlink_open(NETLINK_SOCK_DIAG, &netlink);

	if (result)
		return result;
	result = ask_family(&netlink, AF_INET, search);
	if (!result)
		result = ask_family(&netlink, AF_INET6, search);
	v2m_netlink_close(&netlink);
	return result;
}

/* Slots are made for TCP only, so the rules are handed over as rules of TCP. 0 or -ENOMEM. */
static int make_slots(const struct v2m_port_rule *rules, size_t n_rules,
		      struct v2m_tcp_slots *slots)
{
	V2M_FREE struct v2m_port_rule *copies = calloc(n_rules + 1, sizeof(*copies));
	size_t count = 0;

	if (!copies)
		return -ENOMEM;
	for (size_t i = 0; i < n_rules; i++) {
		if (!(rules[i].transports & V2M_UDP) || rules[i].loopback)
			continue;
		copies[count] = rules[i];
		copies[count++].transports = V2M_TCP;
	}
	return v2m_tcp_slots_make(copies, count, slots);
}

/* A socket with a peer may have a tracked flow, too. 0 or -ENOMEM. */
static int add_tracked(struct search *search, const struct v2m_foreign_flows *tracked)
{
	size_t n_sockets = search->found.count;
	int result = 0;

	for (size_t i = 0; i < tracked->count && !result; i++) {
		const struct v2m_foreign_flow *flow = &tracked->items[i];
		uint16_t place = search->slots->places[flow->port];
		struct v2m_udp_sender made = {
			.slot_port = place ? search->slots->ports[place - 1] : 0,
			.cookie = v2m_fnv64(V2M_FNV64_START, flow, sizeof(*flow)),
		};

		for (size_t k = 0; k < n_sockets; k++)
			if (search->found.items[k].slot_port == made.slot_port)
				place = 0;
		if (place)
			result = v2m_array_add(&search->found, made);
	}
	return result;
}

int v2m_udp_senders_read(struct v2m_udp_senders *senders, const struct v2m_port_rule *rules,
			 size_t n_rules, const struct v2m_foreign_flows *tracked, uint64_t mono_ns)
{
	V2M_CLEANUP(v2m_tcp_slots_clear) struct v2m_tcp_slots slots = { 0 };
	struct search search = { .slots = &slots, .found.mono_ns = mono_ns };
	int result = make_slots(rules, n_rules, &slots);

	if (!result && slots.count)
		result = ask_kernel(&search);
	if (!result && slots.count)
		result = add_tracked(&search, tracked);
	if (!result)
		v2m_udp_senders_replace(senders, &search.found);
	v2m_udp_senders_clear(&search.found);
	return result;
}
