// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owners of flows on shared slots: their bytes go from the slot to their keys. */
#include "unit/accounting/slots_fixture.h"

#include "accounting/account_owners.h"

#define ALICE 0
#define BOB   1

/* Sets the counter of an owner of 443 by TCP. Its arriving bytes are at bytes. */
static void owner_at(struct state *state, size_t i, const char *key, uint64_t bytes)
{
	struct v2m_owner_sample *owner = &state->owners[i];

	owner->owner = (uint32_t)i + 1;
	owner->port = 443;
	owner->transports = V2M_TCP;
	owner->assigned_ns = 7;
	snprintf(owner->key, sizeof(owner->key), "%s", key);
	owner->rx = flow_of(bytes);
	if (i >= state->n_owners)
		state->n_owners = i + 1;
}

static void use_shared_port(struct state *state)
{
	USE_KEYS(state, { .uuid = "alice", .spans = { PORT(443, V2M_TCP) } },
		 { .uuid = "bob", .spans = { PORT(443, V2M_TCP), PORT(8443, V2M_TCP) } });
}

static uint64_t key_of_snapshot(struct state *state, size_t key)
{
	return fill(state)->keys[key].since_reset.rx.wire_bytes;
}

static uint64_t rest(struct state *state)
{
	return fill(state)->slots[0].unattributed.rx.wire_bytes;
}

static void owners_and_the_rest_add_up_to_the_slot(void **context)
{
	struct state *state = *context;

	use_shared_port(state);
	owner_at(state, 0, "alice", 30);
	owner_at(state, 1, "bob", 50);
	APPLY(state, entry_at(443, V2M_TCP, 100), entry_at(8443, V2M_TCP, 9));
	assert_int_equal(key_of_snapshot(state, ALICE), 30);
	assert_int_equal(key_of_snapshot(state, BOB), 59);
	assert_int_equal(share_of(state, BOB, 0), 50);
	assert_int_equal(share_of(state, BOB, 1), 9);
	assert_int_equal(rest(state), 20);
	assert_int_equal(slot_of(state, 0), 100);
}

static void a_late_label_moves_bytes_from_the_rest(void **context)
{
	struct state *state = *context;

	use_shared_port(state);
	owner_at(state, 0, "alice", 0);
	APPLY(state, entry_at(443, V2M_TCP, 100));
	assert_int_equal(rest(state), 100);
	/* Nothing new passed the port. */
	owner_at(state, 0, "alice", 70);
	APPLY(state, entry_at(443, V2M_TCP, 100));
	assert_int_equal(key_of_snapshot(state, ALICE), 70);
	assert_int_equal(rest(state), 30);
	assert_int_equal(slot_of(state, 0), 100);
}

static void a_reset_of_one_key_closes_its_period_only(void **context)
{
	struct state *state = *context;
	struct v2m_reset_undo undo;
	struct v2m_totals closed;

	use_shared_port(state);
	owner_at(state, 0, "alice", 30);
	owner_at(state, 1, "bob", 50);
	APPLY(state, entry_at(443, V2M_TCP, 100));
	assert_int_equal(v2m_account_reset(state->account, "bob", 1, &closed, &undo), 0);
	v2m_reset_undo_clear(&undo);
	assert_int_equal(closed.rx.wire_bytes, 50);
	assert_int_equal(key_of_snapshot(state, ALICE), 30);
	assert_int_equal(rest(state), 20);
	assert_int_equal(slot_of(state, 0), 50);
	owner_at(state, 1, "bob", 55);
	APPLY(state, entry_at(443, V2M_TCP, 110));
	assert_int_equal(share_of(state, BOB, 0), 5);
	assert_int_equal(slot_of(state, 0), 60);
}

static uint64_t pending_of(struct state *state, const char *id)
{
	const struct v2m_subject *subject = v2m_account_subject(state->account, id);
	uint64_t sum = 0;

	for (size_t i = 0; i < subject->pending.n_days; i++)
		sum += subject->pending.days[i].figures.totals.rx.wire_bytes;
	return sum;
}

/* What the ledger has stored as the slot's cannot be taken back there, so later bytes make up for
 * it. */
