// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/nat_rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/macros.h"
#include "base/transport.h"
#include "netlink/attribute.h"
#include "paths/nat_chains.h"
#include "paths/nat_lookup.h"
#include "paths/nat_reading.h"
#include "paths/xt_nat.h"

/* A rule while its expressions are read. */
struct reader {
	struct v2m_nat_reading reading;
	const struct v2m_nat_rule_scope *scope;
	struct v2m_nat_sets sets;
};

/* The bytes of NFTA_DATA_VALUE in a nest. NULL: it has none. */
static const uint8_t *get_value(const struct nlattr *nest, size_t *length)
{
	v2m_attributes data;

	v2m_attributes_of_nest(nest, data);
	if (!data[NFTA_DATA_VALUE])
		return NULL;
	*length = mnl_attr_get_payload_len(data[NFTA_DATA_VALUE]);
	return mnl_attr_get_payload(data[NFTA_DATA_VALUE]);
}

static uint16_t port_of(const uint8_t *value)
{
	return (uint16_t)(value[0] << 8 | value[1]);
}

/* The protocol of IPv4, or the next header of IPv6; and destinations. */
static enum v2m_nat_holds network_field(uint32_t offset, uint32_t length)
{
	if (length == 1 && (offset == 9 || offset == 6))
		return V2M_HOLDS_PROTOCOL;
	if (length == 4 && offset == 16)
		return V2M_HOLDS_ADDRESS;
	if (length == 16 && offset == 24)
		return V2M_HOLDS_ADDRESS6;
	return length == 1 && offset == 16 ? V2M_HOLDS_ADDRESS_HEAD : V2M_HOLDS_UNKNOWN;
}

static void read_payload(struct v2m_nat_reading *reading, v2m_attributes data)
{
	uint32_t base = v2m_nat_u32(data[NFTA_PAYLOAD_BASE]);
	uint32_t offset = v2m_nat_u32(data[NFTA_PAYLOAD_OFFSET]);
	uint32_t length = v2m_nat_u32(data[NFTA_PAYLOAD_LEN]);
	enum v2m_nat_holds field = V2M_HOLDS_UNKNOWN;

	if (base == NFT_PAYLOAD_TRANSPORT_HEADER && offset == 2 && length == 2)
		field = V2M_HOLDS_PORT;
	else if (base == NFT_PAYLOAD_NETWORK_HEADER)
		field = network_field(offset, length);
	v2m_nat_hold(reading, v2m_nat_register(data[NFTA_PAYLOAD_DREG]), field);
}

/* Conditions about the device do not tell senders apart: they keep a rule from the traffic of
 * containers. */
static bool is_about_devices(uint32_t key)
{
	return key == NFT_META_IIF || key == NFT_META_IIFTYPE;
}

static void read_meta(struct v2m_nat_reading *reading, v2m_attributes data)
{
	uint32_t key = v2m_nat_u32(data[NFTA_META_KEY]);

	if (!data[NFTA_META_DREG])
		return;
	v2m_nat_hold(reading, v2m_nat_register(data[NFTA_META_DREG]),
		     key == NFT_META_L4PROTO   ? V2M_HOLDS_PROTOCOL
		     : key == NFT_META_NFPROTO ? V2M_HOLDS_FAMILY
		     : key == NFT_META_IIFNAME ? V2M_HOLDS_DEVICE_NAME
		     : is_about_devices(key)   ? V2M_HOLDS_DEVICE
					       : V2M_HOLDS_UNKNOWN);
}

static void read_fib(struct v2m_nat_reading *reading, v2m_attributes data)
{
	bool is_kind = v2m_nat_u32(data[NFTA_FIB_RESULT]) == NFT_FIB_RESULT_ADDRTYPE &&
		       v2m_nat_u32(data[NFTA_FIB_FLAGS]) == NFTA_FIB_F_DADDR;

	v2m_nat_hold(reading, v2m_nat_register(data[NFTA_FIB_DREG]),
		     is_kind ? V2M_HOLDS_ADDRESS_KIND : V2M_HOLDS_UNKNOWN);
}

