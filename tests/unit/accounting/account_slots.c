// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keys with several ports, ranges and transports. */
#include "base/cleanup.h"
#include "unit/accounting/slots_fixture.h"

static void tcp_and_udp_bytes_of_one_port_go_to_their_own_keys(void **context)
{
	struct state *state = *context;

	USE_KEYS(state, { .uuid = "tcp", .spans = { PORT(443, V2M_TCP) } },
		 { .uuid = "udp", .spans = { PORT(443, V2M_UDP) } });
	APPLY(state, entry_at(443, V2M_TCP, 100), entry_at(443, V2M_UDP, 7000));
	assert_int_equal(lifetime_rx(state->account, "tcp"), 100);
	assert_int_equal(lifetime_rx(state->account, "udp"), 7000);
	assert_int_equal(slot_of(state, 0), 100);
	assert_int_equal(slot_of(state, 1), 7000);
}

/* The counter of both transports goes on after the port is divided. Each key gets the bytes of its
 * transport. */
static void one_counter_of_both_transports_is_divided(void **context)
{
	struct state *state = *context;

	USE_KEYS(state, { .uuid = "tcp", .spans = { PORT(443, BOTH) } });
	APPLY(state, entry_at(443, BOTH, 100));
	assert_int_equal(lifetime_rx(state->account, "tcp"), 200);
	USE_KEYS(state, { .uuid = "tcp", .spans = { PORT(443, V2M_TCP) } },
		 { .uuid = "udp", .spans = { PORT(443, V2M_UDP) } });
	APPLY(state, entry_at(443, BOTH, 150));
	assert_int_equal(lifetime_rx(state->account, "tcp"), 250);
	assert_int_equal(lifetime_rx(state->account, "udp"), 50);
}

static void bytes_of_a_transport_without_an_owner_wait_for_one(void **context)
{
	struct state *state = *context;

	USE_KEYS(state, { .uuid = "tcp", .spans = { PORT(443, V2M_TCP) } });
	APPLY(state, entry_at(443, BOTH, 100));
	APPLY(state, entry_at(443, BOTH, 150));
	assert_int_equal(lifetime_rx(state->account, "tcp"), 150);
	USE_KEYS(state, { .uuid = "tcp", .spans = { PORT(443, V2M_TCP) } },
		 { .uuid = "udp", .spans = { PORT(443, V2M_UDP) } });
	APPLY(state, entry_at(443, BOTH, 160));
	assert_int_equal(lifetime_rx(state->account, "tcp"), 160);
	assert_int_equal(lifetime_rx(state->account, "udp"), 160);
}

static void a_port_in_a_range_is_a_subject_of_its_own(void **context)
{
	struct state *state = *context;

	USE_KEYS(state, { .uuid = "range", .spans = { { 20000, 50000, V2M_UDP, false, 0 } } },
		 { .uuid = "port", .spans = { PORT(30000, V2M_TCP) } });
	APPLY(state, entry_at(20000, V2M_UDP, 5000), entry_at(30000, V2M_TCP, 300));
	assert_int_equal(lifetime_rx(state->account, "range"), 5000);
	assert_int_equal(lifetime_rx(state->account, "port"), 300);
}

static uint64_t ever_of(struct state *state, size_t key, size_t i)
{
	return fill(state)->keys[key].shares[i].ever.rx.wire_bytes;
}

