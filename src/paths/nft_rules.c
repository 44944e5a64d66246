// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/nft_rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "netlink/attribute.h"
#include "netlink/netlink.h"
#include "paths/nat_chains.h"
#include "paths/nat_rule.h"

#define NAME_SIZE 256
/* Each rule takes some 100 bytes. */
#define RULES_MAX 262144

/* An element of a set, or the end of an interval. */
struct element {
	uint16_t port;
	uint16_t target;
	bool ends;
};

struct elements {
	struct element *items;
	size_t count;
	size_t capacity;
	bool other; /* its keys are not ports, or its data are neither ports nor absent */
};

struct chain {
	uint8_t family;
	bool base;     /* the kernel begins there */
	bool arriving; /* it begins there with packets that arrive */
	int32_t priority;
	char table[NAME_SIZE];
	char name[NAME_SIZE];
};

struct chains {
	struct chain *items;
	size_t count;
	size_t capacity;
};

struct reader {
	struct v2m_netlink rules;
	struct v2m_netlink sets; /* asked while an answer of the other one is read */
	struct chains chains;    /* ascending */
	uint8_t family;          /* of the present rule */
	char table[NAME_SIZE];
	struct v2m_nat_rules *found;
};

/* Returns the family. */
static uint8_t parse(const struct nlmsghdr *message, v2m_attributes table)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);

	v2m_attributes_of_message(message, sizeof(*header), table);
	return header->nfgen_family;
}

static void copy_name(char name[NAME_SIZE], const struct nlattr *attribute)
{
	snprintf(name, NAME_SIZE, "%s", attribute ? mnl_attr_get_str(attribute) : "");
}

static struct nlmsghdr *begin_dump(char *buffer, uint16_t type, uint8_t family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	request->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	*header = (struct nfgenmsg){ .nfgen_family = family, .version = NFNETLINK_V0 };
	return request;
}

/* --- sets --- */

static void forget_elements(void *context)
{
	((struct elements *)context)->count = 0;
}

static const struct nlattr *find_value(const struct nlattr *nest, uint16_t *length)
{
	const struct nlattr *attribute;

	*length = 0;
	if (!nest)
		return NULL;
	mnl_attr_for_each_nested (attribute, nest) {
		if (mnl_attr_get_type(attribute) != NFTA_DATA_VALUE)
			continue;
		*length = mnl_attr_get_payload_len(attribute);
		return attribute;
	}
	return NULL;
}

static uint16_t port_of(const struct nlattr *value)
{
	const uint8_t *bytes = mnl_attr_get_payload(value);

	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static int add_element(struct elements *elements, const struct nlattr *nest)
{
	const struct nlattr *key;
	const struct nlattr *data;
	v2m_attributes parts;
	struct element made = { 0 };
	uint16_t length;

	v2m_attributes_of_nest(nest, parts);
	key = find_value(parts[NFTA_SET_ELEM_KEY], &length);
	if (!key || length != sizeof(uint16_t)) {
		elements->other = true;
		return 0;
	}
	made.port = port_of(key);
	made.ends = parts[NFTA_SET_ELEM_FLAGS] &&
		    ntohl(mnl_attr_get_u32(parts[NFTA_SET_ELEM_FLAGS])) & NFT_SET_ELEM_INTERVAL_END;
	data = find_value(parts[NFTA_SET_ELEM_DATA], &length);
	if (data && length == sizeof(uint16_t))
		made.target = port_of(data);
	else if (parts[NFTA_SET_ELEM_DATA])
		elements->other = true;
	return v2m_array_add(elements, made);
}

static int visit_elements(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *element;
	v2m_attributes list;

	parse(message, list);
	if (!list[NFTA_SET_ELEM_LIST_ELEMENTS])
		return 0;
	mnl_attr_for_each_nested (element, list[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		int result = add_element(context, element);

		if (result)
			return result;
	}
	return 0;
}

/* By port; the end of an interval comes before the next one's beginning. */
static int compare_elements(const void *left, const void *right)
{
	const struct element *a = left;
	const struct element *b = right;

	return a->port != b->port ? (int)a->port - (int)b->port : (int)b->ends - (int)a->ends;
}

/* Elements of a set with intervals are their beginnings, and the ports behind their ends. */
static int add_ports(struct elements *elements, struct v2m_nat_ports_list *ports)
{
	bool intervals = false;
	int result = 0;

	if (elements->count)
		qsort(elements->items, elements->count, sizeof(*elements->items), compare_elements);
	for (size_t i = 0; i < elements->count; i++)
		intervals = intervals || elements->items[i].ends;
	for (size_t i = 0; i < elements->count && !result; i++) {
		const struct element *element = &elements->items[i];
		struct v2m_nat_ports made = { .first = element->port,
					      .last = element->port,
					      .target = { .first = element->target,
							  .last = element->target } };

		if (element->ends)
			continue;
		if (intervals)
			made.last = i + 1 < elements->count
					    ? (uint16_t)(elements->items[i + 1].port - 1)
					    : UINT16_MAX;
		result = v2m_array_add(ports, made);
	}
	return result;
}

static int read_set(void *context, const char *name, struct v2m_nat_ports_list *ports)
{
	struct reader *reader = context;
	char buffer[1024];
	struct nlmsghdr *request = begin_dump(buffer, NFT_MSG_GETSETELEM, reader->family);
	struct elements elements = { 0 };
	const struct v2m_netlink_visitor visitor = { visit_elements, forget_elements, &elements };
	int result;

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, reader->table);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, name);
	result = v2m_netlink_ask(&reader->sets, request, &visitor);
	if (!result)
		result = elements.other ? -EINVAL : add_ports(&elements, ports);
	/* The set has just gone, and its rule will be next. */
	if (result == -ENOENT)
		result = -EINVAL;
	v2m_array_clear(&elements);
	return result;
}

