/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the NAT rules of iptables-legacy, which the kernel keeps in tables of its own. */
#ifndef V2METER_PATHS_LEGACY_RULES_H
#define V2METER_PATHS_LEGACY_RULES_H

#include "paths/nat.h"

/*
 * Adds the rules of the calling thread's network namespace that arriving packets reach and that
 * change something, of IPv4 and IPv6. No table is made that is not there. *digest changes if a rule
 * does, because nothing announces that. Needs CAP_NET_ADMIN. 0, also if there is no such table; or
 * -errno, with the rules as they were or with those of IPv4.
 */
int v2m_legacy_rules_read(struct v2m_nat_rules *rules, uint64_t *digest);

/* A table as IPT_SO_GET_ENTRIES or IP6T_SO_GET_ENTRIES gives it. */
struct v2m_legacy_table {
	bool is_ipv6;
	const void *entries;
	size_t size;
	unsigned begins[5];   /* offsets of the chains at which the kernel begins, by its hooks */
	unsigned valid_hooks; /* a bit for each that there is */
};

/* Adds the rules that packets reach which arrive. Pure. 0; -EBADMSG if it is no whole table;
 * -ENOMEM; -E2BIG. */
int v2m_legacy_table_read(const struct v2m_legacy_table *table, struct v2m_nat_rules *rules);

#endif
