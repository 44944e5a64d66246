// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A key set and a snapshot arrive with all their members. */
#include "unit/ipc/travel.h"

#include "ipc/keyset.h"
#include "ipc/snapshot.h"

/* One key on a port that is its own, with one alias. */
static struct v2m_key *make_key(void)
{
	struct v2m_key *key = calloc(1, sizeof(*key));
	struct v2m_span *span = malloc(sizeof(*span));

	FILL(key);
	key->id = strdup("id");
	key->uuid = strdup("uuid");
	key->name = strdup("name");
	key->created_at = strdup("created");
	key->short_id = strdup("short");
	key->sni = strdup("sni");
	key->source = strdup("source");
	/* Only the counting process needs these. */
	key->identity = NULL;
	key->emails = (struct v2m_strings){ 0 };
	key->transports = V2M_TCP;
	FILL(span);
	span->transports = V2M_TCP | V2M_UDP;
	key->spans = span;
	key->n_spans = key->spans_capacity = 1;
	key->aliases = (struct v2m_strings){ 0 };
	assert_int_equal(v2m_strings_add(&key->aliases, "alias"), 0);
	key->aliases.capacity = key->aliases.count;
	return key;
}

static void expect_same_key(struct v2m_key *sent, struct v2m_key *got)
{
	same_key(sent, got);
	assert_int_equal(got->aliases.count, 1);
	SAME_TEXT(sent, got, aliases.items[0]);
	SAME_ARRAY(sent, got, aliases.items);
	SAME_BYTES(sent, got);
	/* What it holds is the other key's. */
	*got = (struct v2m_key){ 0 };
}

static struct v2m_keyset *keyset_travels(const struct v2m_keyset *sent)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_wire reader;
	struct v2m_keyset *got;

	v2m_write_keyset(&wire, sent);
	assert_int_equal(v2m_wire_end(&wire), 0);
	reader = v2m_wire_reader(wire.items, wire.length);
	got = v2m_read_keyset(&reader);
	assert_non_null(got);
	assert_int_equal(v2m_wire_end(&reader), 0);
	return got;
}

static void a_key_set_is_whole(void **state)
{
	struct v2m_keyset *sent = v2m_keyset_new(make_key(), 1);
	struct v2m_key *orphan = make_key();
	struct v2m_keyset *got;

	(void)state;
	orphan->spans->first_port = orphan->spans->last_port = 2;
	assert_int_equal(v2m_keyset_set_orphans(sent, orphan, 1), 0);
	got = keyset_travels(sent);
	assert_int_equal(got->n_keys, 1);
	expect_same_key(sent->keys, got->keys);
	assert_int_equal(got->n_orphans, 1);
	expect_same_key(sent->orphans, got->orphans);
	/* The slots are laid out anew. */
	assert_int_equal(got->slots.count, 2);
	for (size_t i = 0; i < 2; i++) {
		struct v2m_slot *slot = &got->slots.items[i];

		assert_int_equal(slot->n_keys, sent->slots.items[i].n_keys);
		slot->keys = sent->slots.items[i].keys;
		SAME_BYTES(&sent->slots.items[i], slot);
	}
	v2m_keyset_unref(sent);
	v2m_keyset_unref(got);
}

/* A table with one item in each list. */
static struct v2m_connection_table *make_table(void)
{
	struct v2m_connection_table *table = malloc(sizeof(*table) + sizeof(table->connections[0]));

	FILL(table);
	FILL(&table->connections[0]);
	FILL_CHARS(table->connections[0].device);
	table->references = 1;
	table->count = table->n_peers = table->n_closing = 1;
	table->peers = malloc(sizeof(*table->peers));
	table->closing = malloc(sizeof(*table->closing));
	FILL(table->peers);
	FILL(table->closing);
	return table;
}