/* One of several servers is drawn. If there is one, it is that one. */
static void read_numgen(struct v2m_nat_reading *reading, v2m_attributes data)
{
	static const uint8_t zero[4];
	uint32_t to = v2m_nat_register(data[NFTA_NG_DREG]);

	v2m_nat_hold(reading, to, V2M_HOLDS_UNKNOWN);
	if (v2m_nat_u32(data[NFTA_NG_MODULUS]) == 1 && !v2m_nat_u32(data[NFTA_NG_OFFSET]))
		v2m_nat_hold_value(reading, to, zero, sizeof(zero));
}

static void read_comparison(struct v2m_nat_reading *reading, v2m_attributes data)
{
	uint32_t from = v2m_nat_register(data[NFTA_CMP_SREG]);
	size_t length = 0;
	const uint8_t *value = get_value(data[NFTA_CMP_DATA], &length);

	if (from == V2M_NAT_REGISTERS || !value)
		reading->rule->clear = false;
	else
		v2m_nat_demand(reading, reading->holds[from], v2m_nat_u32(data[NFTA_CMP_OP]), value,
			       length);
}

static void read_range(struct v2m_nat_reading *reading, v2m_attributes data)
{
	uint32_t from = v2m_nat_register(data[NFTA_RANGE_SREG]);
	size_t first_length = 0;
	size_t last_length = 0;
	const uint8_t *first = get_value(data[NFTA_RANGE_FROM_DATA], &first_length);
	const uint8_t *last = get_value(data[NFTA_RANGE_TO_DATA], &last_length);

	if (from == V2M_NAT_REGISTERS || reading->holds[from] != V2M_HOLDS_PORT ||
	    first_length < 2 || last_length < 2 ||
	    v2m_nat_u32(data[NFTA_RANGE_OP]) != NFT_RANGE_EQ) {
		reading->rule->clear = false;
		return;
	}
	v2m_nat_demand_ports(reading, port_of(first), port_of(last));
}

/* A rule that leads to a chain, or ends the present one, has a verdict in place of a value. */
static void read_verdict(struct reader *reader, const struct nlattr *nest)
{
	v2m_attributes data;
	v2m_attributes verdict;
	uint32_t chain = 0;

	v2m_attributes_of_nest(nest, data);
	if (!data[NFTA_DATA_VERDICT])
		return;
	v2m_attributes_of_nest(data[NFTA_DATA_VERDICT], verdict);
	if (verdict[NFTA_VERDICT_CHAIN])
		chain = reader->scope->find_chain(
			reader->scope->context, v2m_attribute_string(verdict[NFTA_VERDICT_CHAIN]));
	v2m_nat_verdict_read(reader->reading.rule, v2m_nat_u32(verdict[NFTA_VERDICT_CODE]), chain);
}

static void read_immediate(struct reader *reader, v2m_attributes data)
{
	uint32_t to = v2m_nat_register(data[NFTA_IMMEDIATE_DREG]);
	size_t length = 0;
	const uint8_t *value = get_value(data[NFTA_IMMEDIATE_DATA], &length);

	if (!value)
		read_verdict(reader, data[NFTA_IMMEDIATE_DATA]);
	else if (length <= 16)
		v2m_nat_hold_value(&reader->reading, to, value, length);
}

/* The bytes that count registers hold. NULL: they hold something else. */
static const uint8_t *find_value(const struct v2m_nat_reading *reading, uint32_t from,
				 uint32_t count)
{
	if (from + count > V2M_NAT_REGISTERS)
		return NULL;
	for (uint32_t i = from; i < from + count; i++)
		if (reading->holds[i] != V2M_HOLDS_VALUE)
			return NULL;
	return reading->values + (size_t)from * 4;
}

