// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "netlink/tc_netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/gen_stats.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "netlink/attribute.h"
#include "netlink/netlink.h"

/* Room for the name of a kind of qdisc or filter: IFNAMSIZ in the kernel, with the 0. */
#define KIND_LEN 16

/* Visits all qdiscs or filters that the kernel lists for the link and the parent. ifindex 0: the
 * qdiscs of all links. */
static int dump_link(uint16_t type, uint32_t ifindex, uint32_t parent,
		     const struct v2m_netlink_visitor *visitor)
{
	_Alignas(struct nlmsghdr) char buffer[MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct tcmsg))];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct tcmsg *query = mnl_nlmsg_put_extra_header(request, sizeof(*query));
	struct v2m_netlink netlink;
	int result = v2m_netlink_open(NETLINK_ROUTE, &netlink);

	if (result)
		return result;
	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	query->tcm_family = AF_UNSPEC;
	query->tcm_ifindex = (int)ifindex;
	query->tcm_parent = parent;
	result = v2m_netlink_ask(&netlink, request, visitor);
	v2m_netlink_close(&netlink);
	return result;
}

/* A qdisc or filter and its attributes by type. */
struct tc_object {
	const struct tcmsg *message;
	const struct nlattr *attributes[TCA_MAX + 1];
};

static int find_attribute(const struct nlattr *attribute, void *context)
{
	struct tc_object *object = context;
	uint16_t type = mnl_attr_get_type(attribute);

	if (type <= TCA_MAX)
		object->attributes[type] = attribute;
	return MNL_CB_OK;
}

static bool read_object(const struct nlmsghdr *header, struct tc_object *object)
{
	if (mnl_nlmsg_get_payload_len(header) < sizeof(*object->message))
		return false;
	*object = (struct tc_object){ .message = mnl_nlmsg_get_payload(header) };
	return mnl_attr_parse(header, sizeof(*object->message), find_attribute, object) ==
	       MNL_CB_OK;
}

static bool is_of_kind(const struct tc_object *object, const char *kind)
{
	const struct nlattr *attribute = object->attributes[TCA_KIND];
	char text[KIND_LEN] = "";

	if (attribute)
		v2m_attribute_text(attribute, text, sizeof(text));
	return strcmp(text, kind) == 0;
}

struct hook_search {
	uint32_t ifindex;
	enum v2m_tc_hook hook;
};

static void forget_hook(void *context)
{
	((struct hook_search *)context)->hook = V2M_TC_NONE;
}

static int visit_qdisc(const struct nlmsghdr *header, void *context)
{
	struct hook_search *search = context;
	struct tc_object qdisc;

	/* Older kernels list the qdiscs of all links, whichever was asked for. */
	if (!read_object(header, &qdisc) || qdisc.message->tcm_ifindex != (int)search->ifindex ||
	    qdisc.message->tcm_parent != TC_H_CLSACT || !qdisc.attributes[TCA_KIND])
		return 0;
	search->hook = is_of_kind(&qdisc, "clsact") ? V2M_TC_CLSACT : V2M_TC_INGRESS;
	return 0;
}

int v2m_tc_hook(uint32_t ifindex, enum v2m_tc_hook *hook)
{
	struct hook_search search = { .ifindex = ifindex };
	const struct v2m_netlink_visitor visitor = { visit_qdisc, forget_hook, &search };
	int result = dump_link(RTM_GETQDISC, ifindex, 0, &visitor);

	if (result == 0)
		*hook = search.hook;
	return result;
}

struct filter_list {
	V2M_ARRAY(struct v2m_tc_filter) filters;
	uint32_t ifindex;
	uint32_t parent;
};

static void forget_filters(void *context)
{
	((struct filter_list *)context)->filters.count = 0;
}

static int read_bpf_attribute(const struct nlattr *attribute, void *context)
{
	struct v2m_tc_filter *filter = context;

	if (mnl_attr_get_type(attribute) == TCA_BPF_ID)
		filter->program_id = v2m_attribute_u32(attribute);
	if (mnl_attr_get_type(attribute) == TCA_BPF_NAME)
		v2m_attribute_text(attribute, filter->name, sizeof(filter->name));
	return MNL_CB_OK;
}

