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
#include "paths/nft_sets.h"

#define NAME_SIZE 256

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
	snprintf(name, NAME_SIZE, "%s", attribute ? v2m_attribute_string(attribute) : "");
}

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

static int read_set(void *context, const char *name, struct v2m_nat_set *set)
{
	struct reader *reader = context;
	const struct v2m_nft_set_query query = {
		.family = reader->family,
		.table = reader->table,
		.name = name,
		.find_chain = find_chain,
		.context = reader,
	};

	return v2m_nft_set_read(&reader->sets, &query, set);
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
	struct v2m_nat_rule_scope scope = { .families = V2M_NAT_BOTH,
					    .read_set = read_set,
					    .find_chain = find_chain,
					    .context = reader };
	v2m_attributes parts;

	reader->family = parse(message, parts);
	copy_name(reader->table, parts[NFTA_RULE_TABLE]);
	if (!parts[NFTA_RULE_EXPRESSIONS] || !parts[NFTA_RULE_CHAIN])
		return 0;
	if (reader->family == NFPROTO_IPV4 || reader->family == NFPROTO_IPV6)
		scope.families = reader->family == NFPROTO_IPV4 ? V2M_NAT_IPV4 : V2M_NAT_IPV6;
	scope.chain = find_chain(reader, v2m_attribute_string(parts[NFTA_RULE_CHAIN]));
	return v2m_nat_rule_read(parts[NFTA_RULE_EXPRESSIONS], &scope, reader->found);
}

static int read_all(struct reader *reader)
{
	const struct v2m_netlink_visitor chains = { visit_chain, forget_chains, reader };
	const struct v2m_netlink_visitor rules = { visit_rule, forget_rules, reader };
	char buffer[64];
	int result = v2m_netlink_ask(&reader->rules,
				     v2m_nft_begin_dump(buffer, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC),
				     &chains);

	/* The kernel has no such subsystem. */
	if (result == -EINVAL || result == -ENOENT)
		return -EOPNOTSUPP;
	if (result)
		return result;
	if (reader->chains.count)
		qsort(reader->chains.items, reader->chains.count, sizeof(*reader->chains.items),
		      compare_chains);
	result = v2m_netlink_ask(&reader->rules,
				 v2m_nft_begin_dump(buffer, NFT_MSG_GETRULE, NFPROTO_UNSPEC),
				 &rules);
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
