// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/connection_owners.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/sample.h"
#include "base/table.h"
#include "datapath/flows.h"

/* The remote address of a connection, as the kernel's flows have it. */
static void map_address(uint8_t family, const uint8_t *address, uint8_t mapped[static 16])
{
	if (family == AF_INET6) {
		memcpy(mapped, address, 16);
		return;
	}
	memset(mapped, 0, 10);
	mapped[10] = mapped[11] = 0xff;
	memcpy(mapped + 12, address, 4);
}

struct v2m_flow_key v2m_flow_of_connection(const struct v2m_connection *connection)
{
	struct v2m_flow_key key = { .port = connection->local_port,
				    .remote_port = connection->remote_port,
				    .protocol = IPPROTO_TCP };

	map_address(connection->family, connection->remote, key.remote);
	return key;
}

/* The owner of each flow, by its key. */
struct owned_flow {
	struct v2m_flow_key key;
	uint32_t owner;
};

static struct v2m_table_key key_of_owned(const void *element)
{
	const struct owned_flow *flow = element;

	return (struct v2m_table_key){ &flow->key, sizeof(flow->key) };
}

static const struct v2m_table_type owned_flows = { sizeof(struct owned_flow), key_of_owned };

static int list_owned(struct v2m_datapath *datapath, struct v2m_table *owned)
{
	V2M_FREE struct v2m_flow_entry *flows = NULL;
	size_t count = 0;
	int result = v2m_flows_read(datapath, false, &flows, &count);

	if (!result)
		result = v2m_table_reserve(owned, count);
	for (size_t i = 0; i < count && !result; i++) {
		struct owned_flow flow = { flows[i].key, flows[i].state.owner };

		/* A map that changes while it is read may show an entry twice. */
		if (flow.owner != V2M_NO_OWNER && !flows[i].state.disputed &&
		    !v2m_table_find(owned, &flow.key, sizeof(flow.key)))
			result = v2m_table_add(owned, &flow);
	}
	return result;
}

void v2m_connection_owners_fill(struct v2m_datapath *datapath, struct v2m_connection_table *table)
{
	struct v2m_table owned = { .type = &owned_flows };

	if (list_owned(datapath, &owned)) {
		v2m_table_clear(&owned);
		return;
	}
	for (size_t i = 0; i < table->count; i++) {
		struct v2m_flow_key key = v2m_flow_of_connection(&table->connections[i]);
		const struct owned_flow *flow = v2m_table_find(&owned, &key, sizeof(key));

		if (flow)
			table->connections[i].owner = flow->owner;
	}
	v2m_table_clear(&owned);
}
