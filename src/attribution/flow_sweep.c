// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/flow_sweep.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "attribution/connection_owners.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/table.h"
#include "base/transport.h"
#include "datapath/flows.h"

#define SWEEP_INTERVAL_NS (10 * UINT64_C(1000000000))
/* TCP keeps a closed connection for 60 s (TIME_WAIT, tcp_fin_timeout). */
#define GONE_AFTER_NS (130 * UINT64_C(1000000000))

/* A dump that is older tells nothing of newer connections. */
#define STALE_NS (30 * UINT64_C(1000000000))

/* When the connection of a flow was last seen. */
struct seen_flow {
	struct v2m_flow_key key;
	uint64_t began_ns; /* of the flow: a new connection may have the addresses of an old one */
	uint64_t seen_ns;
	bool disputed;
};

struct v2m_flow_sweep {
	struct v2m_table seen;
	/* By port: transports whose connections the dumps show. The sockets of others may be in
	 * another network namespace. */
	uint8_t visible[65536];
	size_t flows_max;
	uint64_t swept_ns;
	bool saw_dispute;
};

static struct v2m_table_key key_of_seen(const void *element)
{
	const struct seen_flow *flow = element;

	return (struct v2m_table_key){ &flow->key, sizeof(flow->key) };
}

static const struct v2m_table_type seen_flows = { sizeof(struct seen_flow), key_of_seen };

struct v2m_flow_sweep *v2m_flow_sweep_new(size_t flows_max)
{
	struct v2m_flow_sweep *sweep = calloc(1, sizeof(*sweep));

	if (!sweep)
		return NULL;
	sweep->seen.type = &seen_flows;
	sweep->flows_max = flows_max;
	return sweep;
}

void v2m_flow_sweep_free(struct v2m_flow_sweep *sweep)
{
	if (!sweep)
		return;
	v2m_table_clear(&sweep->seen);
	free(sweep);
}

static uint8_t transport_of(const struct v2m_flow_key *key)
{
	return key->protocol == IPPROTO_TCP ? V2M_TCP : V2M_UDP;
}

static void note_seen(struct v2m_flow_sweep *sweep, const struct v2m_flow_key *key, uint64_t now_ns)
{
	struct seen_flow *known = v2m_table_find(&sweep->seen, key, sizeof(*key));

	if (!known)
		return;
	known->seen_ns = now_ns;
	sweep->visible[key->port] |= transport_of(key);
}

static void note_connections(struct v2m_flow_sweep *sweep, const struct v2m_connection_table *table,
			     uint64_t now_ns)
{
	for (size_t i = 0; i < table->count; i++) {
		struct v2m_flow_key key = v2m_flow_of_connection(&table->connections[i]);

		note_seen(sweep, &key, now_ns);
	}
	for (size_t i = 0; i < table->n_peers; i++) {
		const struct v2m_peer *peer = &table->peers[i];
		struct v2m_flow_key key = { .port = peer->port,
					    .remote_port = peer->remote_port,
					    .protocol = IPPROTO_UDP };

		memcpy(key.remote, peer->address, sizeof(key.remote));
		note_seen(sweep, &key, now_ns);
	}
}

/* Enters flows that are new, and drops from the table those that are gone. 0 or -ENOMEM. */
static int match_seen(struct v2m_flow_sweep *sweep, const struct v2m_flow_entry *flows,
		      size_t count, uint64_t now_ns)
{
	struct v2m_table next = { .type = &seen_flows };
	int result = v2m_table_reserve(&next, count);

	for (size_t i = 0; i < count && !result; i++) {
		struct seen_flow flow = { .key = flows[i].key,
					  .began_ns = flows[i].state.began_ns,
					  .seen_ns = now_ns,
					  .disputed = flows[i].state.disputed };
		const struct seen_flow *known =
			v2m_table_find(&sweep->seen, &flow.key, sizeof(flow.key));

		if (known && known->began_ns == flow.began_ns)
			flow.seen_ns = known->seen_ns;
		result = v2m_table_add(&next, &flow);
	}
	if (result) {
		v2m_table_clear(&next);
		return result;
	}
	v2m_table_clear(&sweep->seen);
	sweep->seen = next;
	return 0;
}

static bool is_visible(const struct v2m_flow_sweep *sweep, const struct seen_flow *flow)
{
	return sweep->visible[flow->key.port] & transport_of(&flow->key);
}

/* Flows whose sockets nobody shows stay until others need their room. */
static bool is_gone(const struct v2m_flow_sweep *sweep, const struct seen_flow *flow,
		    uint64_t now_ns)
{
	return now_ns - flow->seen_ns > GONE_AFTER_NS &&
	       (is_visible(sweep, flow) || sweep->seen.count > sweep->flows_max / 2);
}

/* New flows count as seen. */
static bool find_dispute(const struct v2m_flow_sweep *sweep, uint64_t now_ns)
{
	const struct seen_flow *flow = NULL;

	while ((flow = v2m_table_next(&sweep->seen, flow)))
		if (flow->disputed && (flow->seen_ns == now_ns || !is_visible(sweep, flow)))
			return true;
	return false;
}

static int remove_gone(struct v2m_flow_sweep *sweep, struct v2m_datapath *datapath, uint64_t now_ns)
{
	const struct seen_flow *flow = NULL;
	int result = 0;

	while (!result && (flow = v2m_table_next(&sweep->seen, flow)))
		if (is_gone(sweep, flow, now_ns))
			result = v2m_flows_remove(datapath, &flow->key, 1);
	return result;
}

int v2m_flow_sweep_run(struct v2m_flow_sweep *sweep, struct v2m_datapath *datapath,
		       const struct v2m_connection_table *table)
{
	V2M_FREE struct v2m_flow_entry *flows = NULL;
	uint64_t now_ns = v2m_clock_mono_ns();
	size_t count = 0;
	int result;

	if (!table || now_ns - sweep->swept_ns < SWEEP_INTERVAL_NS ||
	    (now_ns > table->mono_ns && now_ns - table->mono_ns > STALE_NS))
		return 0;
	sweep->swept_ns = now_ns;
	result = v2m_flows_read(datapath, false, &flows, &count);
	if (!result)
		result = match_seen(sweep, flows, count, now_ns);
	if (result)
		return result;
	note_connections(sweep, table, now_ns);
	sweep->saw_dispute = find_dispute(sweep, now_ns);
	return remove_gone(sweep, datapath, now_ns);
}

bool v2m_flow_sweep_saw_dispute(const struct v2m_flow_sweep *sweep)
{
	return sweep->saw_dispute;
}

size_t v2m_flow_sweep_count(const struct v2m_flow_sweep *sweep)
{
	return sweep->seen.count;
}