/* What metrics show: no reset touches it, and a port that comes back goes on where it was. */
static void no_reset_touches_what_was_ever_counted_on_a_port(void **context)
{
	struct state *state = *context;
	V2M_CLEANUP(v2m_history_undo_clear) struct v2m_history_undo history = { 0 };
	V2M_CLEANUP(v2m_reset_undo_clear) struct v2m_reset_undo reset = { 0 };
	struct v2m_totals closed;

	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 100));
	APPLY(state, entry_at(443, V2M_TCP, 150));
	assert_int_equal(v2m_account_reset(state->account, "key", 1, &closed, &reset), 0);
	assert_int_equal(v2m_account_reset_history(state->account, "key", &history), 0);
	assert_int_equal(share_of(state, 0, 0), 0);
	assert_int_equal(ever_of(state, 0, 0), 150);
	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, V2M_TCP), PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 160), entry_at(8443, V2M_TCP, 7));
	assert_int_equal(ever_of(state, 0, 0), 160);
	assert_int_equal(ever_of(state, 0, 1), 7);
	USE_KEYS(state, { .uuid = "key", .spans = { PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 160), entry_at(8443, V2M_TCP, 9));
	assert_int_equal(ever_of(state, 0, 0), 9);
	assert_int_equal(fill(state)->keys[0].ever_elsewhere.rx.wire_bytes, 0);
	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, V2M_TCP), PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 160), entry_at(8443, V2M_TCP, 9));
	assert_int_equal(ever_of(state, 0, 0), 160);
	assert_int_equal(ever_of(state, 0, 1), 9);
}

static void maps_of_an_earlier_version_count_for_both_transports_of_their_port(void **context)
{
	struct state *state = *context;

	USE_KEYS(state, { .uuid = "tcp", .spans = { PORT(443, V2M_TCP) } },
		 { .uuid = "udp", .spans = { PORT(443, V2M_UDP) } },
		 { .uuid = "other", .spans = { PORT(8443, BOTH) } });
	for (uint64_t bytes = 100; bytes <= 200; bytes += 100) {
		struct v2m_port_sample entries[] = { port_at(443, bytes), port_at(8443, bytes) };

		entries[0].transports = 0;
		entries[1].transports = 0;
		apply_as(state, V2M_MODE_EBPF, entries, 2);
	}
	assert_int_equal(lifetime_rx(state->account, "tcp"), 200);
	assert_int_equal(lifetime_rx(state->account, "udp"), 200);
	assert_int_equal(lifetime_rx(state->account, "other"), 400);
}

/* There is one slot more than the kernel has, so its entry would be that of another slot. */
static void a_refused_slot_is_left_alone(void **context)
{
	struct state *state = *context;
	const size_t n = V2M_MAX_SLOTS + 1;
	struct key_of *of = calloc(n, sizeof(*of));
	char(*names)[16] = calloc(n, sizeof(*names));
	struct v2m_port_sample entry;

	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "key-%zu", i);
		of[i] = (struct key_of){ names[i], (uint16_t)(1 + i) };
	}
	state->keyset = keyset_of(of, n);
	assert_true(state->keyset->slots.items[n - 1].refused);
	entry = entry_at((uint16_t)n, BOTH, 100);
	apply_as(state, V2M_MODE_EBPF, &entry, 1);
	assert_int_equal(lifetime_rx(state->account, names[n - 1]), 0);
	assert_int_equal(v2m_account_each_raw(state->account, (v2m_raw_visitor)abort, NULL), 0);
	assert_int_equal(fill(state)->slots[n - 1].since_reset.rx.wire_bytes, 0);
	free(names);
	free(of);
}

static void a_key_with_several_ports_has_one_total_and_a_share_of_each(void **context)
{
	struct state *state = *context;

	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, BOTH), PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, BOTH, 100), entry_at(8443, V2M_TCP, 30));
	assert_int_equal(lifetime_rx(state->account, "key"), 230);
	assert_int_equal(share_of(state, 0, 0), 200);
	assert_int_equal(share_of(state, 0, 1), 30);
	assert_int_equal(slot_of(state, 0), 200);
	assert_int_equal(slot_of(state, 1), 30);
}

