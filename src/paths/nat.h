/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rule of NAT, as the readers of all kinds of rules tell it. */
#ifndef V2METER_PATHS_NAT_H
#define V2METER_PATHS_NAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a rule sends packets. */
struct v2m_nat_target {
	uint16_t first; /* 0: the port stays the same */
	uint16_t last;  /* equal to first for a single port */
	/* true: port p goes to first + (p - base), and behind last it begins at first again. false:
	 * to first, or to another port of the range if first is taken. */
	bool shifts;
	uint16_t base;
};

/* The families of packets that a rule is about. */
#define V2M_NAT_IPV4 1u
#define V2M_NAT_IPV6 2u
#define V2M_NAT_BOTH (V2M_NAT_IPV4 | V2M_NAT_IPV6)

/* Ports that a rule demands. */
struct v2m_nat_ports {
	uint16_t first;
	uint16_t last;
	struct v2m_nat_target target; /* if the rule is mapped */
};

struct v2m_nat_ports_list {
	struct v2m_nat_ports *items;
	size_t count;
	size_t capacity;
};

/* A chain at which the kernel begins. */
struct v2m_nat_root {
	uint32_t chain;   /* its number */
	int32_t priority; /* packets come to chains of a lower one first */
};

struct v2m_nat_rule {
	bool changes; /* it is a rule of DNAT or REDIRECT */
	bool ends;    /* packets for which it holds stay as they are: no later rule sees them */
	bool returns; /* no later rule of its chain sees packets for which it holds */
	bool devices; /* it demands a device */
	/* Everything that the rule demands and does is understood, and holds for all senders. */
	bool clear;
	bool opaque;                     /* the port that it sends to is not known */
	unsigned families;               /* V2M_NAT_IPV4, V2M_NAT_IPV6 */
	unsigned transports;             /* enum v2m_transport bits */
	struct v2m_nat_ports_list ports; /* none: it demands no port */
	struct v2m_nat_target target;
	bool mapped;             /* each of the ports has its own target */
	bool elsewhere;          /* to the address below; false: to this host */
	uint8_t address[16];     /* IPv4 in the IPv4-mapped form */
	bool addressed;          /* it demands the destination below */
	uint8_t destination[16]; /* IPv4 in the IPv4-mapped form */
	/* Numbers that the reader of the rules gives to chains, from 1. */
	uint32_t chain; /* that the rule is in */
	uint32_t jump;  /* that it leads to; 0: none */
	bool branches;  /* a map that is not understood says to which chain it leads */
	/* Where packets come from that reach the rule. */
	struct v2m_nat_root root;
	bool legacy; /* it is of iptables-legacy, which numbers chains by itself */
};

struct v2m_nat_rules {
	struct v2m_nat_rule *items;
	size_t count;
	size_t capacity;
};

#endif
