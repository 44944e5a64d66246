// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/strangers.h"

#include <netinet/in.h>

#define STRANGERS_MAX 16384

struct stranger {
	struct v2m_flow_key flow;
	uint64_t began_ns;
};

static struct v2m_table_key key_of_stranger(const void *element)
{
	return (struct v2m_table_key){ element, sizeof(struct stranger) };
}

static const struct v2m_table_type strangers_type = { sizeof(struct stranger), key_of_stranger };

void v2m_strangers_clear(struct v2m_strangers *strangers)
{
	v2m_table_clear(&strangers->flows);
}

bool v2m_flow_lacks_beginning(const struct v2m_flow_entry *flow)
{
	return flow->key.protocol == IPPROTO_TCP && !flow->state.answered &&
	       (flow->state.tx.packets || flow->state.owner != V2M_NO_OWNER);
}

bool v2m_flow_is_nameless_udp(const struct v2m_flow_entry *flow, uint64_t now_ns)
{
	return flow->key.protocol == IPPROTO_UDP && flow->state.owner == V2M_NO_OWNER &&
	       !flow->state.disputed && flow->state.tx.payload_bytes > V2M_HANDSHAKE_BYTES &&
	       now_ns > flow->state.began_ns && now_ns - flow->state.began_ns > V2M_LINE_NS;
}

void v2m_strangers_note(struct v2m_strangers *strangers, const struct v2m_flow_entry *flow)
{
	const struct stranger stranger = { flow->key, flow->state.began_ns };

	if (!v2m_flow_lacks_beginning(flow) || v2m_strangers_have(strangers, flow))
		return;
	/* Those that are still there are found again. */
	if (strangers->flows.count == STRANGERS_MAX)
		v2m_table_clear(&strangers->flows);
	strangers->flows.type = &strangers_type;
	(void)!v2m_table_add(&strangers->flows, &stranger);
}

bool v2m_strangers_have(const struct v2m_strangers *strangers, const struct v2m_flow_entry *flow)
{
	const struct stranger wanted = { flow->key, flow->state.began_ns };

	return v2m_table_find(&strangers->flows, &wanted, sizeof(wanted));
}
