// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/xt_nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <string.h>

#include "base/array.h"

static int add(struct v2m_nat_ports_list *list, uint16_t first, uint16_t last)
{
	return v2m_array_add(list, (struct v2m_nat_ports){ first, last, 0 });
}

/* Adds the destination ports. -EINVAL if there is a condition about source ports, or an inverted
 * one: it is not understood. */
static int add_pair(struct v2m_xt_match *match, const uint16_t spts[2], const uint16_t dpts[2],
		    bool inverted)
{
	if (inverted || spts[0] != 0 || spts[1] != UINT16_MAX)
		return -EINVAL;
	return add(match->ports, dpts[0], dpts[1]);
}

static int read_multiport(const struct xt_multiport_v1 *info, struct v2m_xt_match *match)
{
	if (info->flags == XT_MULTIPORT_SOURCE || info->invert || info->count > XT_MULTI_PORTS)
		return -EINVAL;
	for (unsigned i = 0; i < info->count; i++) {
		bool is_range = info->pflags[i] && i + 1 < info->count;
		int result = add(match->ports, info->ports[i], info->ports[i + is_range]);

		if (result)
			return result;
		i += is_range;
	}
	return 0;
}

int v2m_xt_match_read(const char *name, const void *info, size_t size, struct v2m_xt_match *match)
{
	struct xt_tcp tcp;
	struct xt_udp udp;
	struct xt_multiport_v1 multiport;

	if (strcmp(name, "tcp") == 0 && size >= sizeof(tcp)) {
		memcpy(&tcp, info, sizeof(tcp));
		return tcp.option || tcp.flg_mask
			       ? -EINVAL
			       : add_pair(match, tcp.spts, tcp.dpts, tcp.invflags);
	}
	if (strcmp(name, "udp") == 0 && size >= sizeof(udp)) {
		memcpy(&udp, info, sizeof(udp));
		return add_pair(match, udp.spts, udp.dpts, udp.invflags);
	}
	if (strcmp(name, "multiport") == 0 && size >= sizeof(multiport)) {
		memcpy(&multiport, info, sizeof(multiport));
		return read_multiport(&multiport, match);
	}
	return strcmp(name, "comment") == 0 ? 0 : -EINVAL;
}

/* Takes what the kinds of target information have in common. */
static void take(struct v2m_xt_target *target, unsigned flags, uint16_t first, uint16_t last)
{
	target->elsewhere = flags & NF_NAT_RANGE_MAP_IPS;
	if (!(flags & NF_NAT_RANGE_PROTO_SPECIFIED))
		return;
	target->port = ntohs(first);
	if (first != last)
		target->clear = false;
}

static void take_old(struct v2m_xt_target *target,
		     const struct nf_nat_ipv4_multi_range_compat *ranges)
{
	const struct nf_nat_ipv4_range *range = &ranges->range[0];

	target->clear = ranges->rangesize == 1;
	take(target, range->flags, range->min.all, range->max.all);
	target->address[10] = target->address[11] = 0xff;
	memcpy(target->address + 12, &range->min_ip, 4);
}

/* An IPv4 address is told by the zeros behind it. */
static void take_new(struct v2m_xt_target *target, const struct nf_nat_range *range)
{
	static const uint8_t zeros[12];

	take(target, range->flags, range->min_proto.all, range->max_proto.all);
	memcpy(target->address, &range->min_addr, 16);
	if (memcmp(target->address + 4, zeros, sizeof(zeros)) != 0)
		return;
	memcpy(target->address + 12, target->address, 4);
	memset(target->address, 0, 10);
	target->address[10] = target->address[11] = 0xff;
}

bool v2m_xt_target_read(const char *name, uint32_t revision, const void *info, size_t size,
			struct v2m_xt_target *target)
{
	struct nf_nat_ipv4_multi_range_compat old;
	struct nf_nat_range new; /* the beginning of struct nf_nat_range2, too */

	*target = (struct v2m_xt_target){ .clear = true };
	if (strcmp(name, "DNAT") != 0 && strcmp(name, "REDIRECT") != 0)
		return false;
	if (size >= sizeof(new)) {
		memcpy(&new, info, sizeof(new));
		take_new(target, &new);
	} else if (revision == 0 && size >= sizeof(old)) {
		memcpy(&old, info, sizeof(old));
		take_old(target, &old);
	} else {
		target->clear = false;
	}
	if (strcmp(name, "REDIRECT") == 0)
		target->elsewhere = false;
	return true;
}