static void a_reset_closes_all_ports_at_one_moment(void **context)
{
	struct state *state = *context;
	struct v2m_reset_undo undo;
	struct v2m_totals closed;

	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, V2M_TCP), PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 100), entry_at(8443, V2M_TCP, 30));
	assert_int_equal(v2m_account_reset(state->account, "key", 5, &closed, &undo), 0);
	v2m_reset_undo_clear(&undo);
	assert_int_equal(closed.rx.wire_bytes, 130);
	assert_int_equal(share_of(state, 0, 0), 0);
	assert_int_equal(share_of(state, 0, 1), 0);
	APPLY(state, entry_at(443, V2M_TCP, 101), entry_at(8443, V2M_TCP, 32));
	assert_int_equal(share_of(state, 0, 0), 1);
	assert_int_equal(share_of(state, 0, 1), 2);
}

/* A batch may hold several resets of one key, none of which could be stored. */
static void undone_resets_restore_every_share(void **context)
{
	struct state *state = *context;
	struct v2m_reset_undo undo[2];
	struct v2m_totals closed;

	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, V2M_TCP), PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 100), entry_at(8443, V2M_TCP, 30));
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(v2m_account_reset(state->account, "key", 5, &closed, &undo[i]), 0);
	for (size_t i = 2; i > 0; i--) {
		v2m_account_undo_reset(state->account, "key", &undo[i - 1]);
		v2m_reset_undo_clear(&undo[i - 1]);
	}
	assert_int_equal(share_of(state, 0, 0), 100);
	assert_int_equal(share_of(state, 0, 1), 30);
}

static void a_new_first_port_leaves_the_bytes_of_the_other_port_where_they_are(void **context)
{
	struct state *state = *context;

	USE_KEYS(state, { .uuid = "key", .spans = { PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(8443, V2M_TCP, 100));
	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, V2M_TCP), PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(8443, V2M_TCP, 110), entry_at(443, V2M_TCP, 3));
	assert_int_equal(share_of(state, 0, 0), 3);
	assert_int_equal(share_of(state, 0, 1), 110);
}

static void a_key_that_loses_a_port_keeps_its_bytes(void **context)
{
	struct state *state = *context;

	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, V2M_TCP), PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 100), entry_at(8443, V2M_TCP, 30));
	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 101));
	assert_int_equal(share_of(state, 0, 0), 131);
	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, V2M_TCP), PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 102));
	assert_int_equal(share_of(state, 0, 0), 102);
	assert_int_equal(share_of(state, 0, 1), 30);
}

/* What the account and the snapshot say of a key. */
static bool knows(struct state *state, size_t key)
{
	const struct v2m_snapshot *snapshot = fill(state);
	bool known = v2m_snapshot_knows(snapshot, &state->keyset->keys[key]);

	assert_int_equal(
		v2m_account_knows_bytes(state->account, state->keyset, &state->keyset->keys[key]),
		known);
	return known;
}

