// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/nft_sets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "netlink/attribute.h"

/* Each element takes some 120 bytes. */
#define ELEMENTS_MAX 262144

/* Newer than the kernel headers of Debian 11: the end of the range of each field. */
#define SET_ELEM_KEY_END 10
/* The element that all other keys have. */
#define SET_ELEM_CATCHALL 2u

/* An element, or the end of an interval, which is a key that is not in it any more. */
struct part {
	struct v2m_nat_element element;
	bool ends;
	bool range; /* it says where it ends */
};

struct search {
	const struct v2m_nft_set_query *query;
	struct part *items;
	size_t count;
	size_t capacity;
};

struct nlmsghdr *v2m_nft_begin_dump(char *buffer, uint16_t type, uint8_t family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	request->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	*header = (struct nfgenmsg){ .nfgen_family = family, .version = NFNETLINK_V0 };
	return request;
}

/* Copies the bytes of NFTA_DATA_VALUE. Returns their number; 0 if there are none, or more than
 * size. */
static uint8_t copy_value(const struct nlattr *nest, uint8_t *to, size_t size)
{
	v2m_attributes data;
	size_t length;

	v2m_attributes_of_nest(nest, data);
	length = data[NFTA_DATA_VALUE] ? mnl_attr_get_payload_len(data[NFTA_DATA_VALUE]) : 0;
	if (!length || length > size)
		return 0;
	return (uint8_t)v2m_attribute_copy(data[NFTA_DATA_VALUE], to, size);
}

/* 0: there is none. */
static uint32_t read_u32(const struct nlattr *attribute)
{
	return attribute ? ntohl(v2m_attribute_u32(attribute)) : 0;
}

static void read_verdict(const struct v2m_nft_set_query *query, const struct nlattr *nest,
			 struct v2m_nat_element *element)
{
	v2m_attributes data;
	v2m_attributes verdict;

	v2m_attributes_of_nest(nest, data);
	element->verdict = data[NFTA_DATA_VERDICT];
	if (!element->verdict)
		return;
	v2m_attributes_of_nest(data[NFTA_DATA_VERDICT], verdict);
	element->code = read_u32(verdict[NFTA_VERDICT_CODE]);
	if (verdict[NFTA_VERDICT_CHAIN])
		element->chain = query->find_chain(
			query->context, v2m_attribute_string(verdict[NFTA_VERDICT_CHAIN]));
}

static int add_part(struct search *search, const struct nlattr *nest)
{
	struct part made = { 0 };
	struct v2m_nat_element *element = &made.element;
	v2m_attributes parts;
	uint32_t flags;
	uint8_t end;

	if (search->count == ELEMENTS_MAX)
		return -EINVAL;
	v2m_attributes_of_nest(nest, parts);
	flags = read_u32(parts[NFTA_SET_ELEM_FLAGS]);
	made.ends = flags & NFT_SET_ELEM_INTERVAL_END;
	element->any = flags & SET_ELEM_CATCHALL;
	element->key_length =
		copy_value(parts[NFTA_SET_ELEM_KEY], element->first, sizeof(element->first));
	memcpy(element->last, element->first, sizeof(element->last));
	end = copy_value(parts[SET_ELEM_KEY_END], element->last, sizeof(element->last));
	made.range = end;
	if (end && end != element->key_length)
		element->key_length = 0;
	element->data_length =
		copy_value(parts[NFTA_SET_ELEM_DATA], element->data, sizeof(element->data));
	read_verdict(search->query, parts[NFTA_SET_ELEM_DATA], element);
	return v2m_array_add(search, made);
}

static int visit_elements(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *element;
	v2m_attributes list;

	v2m_attributes_of_message(message, sizeof(struct nfgenmsg), list);
	if (!list[NFTA_SET_ELEM_LIST_ELEMENTS])
		return 0;
	mnl_attr_for_each_nested (element, list[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		int result = add_part(context, element);

		if (result)
			return result;
	}
	return 0;
}

static void forget_elements(void *context)
{
	((struct search *)context)->count = 0;
}

/* By key; the end of an interval comes before the next one's beginning. */
static int compare_parts(const void *left, const void *right)
{
	const struct part *a = left;
	const struct part *b = right;
	int order = memcmp(a->element.first, b->element.first, sizeof(a->element.first));

	return order ? order : (int)b->ends - (int)a->ends;
}

/* An interval ends before the next key. Only of ports the key before that one is known. */
static void close_interval(struct v2m_nat_element *element, const struct v2m_nat_element *next)
{
	unsigned end = next ? (unsigned)(next->first[0] << 8 | next->first[1]) : UINT16_MAX + 1u;

	if (element->key_length != 2 || (next && next->key_length != 2) || !end) {
		element->key_length = 0;
		return;
	}
	element->last[0] = (uint8_t)((end - 1) >> 8);
	element->last[1] = (uint8_t)(end - 1);
}

/* Elements of a set with intervals are their beginnings, and the keys behind their ends. */
static int add_elements(struct search *search, struct v2m_nat_set *set)
{
	bool intervals = false;
	int result = 0;

	if (search->count)
		qsort(search->items, search->count, sizeof(*search->items), compare_parts);
	for (size_t i = 0; i < search->count; i++)
		intervals = intervals || search->items[i].ends;
	for (size_t i = 0; i < search->count && !result; i++) {
		struct part *part = &search->items[i];

		if (part->ends)
			continue;
		if (intervals && !part->range && !part->element.any)
			close_interval(&part->element, i + 1 < search->count
							       ? &search->items[i + 1].element
							       : NULL);
		result = v2m_array_add(set, part->element);
	}
	return result;
}

int v2m_nft_set_read(struct v2m_netlink *netlink, const struct v2m_nft_set_query *query,
		     struct v2m_nat_set *set)
{
	char buffer[1024];
	struct nlmsghdr *request = v2m_nft_begin_dump(buffer, NFT_MSG_GETSETELEM, query->family);
	struct search search = { .query = query };
	const struct v2m_netlink_visitor visitor = { visit_elements, forget_elements, &search };
	int result;

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, query->table);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, query->name);
	result = v2m_netlink_ask(netlink, request, &visitor);
	if (!result)
		result = add_elements(&search, set);
	/* The set has just gone, and its rule will be next. */
	if (result == -ENOENT)
		result = -EINVAL;
	v2m_array_clear(&search);
	return result;
}
