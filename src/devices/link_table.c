// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "devices/link_table.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "netlink/attribute.h"

/* Ascending by ifindex, once sorted. */
struct link_list {
	struct v2m_link *items;
	size_t count;
	size_t capacity;
};

static void forget_links(void *context)
{
	((struct link_list *)context)->count = 0;
}

static void read_kind(const struct nlattr *info, struct v2m_link *link)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested (attribute, info)
		if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
			v2m_attribute_text(attribute, link->kind, sizeof(link->kind));
}

static void read_stats(const struct nlattr *attribute, struct v2m_link *link)
{
	struct rtnl_link_stats64 stats = { 0 };

	v2m_attribute_copy(attribute, &stats, sizeof(stats));
	link->rx_bytes = stats.rx_bytes;
	link->tx_bytes = stats.tx_bytes;
}

static void read_link_attribute(const struct nlattr *attribute, struct v2m_link *link,
				bool *elsewhere)
{
	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME:
		v2m_attribute_text(attribute, link->name, sizeof(link->name));
		break;
	case IFLA_LINK:
		link->lower = v2m_attribute_u32(attribute);
		break;
	case IFLA_LINK_NETNSID:
		*elsewhere = true;
		break;
	case IFLA_MASTER:
		link->master = v2m_attribute_u32(attribute);
		break;
	case IFLA_LINKINFO:
		read_kind(attribute, link);
		break;
	case IFLA_STATS64:
		read_stats(attribute, link);
		break;
	case IFLA_PARENT_DEV_NAME: /* since Linux 5.14 */
		link->hardware = true;
		break;
	}
}

static int visit_link(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	struct link_list *list = context;
	struct v2m_link *link;
	bool elsewhere = false;

	if (message->nlmsg_type != RTM_NEWLINK ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*info))
		return 0;
	link = v2m_array_append(list);
	if (!link)
		return -ENOMEM;
	*link = (struct v2m_link){
		.ifindex = (uint32_t)info->ifi_index,
		.type = info->ifi_type,
		.up = info->ifi_flags & IFF_UP,
	};
	mnl_attr_for_each (attribute, message, sizeof(*info))
		read_link_attribute(attribute, link, &elsewhere);
	/* The index belongs to another network namespace. */
	if (elsewhere)
		link->lower = 0;
	return 0;
}

static int compare_ifindex(const void *left, const void *right)
{
	uint32_t a = ((const struct v2m_link *)left)->ifindex;
	uint32_t b = ((const struct v2m_link *)right)->ifindex;

	return a < b ? -1 : a > b;
}

static struct v2m_link *find_link(const struct link_list *list, uint32_t ifindex)
{
	struct v2m_link key = { .ifindex = ifindex };

	if (!list->count)
		return NULL;
	return bsearch(&key, list->items, list->count, sizeof(key), compare_ifindex);
}

static void mark_default_route(const struct link_list *list, uint32_t ifindex)
{
	struct v2m_link *link = find_link(list, ifindex);

	if (link)
		link->default_route = true;
}

static void mark_nexthops(const struct link_list *list, const struct nlattr *attribute)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(attribute);
	int left = mnl_attr_get_payload_len(attribute);

	for (; left >= (int)sizeof(*hop) && RTNH_OK(hop, left); hop = RTNH_NEXT(hop)) {
		mark_default_route(list, (uint32_t)hop->rtnh_ifindex);
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
	}
}

/* Routes with nexthop objects have these attributes too (net.ipv4.nexthop_compat_mode). */
static int visit_route(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*route) || route->rtm_dst_len ||
	    route->rtm_type != RTN_UNICAST)
		return 0;
	mnl_attr_for_each (attribute, message, sizeof(*route)) {
		if (mnl_attr_get_type(attribute) == RTA_OIF)
			mark_default_route(context, v2m_attribute_u32(attribute));
		else if (mnl_attr_get_type(attribute) == RTA_MULTIPATH)
			mark_nexthops(context, attribute);
	}
	return 0;
}

static int visit_address(const struct nlmsghdr *message, void *context)
{
	const struct ifaddrmsg *address = mnl_nlmsg_get_payload(message);
	struct v2m_link *link;

	if (message->nlmsg_type != RTM_NEWADDR ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*address))
		return 0;
	link = find_link(context, address->ifa_index);
	if (link && address->ifa_scope == RT_SCOPE_UNIVERSE)
		link->global_address = true;
	return 0;
}

static int read_link_list(struct v2m_netlink *netlink, struct link_list *list)
{
	const struct v2m_netlink_visitor take_links = { visit_link, forget_links, list };
	const struct v2m_netlink_visitor take_addresses = { visit_address, NULL, list };
	const struct v2m_netlink_visitor take_routes = { visit_route, NULL, list };
	int result = v2m_netlink_dump_all(netlink, RTM_GETLINK, AF_UNSPEC, &take_links);

	if (result)
		return result;
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_ifindex);
	result = v2m_netlink_dump_all(netlink, RTM_GETADDR, AF_UNSPEC, &take_addresses);
	if (!result)
		result = v2m_netlink_dump_all(netlink, RTM_GETROUTE, AF_INET, &take_routes);
	if (!result)
		result = v2m_netlink_dump_all(netlink, RTM_GETROUTE, AF_INET6, &take_routes);
	/* These two come from a kernel without IPv6. */
	return result == -EOPNOTSUPP || result == -EAFNOSUPPORT ? 0 : result;
}

int v2m_link_table_read(struct v2m_netlink *netlink, struct v2m_link **links, size_t *count)
{
	struct link_list list = { 0 };
	int result = read_link_list(netlink, &list);

	if (result) {
		v2m_array_clear(&list);
		return result;
	}
	*links = list.items;
	*count = list.count;
	return 0;
}

struct byte_counters {
	uint64_t *rx_bytes;
	uint64_t *tx_bytes;
};

static int visit_counters(const struct nlmsghdr *message, void *context)
{
	const struct byte_counters *counters = context;
	const struct nlattr *attribute;
	struct v2m_link link = { 0 };

	if (message->nlmsg_type != RTM_NEWSTATS)
		return 0;
	mnl_attr_for_each (attribute, message, sizeof(struct if_stats_msg)) {
		if (mnl_attr_get_type(attribute) != IFLA_STATS_LINK_64)
			continue;
		read_stats(attribute, &link);
		*counters->rx_bytes = link.rx_bytes;
		*counters->tx_bytes = link.tx_bytes;
	}
	return 0;
}

int v2m_link_read_counters(struct v2m_netlink *netlink, uint32_t ifindex, uint64_t *rx_bytes,
			   uint64_t *tx_bytes)
{
	struct byte_counters counters = { rx_bytes, tx_bytes };
	const struct v2m_netlink_visitor take = { visit_counters, NULL, &counters };
	_Alignas(struct nlmsghdr) char buffer[64];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct if_stats_msg *query = mnl_nlmsg_put_extra_header(request, sizeof(*query));

	request->nlmsg_type = RTM_GETSTATS;
	request->nlmsg_flags = NLM_F_REQUEST;
	query->ifindex = ifindex;
	query->filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
	return v2m_netlink_ask(netlink, request, &take);
}