static void the_days_of_keys_and_rest_add_up_to_those_of_the_slot(void **context)
{
	struct state *state = *context;
	uint64_t stored = 0;

	use_shared_port(state);
	owner_at(state, 0, "alice", 0);
	APPLY(state, entry_at(443, V2M_TCP, 100));
	stored = pending_of(state, "port:443");
	assert_int_equal(stored, 100);
	v2m_account_mark_stored(state->account);
	owner_at(state, 0, "alice", 100);
	APPLY(state, entry_at(443, V2M_TCP, 140));
	assert_int_equal(pending_of(state, "alice"), 100);
	assert_int_equal(pending_of(state, "port:443"), 0);
	APPLY(state, entry_at(443, V2M_TCP, 190));
	owner_at(state, 0, "alice", 100);
	APPLY(state, entry_at(443, V2M_TCP, 200));
	assert_int_equal(stored + pending_of(state, "port:443") + pending_of(state, "alice"), 200);
}

static const struct v2m_subject *subject_of(struct state *state, const char *id)
{
	return v2m_account_subject(state->account, id);
}

/* Accounts a dump with three connections of 443, of which the first is the first owner's. */
static void dump(struct state *state, uint64_t opened)
{
	struct v2m_connection_table *table = connections_of(443, 1, 3);
	struct v2m_port_sessions sessions = { .port = 443, .assigned_ns = 7, .opened = opened };

	for (size_t i = 0; i < 3; i++)
		table->connections[i].owner = i == 0 ? 1 : V2M_NO_OWNER;
	assert_int_equal(v2m_account_connections(state->account, state->keyset, table, &sessions, 1,
						 1700000000 * SECOND_US),
			 0);
	v2m_connection_table_unref(table);
}

static void connections_and_sessions_are_those_of_the_owner(void **context)
{
	static const uint32_t opened[] = { 1, 1, 9 };
	struct state *state = *context;

	use_shared_port(state);
	owner_at(state, 0, "alice", 0);
	APPLY(state, entry_at(443, V2M_TCP, 100));
	dump(state, 0);
	assert_int_equal(subject_of(state, "alice")->connections, 1);
	assert_int_equal(subject_of(state, "bob")->connections, 0);
	assert_int_equal(subject_of(state, "port:443")->connections, 2);
	assert_int_equal(subject_of(state, "alice")->max_connections, 1);
	/* Owner 9 is of no key. The label of a connection comes before or after its opening. */
	assert_int_equal(
		v2m_account_labelled_sessions(state->account, opened, 3, 1700000000 * SECOND_US),
		0);
	assert_int_equal(subject_of(state, "alice")->sessions, 2);
	dump(state, 1);
	assert_int_equal(subject_of(state, "port:443")->sessions, 0);
	dump(state, 5);
	assert_int_equal(subject_of(state, "alice")->sessions, 2);
	assert_int_equal(subject_of(state, "port:443")->sessions, 3);
}

/* Accounts what all connections of 443 have delivered, and what those of its owners have. */
static void deliver(struct state *state, uint64_t port, const struct v2m_owner_sessions *owners,
		    size_t n_owners)
{
	const struct v2m_port_sessions reading = { .port = 443,
						   .delivered = { 7, port, 2 * port } };

	assert_int_equal(v2m_account_delivered(state->account, state->keyset, &reading, 1,
					       1700000000 * SECOND_US),
			 0);
	assert_int_equal(v2m_account_owner_sessions(state->account, owners, n_owners,
						    1700000000 * SECOND_US),
			 0);
}

static struct v2m_owner_sessions sessions_at(uint32_t owner, uint64_t opened, uint64_t bytes)
{
	return (struct v2m_owner_sessions){
		.owner = owner,
		.assigned_ns = 7,
		.counts = { .opened = opened, .rx_bytes = bytes, .tx_bytes = 2 * bytes },
	};
}

