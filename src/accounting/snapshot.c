// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/snapshot.h"

#include <stdlib.h>

#include "keys/keys.h"

struct v2m_snapshot *v2m_snapshot_ref(struct v2m_snapshot *snapshot)
{
	__atomic_add_fetch(&snapshot->references, 1, __ATOMIC_RELAXED);
	return snapshot;
}

void v2m_snapshot_unref(struct v2m_snapshot *snapshot)
{
	if (!snapshot || __atomic_sub_fetch(&snapshot->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	v2m_keyset_unref(snapshot->keyset);
	v2m_connection_table_unref(snapshot->connections);
	free(snapshot->mode_reason);
	free(snapshot->ports);
	free(snapshot->interfaces);
	free(snapshot);
}

static int compare_port(const void *port, const void *view)
{
	return (int)*(const uint16_t *)port - (int)((const struct v2m_port_view *)view)->port;
}

const struct v2m_port_view *v2m_snapshot_port(const struct v2m_snapshot *snapshot, uint16_t port)
{
	if (!snapshot->n_ports)
		return NULL;
	return bsearch(&port, snapshot->ports, snapshot->n_ports, sizeof(*snapshot->ports),
		       compare_port);
}
