/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which network devices to count on: decided from a description of all of them, without asking the
 * kernel. What goes over several stacked devices is counted on exactly one of them.
 */
#ifndef V2METER_DEVICES_DEVICE_CHOICE_H
#define V2METER_DEVICES_DEVICE_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "v2meter/bpf_abi.h"
#include "base/string_list.h"

/* A device as rtnetlink describes it. */
struct v2m_link {
	uint32_t ifindex;
	char name[V2M_DEVICE_NAME_LEN];
	char kind[32];      /* IFLA_INFO_KIND: "vlan", "bond", ...; "" of a real device */
	uint16_t type;      /* ARPHRD_* of <net/if_arp.h> */
	uint32_t lower;     /* IFLA_LINK: what a VLAN or macvlan lies on; 0 if none, or elsewhere */
	uint32_t master;    /* IFLA_MASTER: the bond, bridge, ... it belongs to; 0 if none */
	bool up;            /* administratively */
	bool hardware;      /* IFLA_PARENT_DEV_NAME: has a parent device, as NICs have */
	bool default_route; /* IPv4 or IPv6, in any routing table */
	bool global_address; /* an address of global scope */
	bool counted;        /* it was chosen the last time */
	bool uplink_before;  /* and as an uplink */
	uint64_t rx_bytes;   /* IFLA_STATS64 */
	uint64_t tx_bytes;
};

struct v2m_link_choice {
	bool chosen;
	bool refused;        /* wanted, but nothing can be counted on a device of its type */
	bool host_only;      /* no uplink: only this host's own packets are to be counted */
	uint8_t link_header; /* bytes of the layer-2 header */
	char reason[128];    /* why it was chosen, or why not */
};

/*
 * Decides for each of links; choices has as many elements. Names and globs of interfaces name
 * devices; "auto" among them names the uplinks: those with a default route, and real NICs, bonds,
 * teams, bridges and VLANs over them, with a global address. exclude takes names and globs, and
 * wins. loopback adds the loopback device. Devices that are down are left out, and so are those
 * whose traffic another chosen device counts already, however they were named. 0 or -ENOMEM.
 *
 * What was chosen before stays while it is down, or else what passes between its coming up and our
 * noticing would be lost. As a device loses its default route when it goes down, and gets it back
 * some time after it came up, an uplink stays one until another device has a default route.
 */
int v2m_choose_links(const struct v2m_link *links, size_t count,
		     const struct v2m_strings *interfaces, const struct v2m_strings *exclude,
		     bool loopback, struct v2m_link_choice *choices);

#endif