static void read_target(struct v2m_nat_reading *reading, const struct nlattr *least,
			const struct nlattr *most)
{
	uint32_t at = v2m_nat_register(least);
	const uint8_t *first = find_value(reading, at, 1);
	const uint8_t *last = most ? find_value(reading, v2m_nat_register(most), 1) : first;

	if (!least)
		return;
	if (at != V2M_NAT_REGISTERS && reading->holds[at] == V2M_HOLDS_MAPPED_PORT) {
		reading->rule->mapped = true;
		return;
	}
	if (!first || !last) {
		reading->rule->clear = false;
		reading->rule->opaque = true;
		return;
	}
	reading->rule->target.first = port_of(first);
	reading->rule->target.last = port_of(last);
}

/* The last address of a range of servers is another one than the first. */
static void read_address(struct v2m_nat_reading *reading, v2m_attributes data)
{
	bool is_ipv6 = v2m_nat_u32(data[NFTA_NAT_FAMILY]) == NFPROTO_IPV6;
	uint32_t count = is_ipv6 ? 4 : 1;
	const struct nlattr *most = data[NFTA_NAT_REG_ADDR_MAX];
	const uint8_t *first =
		find_value(reading, v2m_nat_register(data[NFTA_NAT_REG_ADDR_MIN]), count);
	const uint8_t *last = most ? find_value(reading, v2m_nat_register(most), count) : first;
	uint8_t *address = reading->rule->address;

	if (!data[NFTA_NAT_REG_ADDR_MIN])
		return;
	reading->rule->elsewhere = true;
	v2m_nat_demand_family(reading, NFT_CMP_EQ, (uint8_t)v2m_nat_u32(data[NFTA_NAT_FAMILY]));
	if (!first || !last || memcmp(first, last, (size_t)count * 4) != 0) {
		reading->rule->clear = false;
	} else if (is_ipv6) {
		memcpy(address, first, 16);
	} else {
		address[10] = address[11] = 0xff;
		memcpy(address + 12, first, 4);
	}
}

static void read_redirect(struct v2m_nat_reading *reading, v2m_attributes data)
{
	reading->rule->changes = true;
	read_target(reading, data[NFTA_REDIR_REG_PROTO_MIN], data[NFTA_REDIR_REG_PROTO_MAX]);
}

static void read_nat(struct v2m_nat_reading *reading, v2m_attributes data)
{
	if (v2m_nat_u32(data[NFTA_NAT_TYPE]) != NFT_NAT_DNAT)
		return;
	reading->rule->changes = true;
	read_address(reading, data);
	read_target(reading, data[NFTA_NAT_REG_PROTO_MIN], data[NFTA_NAT_REG_PROTO_MAX]);
}

static int read_match(struct v2m_nat_reading *reading, v2m_attributes data)
{
	int result;

	if (!data[NFTA_MATCH_NAME] || !data[NFTA_MATCH_INFO]) {
		reading->rule->clear = false;
		return 0;
	}
	result = v2m_xt_match_read(v2m_attribute_string(data[NFTA_MATCH_NAME]),
				   mnl_attr_get_payload(data[NFTA_MATCH_INFO]),
				   mnl_attr_get_payload_len(data[NFTA_MATCH_INFO]),
				   &reading->rule->ports);
	if (result == -EINVAL)
		reading->rule->clear = false;
	return result == -EINVAL ? 0 : result;
}

static void read_xt_target(struct v2m_nat_reading *reading, v2m_attributes data)
{
	if (data[NFTA_TARGET_NAME] && data[NFTA_TARGET_INFO])
		v2m_xt_target_read(v2m_attribute_string(data[NFTA_TARGET_NAME]),
				   v2m_nat_u32(data[NFTA_TARGET_REV]),
				   mnl_attr_get_payload(data[NFTA_TARGET_INFO]),
				   mnl_attr_get_payload_len(data[NFTA_TARGET_INFO]), reading->rule);
}

