// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/strangers.h"

#include <netinet/in.h>
#include <string.h>

#include "accounting/snapshot.h"

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

static bool is_nameless(const struct v2m_flow_entry *flow, uint64_t now_ns)
{
	const struct v2m_flow_state *state = &flow->state;

	return state->owner == V2M_NO_OWNER && !state->disputed && now_ns > state->began_ns &&
	       now_ns - state->began_ns > V2M_LINE_NS;
}

/* What connections without a name have carried. */
struct nameless {
	uint64_t large; /* more than a handshake each */
	uint64_t rushed;
};

static void add_connection(struct nameless *nameless, const struct v2m_flow_names *names,
			   const struct v2m_flow_state *state)
{
	uint64_t bytes = state->rx.payload_bytes + state->tx.payload_bytes;

	if (bytes > V2M_HANDSHAKE_BYTES)
		nameless->large += bytes;
	if (state->rx.payload_bytes && state->tx.payload_bytes && state->began_ns < names->rush_ns)
		nameless->rushed += bytes;
}

unsigned v2m_nameless_gaps(const struct v2m_flow_names *names, const struct v2m_flow_entry *flows,
			   size_t n_flows, uint64_t now_ns)
{
	struct nameless nameless = { 0 };
	unsigned gaps = 0;

	for (size_t i = 0; i < n_flows; i++) {
		bool is_udp = flows[i].key.protocol == IPPROTO_UDP;
		const struct v2m_slot *slot;

		if ((names->named_now && names->named_now[i]) || !is_nameless(&flows[i], now_ns))
			continue;
		slot = v2m_slots_at(names->slots, flows[i].key.port, is_udp ? V2M_UDP : V2M_TCP);
		if (slot && !v2m_named_slots_have(names->named, slot))
			continue;
		if (is_udp && flows[i].state.tx.payload_bytes > V2M_HANDSHAKE_BYTES)
			gaps |= 1u << V2M_GAP_NAMELESS_UDP;
		else if (!is_udp && slot && !slot->visited &&
			 !v2m_strangers_have(names->strangers, &flows[i]))
			add_connection(&nameless, names, &flows[i].state);
	}
	if (nameless.large > V2M_NAMELESS_BYTES)
		gaps |= 1u << V2M_GAP_NAMELESS_TCP;
	if (nameless.rushed > V2M_DROPPED_BYTES)
		gaps |= 1u << V2M_GAP_DROPPED;
	return gaps;
}

bool v2m_is_from_here(const struct v2m_access_record *record)
{
	static const uint8_t mapped[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };
	static const uint8_t ipv6[16] = { [15] = 1 };

	return record->port && (!memcmp(record->address, mapped, sizeof(mapped)) ||
				!memcmp(record->address, ipv6, sizeof(ipv6)));
}

void v2m_strangers_note(struct v2m_strangers *strangers, const struct v2m_flow_entry *flow)
{
	const struct stranger stranger = { flow->key, flow->state.began_ns };

	if (v2m_strangers_have(strangers, flow))
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
