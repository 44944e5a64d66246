// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/nat_reading.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "base/transport.h"

uint32_t v2m_nat_u32(const struct nlattr *attribute)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= 4
		       ? ntohl(mnl_attr_get_u32(attribute))
		       : 0;
}

uint32_t v2m_nat_register(const struct nlattr *attribute)
{
	uint32_t number = v2m_nat_u32(attribute);

	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return (number - NFT_REG_1) * 4;
	if (number >= NFT_REG32_00 && number - NFT_REG32_00 < V2M_NAT_REGISTERS)
		return number - NFT_REG32_00;
	return V2M_NAT_REGISTERS;
}

uint32_t v2m_nat_width(enum v2m_nat_holds holds)
{
	return holds == V2M_HOLDS_ADDRESS6 || holds == V2M_HOLDS_DEVICE_NAME ? 4 : 1;
}

/* The registers behind a field hold nothing of their own. Nobody knows how many a field takes that
 * is not understood; later ones come behind it. */
void v2m_nat_hold(struct v2m_nat_reading *reading, uint32_t to, enum v2m_nat_holds holds)
{
	uint32_t width = holds == V2M_HOLDS_UNKNOWN ? 4 : v2m_nat_width(holds);

	for (uint32_t i = to; i < V2M_NAT_REGISTERS && i < to + width; i++)
		reading->holds[i] = V2M_HOLDS_UNKNOWN;
	if (to < V2M_NAT_REGISTERS)
		reading->holds[to] = holds;
}

void v2m_nat_hold_value(struct v2m_nat_reading *reading, uint32_t to, const uint8_t *value,
			size_t length)
{
	uint32_t width = (uint32_t)((length + 3) / 4);

	if (to + width > V2M_NAT_REGISTERS)
		return;
	memset(reading->values + (size_t)to * 4, 0, (size_t)width * 4);
	memcpy(reading->values + (size_t)to * 4, value, length);
	for (uint32_t i = to; i < to + width; i++)
		reading->holds[i] = V2M_HOLDS_VALUE;
}

void v2m_nat_demand_ports(struct v2m_nat_reading *reading, uint16_t first, uint16_t last)
{
	reading->bounded = true;
	if (first > reading->first)
		reading->first = first;
	if (last < reading->last)
		reading->last = last;
	if (reading->first > reading->last)
		reading->never = true;
}

void v2m_nat_demand_family(struct v2m_nat_reading *reading, uint32_t op, uint8_t family)
{
	unsigned families = family == NFPROTO_IPV4   ? V2M_NAT_IPV4
			    : family == NFPROTO_IPV6 ? V2M_NAT_IPV6
						     : 0;

	reading->rule->families &= op == NFT_CMP_EQ ? families : ~families;
}

static void demand_protocol(struct v2m_nat_reading *reading, uint32_t op, uint8_t protocol)
{
	unsigned transports = protocol == IPPROTO_TCP   ? V2M_TCP
			      : protocol == IPPROTO_UDP ? V2M_UDP
							: 0;

	if (op != NFT_CMP_EQ)
		reading->rule->clear = false;
	reading->rule->transports &= transports;
}

static void demand_port(struct v2m_nat_reading *reading, uint32_t op, uint16_t port)
{
	switch (op) {
	case NFT_CMP_EQ:
		v2m_nat_demand_ports(reading, port, port);
		break;
	case NFT_CMP_GTE:
		v2m_nat_demand_ports(reading, port, UINT16_MAX);
		break;
	case NFT_CMP_LTE:
		v2m_nat_demand_ports(reading, 0, port);
		break;
	default:
		reading->bounded = true;
		reading->rule->clear = false;
	}
}

/* Packets to an address of this host are those that are counted. */
static void demand_kind(struct v2m_nat_reading *reading, uint32_t op, const uint8_t *value)
{
	uint32_t kind;

	memcpy(&kind, value, sizeof(kind));
	if (op != NFT_CMP_EQ || kind != RTN_LOCAL)
		reading->rule->clear = false;
}

static void demand_address(struct v2m_nat_reading *reading, uint32_t op, const uint8_t *value,
			   size_t length)
{
	struct v2m_nat_rule *rule = reading->rule;
	uint8_t address[16] = { [10] = 0xff, [11] = 0xff };

	if (op != NFT_CMP_EQ) {
		rule->clear = false;
		return;
	}
	memcpy(length == 4 ? address + 12 : address, value, length);
	if (rule->addressed && memcmp(rule->destination, address, sizeof(address)) != 0)
		reading->never = true;
	rule->addressed = true;
	memcpy(rule->destination, address, sizeof(address));
}

void v2m_nat_demand(struct v2m_nat_reading *reading, enum v2m_nat_holds field, uint32_t op,
		    const uint8_t *value, size_t length)
{
	if (field == V2M_HOLDS_PORT && length >= 2)
		demand_port(reading, op, (uint16_t)(value[0] << 8 | value[1]));
	else if (field == V2M_HOLDS_PROTOCOL && length >= 1)
		demand_protocol(reading, op, value[0]);
	else if (field == V2M_HOLDS_ADDRESS_KIND && length >= 4)
		demand_kind(reading, op, value);
	else if (field == V2M_HOLDS_FAMILY && length >= 1)
		v2m_nat_demand_family(reading, op, value[0]);
	else if (field == V2M_HOLDS_ADDRESS && length >= 4)
		demand_address(reading, op, value, 4);
	else if (field == V2M_HOLDS_ADDRESS6 && length >= 16)
		demand_address(reading, op, value, 16);
	else if (field == V2M_HOLDS_DEVICE || field == V2M_HOLDS_DEVICE_NAME)
		reading->rule->devices = true;
	/* No packet of 127.0.0.0/8 arrives. */
	else if (field != V2M_HOLDS_ADDRESS_HEAD || op != NFT_CMP_NEQ || length < 1 ||
		 value[0] != 127)
		reading->rule->clear = false;
}