/* --- chains and rules --- */

static void forget_chains(void *context)
{
	((struct reader *)context)->chains.count = 0;
}

static int visit_chain(const struct nlmsghdr *message, void *context)
{
	struct reader *reader = context;
	v2m_attributes chain;
	v2m_attributes hook;
	struct chain *made;
	uint8_t family = parse(message, chain);

	made = v2m_array_append(&reader->chains);
	if (!made)
		return -ENOMEM;
	made->family = family;
	copy_name(made->table, chain[NFTA_CHAIN_TABLE]);
	copy_name(made->name, chain[NFTA_CHAIN_NAME]);
	if (!chain[NFTA_CHAIN_HOOK])
		return 0;
	v2m_attributes_of_nest(chain[NFTA_CHAIN_HOOK], hook);
	made->base = true;
	made->arriving = hook[NFTA_HOOK_HOOKNUM] &&
			 ntohl(mnl_attr_get_u32(hook[NFTA_HOOK_HOOKNUM])) == NF_INET_PRE_ROUTING;
	if (hook[NFTA_HOOK_PRIORITY])
		made->priority = (int32_t)ntohl(mnl_attr_get_u32(hook[NFTA_HOOK_PRIORITY]));
	return 0;
}

static int compare_chains(const void *left, const void *right)
{
	const struct chain *a = left;
	const struct chain *b = right;
	int order = (int)a->family - (int)b->family;

	order = order ? order : strcmp(a->table, b->table);
	return order ? order : strcmp(a->name, b->name);
}

/* The number of a chain in the table of the present rule, from 1. 0: there is none. */
static uint32_t find_chain(void *context, const char *name)
{
	struct reader *reader = context;
	struct chain wanted = { .family = reader->family };
	const struct chain *found;

	snprintf(wanted.table, sizeof(wanted.table), "%s", reader->table);
	snprintf(wanted.name, sizeof(wanted.name), "%s", name);
	found = reader->chains.count ? bsearch(&wanted, reader->chains.items, reader->chains.count,
					       sizeof(wanted), compare_chains)
				     : NULL;
	return found ? (uint32_t)(found - reader->chains.items) + 1 : 0;
}

/* Arriving packets come to the chains in the order of their priorities. */
static int add_root(struct v2m_nat_roots *roots, uint32_t number, int32_t priority)
{
	const struct v2m_nat_root root = { number, priority };
	size_t at = roots->count;

	if (v2m_array_add(roots, root))
		return -ENOMEM;
	for (; at && roots->items[at - 1].priority > priority; at--)
		roots->items[at] = roots->items[at - 1];
	roots->items[at] = root;
	return 0;
}

