/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of a rule of nftables while its expressions are read: what its registers hold, and what
 * it demands so far. */
#ifndef V2METER_PATHS_NAT_READING_H
#define V2METER_PATHS_NAT_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "paths/nat.h"
#include "paths/nat_set.h"

struct nlattr;

/* Registers are numbered by 4 bytes; 1 to 4 are older names of groups of four. */
#define V2M_NAT_REGISTERS 20

enum v2m_nat_holds {
	V2M_HOLDS_UNKNOWN,
	V2M_HOLDS_PORT, /* the destination port */
	V2M_HOLDS_PROTOCOL,
	V2M_HOLDS_ADDRESS,      /* the destination address of IPv4 */
	V2M_HOLDS_ADDRESS6,     /* that of IPv6 */
	V2M_HOLDS_ADDRESS_HEAD, /* the first byte of that of IPv4 */
	V2M_HOLDS_ADDRESS_KIND, /* whose address it is */
	V2M_HOLDS_DEVICE,
	V2M_HOLDS_DEVICE_NAME,
	V2M_HOLDS_FAMILY,
	V2M_HOLDS_MAPPED_PORT, /* the target of each of the rule's ports */
	V2M_HOLDS_VALUE,       /* the bytes in values */
};

/* The chain that a rule is in, and what the reading of it asks for. */
struct v2m_nat_rule_scope {
	uint32_t chain;    /* its number */
	unsigned families; /* that come to it, V2M_NAT_IPV4 and V2M_NAT_IPV6 */
	/* Adds the elements of a set or map. 0; -EINVAL if it is not understood; or another -errno.
	 */
	int (*read_set)(void *context, const char *name, struct v2m_nat_set *set);
	/* The number of the chain with this name. 0: there is none. */
	uint32_t (*find_chain)(void *context, const char *name);
	void *context;
};

struct v2m_nat_reading {
	struct v2m_nat_rule *rule;
	enum v2m_nat_holds holds[V2M_NAT_REGISTERS];
	uint8_t values[V2M_NAT_REGISTERS * 4];
	uint16_t first;
	uint16_t last;
	bool bounded; /* first and last are demanded */
	bool never;   /* no packet has all that the rule demands */
	/* A rule with sets that are understood is read once for each element. */
	size_t choice; /* the element, of all sets together */
	size_t ways;   /* how many elements there are so far */
};

/* A number of 32 bits. 0: the attribute is missing or too short. */
uint32_t v2m_nat_u32(const struct nlattr *attribute);
/* Index of a register, or V2M_NAT_REGISTERS if there is none of that number. */
uint32_t v2m_nat_register(const struct nlattr *attribute);

/* The register holds the field, and as many behind it as that takes. */
void v2m_nat_hold(struct v2m_nat_reading *reading, uint32_t to, enum v2m_nat_holds holds);
/* The registers hold these bytes. At most 20. */
void v2m_nat_hold_value(struct v2m_nat_reading *reading, uint32_t to, const uint8_t *value,
			size_t length);
/* How many registers a field takes. */
uint32_t v2m_nat_width(enum v2m_nat_holds holds);

/* The rule demands that the port is within these. */
void v2m_nat_demand_ports(struct v2m_nat_reading *reading, uint16_t first, uint16_t last);
/* The rule demands packets of that family, as compared by enum nft_cmp_ops. */
void v2m_nat_demand_family(struct v2m_nat_reading *reading, uint32_t op, uint8_t family);
/* The rule compares the field with length bytes at value, by enum nft_cmp_ops. What is not
 * understood makes the rule unclear. */
void v2m_nat_demand(struct v2m_nat_reading *reading, enum v2m_nat_holds field, uint32_t op,
		    const uint8_t *value, size_t length);

#endif