static void what_owners_delivered_is_no_longer_the_rest(void **context)
{
	struct state *state = *context;
	struct v2m_owner_sessions owners[] = { sessions_at(1, 3, 40), sessions_at(2, 1, 10) };

	use_shared_port(state);
	/* No sample has named the owners yet. */
	deliver(state, 100, owners, 2);
	assert_int_equal(fill(state)->slots[0].unattributed.delivered_rx, 100);
	owner_at(state, 0, "alice", 0);
	owner_at(state, 1, "bob", 0);
	APPLY(state, entry_at(443, V2M_TCP, 0));
	/* This one is another key's by now. */
	owners[1].assigned_ns = 6;
	deliver(state, 100, owners, 2);
	deliver(state, 100, owners, 2);
	assert_int_equal(fill(state)->keys[ALICE].since_reset.delivered_rx, 40);
	assert_int_equal(fill(state)->keys[ALICE].since_reset.delivered_tx, 80);
	assert_int_equal(fill(state)->keys[BOB].since_reset.delivered_rx, 0);
	assert_int_equal(fill(state)->slots[0].unattributed.delivered_rx, 60);
	assert_int_equal(fill(state)->slots[0].since_reset.delivered_rx, 100);
	assert_int_equal(subject_of(state, "alice")->sessions, 3);
	owners[0] = sessions_at(1, 4, 45);
	owners[1] = sessions_at(2, 1, 10);
	deliver(state, 110, owners, 2);
	assert_int_equal(fill(state)->keys[ALICE].since_reset.delivered_rx, 45);
	assert_int_equal(fill(state)->keys[BOB].shares[0].since_reset.delivered_tx, 20);
	assert_int_equal(fill(state)->slots[0].unattributed.delivered_rx, 55);
	assert_int_equal(subject_of(state, "alice")->sessions, 4);
	assert_int_equal(subject_of(state, "bob")->sessions, 1);
	dump(state, 6);
	assert_int_equal(subject_of(state, "port:443")->sessions, 1);
}

static int keep_sessions(const struct v2m_accounted_sessions *reading, void *context)
{
	return v2m_account_restore_sessions(context, reading);
}

static void a_restart_accounts_nothing_of_an_owner_twice(void **context)
{
	struct state *state = *context;
	struct v2m_owner_sessions owner = sessions_at(1, 3, 40);
	struct v2m_account *next = v2m_account_new();

	use_shared_port(state);
	owner_at(state, 0, "alice", 0);
	APPLY(state, entry_at(443, V2M_TCP, 0));
	deliver(state, 100, &owner, 1);
	assert_int_equal(v2m_account_each_sessions(state->account, keep_sessions, next), 0);
	v2m_account_free(state->account);
	state->account = next;
	APPLY(state, entry_at(443, V2M_TCP, 0));
	owner = sessions_at(1, 5, 50);
	deliver(state, 120, &owner, 1);
	assert_int_equal(fill(state)->keys[ALICE].since_reset.delivered_rx, 10);
	assert_int_equal(fill(state)->slots[0].unattributed.delivered_rx, 10);
	assert_int_equal(subject_of(state, "alice")->sessions, 2);
}

static void sessions_that_are_set_aside_are_given_to_no_key(void **context)
{
	struct state *state = *context;
	struct v2m_owner_sessions owner = sessions_at(1, 3, 40);
	const struct v2m_port_sessions reading = { .port = 443, .delivered = { 7, 100, 200 } };

	use_shared_port(state);
	owner_at(state, 0, "alice", 0);
	APPLY(state, entry_at(443, V2M_TCP, 0));
	assert_int_equal(v2m_account_set_sessions_aside(state->account, &reading, 1, &owner, 1), 0);
	owner = sessions_at(1, 3, 45);
	deliver(state, 107, &owner, 1);
	assert_int_equal(fill(state)->keys[ALICE].since_reset.delivered_rx, 5);
	assert_int_equal(fill(state)->slots[0].unattributed.delivered_rx, 2);
	assert_int_equal(subject_of(state, "alice")->sessions, 0);
}

static void an_owner_without_its_key_stays_with_the_slot(void **context)
{
	struct state *state = *context;

	use_shared_port(state);
	owner_at(state, 0, "carol", 30);
	owner_at(state, 1, "bob", 10);
	state->owners[1].port = 8443; /* not shared */
	APPLY(state, entry_at(443, V2M_TCP, 100), entry_at(8443, V2M_TCP, 20));
	assert_int_equal(rest(state), 100);
	assert_int_equal(key_of_snapshot(state, BOB), 20);
}

