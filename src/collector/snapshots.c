// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/snapshots.h"

#include <stdlib.h>
#include <string.h>

#include "attribution/attribution.h"
#include "collector/bookkeeper.h"
#include "collector/byte_source.h"
#include "collector/connections.h"
#include "collector/device_watch.h"
#include "collector/key_supply.h"
#include "collector/publisher.h"

static void fill_missed(const struct v2m_parts *parts, const struct v2m_slot *slot,
			struct v2m_slot_view *view)
{
	const struct v2m_cross_bytes *missed =
		v2m_bookkeeper_uncounted(parts->bookkeeper, v2m_slot_number(slot));

	if (!missed || !v2m_byte_source_is_exact(parts->byte_source))
		return;
	view->missed_delivered = missed->delivered;
	view->missed_counted = missed->counted;
}

/* The sessions of keys on shared slots. */
static void fill_owners(const struct v2m_parts *parts, struct v2m_snapshot *snapshot)
{
	size_t n_shares = snapshot->keyset->first_slot[snapshot->keyset->n_keys];

	for (size_t i = 0; i < n_shares; i++)
		v2m_connections_fill_owner(parts->connections, snapshot->shares[i].owner,
					   &snapshot->shares[i].sessions);
}

static bool fill_slots(const struct v2m_parts *parts, struct v2m_snapshot *snapshot)
{
	const struct v2m_slots *slots = &snapshot->keyset->slots;

	if (v2m_account_fill(v2m_bookkeeper_account(parts->bookkeeper), snapshot))
		return false;
	for (size_t i = 0; i < slots->count; i++) {
		const struct v2m_slot *slot = &slots->items[i];
		struct v2m_slot_view *view = &snapshot->slots[i];

		view->counted = v2m_byte_source_counts_slot(parts->byte_source, slot);
		if (!view->counted)
			continue;
		view->rate_bytes_s = v2m_bookkeeper_rate(parts->bookkeeper, v2m_slot_number(slot));
		v2m_connections_fill(parts->connections, slot, view);
		fill_missed(parts, slot, view);
	}
	v2m_attribution_fill(parts->attribution, v2m_bookkeeper_rates(parts->bookkeeper), snapshot);
	fill_owners(parts, snapshot);
	return true;
}

static bool fill_interfaces(const struct v2m_parts *parts, struct v2m_snapshot *snapshot)
{
	size_t count;
	const struct v2m_watched_device *devices = v2m_device_watch_devices(parts->devices, &count);

	snapshot->interfaces = calloc(count + 1, sizeof(*snapshot->interfaces));
	if (!snapshot->interfaces)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct v2m_chosen_device *device = &devices[i].chosen;
		struct v2m_interface_view *view = &snapshot->interfaces[i];

		memcpy(view->name, device->device.name, sizeof(view->name));
		view->rx_bytes = device->rx_bytes;
		view->tx_bytes = device->tx_bytes;
	}
	snapshot->n_interfaces = count;
	return true;
}

static bool fill_mode(const struct v2m_parts *parts, struct v2m_snapshot *snapshot)
{
	const char *reason = v2m_byte_source_reason(parts->byte_source);

	snapshot->mode = v2m_bookkeeper_sample(parts->bookkeeper)->mode;
	snapshot->measures_delivered = v2m_connections_measure_delivered(parts->connections);
	if (!*reason)
		return true;
	snapshot->mode_reason = strdup(reason);
	return snapshot->mode_reason;
}

struct v2m_snapshot *v2m_snapshots_make(struct v2m_parts *parts)
{
	const struct v2m_sample *sample = v2m_bookkeeper_sample(parts->bookkeeper);
	struct v2m_connection_table *table = v2m_connections_table(parts->connections);
	struct v2m_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return NULL;
	snapshot->references = 1;
	snapshot->generation = v2m_publisher_next_generation(parts->publisher);
	snapshot->mono_ns = sample->mono_ns;
	snapshot->real_us = sample->real_us;
	snapshot->connection_details_max = parts->config->connection_details_max;
	snapshot->keyset = v2m_keyset_ref(v2m_key_supply_active(parts->keys));
	if (table)
		snapshot->connections = v2m_connection_table_ref(table);
	if (!fill_mode(parts, snapshot) || !fill_slots(parts, snapshot) ||
	    !fill_interfaces(parts, snapshot)) {
		v2m_snapshot_unref(snapshot);
		return NULL;
	}
	return snapshot;
}
