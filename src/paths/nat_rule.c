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
#include "paths/xt_nat.h"

/* Registers are numbered by 4 bytes; 1 to 4 are older names of groups of four. */
#define REGISTERS 20

enum holds {
	UNKNOWN,
	DESTINATION_PORT,
	PROTOCOL,
	VALUE,
	MAPPED_PORT,
	ADDRESS_KIND,
	DEVICE,
	FAMILY,
};

/* A rule while its expressions are read. */
struct reading {
	struct v2m_nat_rule *rule;
	const struct v2m_nat_rule_scope *scope;
	enum holds holds[REGISTERS];
	uint8_t values[REGISTERS][16];
	uint16_t first;
	uint16_t last;
	bool bounded; /* first and last are demanded */
};

static uint32_t get_u32(const struct nlattr *attribute)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= 4
		       ? ntohl(mnl_attr_get_u32(attribute))
		       : 0;
}

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

/* Index of a register, or REGISTERS if there is none of that number. */
static uint32_t find_register(const struct nlattr *attribute)
{
	uint32_t number = get_u32(attribute);

	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return (number - NFT_REG_1) * 4;
	if (number >= NFT_REG32_00 && number - NFT_REG32_00 < REGISTERS)
		return number - NFT_REG32_00;
	return REGISTERS;
}

static uint16_t port_of(const uint8_t *value)
{
	return (uint16_t)(value[0] << 8 | value[1]);
}

static void read_payload(struct reading *reading, v2m_attributes data)
{
	uint32_t base = get_u32(data[NFTA_PAYLOAD_BASE]);
	uint32_t offset = get_u32(data[NFTA_PAYLOAD_OFFSET]);
	uint32_t length = get_u32(data[NFTA_PAYLOAD_LEN]);
	uint32_t to = find_register(data[NFTA_PAYLOAD_DREG]);

	if (to == REGISTERS)
		return;
	reading->holds[to] = UNKNOWN;
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER && offset == 2 && length == 2)
		reading->holds[to] = DESTINATION_PORT;
	/* The protocol of IPv4, or the next header of IPv6. */
	if (base == NFT_PAYLOAD_NETWORK_HEADER && length == 1 && (offset == 9 || offset == 6))
		reading->holds[to] = PROTOCOL;
}

/* Conditions about the device do not tell senders apart: they keep a rule from the traffic of
 * containers. */
static bool is_about_devices(uint32_t key)
{
	return key == NFT_META_IIF || key == NFT_META_IIFNAME || key == NFT_META_IIFTYPE;
}

static void read_meta(struct reading *reading, v2m_attributes data)
{
	uint32_t key = get_u32(data[NFTA_META_KEY]);
	uint32_t to = find_register(data[NFTA_META_DREG]);

	if (to == REGISTERS)
		return;
	reading->holds[to] = key == NFT_META_L4PROTO   ? PROTOCOL
			     : key == NFT_META_NFPROTO ? FAMILY
			     : is_about_devices(key)   ? DEVICE
						       : UNKNOWN;
}

static void compare_family(struct reading *reading, uint32_t op, uint8_t family)
{
	unsigned families = family == NFPROTO_IPV4   ? V2M_NAT_IPV4
			    : family == NFPROTO_IPV6 ? V2M_NAT_IPV6
						     : 0;

	reading->rule->families &= op == NFT_CMP_EQ ? families : ~families;
}

static void compare_protocol(struct reading *reading, uint32_t op, uint8_t protocol)
{
	unsigned transports = protocol == IPPROTO_TCP   ? V2M_TCP
			      : protocol == IPPROTO_UDP ? V2M_UDP
							: 0;

	if (op != NFT_CMP_EQ)
		reading->rule->clear = false;
	reading->rule->transports &= transports;
}

static void compare_port(struct reading *reading, uint32_t op, uint16_t port)
{
	reading->bounded = true;
	switch (op) {
	case NFT_CMP_EQ:
		reading->first = reading->last = port;
		break;
	case NFT_CMP_GTE:
		reading->first = port;
		break;
	case NFT_CMP_LTE:
		reading->last = port;
		break;
	default:
		reading->rule->clear = false;
	}
}

/* Packets to an address of this host are those that are counted. */
static void compare_kind(struct reading *reading, uint32_t op, const uint8_t *value)
{
	uint32_t kind;

	memcpy(&kind, value, sizeof(kind));
	if (op != NFT_CMP_EQ || kind != RTN_LOCAL)
		reading->rule->clear = false;
}

static void read_fib(struct reading *reading, v2m_attributes data)
{
	uint32_t to = find_register(data[NFTA_FIB_DREG]);

	if (to == REGISTERS)
		return;
	reading->holds[to] = UNKNOWN;
	if (get_u32(data[NFTA_FIB_RESULT]) == NFT_FIB_RESULT_ADDRTYPE &&
	    get_u32(data[NFTA_FIB_FLAGS]) == NFTA_FIB_F_DADDR)
		reading->holds[to] = ADDRESS_KIND;
}

