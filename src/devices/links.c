// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "devices/links.h"

#include <errno.h>
#include <fnmatch.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "devices/link_table.h"

#define MOST_REFUSED  64
#define DEEPEST_STACK 8

struct v2m_links {
	struct v2m_netlink queries;
	struct v2m_netlink events;
	/* Links whose refusal was logged, so that each is logged once. A ring. */
	uint32_t refused[MOST_REFUSED];
	size_t n_refused;
	uint64_t unmatched; /* bit i: the log knows that entry i of interfaces matches no link */
	struct v2m_chosen_device *before; /* chosen last time */
	size_t n_before;
};

static int join_groups(struct v2m_netlink *events)
{
	static const int groups[] = { RTNLGRP_LINK,         RTNLGRP_TC,
				      RTNLGRP_IPV4_IFADDR,  RTNLGRP_IPV6_IFADDR,
				      RTNLGRP_IPV4_ROUTE,   RTNLGRP_IPV6_ROUTE,
				      RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF };
	int result = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(groups) && !result; i++)
		result = v2m_netlink_join(events, groups[i]);
	return result;
}

int v2m_links_open(struct v2m_links **links, struct v2m_error *error)
{
	struct v2m_links *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	opened->events.fd = -1;
	result = v2m_netlink_open(NETLINK_ROUTE, &opened->queries);
	if (!result)
		result = v2m_netlink_open(NETLINK_ROUTE, &opened->events);
	if (!result)
		result = join_groups(&opened->events);
	if (result) {
		v2m_links_close(opened);
		return v2m_error_set(error, result, "cannot open rtnetlink: %s", strerror(-result));
	}
	*links = opened;
	return 0;
}

void v2m_links_close(struct v2m_links *links)
{
	if (!links)
		return;
	v2m_netlink_close(&links->queries);
	v2m_netlink_close(&links->events);
	free(links->before);
	free(links);
}

int v2m_links_event_fd(const struct v2m_links *links)
{
	return links->events.fd;
}

/* Only default routes matter. A routing daemon may change thousands of other routes a second. */
static bool changes_choice(const struct nlmsghdr *message)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE)
		return true;
	return mnl_nlmsg_get_payload_len(message) < sizeof(*route) || route->rtm_dst_len == 0;
}

bool v2m_links_drain(struct v2m_links *links)
{
	_Alignas(struct nlmsghdr) char buffer[16384];
	bool changed = false;

	for (;;) {
		const struct nlmsghdr *message = NULL;
		ssize_t received =
			recv(links->events.fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC);

		if (received < 0 && errno == EINTR)
			continue;
		if (received < 0 && errno != ENOBUFS)
			return changed;
		/* Messages were lost or cut off, so anything may have changed. */
		if (received < 0 || received > (ssize_t)sizeof(buffer)) {
			changed = true;
			continue;
		}
		while (v2m_netlink_next(buffer, (size_t)received, &message))
			changed |= changes_choice(message);
	}
}

/* Compares names too, because another link may have got the index. */
static void mark_counted(const struct v2m_links *links, struct v2m_link *link)
{
	for (size_t i = 0; i < links->n_before; i++) {
		const struct v2m_device *before = &links->before[i].device;

		if (before->ifindex != link->ifindex || strcmp(before->name, link->name) != 0)
			continue;
		link->counted = true;
		link->uplink_before = !before->host_only && !before->loopback;
	}
}

