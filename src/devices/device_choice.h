/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chooses the devices, the links to count on, from a description of all links, without asking the
 * kernel. A packet that passes several stacked links is counted on exactly one of them.
 */
#ifndef V2METER_DEVICES_DEVICE_CHOICE_H
#define V2METER_DEVICES_DEVICE_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "v2meter/bpf_abi.h"
#include "base/string_list.h"

/* A link as rtnetlink describes it. */
struct v2m_link {
	uint32_t ifindex;
	char name[V2M_DEVICE_NAME_LEN];
	char kind[32];       /* IFLA_INFO_KIND: "vlan", "bond", ...; "" for most hardware */
	uint16_t type;       /* ARPHRD_* of <net/if_arp.h> */
	uint32_t lower;      /* IFLA_LINK: the link below a VLAN or macvlan; 0 if there is none, or
				if it is in another network namespace */
	uint32_t master;     /* IFLA_MASTER: the bond, bridge, ... that it is part of; 0 if none */
	bool up;             /* administratively */
	bool hardware;       /* IFLA_PARENT_DEV_NAME: has a parent device, as NICs have */
	bool default_route;  /* IPv4 or IPv6, in any routing table */
	bool global_address; /* an address of global scope */
	bool counted;        /* it was chosen last time */
	bool uplink_before;  /* it was chosen last time as an uplink */
	uint64_t rx_bytes;   /* IFLA_STATS64 */
	uint64_t tx_bytes;
};

struct v2m_link_choice {
	bool chosen;
	bool refused;        /* wanted, but packets of its type cannot be read */
	bool host_only;      /* not an uplink: only this host's own packets count */
	uint8_t link_header; /* bytes of the layer-2 header */
	char reason[128];    /* why it was chosen, or why not */
};

/*
 * Decides for each of the links; choices has as many elements. interfaces holds names and globs of
 * links; "auto" among them stands for the uplinks: links with a default route, and real NICs with a
 * global address, as well as bonds, teams, bridges and VLANs over them. exclude holds names and
 * globs too and has priority. loopback adds the loopback link. Two sorts of links are never chosen,
 * even if they are named: those that are down, and those whose traffic another chosen link counts.
 * 0 or -ENOMEM.
 *
 * A link that was chosen before stays chosen while it is down. Otherwise the packets between its
 * coming up and our noticing would be lost. A link loses its default route when it goes down, and
 * gets it back some time after it came up. So an uplink stays an uplink until another link has a
 * default route.
 */
int v2m_choose_links(const struct v2m_link *links, size_t count,
		     const struct v2m_strings *interfaces, const struct v2m_strings *exclude,
		     bool loopback, struct v2m_link_choice *choices);

#endif