static void read_comparison(struct reading *reading, v2m_attributes data)
{
	uint32_t from = find_register(data[NFTA_CMP_SREG]);
	uint32_t op = get_u32(data[NFTA_CMP_OP]);
	size_t length = 0;
	const uint8_t *value = get_value(data[NFTA_CMP_DATA], &length);

	if (from == REGISTERS || !value) {
		reading->rule->clear = false;
		return;
	}
	if (reading->holds[from] == DESTINATION_PORT && length >= 2)
		compare_port(reading, op, port_of(value));
	else if (reading->holds[from] == PROTOCOL && length >= 1)
		compare_protocol(reading, op, value[0]);
	else if (reading->holds[from] == ADDRESS_KIND && length >= 4)
		compare_kind(reading, op, value);
	else if (reading->holds[from] == FAMILY && length >= 1)
		compare_family(reading, op, value[0]);
	else if (reading->holds[from] == DEVICE)
		reading->rule->devices = true;
	else
		reading->rule->clear = false;
}

static void read_range(struct reading *reading, v2m_attributes data)
{
	uint32_t from = find_register(data[NFTA_RANGE_SREG]);
	size_t first_length = 0;
	size_t last_length = 0;
	const uint8_t *first = get_value(data[NFTA_RANGE_FROM_DATA], &first_length);
	const uint8_t *last = get_value(data[NFTA_RANGE_TO_DATA], &last_length);

	if (from == REGISTERS || reading->holds[from] != DESTINATION_PORT || first_length < 2 ||
	    last_length < 2 || get_u32(data[NFTA_RANGE_OP]) != NFT_RANGE_EQ) {
		reading->rule->clear = false;
		return;
	}
	reading->bounded = true;
	reading->first = port_of(first);
	reading->last = port_of(last);
}

static int read_lookup(struct reading *reading, v2m_attributes data)
{
	uint32_t from = find_register(data[NFTA_LOOKUP_SREG]);
	uint32_t to = find_register(data[NFTA_LOOKUP_DREG]);
	int result;

	if (data[NFTA_LOOKUP_DREG] && get_u32(data[NFTA_LOOKUP_DREG]) == NFT_REG_VERDICT)
		reading->rule->branches = true;
	if (from == REGISTERS || reading->holds[from] != DESTINATION_PORT ||
	    !data[NFTA_LOOKUP_SET] || get_u32(data[NFTA_LOOKUP_FLAGS])) {
		reading->rule->clear = false;
		return 0;
	}
	result = reading->scope->read_set(reading->scope->context,
					  mnl_attr_get_str(data[NFTA_LOOKUP_SET]),
					  &reading->rule->ports);
	if (result == -EINVAL) {
		reading->rule->clear = false;
		return 0;
	}
	if (data[NFTA_LOOKUP_DREG] && to != REGISTERS)
		reading->holds[to] = MAPPED_PORT;
	return result;
}

/* A rule that leads to a chain, or ends the present one, has a verdict in place of a value. */
static void read_verdict(struct reading *reading, const struct nlattr *nest)
{
	v2m_attributes data;
	v2m_attributes verdict;
	uint32_t code;

	v2m_attributes_of_nest(nest, data);
	if (!data[NFTA_DATA_VERDICT])
		return;
	v2m_attributes_of_nest(data[NFTA_DATA_VERDICT], verdict);
	code = get_u32(verdict[NFTA_VERDICT_CODE]);
	reading->rule->returns = code == (uint32_t)NFT_RETURN || code == (uint32_t)NFT_GOTO;
	reading->rule->ends = !verdict[NFTA_VERDICT_CHAIN] && !reading->rule->returns &&
			      code != (uint32_t)NFT_CONTINUE;
	if (verdict[NFTA_VERDICT_CHAIN])
		reading->rule->jump = reading->scope->find_chain(
			reading->scope->context, mnl_attr_get_str(verdict[NFTA_VERDICT_CHAIN]));
}

static void read_immediate(struct reading *reading, v2m_attributes data)
{
	uint32_t to = find_register(data[NFTA_IMMEDIATE_DREG]);
	size_t length = 0;
	const uint8_t *value = get_value(data[NFTA_IMMEDIATE_DATA], &length);

	if (!value)
		read_verdict(reading, data[NFTA_IMMEDIATE_DATA]);
	if (to == REGISTERS || !value || length > sizeof(reading->values[to]))
		return;
	reading->holds[to] = VALUE;
	memset(reading->values[to], 0, sizeof(reading->values[to]));
	memcpy(reading->values[to], value, length);
}

static void read_target(struct reading *reading, const struct nlattr *least,
			const struct nlattr *most)
{
	uint32_t first = find_register(least);
	uint32_t last = most ? find_register(most) : first;

	if (!least)
		return;
	if (first != REGISTERS && reading->holds[first] == MAPPED_PORT) {
		reading->rule->mapped = true;
		return;
	}
	if (first == REGISTERS || last == REGISTERS || reading->holds[first] != VALUE ||
	    reading->holds[last] != VALUE) {
		reading->rule->clear = false;
		reading->rule->opaque = true;
		return;
	}
	reading->rule->target.first = port_of(reading->values[first]);
	reading->rule->target.last = port_of(reading->values[last]);
}

