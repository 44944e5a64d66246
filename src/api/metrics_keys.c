// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/metrics_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/format.h"
#include "base/macros.h"
#include "base/transport.h"
#include "base/uuid.h"

/* The label of bytes that a key counted on none of its present ports. */
#define FORMER_PORT "former"
/* "20000-30000" */
#define PORT_LEN 16
/* The digit of a UUID that tells its version. */
#define VERSION_AT 14

/* A key of the answer, and its label. */
struct entry {
	const struct v2m_key *key;
	const struct v2m_key_view *view;
	const char *id;
	char hash[V2M_UUID_LEN]; /* if the id may be a credential */
};

/* A key and what it has counted, to find the busiest ones. */
struct candidate {
	size_t index;
	uint64_t bytes;
};

struct writer {
	struct v2m_metrics_text *text;
	const struct v2m_snapshot *snapshot;
	struct entry *entries;
	size_t count;
};

static uint64_t bytes_of(const struct v2m_key_view *view)
{
	uint64_t sum = view->ever_elsewhere.rx.wire_bytes + view->ever_elsewhere.tx.wire_bytes;

	for (size_t i = 0; i < view->n_shares; i++)
		sum += view->shares[i].ever.rx.wire_bytes + view->shares[i].ever.tx.wire_bytes;
	return sum;
}

static int busier_first(const void *a, const void *b)
{
	const struct candidate *left = a;
	const struct candidate *right = b;

	if (left->bytes != right->bytes)
		return left->bytes < right->bytes ? 1 : -1;
	return left->index < right->index ? -1 : 1;
}

/* An id that equals the uuid is one that we made (version 5), or a credential that somebody chose
 * as the id. */
static bool may_be_credential(const struct v2m_key *key)
{
	return strcasecmp(key->id, key->uuid) == 0 &&
	       (strlen(key->id) < VERSION_AT || key->id[VERSION_AT] != '5');
}

static void fill_entry(const struct v2m_snapshot *snapshot, size_t index, struct entry *entry)
{
	entry->key = &snapshot->keyset->keys[index];
	entry->view = &snapshot->keys[index];
	entry->id = entry->key->id;
	if (!may_be_credential(entry->key))
		return;
	v2m_uuid_key_id(entry->key->uuid, entry->hash);
	entry->id = entry->hash;
}

/* Chooses the keys that have counted most. 0 or -ENOMEM. */
static int choose(const struct v2m_snapshot *snapshot, size_t max, struct writer *writer)
{
	size_t n_keys = snapshot->keyset->n_keys;
	V2M_FREE struct candidate *candidates = calloc(n_keys + 1, sizeof(*candidates));

	if (!candidates)
		return -ENOMEM;
	for (size_t i = 0; i < n_keys; i++)
		candidates[i] = (struct candidate){ i, bytes_of(&snapshot->keys[i]) };
	writer->count = n_keys < max ? n_keys : max;
	if (writer->count < n_keys)
		qsort(candidates, n_keys, sizeof(*candidates), busier_first);
	writer->entries = calloc(writer->count + 1, sizeof(*writer->entries));
	if (!writer->entries)
		return -ENOMEM;
	for (size_t i = 0; i < writer->count; i++)
		fill_entry(snapshot, candidates[i].index, &writer->entries[i]);
	return 0;
}

static void name_port(const struct v2m_slot *slot, char port[static PORT_LEN])
{
	if (slot->first_port == slot->last_port)
		snprintf(port, PORT_LEN, "%u", slot->first_port);
	else
		snprintf(port, PORT_LEN, "%u-%u", slot->first_port, slot->last_port);
}

/* Two samples, one for each direction. id NULL: the totals are no key's. */
static void put_totals(struct v2m_metrics_text *text, const char *id, const char *port,
		       const char *transport, const struct v2m_totals *totals, bool packets)
{
	struct v2m_metric_label labels[V2M_METRIC_LABELS + 1] = {
		{ "key_id", id },
		{ "port", port },
		{ "direction", "rx" },
		{ "transport", transport },
	};
	const struct v2m_metric_label *first = id ? labels : labels + 1;

	v2m_metrics_u64(text, first, packets ? totals->rx.packets : totals->rx.wire_bytes);
	labels[2].value = "tx";
	v2m_metrics_u64(text, first, packets ? totals->tx.packets : totals->tx.wire_bytes);
}

static void put_key(const struct writer *writer, const struct entry *entry, bool packets)
{
	const struct v2m_snapshot *snapshot = writer->snapshot;

	for (size_t i = 0; i < entry->view->n_shares; i++) {
		const struct v2m_share *share = &entry->view->shares[i];
		const struct v2m_slot *slot = &snapshot->keyset->slots.items[share->slot];
		char port[PORT_LEN];

		/* The bytes of a slot that several keys share are not the key's, apart from those
		 * that it counted there alone. */
		if (v2m_totals_are_zero(&share->ever) &&
		    (slot->n_keys > 1 || !snapshot->slots[share->slot].counted))
			continue;
		name_port(slot, port);
		put_totals(writer->text, entry->id, port, v2m_format_transports(slot->transports),
			   &share->ever, packets);
	}
	if (!v2m_totals_are_zero(&entry->view->ever_elsewhere))
		put_totals(writer->text, entry->id, FORMER_PORT, "both",
			   &entry->view->ever_elsewhere, packets);
}