/* Expressions that demand nothing, and change nothing. */
static bool is_harmless(const char *name)
{
	static const char *const names[] = { "counter", "log", "comment" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* What is not understood may have changed any register. */
static void read_other(struct v2m_nat_reading *reading, const char *name)
{
	if (is_harmless(name))
		return;
	reading->rule->clear = false;
	memset(reading->holds, 0, sizeof(reading->holds));
}

static int read_expression(struct reader *reader, const char *name, v2m_attributes data)
{
	struct v2m_nat_reading *reading = &reader->reading;

	if (strcmp(name, "payload") == 0)
		read_payload(reading, data);
	else if (strcmp(name, "meta") == 0)
		read_meta(reading, data);
	else if (strcmp(name, "cmp") == 0)
		read_comparison(reading, data);
	else if (strcmp(name, "range") == 0)
		read_range(reading, data);
	else if (strcmp(name, "lookup") == 0)
		return v2m_nat_lookup_read(reading, reader->scope, &reader->sets, data);
	else if (strcmp(name, "immediate") == 0)
		read_immediate(reader, data);
	else if (strcmp(name, "redir") == 0)
		read_redirect(reading, data);
	else if (strcmp(name, "nat") == 0)
		read_nat(reading, data);
	else if (strcmp(name, "fib") == 0)
		read_fib(reading, data);
	else if (strcmp(name, "numgen") == 0)
		read_numgen(reading, data);
	else if (strcmp(name, "match") == 0)
		return read_match(reading, data);
	else if (strcmp(name, "target") == 0)
		read_xt_target(reading, data);
	else
		read_other(reading, name);
	return 0;
}

static int read_expressions(struct reader *reader, const struct nlattr *expressions)
{
	const struct nlattr *element;
	int result = 0;

	mnl_attr_for_each_nested (element, expressions) {
		v2m_attributes expression;
		v2m_attributes data;

		v2m_attributes_of_nest(element, expression);
		if (!expression[NFTA_EXPR_NAME])
			continue;
		v2m_attributes_of_nest(expression[NFTA_EXPR_DATA], data);
		result = read_expression(reader, v2m_attribute_string(expression[NFTA_EXPR_NAME]),
					 data);
		if (result)
			return result;
	}
	return 0;
}

/* Leaves the ports of sets that other conditions leave. */
static int bound_ports(const struct v2m_nat_reading *reading)
{
	struct v2m_nat_ports_list *ports = &reading->rule->ports;
	const struct v2m_nat_ports all = { .first = reading->first, .last = reading->last };
	size_t kept = 0;

	if (!reading->bounded)
		return 0;
	if (!ports->count)
		return v2m_array_add(ports, all);
	for (size_t i = 0; i < ports->count; i++) {
		struct v2m_nat_ports both = ports->items[i];

		if (both.first < all.first)
			both.first = all.first;
		if (both.last > all.last)
			both.last = all.last;
		if (both.first <= both.last)
			ports->items[kept++] = both;
	}
	ports->count = kept;
	return 0;
}

/* One way through the sets of the rule. */
static int read_way(struct reader *reader, const struct nlattr *expressions, size_t choice,
		    struct v2m_nat_rules *rules)
{
	struct v2m_nat_rule rule = { .clear = true,
				     .families = reader->scope->families,
				     .transports = V2M_TCP | V2M_UDP,
				     .chain = reader->scope->chain };
	bool had_ports;
	int result;

	reader->reading = (struct v2m_nat_reading){
		.rule = &rule, .last = UINT16_MAX, .choice = choice, .ways = 1
	};
	result = read_expressions(reader, expressions);
	had_ports = rule.ports.count;
	if (!result)
		result = bound_ports(&reader->reading);
	if (!result && !reader->reading.never && (rule.ports.count || !had_ports) &&
	    v2m_nat_rule_matters(&rule)) {
		result = rules->count < V2M_NAT_RULES_MAX ? v2m_array_add(rules, rule) : -E2BIG;
		if (!result)
			return 0;
	}
	v2m_array_clear(&rule.ports);
	return result;
}

int v2m_nat_rule_read(const struct nlattr *expressions, const struct v2m_nat_rule_scope *scope,
		      struct v2m_nat_rules *rules)
{
	struct reader reader = { .scope = scope };
	size_t choice = 0;
	int result;

	do
		result = read_way(&reader, expressions, choice, rules);
	while (!result && ++choice < reader.reading.ways);
	v2m_nat_sets_clear(&reader.sets);
	return result;
}
