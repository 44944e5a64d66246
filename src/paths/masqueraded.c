// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/masqueraded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "paths/conntrack.h"

static void add_ports(uint8_t *counted, uint16_t first, uint16_t last, unsigned transports)
{
	for (unsigned port = first; port <= last; port++)
		counted[port] |= (uint8_t)transports;
}

static bool is_within(const uint8_t *counted, const uint8_t *known)
{
	for (unsigned port = 0; port <= UINT16_MAX; port++)
		if (counted[port] & ~known[port])
			return false;
	return true;
}

int v2m_masqueraded_read(struct v2m_masqueraded *known, const struct v2m_port_rule *rules,
			 size_t n_rules, const struct v2m_port_aliases *aliases,
			 struct v2m_foreign_flows *flows)
{
	V2M_FREE uint8_t *counted = calloc(1, sizeof(known->counted));
	int result = 0;

	if (!counted)
		return -ENOMEM;
	for (size_t i = 0; i < n_rules; i++)
		add_ports(counted, rules[i].first_port, rules[i].last_port, rules[i].transports);
	for (size_t i = 0; i < aliases->count; i++)
		add_ports(counted, aliases->items[i].first_port, aliases->items[i].last_port,
			  aliases->items[i].transports);
	if (known->missed || !is_within(counted, known->counted))
		result = v2m_conntrack_read_masqueraded(counted, flows);
	known->missed = result != 0;
	memcpy(known->counted, counted, sizeof(known->counted));
	return result;
}