int v2m_links_list(struct v2m_links *links, const struct v2m_strings *interfaces,
		   const struct v2m_strings *exclude, bool loopback, struct v2m_listed_link **list,
		   size_t *count, struct v2m_error *error)
{
	V2M_FREE struct v2m_link *all = NULL;
	V2M_FREE struct v2m_link_choice *choices = NULL;
	V2M_FREE struct v2m_listed_link *listed = NULL;
	size_t n = 0;
	int result = v2m_link_table_read(&links->queries, &all, &n);

	if (result)
		return v2m_error_set(error, result, "cannot list network devices: %s",
				     strerror(-result));
	for (size_t i = 0; i < n; i++)
		mark_counted(links, &all[i]);
	choices = calloc(n + 1, sizeof(*choices));
	listed = calloc(n + 1, sizeof(*listed));
	if (!choices || !listed || v2m_choose_links(all, n, interfaces, exclude, loopback, choices))
		return v2m_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		listed[i] = (struct v2m_listed_link){ all[i], choices[i] };
	*list = V2M_TAKE(listed);
	*count = n;
	return 0;
}

static void fill_chosen_device(const struct v2m_listed_link *listed,
			       struct v2m_chosen_device *chosen)
{
	chosen->device.ifindex = listed->link.ifindex;
	memcpy(chosen->device.name, listed->link.name, sizeof(chosen->device.name));
	chosen->device.link_header = listed->choice.link_header;
	chosen->device.loopback = listed->link.type == ARPHRD_LOOPBACK;
	chosen->device.host_only = listed->choice.host_only;
	memcpy(chosen->reason, listed->choice.reason, sizeof(chosen->reason));
	chosen->rx_bytes = listed->link.rx_bytes;
	chosen->tx_bytes = listed->link.tx_bytes;
}

static void warn_about_refused(struct v2m_links *links, const struct v2m_listed_link *listed)
{
	if (!listed->choice.refused)
		return;
	for (size_t i = 0; i < MOST_REFUSED; i++)
		if (links->refused[i] == listed->link.ifindex)
			return;
	links->refused[links->n_refused++ % MOST_REFUSED] = listed->link.ifindex;
	v2m_log_warning("%s is not counted: %s", listed->link.name, listed->choice.reason);
}

bool v2m_links_match(const char *pattern, const struct v2m_listed_link *listed, size_t count)
{
	if (strcmp(pattern, "auto") == 0)
		return true;
	for (size_t i = 0; i < count; i++)
		if (fnmatch(pattern, listed[i].link.name, 0) == 0)
			return true;
	return false;
}

/* Warns once each time an entry stops matching. Without the warning, a typing error would show only
 * as traffic that is not counted. */
static void warn_about_unmatched(struct v2m_links *links, const struct v2m_strings *interfaces,
				 const struct v2m_listed_link *listed, size_t count)
{
	for (size_t i = 0; i < interfaces->count && i < 64; i++) {
		const char *pattern = interfaces->items[i];
		uint64_t bit = UINT64_C(1) << i;
		bool matched = v2m_links_match(pattern, listed, count);

		if (!matched && !(links->unmatched & bit))
			v2m_log_warning("no device matches \"%s\" in interfaces", pattern);
		links->unmatched = matched ? links->unmatched & ~bit : links->unmatched | bit;
	}
}

/* After a failure the devices of the time before stay. */
static int remember_devices(struct v2m_links *links, const struct v2m_chosen_device *chosen,
			    size_t count)
{
	struct v2m_chosen_device *before = calloc(count + 1, sizeof(*before));

	if (!before)
		return -ENOMEM;
	memcpy(before, chosen, count * sizeof(*before));
	free(links->before);
	links->before = before;
	links->n_before = count;
	return 0;
}

static int visit_netconf(const struct nlmsghdr *message, void *context)
{
	bool *forwards = context;
	const struct nlattr *attribute;
	int32_t ifindex = 0;
	uint32_t forwarding = 0;

	if (message->nlmsg_type != RTM_NEWNETCONF)
		return 0;
	mnl_attr_for_each (attribute, message, sizeof(struct netconfmsg)) {
		if (mnl_attr_get_payload_len(attribute) != sizeof(forwarding))
			continue;
		if (mnl_attr_get_type(attribute) == NETCONFA_IFINDEX)
			ifindex = (int32_t)mnl_attr_get_u32(attribute);
		if (mnl_attr_get_type(attribute) == NETCONFA_FORWARDING)
			forwarding = mnl_attr_get_u32(attribute);
	}
	/* The default is for devices that are not there yet. */
	*forwards |= forwarding && ifindex != NETCONFA_IFINDEX_DEFAULT;
	return 0;
}

