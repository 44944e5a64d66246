/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the matches and targets of iptables that are about ports, as iptables-nft hands them to
 * nftables. */
#ifndef V2METER_PATHS_XT_NAT_H
#define V2METER_PATHS_XT_NAT_H

#include <stdbool.h>

#include "paths/nat_ports.h"

struct v2m_xt_match {
	struct v2m_nat_ports_list *ports; /* gets the destination ports that are demanded */
};

/* 0; -EINVAL if the match is not understood, or demands more than ports; -ENOMEM. */
int v2m_xt_match_read(const char *name, const void *info, size_t size, struct v2m_xt_match *match);

struct v2m_xt_target {
	bool clear;
	bool elsewhere;
	uint8_t address[16]; /* IPv4 in the IPv4-mapped form */
	uint16_t port;       /* 0: it stays the same */
};

/* Returns whether it is DNAT or REDIRECT. */
bool v2m_xt_target_read(const char *name, uint32_t revision, const void *info, size_t size,
			struct v2m_xt_target *target);

#endif