static void read_address(struct reading *reading, v2m_attributes data)
{
	uint32_t from = find_register(data[NFTA_NAT_REG_ADDR_MIN]);
	uint8_t *address = reading->rule->address;

	if (!data[NFTA_NAT_REG_ADDR_MIN])
		return;
	reading->rule->elsewhere = true;
	compare_family(reading, NFT_CMP_EQ, (uint8_t)get_u32(data[NFTA_NAT_FAMILY]));
	if (from == REGISTERS || reading->holds[from] != VALUE) {
		reading->rule->clear = false;
	} else if (get_u32(data[NFTA_NAT_FAMILY]) == NFPROTO_IPV6) {
		memcpy(address, reading->values[from], 16);
	} else {
		address[10] = address[11] = 0xff;
		memcpy(address + 12, reading->values[from], 4);
	}
}

static void read_redirect(struct reading *reading, v2m_attributes data)
{
	reading->rule->changes = true;
	read_target(reading, data[NFTA_REDIR_REG_PROTO_MIN], data[NFTA_REDIR_REG_PROTO_MAX]);
}

static void read_nat(struct reading *reading, v2m_attributes data)
{
	if (get_u32(data[NFTA_NAT_TYPE]) != NFT_NAT_DNAT)
		return;
	reading->rule->changes = true;
	read_address(reading, data);
	read_target(reading, data[NFTA_NAT_REG_PROTO_MIN], data[NFTA_NAT_REG_PROTO_MAX]);
}

static int read_match(struct reading *reading, v2m_attributes data)
{
	int result;

	if (!data[NFTA_MATCH_NAME] || !data[NFTA_MATCH_INFO]) {
		reading->rule->clear = false;
		return 0;
	}
	result = v2m_xt_match_read(mnl_attr_get_str(data[NFTA_MATCH_NAME]),
				   mnl_attr_get_payload(data[NFTA_MATCH_INFO]),
				   mnl_attr_get_payload_len(data[NFTA_MATCH_INFO]),
				   &reading->rule->ports);
	if (result == -EINVAL)
		reading->rule->clear = false;
	return result == -EINVAL ? 0 : result;
}

static void read_xt_target(struct reading *reading, v2m_attributes data)
{
	if (data[NFTA_TARGET_NAME] && data[NFTA_TARGET_INFO])
		v2m_xt_target_read(mnl_attr_get_str(data[NFTA_TARGET_NAME]),
				   get_u32(data[NFTA_TARGET_REV]),
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

static int read_expression(struct reading *reading, const char *name, v2m_attributes data)
{
	if (strcmp(name, "payload") == 0)
		read_payload(reading, data);
	else if (strcmp(name, "meta") == 0)
		read_meta(reading, data);
	else if (strcmp(name, "cmp") == 0)
		read_comparison(reading, data);
	else if (strcmp(name, "range") == 0)
		read_range(reading, data);
	else if (strcmp(name, "lookup") == 0)
		return read_lookup(reading, data);
	else if (strcmp(name, "immediate") == 0)
		read_immediate(reading, data);
	else if (strcmp(name, "redir") == 0)
		read_redirect(reading, data);
	else if (strcmp(name, "nat") == 0)
		read_nat(reading, data);
	else if (strcmp(name, "fib") == 0)
		read_fib(reading, data);
	else if (strcmp(name, "match") == 0)
		return read_match(reading, data);
	else if (strcmp(name, "target") == 0)
		read_xt_target(reading, data);
	else if (!is_harmless(name))
		reading->rule->clear = false;
	return 0;
}

int v2m_nat_rule_read(const struct nlattr *expressions, const struct v2m_nat_rule_scope *scope,
		      struct v2m_nat_rule *rule)
{
	struct reading reading = { .rule = rule, .scope = scope, .last = UINT16_MAX };
	const struct nlattr *element;
	int result = 0;

	*rule = (struct v2m_nat_rule){ .clear = true,
				       .families = V2M_NAT_BOTH,
				       .transports = V2M_TCP | V2M_UDP };
	mnl_attr_for_each_nested (element, expressions) {
		v2m_attributes expression;
		v2m_attributes data;

		v2m_attributes_of_nest(element, expression);
		if (!expression[NFTA_EXPR_NAME])
			continue;
		v2m_attributes_of_nest(expression[NFTA_EXPR_DATA], data);
		result = read_expression(&reading, mnl_attr_get_str(expression[NFTA_EXPR_NAME]),
					 data);
		if (result)
			return result;
	}
	if (reading.bounded)
		result =
			v2m_array_add(&rule->ports, (struct v2m_nat_ports){ .first = reading.first,
									    .last = reading.last });
	return result;
}