/* Random labels: in each step the port counts some bytes, and some of what it has go to an owner.
 */
static void random_labels_always_add_up(void **context)
{
	struct state *state = *context;
	uint64_t port = 0;
	uint64_t owners[2] = { 0, 0 };
	uint64_t closed_sum = 0;

	srand(20);
	use_shared_port(state);
	for (int step = 0; step < 3000; step++) {
		size_t who = (size_t)rand() % 2;

		port += (uint64_t)rand() % 1000;
		owners[who] += (uint64_t)rand() % (port - owners[0] - owners[1] + 1);
		owner_at(state, 0, "alice", owners[0]);
		owner_at(state, 1, "bob", owners[1]);
		APPLY(state, entry_at(443, V2M_TCP, port));
		if (rand() % 10 == 0) {
			struct v2m_reset_undo undo;
			struct v2m_totals closed;

			assert_int_equal(v2m_account_reset(state->account, who ? "bob" : "alice", 1,
							   &closed, &undo),
					 0);
			v2m_reset_undo_clear(&undo);
			closed_sum += closed.rx.wire_bytes;
		}
		if (rand() % 5 == 0)
			v2m_account_mark_stored(state->account);
		assert_int_equal(rest(state), port - owners[0] - owners[1]);
		assert_int_equal(slot_of(state, 0) + closed_sum, port);
		assert_int_equal(lifetime_rx(state->account, "alice"), owners[0]);
		assert_int_equal(lifetime_rx(state->account, "bob"), owners[1]);
	}
}

static void what_is_set_aside_is_given_to_no_key(void **context)
{
	struct state *state = *context;
	struct v2m_port_sample entry = entry_at(443, V2M_TCP, 200);
	struct v2m_sample sample = {
		.mode = V2M_MODE_EBPF,
		.epoch = "epoch",
		.mono_ns = 100 * SECOND_NS,
		.ports = &entry,
		.n_ports = 1,
		.owners = state->owners,
		.n_owners = 2,
	};

	entry.slot = 0;
	use_shared_port(state);
	owner_at(state, 0, "alice", 30);
	APPLY(state, entry_at(443, V2M_TCP, 100));
	/* The ledger is an older one, and does not know of these bytes. */
	owner_at(state, 0, "alice", 80);
	owner_at(state, 1, "bob", 40);
	assert_int_equal(v2m_account_set_aside(state->account, &sample), 0);
	state->second = 200;
	owner_at(state, 0, "alice", 85);
	APPLY(state, entry_at(443, V2M_TCP, 210));
	assert_int_equal(key_of_snapshot(state, ALICE), 35);
	assert_int_equal(key_of_snapshot(state, BOB), 0);
	assert_int_equal(rest(state), 75);
	assert_int_equal(slot_of(state, 0), 110);
}

static void a_long_id_has_a_short_name(void **context)
{
	char id[100];
	char name[V2M_OWNER_KEY_LEN];
	struct v2m_key key = { .id = id };

	(void)context;
	memset(id, 'x', sizeof(id));
	id[V2M_OWNER_KEY_LEN - 1] = 0;
	v2m_key_owner_name(&key, name);
	assert_string_equal(name, id);
	id[V2M_OWNER_KEY_LEN - 1] = 'x';
	id[V2M_OWNER_KEY_LEN] = 0;
	v2m_key_owner_name(&key, name);
	assert_int_equal(strlen(name), 36);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(owners_and_the_rest_add_up_to_the_slot),
		TEST(a_late_label_moves_bytes_from_the_rest),
		TEST(a_reset_of_one_key_closes_its_period_only),
		TEST(the_days_of_keys_and_rest_add_up_to_those_of_the_slot),
		TEST(connections_and_sessions_are_those_of_the_owner),
		TEST(what_owners_delivered_is_no_longer_the_rest),
		TEST(a_restart_accounts_nothing_of_an_owner_twice),
		TEST(sessions_that_are_set_aside_are_given_to_no_key),
		TEST(an_owner_without_its_key_stays_with_the_slot),
		TEST(random_labels_always_add_up),
		TEST(what_is_set_aside_is_given_to_no_key),
		TEST(a_long_id_has_a_short_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
