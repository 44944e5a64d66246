/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Descriptions of links, for the tests of the choice of devices. */
#ifndef V2METER_TESTS_TOPOLOGY_H
#define V2METER_TESTS_TOPOLOGY_H

#include "devices/device_choice.h"

#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MOST_LINKS 16

/* A list as in the configuration: names and globs, separated by blanks. */
struct names {
	char text[64];
	char *items[8];
	struct v2m_strings list;
};

static inline const struct v2m_strings *names(struct names *names, const char *text)
{
	char *rest = names->text;

	snprintf(names->text, sizeof(names->text), "%s", text);
	names->list = (struct v2m_strings){ .items = names->items };
	for (char *name = strtok_r(rest, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		names->items[names->list.count++] = name;
	return &names->list;
}

/* All links of a host; the ifindex of the first is 1, of the second 2. */
struct topology {
	struct v2m_link links[MOST_LINKS];
	struct v2m_link_choice choices[MOST_LINKS];
	size_t count;
};

static inline struct v2m_link *add(struct topology *topology, const char *name, const char *kind)
{
	struct v2m_link *link = &topology->links[topology->count++];

	link->ifindex = (uint32_t)topology->count;
	link->type = ARPHRD_ETHER;
	link->up = true;
	snprintf(link->name, sizeof(link->name), "%s", name);
	snprintf(link->kind, sizeof(link->kind), "%s", kind);
	return link;
}

static inline struct v2m_link *add_nic(struct topology *topology, const char *name)
{
	struct v2m_link *link = add(topology, name, "");

	link->hardware = true;
	return link;
}

static inline struct v2m_link *add_uplink(struct topology *topology, const char *name)
{
	struct v2m_link *link = add_nic(topology, name);

	link->default_route = true;
	link->global_address = true;
	return link;
}

/* With a global address, over the link with that index. */
static inline struct v2m_link *add_vlan(struct topology *topology, const char *name, uint32_t lower)
{
	struct v2m_link *link = add(topology, name, "vlan");

	link->lower = lower;
	link->global_address = true;
	return link;
}

static inline struct v2m_link *add_loopback(struct topology *topology)
{
	struct v2m_link *link = add(topology, "lo", "");

	link->type = ARPHRD_LOOPBACK;
	return link;
}

/* Returns the names of the chosen devices in order, each followed by a blank. */
static inline const char *choose(struct topology *topology, const char *interfaces,
				 const char *exclude, bool loopback)
{
	struct names wanted;
	struct names unwanted;
	static char chosen[MOST_LINKS * V2M_DEVICE_NAME_LEN + 1];

	assert_int_equal(v2m_choose_links(topology->links, topology->count,
					  names(&wanted, interfaces), names(&unwanted, exclude),
					  loopback, topology->choices),
			 0);
	chosen[0] = 0;
	for (size_t i = 0; i < topology->count; i++) {
		assert_string_not_equal(topology->choices[i].reason, "");
		if (!topology->choices[i].chosen)
			continue;
		strcat(chosen, topology->links[i].name);
		strcat(chosen, " ");
	}
	return chosen;
}

static inline const char *choose_auto(struct topology *topology)
{
	return choose(topology, "auto", "", false);
}

static inline const struct v2m_link_choice *choice(const struct topology *topology,
						   const struct v2m_link *link)
{
	return &topology->choices[link - topology->links];
}

#endif
