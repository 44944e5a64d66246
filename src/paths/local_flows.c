// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/local_flows.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/transport.h"
#include "paths/conntrack.h"

#define SHARE 500

void v2m_local_flows_look(struct v2m_local_flows *flows, const struct v2m_port_rule *rules,
			  size_t n_rules)
{
	V2M_FREE uint8_t *wanted = NULL;
	uint64_t begun_ns = v2m_clock_mono_ns();

	if ((begun_ns - flows->begun_ns) / SHARE < flows->cost_ns)
		return;
	flows->found.count = 0;
	wanted = calloc(UINT16_MAX + 1, sizeof(*wanted));
	if (!wanted)
		return;
	for (size_t i = 0; i < n_rules; i++)
		for (unsigned port = rules[i].first_port; port <= rules[i].last_port; port++)
			if (!rules[i].loopback)
				wanted[port] |= (uint8_t)(rules[i].transports & V2M_UDP);
	if (v2m_conntrack_read_local_udp(wanted, &flows->found))
		flows->found.count = 0;
	flows->begun_ns = begun_ns;
	flows->cost_ns = v2m_clock_mono_ns() - begun_ns;
}

void v2m_local_flows_clear(struct v2m_local_flows *flows)
{
	v2m_array_clear(&flows->found);
}
