// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/xt_nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <string.h>

#include "base/array.h"

static int add(struct v2m_nat_ports_list *list, uint16_t first, uint16_t last)
{
	return v2m_array_add(list, (struct v2m_nat_ports){ .first = first, .last = last });
}

/* Adds the destination ports. -EINVAL if there is a condition about source ports, or an inverted
 * one: it is not understood. */
static int add_pair(struct v2m_nat_ports_list *list, const uint16_t spts[2], const uint16_t dpts[2],
		    bool inverted)
{
	if (inverted || spts[0] != 0 || spts[1] != UINT16_MAX)
		return -EINVAL;
	return dpts[0] == 0 && dpts[1] == UINT16_MAX ? 0 : add(list, dpts[0], dpts[1]);
}

static int read_multiport(const struct xt_multiport_v1 *info, struct v2m_nat_ports_list *list)
{
	if (info->flags == XT_MULTIPORT_SOURCE || info->invert || info->count > XT_MULTI_PORTS)
		return -EINVAL;
	for (unsigned i = 0; i < info->count; i++) {
		bool is_range = info->pflags[i] && i + 1 < info->count;
		int result = add(list, info->ports[i], info->ports[i + is_range]);

		if (result)
			return result;
		i += is_range;
	}
	return 0;
}

/* Packets to an address of this host are those that are counted. -EINVAL: other ones. */
static int read_address_kind(const void *info, size_t size)
{
	struct xt_addrtype_info old;
	struct xt_addrtype_info_v1 new;

	if (size >= sizeof(old)) {
		memcpy(&old, info, sizeof(old));
		return old.source || old.dest != XT_ADDRTYPE_LOCAL || old.invert_dest ? -EINVAL : 0;
	}
	if (size < sizeof(new))
		return -EINVAL;
	memcpy(&new, info, sizeof(new));
	return new.source || new.dest != XT_ADDRTYPE_LOCAL || new.flags ? -EINVAL : 0;
}

int v2m_xt_match_read(const char *name, const void *info, size_t size,
		      struct v2m_nat_ports_list *ports)
{
	struct xt_tcp tcp;
	struct xt_udp udp;
	struct xt_multiport_v1 multiport;

	if (strcmp(name, "tcp") == 0 && size >= sizeof(tcp)) {
		memcpy(&tcp, info, sizeof(tcp));
		return tcp.option || tcp.flg_mask
			       ? -EINVAL
			       : add_pair(ports, tcp.spts, tcp.dpts, tcp.invflags);
	}
	if (strcmp(name, "udp") == 0 && size >= sizeof(udp)) {
		memcpy(&udp, info, sizeof(udp));
		return add_pair(ports, udp.spts, udp.dpts, udp.invflags);
	}
	if (strcmp(name, "multiport") == 0 && size >= sizeof(multiport)) {
		memcpy(&multiport, info, sizeof(multiport));
		return read_multiport(&multiport, ports);
	}
	if (strcmp(name, "addrtype") == 0)
		return read_address_kind(info, size);
	return strcmp(name, "comment") == 0 ? 0 : -EINVAL;
}

/* Takes what the kinds of target information have in common. */
static void take(struct v2m_nat_rule *rule, unsigned flags, uint16_t first, uint16_t last)
{
	rule->elsewhere = flags & NF_NAT_RANGE_MAP_IPS;
	if (flags & NF_NAT_RANGE_PROTO_SPECIFIED) {
		rule->target.first = ntohs(first);
		rule->target.last = ntohs(last);
	}
}

static void take_old(struct v2m_nat_rule *rule, const struct nf_nat_ipv4_multi_range_compat *ranges)
{
	const struct nf_nat_ipv4_range *range = &ranges->range[0];

	rule->clear = rule->clear && ranges->rangesize == 1;
	take(rule, range->flags, range->min.all, range->max.all);
	rule->address[10] = rule->address[11] = 0xff;
	memcpy(rule->address + 12, &range->min_ip, 4);
}

/* An IPv4 address is told by the zeros behind it. */
static void take_new(struct v2m_nat_rule *rule, const struct nf_nat_range *range)
{
	static const uint8_t zeros[12];

	take(rule, range->flags, range->min_proto.all, range->max_proto.all);
	memcpy(rule->address, &range->min_addr, 16);
	if (memcmp(rule->address + 4, zeros, sizeof(zeros)) != 0)
		return;
	memcpy(rule->address + 12, rule->address, 4);
	memset(rule->address, 0, 10);
	rule->address[10] = rule->address[11] = 0xff;
}

/* The newest kind names the port from which the range is shifted. */
static void take_shift(struct v2m_nat_rule *rule, const void *info, size_t size)
{
	struct nf_nat_range2 newest;

	if (size < sizeof(newest)) {
		rule->clear = false;
		return;
	}
	memcpy(&newest, info, sizeof(newest));
	rule->target.shifts = true;
	rule->target.base = ntohs(newest.base_proto.all);
}

void v2m_xt_target_read(const char *name, uint32_t revision, const void *info, size_t size,
			struct v2m_nat_rule *rule)
{
	struct nf_nat_ipv4_multi_range_compat old;
	struct nf_nat_range new; /* the beginning of struct nf_nat_range2, too */
	bool redirects = strcmp(name, "REDIRECT") == 0;

	if (!redirects && strcmp(name, "DNAT") != 0)
		return;
	rule->changes = true;
	if (size >= sizeof(new)) {
		memcpy(&new, info, sizeof(new));
		take_new(rule, &new);
		if (new.flags & NF_NAT_RANGE_PROTO_OFFSET)
			take_shift(rule, info, size);
	} else if (revision == 0 && size >= sizeof(old)) {
		memcpy(&old, info, sizeof(old));
		take_old(rule, &old);
	} else {
		rule->clear = false;
		rule->opaque = true;
	}
	if (redirects)
		rule->elsewhere = false;
}