static void put_keys(const struct writer *writer)
{
	v2m_metrics_family(
		writer->text, "v2meter_key_bytes_total", V2M_METRIC_COUNTER,
		"Wire bytes of a key on a port since it was first seen. No reset touches "
		"them.");
	for (size_t i = 0; i < writer->count; i++)
		put_key(writer, &writer->entries[i], false);
	v2m_metrics_family(writer->text, "v2meter_key_packets_total", V2M_METRIC_COUNTER,
			   "Packets of a key on a port since it was first seen. No reset touches "
			   "them.");
	for (size_t i = 0; i < writer->count; i++)
		put_key(writer, &writer->entries[i], true);
	v2m_metrics_family(writer->text, "v2meter_keys_omitted", V2M_METRIC_GAUGE,
			   "Keys without samples, because metrics_keys_max others have counted "
			   "more.");
	v2m_metrics_u64(writer->text, NULL, writer->snapshot->keyset->n_keys - writer->count);
}

static void put_names(const struct writer *writer)
{
	v2m_metrics_family(writer->text, "v2meter_key_info", V2M_METRIC_GAUGE,
			   "The name of a key.");
	for (size_t i = 0; i < writer->count; i++) {
		const struct entry *entry = &writer->entries[i];
		const struct v2m_metric_label labels[V2M_METRIC_LABELS] = {
			{ "key_id", entry->id },
			{ "name", entry->key->name },
			{ "active", entry->key->is_active ? "true" : "false" },
		};

		v2m_metrics_u64(writer->text, labels, 1);
	}
}

static void put_unattributed_of(const struct writer *writer, bool attributed)
{
	const struct v2m_slots *slots = &writer->snapshot->keyset->slots;

	for (size_t i = 0; i < slots->count; i++) {
		const struct v2m_slot *slot = &slots->items[i];
		char port[PORT_LEN];

		if (slot->behind || slot->n_keys == 1 || !writer->snapshot->slots[i].counted ||
		    (slot->n_keys > 1 && v2m_snapshot_attributes(writer->snapshot, slot)) !=
			    attributed)
			continue;
		name_port(slot, port);
		put_totals(writer->text, NULL, port, v2m_format_transports(slot->transports),
			   &writer->snapshot->slots[i].unattributed_ever, false);
	}
}

/* The bytes of shared ports, and of ports of former keys: they are no single key's. Where keys are
 * told apart, bytes leave this sum when their key becomes known, so it is no counter. */
static void put_unattributed(const struct writer *writer)
{
	v2m_metrics_family(writer->text, "v2meter_port_unattributed_bytes_total",
			   V2M_METRIC_COUNTER,
			   "Wire bytes of a port that are no single key's. No reset touches them.");
	put_unattributed_of(writer, false);
	v2m_metrics_family(
		writer->text, "v2meter_port_unattributed_bytes", V2M_METRIC_GAUGE,
		"Wire bytes of a shared port whose keys are told apart, as far as no key "
		"is known. No reset touches them.");
	put_unattributed_of(writer, true);
}

/* The states of connections that the API lists. */
static void put_states(struct v2m_metrics_text *text, const char *port,
		       const struct v2m_slot_view *view)
{
	static const uint8_t states[] = { V2M_TCP_ESTABLISHED, V2M_TCP_CLOSE_WAIT,
					  V2M_TCP_LAST_ACK };

	for (size_t s = 0; s < V2M_ARRAY_LEN(states); s++) {
		const struct v2m_metric_label labels[V2M_METRIC_LABELS] = {
			{ "port", port },
			{ "state", v2m_format_state(states[s]) },
		};
		size_t count = 0;

		for (size_t i = 0; i < view->n_connections; i++)
			count += view->connections[i].state == states[s];
		v2m_metrics_u64(text, labels, count);
	}
}

static void put_connections(const struct writer *writer)
{
	const struct v2m_slots *slots = &writer->snapshot->keyset->slots;

	v2m_metrics_family(writer->text, "v2meter_port_connections", V2M_METRIC_GAUGE,
			   "TCP connections of a port, by state.");
	for (size_t i = 0; i < slots->count; i++) {
		char port[PORT_LEN];

		if (slots->items[i].behind || !(slots->items[i].transports & V2M_TCP))
			continue;
		name_port(&slots->items[i], port);
		put_states(writer->text, port, &writer->snapshot->slots[i]);
	}
}

int v2m_metrics_keys(struct v2m_metrics_text *text, const struct v2m_snapshot *snapshot,
		     const struct v2m_metrics_options *options)
{
	struct writer writer = { .text = text, .snapshot = snapshot };

	if (choose(snapshot, options->keys_max, &writer))
		return -ENOMEM;
	put_keys(&writer);
	if (options->key_names)
		put_names(&writer);
	put_unattributed(&writer);
	put_connections(&writer);
	free(writer.entries);
	return 0;
}
