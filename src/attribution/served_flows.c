// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/served_flows.h"

#include <netinet/in.h>
#include <stddef.h>

#include "attribution/strangers.h"

struct served {
	struct v2m_flow_key flow;
	uint64_t began_ns;
	bool is_alien;
};

#define KEY_LEN offsetof(struct served, is_alien)

static struct v2m_table_key key_of_served(const void *element)
{
	return (struct v2m_table_key){ element, KEY_LEN };
}

static const struct v2m_table_type served_type = { sizeof(struct served), key_of_served };

void v2m_served_flows_clear(struct v2m_served_flows *served)
{
	v2m_table_clear(&served->last);
	v2m_table_clear(&served->next);
}

bool v2m_served_flows_are_alien(const struct v2m_served_flows *served,
				const struct v2m_flow_entry *flow, uint64_t asked_ns,
				bool has_request)
{
	const struct served wanted = { .flow = flow->key, .began_ns = flow->state.began_ns };
	const struct served *known = v2m_table_find(&served->last, &wanted, KEY_LEN);

	/* What was counted before the question was served before the list was made. */
	return known && (known->is_alien || (!has_request && served->compared_ns < asked_ns));
}

int v2m_served_flows_note(struct v2m_served_flows *served, const struct v2m_flow_entry *flow,
			  bool is_alien)
{
	const struct served made = { flow->key, flow->state.began_ns, is_alien };

	if (flow->key.protocol != IPPROTO_TCP || flow->state.owner != V2M_NO_OWNER ||
	    (flow->state.tx.payload_bytes <= V2M_HANDSHAKE_BYTES && !is_alien))
		return 0;
	served->next.type = &served_type;
	/* A flow whose handshake ends while the maps are read is in both. */
	return v2m_table_find(&served->next, &made, KEY_LEN) ? 0
							     : v2m_table_add(&served->next, &made);
}

void v2m_served_flows_end(struct v2m_served_flows *served, uint64_t now_ns)
{
	v2m_table_clear(&served->last);
	served->last = served->next;
	served->next = (struct v2m_table){ .type = &served_type };
	served->compared_ns = now_ns;
}
