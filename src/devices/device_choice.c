// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "devices/device_choice.h"

#include <errno.h>
#include <fnmatch.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/macros.h"

/* The kernel allows eight levels of stacked links, so a deeper stack is a loop in the description.
 */
#define MAX_DEPTH 16

#define ETHERNET_HEADER 14

/* glibc's <net/if_arp.h> lacks it, and the kernel's header would bring netlink along. */
#ifndef ARPHRD_IP6GRE
#define ARPHRD_IP6GRE 823
#endif

struct chooser {
	const struct v2m_link *links;
	size_t count;
	const struct v2m_strings *exclude;
	bool *wanted; /* for each link: named, or an uplink under auto, or loopback */
	bool routed;  /* some link has a default route */
	struct v2m_link_choice *choices;
};

static void give_reason(struct v2m_link_choice *choice, const char *format, ...) V2M_PRINTF(2, 3);
static void give_reason(struct v2m_link_choice *choice, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(choice->reason, sizeof(choice->reason), format, arguments);
	va_end(arguments);
}

/* Bytes of the layer-2 header. -1: packets of this type cannot be read. */
static int header_of_type(uint16_t type)
{
	switch (type) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return ETHERNET_HEADER;
	case ARPHRD_NONE: /* tun, WireGuard, xfrm */
	case ARPHRD_PPP:
	case ARPHRD_RAWIP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case ARPHRD_IP6GRE:
		return 0;
	default:
		return -1;
	}
}

static bool kind_is_one_of(const struct v2m_link *link, const char *const *kinds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(link->kind, kinds[i]) == 0)
			return true;
	return false;
}

/* Whether the traffic of its members passes it. A VRF is different: packets pass its members only.
 */
static bool gathers_members(const struct v2m_link *link)
{
	static const char *const kinds[] = { "bond", "team", "bridge" };

	return kind_is_one_of(link, kinds, V2M_ARRAY_LEN(kinds));
}

/* Whether all its traffic passes the lower link. In other kinds IFLA_LINK has another meaning: the
 * other end of a veth, the link that carries a tunnel's outer packets. */
static bool lies_on_lower(const struct v2m_link *link)
{
	static const char *const kinds[] = { "vlan", "macvlan", "macvtap", "ipvlan", "ipvtap" };

	return link->lower && kind_is_one_of(link, kinds, V2M_ARRAY_LEN(kinds));
}

static const struct v2m_link *find_link(const struct chooser *chooser, uint32_t ifindex)
{
	for (size_t i = 0; ifindex && i < chooser->count; i++)
		if (chooser->links[i].ifindex == ifindex)
			return &chooser->links[i];
	return NULL;
}

static bool is_wanted(const struct chooser *chooser, const struct v2m_link *link)
{
	return chooser->wanted[link - chooser->links];
}

static const char *find_matching(const struct v2m_strings *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (fnmatch(patterns->items[i], name, 0) == 0)
			return patterns->items[i];
	return NULL;
}

static bool is_countable(const struct v2m_link *link)
{
	return (link->up || link->counted) && header_of_type(link->type) >= 0;
}

/* Whether it is a NIC, or a bond, team, bridge or VLAN with a NIC at its bottom. */
static bool reaches_nic(const struct chooser *chooser, const struct v2m_link *link, int depth)
{
	const struct v2m_link *lower;

	if (depth > MAX_DEPTH)
		return false;
	if (gathers_members(link)) {
		for (size_t i = 0; i < chooser->count; i++)
			if (chooser->links[i].master == link->ifindex &&
			    reaches_nic(chooser, &chooser->links[i], depth + 1))
				return true;
		return false;
	}
	if (strcmp(link->kind, "vlan") == 0) {
		lower = find_link(chooser, link->lower);
		return lower && reaches_nic(chooser, lower, depth + 1);
	}
	/* Drivers of NICs set no kind. The few that set one, such as those of modems, set a parent.
	 */
	return link->hardware || !*link->kind;
}

/* Why the link by itself is an uplink. NULL: it is not. */
static const char *uplink_reason(const struct chooser *chooser, const struct v2m_link *link)
{
	if (link->type == ARPHRD_LOOPBACK)
		return NULL;
	if (link->default_route)
		return "default route";
	if (link->global_address && reaches_nic(chooser, link, 0))
		return *link->kind ? "over a real NIC, with a global address"
				   : "real NIC with a global address";
	if (link->uplink_before && !link->up)
		return "an uplink, down at the moment";
	if (link->uplink_before && !chooser->routed)
		return "had the default route, and no other link has one";
	return NULL;
}

/* Finds the bond, team or bridge that is counted on in place of the link. NULL: there is none. */
static const struct v2m_link *find_representative(const struct chooser *chooser,
						  const struct v2m_link *link)
{
	const struct v2m_link *found = NULL;
	const struct v2m_link *master = find_link(chooser, link->master);

	for (int depth = 0; master && depth < MAX_DEPTH; depth++) {
		if (!gathers_members(master) || !is_countable(master) ||
		    find_matching(chooser->exclude, master->name))
			break;
		found = master;
		master = find_link(chooser, master->master);
	}
	return found;
}

/* Finds the wanted link below that counts the traffic of this link too. NULL: there is none. */
static const struct v2m_link *find_wanted_below(const struct chooser *chooser,
						const struct v2m_link *link, int depth)
{
	const struct v2m_link *found = NULL;
	const struct v2m_link *lower;

	if (depth > MAX_DEPTH)
		return NULL;
	if (lies_on_lower(link)) {
		lower = find_link(chooser, link->lower);
		if (!lower)
			return NULL;
		return is_wanted(chooser, lower) ? lower
						 : find_wanted_below(chooser, lower, depth + 1);
	}
	/* A bridge with a port that is a VLAN on a chosen NIC would count the NIC's traffic again.
	 */
	for (size_t i = 0; gathers_members(link) && i < chooser->count && !found; i++)
		if (chooser->links[i].master == link->ifindex && lies_on_lower(&chooser->links[i]))
			found = find_wanted_below(chooser, &chooser->links[i], depth + 1);
	return found;
}