static int visit_filter(const struct nlmsghdr *header, void *context)
{
	struct filter_list *list = context;
	struct v2m_tc_filter filter;
	struct tc_object object;
	const struct nlattr *chain;

	if (!read_object(header, &object) || object.message->tcm_ifindex != (int)list->ifindex ||
	    object.message->tcm_parent != list->parent)
		return 0;
	chain = object.attributes[TCA_CHAIN];
	if (chain && v2m_attribute_u32(chain) != 0)
		return 0;
	filter = (struct v2m_tc_filter){
		.handle = object.message->tcm_handle,
		.priority = (uint16_t)(object.message->tcm_info >> 16),
		.protocol = (uint16_t)object.message->tcm_info,
		.bpf = is_of_kind(&object, "bpf"),
	};
	if (filter.bpf && object.attributes[TCA_OPTIONS])
		mnl_attr_parse_nested(object.attributes[TCA_OPTIONS], read_bpf_attribute, &filter);
	return v2m_array_add(&list->filters, filter);
}

int v2m_tc_filters(uint32_t ifindex, uint32_t minor, struct v2m_tc_filter **filters, size_t *count)
{
	struct filter_list list = { .ifindex = ifindex, .parent = TC_H_MAKE(TC_H_CLSACT, minor) };
	const struct v2m_netlink_visitor visitor = { visit_filter, forget_filters, &list };
	int result = dump_link(RTM_GETTFILTER, ifindex, list.parent, &visitor);

	if (result) {
		v2m_array_clear(&list.filters);
		return result;
	}
	*filters = list.filters.items;
	*count = list.filters.count;
	return 0;
}

struct queue_list {
	V2M_ARRAY(struct v2m_tc_queue) queues;
};

static void forget_queues(void *context)
{
	((struct queue_list *)context)->queues.count = 0;
}

static int read_statistics(const struct nlattr *attribute, void *context)
{
	struct v2m_tc_queue *queue = context;
	struct gnet_stats_basic basic = { 0 };
	struct gnet_stats_queue waiting = { 0 };

	switch (mnl_attr_get_type(attribute)) {
	case TCA_STATS_BASIC:
		v2m_attribute_copy(attribute, &basic, sizeof(basic));
		queue->bytes = basic.bytes;
		queue->packets = basic.packets;
		break;
	case TCA_STATS_PKT64: /* behind TCA_STATS_BASIC, if its 32 bits were too few */
		v2m_attribute_copy(attribute, &queue->packets, sizeof(queue->packets));
		break;
	case TCA_STATS_QUEUE:
		v2m_attribute_copy(attribute, &waiting, sizeof(waiting));
		queue->backlog_bytes = waiting.backlog;
		queue->backlog_packets = waiting.qlen;
		queue->drops = waiting.drops;
		queue->requeues = waiting.requeues;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static struct v2m_tc_queue *find_queue(const struct queue_list *list, uint32_t ifindex)
{
	for (size_t i = list->queues.count; i-- > 0;)
		if (list->queues.items[i].ifindex == ifindex)
			return &list->queues.items[i];
	return NULL;
}

/* A root qdisc's figures include those of the qdiscs below it. The kernel lists the root first. */
static int visit_queue(const struct nlmsghdr *header, void *context)
{
	struct queue_list *list = context;
	struct v2m_tc_queue queue = { 0 };
	struct v2m_tc_queue *known;
	struct tc_object qdisc;

	if (!read_object(header, &qdisc) || !qdisc.attributes[TCA_KIND])
		return 0;
	queue.ifindex = (uint32_t)qdisc.message->tcm_ifindex;
	queue.handle = qdisc.message->tcm_handle;
	v2m_attribute_text(qdisc.attributes[TCA_KIND], queue.kind, sizeof(queue.kind));
	if (qdisc.attributes[TCA_STATS2])
		mnl_attr_parse_nested(qdisc.attributes[TCA_STATS2], read_statistics, &queue);
	if (qdisc.message->tcm_parent == TC_H_ROOT)
		return v2m_array_add(&list->queues, queue);
	known = find_queue(list, queue.ifindex);
	if (known && qdisc.message->tcm_parent == TC_H_CLSACT)
		known->drops += queue.drops;
	return 0;
}

int v2m_tc_queues(struct v2m_tc_queue **queues, size_t *count)
{
	struct queue_list list = { 0 };
	const struct v2m_netlink_visitor visitor = { visit_queue, forget_queues, &list };
	int result = dump_link(RTM_GETQDISC, 0, 0, &visitor);

	if (result) {
		v2m_array_clear(&list.queues);
		return result;
	}
	*queues = list.queues.items;
	*count = list.queues.count;
	return 0;
}