static int follow_chains(struct reader *reader)
{
	struct v2m_nat_roots roots = { 0 };
	struct v2m_nat_roots others = { 0 };
	int result = 0;

	for (size_t i = 0; i < reader->chains.count && !result; i++) {
		const struct chain *chain = &reader->chains.items[i];

		if (chain->base)
			result = add_root(chain->arriving ? &roots : &others, (uint32_t)i + 1,
					  chain->priority);
	}
	if (!result)
		result = v2m_nat_chains_follow(reader->found, &roots, &others);
	v2m_array_clear(&roots);
	v2m_array_clear(&others);
	return result;
}

static void forget_rules(void *context)
{
	v2m_nat_rules_clear(((struct reader *)context)->found);
}

static int visit_rule(const struct nlmsghdr *message, void *context)
{
	struct reader *reader = context;
	const struct v2m_nat_rule_scope scope = { read_set, find_chain, reader };
	struct v2m_nat_rule rule;
	v2m_attributes parts;
	int result;

	reader->family = parse(message, parts);
	copy_name(reader->table, parts[NFTA_RULE_TABLE]);
	if (!parts[NFTA_RULE_EXPRESSIONS] || !parts[NFTA_RULE_CHAIN])
		return 0;
	result = v2m_nat_rule_read(parts[NFTA_RULE_EXPRESSIONS], &scope, &rule);
	if (reader->family == NFPROTO_IPV4 || reader->family == NFPROTO_IPV6)
		rule.families &= reader->family == NFPROTO_IPV4 ? V2M_NAT_IPV4 : V2M_NAT_IPV6;
	rule.chain = find_chain(reader, mnl_attr_get_str(parts[NFTA_RULE_CHAIN]));
	if (!result && v2m_nat_rule_matters(&rule)) {
		result = reader->found->count < RULES_MAX ? v2m_array_add(reader->found, rule)
							  : -E2BIG;
		if (!result)
			return 0;
	}
	v2m_array_clear(&rule.ports);
	return result;
}

static int read_all(struct reader *reader)
{
	const struct v2m_netlink_visitor chains = { visit_chain, forget_chains, reader };
	const struct v2m_netlink_visitor rules = { visit_rule, forget_rules, reader };
	char buffer[64];
	int result = v2m_netlink_ask(&reader->rules,
				     begin_dump(buffer, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC), &chains);

	/* The kernel has no such subsystem. */
	if (result == -EINVAL || result == -ENOENT)
		return -EOPNOTSUPP;
	if (result)
		return result;
	if (reader->chains.count)
		qsort(reader->chains.items, reader->chains.count, sizeof(*reader->chains.items),
		      compare_chains);
	result = v2m_netlink_ask(&reader->rules,
				 begin_dump(buffer, NFT_MSG_GETRULE, NFPROTO_UNSPEC), &rules);
	return result ? result : follow_chains(reader);
}

int v2m_nft_rules_read(struct v2m_nat_rules *rules)
{
	struct reader reader = { .found = rules, .sets.fd = -1 };
	int result = v2m_netlink_open(NETLINK_NETFILTER, &reader.rules);

	if (result)
		return result == -EPROTONOSUPPORT ? -EOPNOTSUPP : result;
	result = v2m_netlink_open(NETLINK_NETFILTER, &reader.sets);
	if (!result)
		result = read_all(&reader);
	v2m_array_clear(&reader.chains);
	v2m_netlink_close(&reader.rules);
	v2m_netlink_close(&reader.sets);
	return result;
}

int v2m_nft_watch_open(void)
{
	struct v2m_netlink netlink;
	int result = v2m_netlink_open(NETLINK_NETFILTER, &netlink);

	if (result)
		return result;
	result = v2m_netlink_join(&netlink, NFNLGRP_NFTABLES);
	if (result) {
		v2m_netlink_close(&netlink);
		return result;
	}
	return netlink.fd;
}

bool v2m_nft_watch_drain(int fd)
{
	char buffer[8192];
	bool any = false;

	/* ENOBUFS: some were lost. All rules are read again anyway. */
	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) >= 0 || errno == ENOBUFS ||
	       errno == EINTR)
		any = true;
	return any;
}
