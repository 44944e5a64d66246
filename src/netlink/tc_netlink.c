// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "netlink/tc_netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define BUFFER_SIZE 32768

static void close_socket(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
}

/* Sends a dump request and hands every answer to the callback. */
static int dump(struct nlmsghdr *request, mnl_cb_t callback, void *context)
{
	V2M_CLEANUP(close_socket)
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	V2M_FREE char *buffer = malloc(BUFFER_SIZE);
	int result = MNL_CB_OK;

	if (!socket || !buffer || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return errno ? -errno : -ENOMEM;
	while (result > MNL_CB_STOP) {
		ssize_t length = mnl_socket_recvfrom(socket, buffer, BUFFER_SIZE);

		if (length < 0)
			return -errno;
		result = mnl_cb_run(buffer, (size_t)length, request->nlmsg_seq,
				    mnl_socket_get_portid(socket), callback, context);
	}
	return result < 0 ? -errno : 0;
}

static struct tcmsg *make_request(char *buffer, uint16_t type, uint32_t ifindex)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct tcmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = 1;
	message->tcm_family = AF_UNSPEC;
	message->tcm_ifindex = (int)ifindex;
	return message;
}

struct hook_search {
	uint32_t ifindex;
	enum v2m_tc_hook hook;
};

static int find_attribute(const struct nlattr *attribute, void *context)
{
	const struct nlattr **found = context;
	uint16_t type = mnl_attr_get_type(attribute);

	if (type <= TCA_MAX)
		found[type] = attribute;
	return MNL_CB_OK;
}

static int see_qdisc(const struct nlmsghdr *header, void *context)
{
	const struct tcmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *found[TCA_MAX + 1] = {};
	struct hook_search *search = context;

	/* The request's device is a hint that older kernels ignore. */
	if (message->tcm_ifindex != (int)search->ifindex || message->tcm_parent != TC_H_CLSACT)
		return MNL_CB_OK;
	mnl_attr_parse(header, sizeof(*message), find_attribute, found);
	if (!found[TCA_KIND])
		return MNL_CB_OK;
	search->hook = strcmp(mnl_attr_get_str(found[TCA_KIND]), "clsact") ? V2M_TC_INGRESS
									   : V2M_TC_CLSACT;
	return MNL_CB_OK;
}

int v2m_tc_hook(uint32_t ifindex, enum v2m_tc_hook *hook)
{
	char request[MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct tcmsg))];
	struct hook_search search = { .ifindex = ifindex };
	int result;

	make_request(request, RTM_GETQDISC, ifindex);
	result = dump((struct nlmsghdr *)request, see_qdisc, &search);
	if (result == 0)
		*hook = search.hook;
	return result;
}

struct filter_list {
	struct v2m_tc_filter *filters;
	size_t count;
	uint32_t ifindex;
	uint32_t parent;
};

static int find_bpf_attribute(const struct nlattr *attribute, void *context)
{
	struct v2m_tc_filter *filter = context;

	if (mnl_attr_get_type(attribute) == TCA_BPF_ID)
		filter->program_id = mnl_attr_get_u32(attribute);
	if (mnl_attr_get_type(attribute) == TCA_BPF_NAME)
		snprintf(filter->name, sizeof(filter->name), "%s", mnl_attr_get_str(attribute));
	return MNL_CB_OK;
}

static int see_filter(const struct nlmsghdr *header, void *context)
{
	const struct tcmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *found[TCA_MAX + 1] = {};
	struct filter_list *list = context;
	struct v2m_tc_filter filter = {
		.handle = message->tcm_handle,
		.priority = (uint16_t)(message->tcm_info >> 16),
		.protocol = (uint16_t)message->tcm_info,
	};
	struct v2m_tc_filter *grown;

	if (message->tcm_ifindex != (int)list->ifindex || message->tcm_parent != list->parent)
		return MNL_CB_OK;
	mnl_attr_parse(header, sizeof(*message), find_attribute, found);
	if (found[TCA_CHAIN] && mnl_attr_get_u32(found[TCA_CHAIN]) != 0)
		return MNL_CB_OK;
	filter.bpf = found[TCA_KIND] && strcmp(mnl_attr_get_str(found[TCA_KIND]), "bpf") == 0;
	if (filter.bpf && found[TCA_OPTIONS])
		mnl_attr_parse_nested(found[TCA_OPTIONS], find_bpf_attribute, &filter);
	grown = realloc(list->filters, (list->count + 1) * sizeof(*grown));
	if (!grown) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	list->filters = grown;
	list->filters[list->count++] = filter;
	return MNL_CB_OK;
}

int v2m_tc_filters(uint32_t ifindex, uint32_t minor, struct v2m_tc_filter **filters, size_t *count)
{
	char request[MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct tcmsg))];
	struct filter_list list = { .ifindex = ifindex, .parent = TC_H_MAKE(TC_H_CLSACT, minor) };
	int result;

	make_request(request, RTM_GETTFILTER, ifindex)->tcm_parent = list.parent;
	result = dump((struct nlmsghdr *)request, see_filter, &list);
	if (result) {
		free(list.filters);
		return result;
	}
	*filters = list.filters;
	*count = list.count;
	return 0;
}