/* Whether packets that arrive on any device may leave by another. IPv6 may be switched off. */
static int read_forwarding(struct v2m_links *links, bool *forwards)
{
	const struct v2m_netlink_visitor look = { visit_netconf, NULL, forwards };
	int result = v2m_netlink_dump_all(&links->queries, RTM_GETNETCONF, AF_INET, &look);
	int ipv6 = v2m_netlink_dump_all(&links->queries, RTM_GETNETCONF, AF_INET6, &look);

	return result ? result : ipv6 == -EOPNOTSUPP ? 0 : ipv6;
}

int v2m_links_choose(struct v2m_links *links, const struct v2m_strings *interfaces,
		     const struct v2m_strings *exclude, bool loopback,
		     struct v2m_chosen_device **devices, size_t *count, struct v2m_error *error)
{
	V2M_FREE struct v2m_listed_link *listed = NULL;
	V2M_FREE struct v2m_chosen_device *chosen = NULL;
	bool forwards = false;
	size_t n_listed = 0;
	size_t n = 0;
	int result =
		v2m_links_list(links, interfaces, exclude, loopback, &listed, &n_listed, error);

	if (result)
		return result;
	result = read_forwarding(links, &forwards);
	if (result)
		return v2m_error_set(error, result, "cannot ask whether this host forwards: %s",
				     strerror(-result));
	chosen = calloc(n_listed + 1, sizeof(*chosen));
	if (!chosen)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n_listed; i++) {
		warn_about_refused(links, &listed[i]);
		if (!listed[i].choice.chosen)
			continue;
		fill_chosen_device(&listed[i], &chosen[n]);
		chosen[n++].device.forwards = forwards && listed[i].link.type != ARPHRD_LOOPBACK;
	}
	warn_about_unmatched(links, interfaces, listed, n_listed);
	result = remember_devices(links, chosen, n);
	if (result)
		return v2m_error_set(error, result, "out of memory");
	*devices = V2M_TAKE(chosen);
	*count = n;
	return 0;
}

int v2m_links_read_counters(struct v2m_links *links, struct v2m_chosen_device *devices,
			    size_t count, struct v2m_error *error)
{
	for (size_t i = 0; i < count; i++) {
		int result = v2m_link_read_counters(&links->queries, devices[i].device.ifindex,
						    &devices[i].rx_bytes, &devices[i].tx_bytes);

		if (result && result != -ENODEV)
			return v2m_error_set(error, result, "cannot read the counters of %s: %s",
					     devices[i].device.name, strerror(-result));
	}
	return 0;
}

struct address_list {
	struct v2m_local_address *items;
	size_t count;
	size_t capacity;
};

static void forget_addresses(void *context)
{
	((struct address_list *)context)->count = 0;
}

/* Finds our address. On a point-to-point link IFA_ADDRESS is the peer's and IFA_LOCAL ours; IPv6
 * addresses often have IFA_ADDRESS only. */
static const struct nlattr *find_own_address(const struct nlmsghdr *message)
{
	const struct nlattr *attribute;
	const struct nlattr *found = NULL;

	mnl_attr_for_each (attribute, message, sizeof(struct ifaddrmsg)) {
		if (mnl_attr_get_type(attribute) == IFA_LOCAL)
			return attribute;
		if (mnl_attr_get_type(attribute) == IFA_ADDRESS)
			found = attribute;
	}
	return found;
}