static const struct v2m_link *find_wanted_master(const struct chooser *chooser,
						 const struct v2m_link *link)
{
	const struct v2m_link *master = find_link(chooser, link->master);

	for (int depth = 0; master && depth < MAX_DEPTH; depth++) {
		if (gathers_members(master) && is_wanted(chooser, master))
			return master;
		master = find_link(chooser, master->master);
	}
	return NULL;
}

static void want_link(struct chooser *chooser, const struct v2m_link *link)
{
	chooser->wanted[link - chooser->links] = true;
}

static struct v2m_link_choice *choice_of(struct chooser *chooser, const struct v2m_link *link)
{
	return &chooser->choices[link - chooser->links];
}

/* Marks each uplink as wanted, or the bond, team or bridge in its place. */
static void want_uplinks(struct chooser *chooser)
{
	for (size_t i = 0; i < chooser->count; i++) {
		const struct v2m_link *link = &chooser->links[i];
		const char *reason = uplink_reason(chooser, link);
		const struct v2m_link *master;

		if (!reason || choice_of(chooser, link)->reason[0])
			continue;
		master = find_representative(chooser, link);
		if (!master) {
			want_link(chooser, link);
			give_reason(choice_of(chooser, link), "%s", reason);
			continue;
		}
		give_reason(choice_of(chooser, link), "counted on %s, its master", master->name);
		want_link(chooser, master);
		if (!choice_of(chooser, master)->reason[0])
			give_reason(choice_of(chooser, master), "master of %s (%s)", link->name,
				    reason);
	}
}

static void exclude_links(struct chooser *chooser)
{
	for (size_t i = 0; i < chooser->count; i++) {
		const char *pattern = find_matching(chooser->exclude, chooser->links[i].name);

		if (pattern)
			give_reason(&chooser->choices[i], "excluded by \"%s\"", pattern);
		else if (!chooser->links[i].up && !chooser->links[i].counted)
			give_reason(&chooser->choices[i], "down");
	}
}

/* Runs before want_uplinks(), so that a named uplink keeps "named" as its reason. */
static void want_named(struct chooser *chooser, const struct v2m_strings *interfaces)
{
	for (size_t i = 0; i < chooser->count; i++) {
		const struct v2m_link *link = &chooser->links[i];
		const char *pattern = find_matching(interfaces, link->name);

		if (!pattern || chooser->choices[i].reason[0])
			continue;
		want_link(chooser, link);
		chooser->choices[i].host_only =
			link->type != ARPHRD_LOOPBACK && !uplink_reason(chooser, link);
		if (strcmp(pattern, link->name) == 0)
			give_reason(&chooser->choices[i], "named in interfaces");
		else
			give_reason(&chooser->choices[i], "matches \"%s\" in interfaces", pattern);
	}
}

static void want_loopback(struct chooser *chooser)
{
	for (size_t i = 0; i < chooser->count; i++) {
		if (chooser->links[i].type != ARPHRD_LOOPBACK || chooser->choices[i].reason[0])
			continue;
		chooser->wanted[i] = true;
		give_reason(&chooser->choices[i], "inbounds on a loopback address");
	}
}

static void decide_link(struct chooser *chooser, const struct v2m_link *link)
{
	struct v2m_link_choice *choice = choice_of(chooser, link);
	const struct v2m_link *other;
	int header = header_of_type(link->type);

	choice->link_header = header > 0 ? (uint8_t)header : 0;
	if (!is_wanted(chooser, link)) {
		if (!choice->reason[0])
			give_reason(choice, link->type == ARPHRD_LOOPBACK
						    ? "no inbound on a loopback address"
						    : "neither an uplink nor named in interfaces");
		return;
	}
	other = find_wanted_master(chooser, link);
	if (!other)
		other = find_wanted_below(chooser, link, 0);
	if (other) {
		give_reason(choice, "its traffic is counted on %s", other->name);
	} else if (header < 0) {
		choice->refused = true;
		give_reason(choice, "packets of link type %u cannot be read", link->type);
	} else {
		choice->chosen = true;
	}
}

int v2m_choose_links(const struct v2m_link *links, size_t count,
		     const struct v2m_strings *interfaces, const struct v2m_strings *exclude,
		     bool loopback, struct v2m_link_choice *choices)
{
	V2M_FREE bool *wanted = calloc(count + 1, sizeof(*wanted));
	struct chooser chooser = {
		.links = links,
		.count = count,
		.exclude = exclude,
		.wanted = wanted,
		.choices = choices,
	};
	bool automatic = false;

	if (!wanted)
		return -ENOMEM;
	memset(choices, 0, count * sizeof(*choices));
	for (size_t i = 0; i < count; i++)
		chooser.routed |= links[i].default_route;
	for (size_t i = 0; i < interfaces->count; i++)
		automatic |= strcmp(interfaces->items[i], "auto") == 0;
	exclude_links(&chooser);
	want_named(&chooser, interfaces);
	if (automatic)
		want_uplinks(&chooser);
	if (loopback)
		want_loopback(&chooser);
	for (size_t i = 0; i < count; i++)
		decide_link(&chooser, &links[i]);
	return 0;
}