static void expect_same_table(struct v2m_connection_table *sent, struct v2m_connection_table *got)
{
	assert_int_equal(got->count, 1);
	SAME_BYTES(&sent->connections[0], &got->connections[0]);
	assert_int_equal(got->n_peers, 1);
	SAME_BYTES(sent->peers, got->peers);
	SAME_ARRAY(sent, got, peers);
	assert_int_equal(got->n_closing, 1);
	SAME_BYTES(sent->closing, got->closing);
	SAME_ARRAY(sent, got, closing);
	/* From mono_ns on, no byte is between members. */
	assert_memory_equal(&sent->mono_ns, &got->mono_ns,
			    offsetof(struct v2m_connection_table, connections) -
				    offsetof(struct v2m_connection_table, mono_ns));
	/* What it holds is the other table's. */
	got->peers = NULL;
	got->closing = NULL;
}

static struct v2m_snapshot *make_snapshot(void)
{
	struct v2m_snapshot *snapshot = malloc(sizeof(*snapshot));

	FILL(snapshot);
	snapshot->references = 1;
	snapshot->mode = V2M_MODE_SOCKET_STATS;
	snapshot->mode_reason = strdup("mode");
	snapshot->measures_delivered = true;
	snapshot->keyset = v2m_keyset_new(make_key(), 1);
	snapshot->connections = make_table();
	snapshot->slots = malloc(sizeof(*snapshot->slots));
	snapshot->keys = malloc(sizeof(*snapshot->keys));
	snapshot->shares = malloc(sizeof(*snapshot->shares));
	snapshot->interfaces = malloc(sizeof(*snapshot->interfaces));
	FILL(snapshot->slots);
	/* Enumerations are limited. */
	snapshot->slots->attribution.method = V2M_BY_ACCESS_LOG;
	snapshot->slots->attribution.gap = V2M_GAP_LOG_CUT;
	snapshot->slots->connections = snapshot->connections->connections;
	snapshot->slots->udp_peers = snapshot->connections->peers;
	snapshot->slots->n_connections = snapshot->slots->n_udp_peers = 1;
	FILL(snapshot->keys);
	FILL(snapshot->shares);
	snapshot->shares->slot = 0;
	snapshot->keys->shares = snapshot->shares;
	snapshot->keys->n_shares = 1;
	FILL(snapshot->interfaces);
	FILL_CHARS(snapshot->interfaces->name);
	snapshot->n_interfaces = 1;
	return snapshot;
}

static void expect_same_snapshot(struct v2m_snapshot *sent, struct v2m_snapshot *got)
{
	assert_ptr_equal(got->slots->connections, got->connections->connections);
	assert_ptr_equal(got->slots->udp_peers, got->connections->peers);
	assert_ptr_equal(got->keys->shares, got->shares);
	expect_same_table(sent->connections, got->connections);
	got->slots->connections = sent->slots->connections;
	got->slots->udp_peers = sent->slots->udp_peers;
	SAME_BYTES(sent->slots, got->slots);
	SAME_BYTES(sent->shares, got->shares);
	got->keys->shares = sent->keys->shares;
	SAME_BYTES(sent->keys, got->keys);
	assert_int_equal(got->n_interfaces, 1);
	SAME_BYTES(sent->interfaces, got->interfaces);
	v2m_connection_table_unref(got->connections);
	got->connections = sent->connections;
	SAME_ARRAY(sent, got, slots);
	SAME_ARRAY(sent, got, keys);
	SAME_ARRAY(sent, got, shares);
	SAME_ARRAY(sent, got, interfaces);
	SAME_TEXT(sent, got, mode_reason);
	SAME_BYTES(sent, got);
}

static void a_snapshot_is_whole(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_snapshot *sent = make_snapshot();
	struct v2m_wire reader;
	struct v2m_snapshot *got;

	(void)state;
	v2m_write_snapshot(&wire, sent);
	assert_int_equal(v2m_wire_end(&wire), 0);
	reader = v2m_wire_reader(wire.items, wire.length);
	got = v2m_read_snapshot(&reader, sent->keyset);
	assert_non_null(got);
	assert_int_equal(v2m_wire_end(&reader), 0);
	expect_same_snapshot(sent, got);
	/* The snapshot that was sent owns everything now, and the key set has two holders. */
	free(got);
	v2m_keyset_unref(sent->keyset);
	v2m_snapshot_unref(sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_set_is_whole),
		cmocka_unit_test(a_snapshot_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