static void a_key_is_known_until_the_first_bytes_that_may_be_another_keys(void **context)
{
	struct state *state = *context;
	struct v2m_reset_undo undo;
	struct v2m_totals closed;

	USE_KEYS(state, { .uuid = "first", .spans = { PORT(443, V2M_TCP), PORT(80, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 100), entry_at(80, V2M_TCP, 30));
	USE_KEYS(state, { .uuid = "first", .spans = { PORT(443, V2M_TCP), PORT(80, V2M_TCP) } },
		 { .uuid = "second", .spans = { PORT(443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 100), entry_at(80, V2M_TCP, 70));
	assert_true(knows(state, 0));
	assert_int_equal(fill(state)->keys[0].since_reset.rx.wire_bytes, 170);
	assert_int_equal(v2m_account_reset(state->account, "first", 1, &closed, &undo), 0);
	v2m_reset_undo_clear(&undo);
	assert_int_equal(closed.rx.wire_bytes, 170);
	assert_true(knows(state, 0));
	APPLY(state, entry_at(443, V2M_TCP, 101), entry_at(80, V2M_TCP, 70));
	assert_false(knows(state, 0));
	USE_KEYS(state, { .uuid = "first", .spans = { PORT(443, V2M_TCP), PORT(80, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 101), entry_at(80, V2M_TCP, 70));
	assert_true(knows(state, 0));
}

static void a_key_that_never_had_its_port_alone_is_not_known(void **context)
{
	struct state *state = *context;

	USE_KEYS(state, { .uuid = "first", .spans = { PORT(443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 100));
	USE_KEYS(state, { .uuid = "first", .spans = { PORT(443, V2M_TCP) } },
		 { .uuid = "second", .spans = { PORT(443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 100));
	assert_false(knows(state, 1));
	assert_true(knows(state, 0));
}

static void a_port_that_becomes_shared_keeps_its_total_and_its_first_key_the_bytes(void **context)
{
	struct state *state = *context;
	const struct v2m_snapshot *snapshot;

	USE_KEYS(state, { .uuid = "one", .spans = { PORT(443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 100));
	USE_KEYS(state, { .uuid = "one", .spans = { PORT(443, V2M_TCP) } },
		 { .uuid = "two", .spans = { PORT(443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 150));
	snapshot = fill(state);
	assert_int_equal(snapshot->keys[0].since_reset.rx.wire_bytes, 100);
	assert_int_equal(snapshot->keys[1].since_reset.rx.wire_bytes, 0);
	assert_int_equal(snapshot->slots[0].unattributed.rx.wire_bytes, 50);
	assert_int_equal(snapshot->slots[0].since_reset.rx.wire_bytes, 150);
	assert_int_equal(lifetime_rx(state->account, "port:443"), 50);
}

static void the_bytes_of_a_port_behind_another_are_in_no_key(void **context)
{
	struct state *state = *context;
	const struct v2m_snapshot *snapshot;

	USE_KEYS(state, { .uuid = "front", .spans = { PORT(443, V2M_TCP) } },
		 { .uuid = "fallback", .spans = { { 8080, 8080, V2M_TCP, true, 443 } } });
	APPLY(state, entry_at(443, V2M_TCP, 100), entry_at(8080, V2M_TCP, 60));
	snapshot = fill(state);
	assert_int_equal(lifetime_rx(state->account, "port:443"), 100);
	assert_int_equal(lifetime_rx(state->account, "behind:8080"), 60);
	assert_true(v2m_subject_is_behind(v2m_account_subject(state->account, "behind:8080")));
	assert_false(v2m_subject_is_behind(v2m_account_subject(state->account, "port:443")));
	assert_int_equal(snapshot->slots[1].since_reset.rx.wire_bytes, 60);
	assert_int_equal(snapshot->keys[1].since_reset.rx.wire_bytes, 0);
	assert_int_equal(snapshot->keys[1].n_shares, 1);
}

static void shares_of_totals_at_the_largest_counter_add_up(void **context)
{
	struct state *state = *context;
	const uint64_t most = V2M_COUNTER_MAX;

	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, V2M_TCP), PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, most), entry_at(8443, V2M_TCP, most));
	assert_int_equal(lifetime_rx(state->account, "key"), most);
	assert_int_equal(share_of(state, 0, 0), 0);
	assert_int_equal(share_of(state, 0, 1), most);
}

static void socket_statistics_are_settled_with_all_counters_of_a_slot(void **context)
{
	struct state *state = *context;

	USE_KEYS(state, { .uuid = "key", .spans = { PORT(443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 1000));
	APPLY_AS(state, V2M_MODE_SOCKET_STATS, entry_at(443, V2M_TCP, 300));
	assert_int_equal(lifetime_rx(state->account, "key"), 1300);
	/* The first one is new, and the old one was still counting. */
	state->entries[0] = entry_at(443, V2M_TCP, 50);
	{
		struct v2m_port_sample entries[] = { state->entries[0],
						     entry_at(443, V2M_TCP, 1400) };
		struct v2m_sample sample = {
			.epoch = "epoch",
			.mono_ns = ++state->second * SECOND_NS,
			.real_us = 1,
			.ports = entries,
			.n_ports = 2,
		};

		entries[0].slot = 7;
		entries[0].assigned_ns = 9;
		entries[1].slot = 0;
		assert_int_equal(v2m_account_apply(state->account, state->keyset, &sample), 0);
	}
	assert_int_equal(lifetime_rx(state->account, "key"), 1400 + 50);
}

static struct v2m_connection_table *connections_on(const uint16_t (*ports)[2], size_t n)
{
	struct v2m_connection_table *table =
		calloc(1, sizeof(*table) + n * sizeof(table->connections[0]));

	table->references = 1;
	table->count = n;
	for (size_t i = 0; i < n; i++)
		table->connections[i] = (struct v2m_connection){
			.family = AF_INET,
			.state = V2M_TCP_ESTABLISHED,
			.slot_port = ports[i][0],
			.local_port = ports[i][1],
			.remote_port = (uint16_t)(1000 + i),
		};
	return table;
}

static void dump(struct state *state, const uint16_t (*ports)[2], size_t n)
{
	struct v2m_connection_table *table = connections_on(ports, n);

	assert_int_equal(v2m_account_connections(state->account, state->keyset, table, NULL, 0, 1),
			 0);
	v2m_connection_table_unref(table);
}

static void the_connections_of_a_key_are_those_of_all_its_slots(void **context)
{
	static const uint16_t both[][2] = {
		{ 100, 150 }, { 100, 120 }, { 443, 443 }, { 443, 443 }, { 8080, 8080 }
	};
	struct state *state = *context;
	const struct v2m_subject *key;

	USE_KEYS(state,
		 { .uuid = "key", .spans = { PORT(443, V2M_TCP), { 100, 200, BOTH, false, 0 } } },
		 { .uuid = "one", .spans = { PORT(8080, V2M_TCP) } },
		 { .uuid = "two", .spans = { PORT(8080, V2M_TCP), PORT(443, V2M_UDP) } });
	dump(state, both, 2);
	dump(state, both, 5);
	key = v2m_account_subject(state->account, "key");
	assert_int_equal(key->connections, 4);
	assert_int_equal(key->max_connections, 4);
	assert_int_equal(key->sessions, 2);
	assert_int_equal(key->pending.days[0].figures.max_connections, 4);
	assert_int_equal(v2m_account_subject(state->account, "port:8080")->connections, 1);
	assert_int_equal(v2m_account_subject(state->account, "two")->connections, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tcp_and_udp_bytes_of_one_port_go_to_their_own_keys),
		TEST(one_counter_of_both_transports_is_divided),
		TEST(bytes_of_a_transport_without_an_owner_wait_for_one),
		TEST(a_port_in_a_range_is_a_subject_of_its_own),
		TEST(no_reset_touches_what_was_ever_counted_on_a_port),
		TEST(maps_of_an_earlier_version_count_for_both_transports_of_their_port),
		TEST(a_refused_slot_is_left_alone),
		TEST(a_key_with_several_ports_has_one_total_and_a_share_of_each),
		TEST(a_reset_closes_all_ports_at_one_moment),
		TEST(undone_resets_restore_every_share),
		TEST(a_new_first_port_leaves_the_bytes_of_the_other_port_where_they_are),
		TEST(a_key_that_loses_a_port_keeps_its_bytes),
		TEST(a_port_that_becomes_shared_keeps_its_total_and_its_first_key_the_bytes),
		TEST(a_key_is_known_until_the_first_bytes_that_may_be_another_keys),
		TEST(a_key_that_never_had_its_port_alone_is_not_known),
		TEST(the_bytes_of_a_port_behind_another_are_in_no_key),
		TEST(shares_of_totals_at_the_largest_counter_add_up),
		TEST(socket_statistics_are_settled_with_all_counters_of_a_slot),
		TEST(the_connections_of_a_key_are_those_of_all_its_slots),
	};

	return cmocka_run_group_tests_name("account_slots", tests, NULL, NULL);
}