static int visit_address(const struct nlmsghdr *message, void *context)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct address_list *list = context;
	const struct nlattr *attribute;
	struct v2m_local_address *address;
	size_t length;

	if (message->nlmsg_type != RTM_NEWADDR ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(struct ifaddrmsg))
		return 0;
	attribute = find_own_address(message);
	length = attribute ? mnl_attr_get_payload_len(attribute) : 0;
	if (length != 4 && length != sizeof(address->address))
		return 0;
	address = v2m_array_append(list);
	if (!address)
		return -ENOMEM;
	memcpy(address->address, mapped, sizeof(mapped));
	memcpy(address->address + sizeof(address->address) - length,
	       mnl_attr_get_payload(attribute), length);
	return 0;
}

static int compare_addresses(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct v2m_local_address));
}

static void sort_and_drop_duplicates(struct address_list *list)
{
	size_t n = 0;

	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_addresses);
	for (size_t i = 0; i < list->count; i++)
		if (!n || compare_addresses(&list->items[n - 1], &list->items[i]))
			list->items[n++] = list->items[i];
	list->count = n;
}

static int list_addresses(struct v2m_netlink *queries, struct v2m_local_address **addresses,
			  size_t *count)
{
	struct address_list list = { 0 };
	const struct v2m_netlink_visitor collect = { visit_address, forget_addresses, &list };
	int result = v2m_netlink_dump_all(queries, RTM_GETADDR, AF_UNSPEC, &collect);

	if (result) {
		v2m_array_clear(&list);
		return result;
	}
	sort_and_drop_duplicates(&list);
	*addresses = list.items;
	*count = list.count;
	return 0;
}

static bool is_chosen(const struct v2m_chosen_device *devices, size_t count, uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (devices[i].device.ifindex == ifindex)
			return true;
	return false;
}

static const struct v2m_link *find_link(const struct v2m_link *all, size_t count, uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].ifindex == ifindex)
			return &all[i];
	return NULL;
}

/* False if no chosen device is below the link. A loop in the description ends at the depth. */
static bool find_below(const struct v2m_link *all, size_t n, const struct v2m_link *link,
		       const struct v2m_chosen_device *devices, size_t n_devices,
		       struct v2m_stacked_link *stacked)
{
	*stacked = (struct v2m_stacked_link){ .ifindex = link->ifindex };
	for (unsigned depth = 0; link && depth < DEEPEST_STACK; depth++) {
		if (is_chosen(devices, n_devices, link->ifindex)) {
			stacked->device = link->ifindex;
			return depth > 0;
		}
		stacked->tags += strcmp(link->kind, "vlan") == 0;
		link = link->lower ? find_link(all, n, link->lower) : NULL;
	}
	return false;
}

int v2m_links_stacked(struct v2m_links *links, const struct v2m_chosen_device *devices,
		      size_t n_devices, struct v2m_stacked_link **stacked, size_t *count,
		      struct v2m_error *error)
{
	V2M_FREE struct v2m_link *all = NULL;
	struct v2m_stacked_link *found;
	size_t n = 0;
	int result = v2m_link_table_read(&links->queries, &all, &n);

	if (result)
		return v2m_error_set(error, result, "cannot list network devices: %s",
				     strerror(-result));
	found = calloc(n + 1, sizeof(*found));
	if (!found)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	*stacked = found;
	*count = 0;
	for (size_t i = 0; i < n; i++)
		if (find_below(all, n, &all[i], devices, n_devices, &found[*count]))
			++*count;
	return 0;
}

int v2m_links_addresses_here(struct v2m_local_address **addresses, size_t *count)
{
	struct v2m_netlink queries;
	int result = v2m_netlink_open(NETLINK_ROUTE, &queries);

	if (result)
		return result;
	result = list_addresses(&queries, addresses, count);
	v2m_netlink_close(&queries);
	return result;
}

int v2m_links_addresses(struct v2m_links *links, struct v2m_local_address **addresses,
			size_t *count, struct v2m_error *error)
{
	int result = list_addresses(&links->queries, addresses, count);

	if (result)
		return v2m_error_set(error, result, "cannot list addresses: %s", strerror(-result));
	return 0;
}
