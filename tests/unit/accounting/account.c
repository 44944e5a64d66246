// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/fixture.h"

#include <errno.h>
#include <stdio.h>

struct state {
	struct v2m_account *account;
	struct v2m_keyset *keyset;
	struct one_port one;
};

static const struct key_of two_keys[] = { { "AAAA", 1001 }, { "bbbb", 1002 } };

static int setup(void **context)
{
	struct state *state = calloc(1, sizeof(*state));

	state->account = v2m_account_new();
	state->keyset = keyset_of(two_keys, 2);
	*context = state;
	return 0;
}

static int teardown(void **context)
{
	struct state *state = *context;

	v2m_account_free(state->account);
	v2m_keyset_unref(state->keyset);
	free(state);
	return 0;
}

static void apply(struct state *state, uint16_t port, uint64_t bytes, uint64_t second)
{
	assert_int_equal(v2m_account_apply(state->account, state->keyset,
					   sample_at(&state->one, port, bytes, second)),
			 0);
}

static void the_first_reading_of_a_counter_is_traffic(void **context)
{
	struct state *state = *context;
	const struct v2m_subject *subject;

	apply(state, 1001, 1000, 1);
	subject = v2m_account_subject(state->account, "aaaa");
	assert_int_equal(subject->lifetime.rx.wire_bytes, 2000);
	assert_int_equal(subject->lifetime.rx.payload_bytes, 1000);
	assert_int_equal(subject->lifetime.tx.packets, 20);
	assert_int_equal(subject->last_activity_us, state->one.sample.real_us);
}

static void a_later_reading_adds_the_difference(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 1);
	apply(state, 1001, 1500, 2);
	apply(state, 1001, 1500, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 3000);
	assert_int_equal(v2m_account_subject(state->account, "aaaa")->last_activity_us,
			 state->one.sample.real_us - SECOND_US);
}

static void every_key_gets_a_subject_even_without_traffic_or_port(void **context)
{
	struct state *state = *context;
	const struct key_of of[] = { { "portless", 0 }, { "silent", 7 } };
	struct v2m_keyset *keyset = keyset_of(of, 2);
	const struct v2m_sample empty = { .real_us = 77 };

	assert_int_equal(v2m_account_apply(state->account, keyset, &empty), 0);
	assert_int_equal(v2m_account_subject(state->account, "portless")->first_seen_us, 77);
	assert_int_equal(lifetime_rx(state->account, "silent"), 0);
	assert_true(v2m_account_is_dirty(state->account));
	assert_null(v2m_account_subject(state->account, "nobody"));
	v2m_keyset_unref(keyset);
}

static void a_decreasing_counter_starts_a_new_epoch(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 1);
	apply(state, 1001, 300, 2);
	apply(state, 1001, 400, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000 + 800);
}

static void a_counter_cleared_to_zero_counts_in_full_when_it_passes_its_old_value(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 1);
	apply(state, 1001, 0, 2);
	apply(state, 1001, 1200, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * (1000 + 1200));
}

static void another_epoch_adds_the_whole_reading(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 1);
	sample_at(&state->one, 1001, 5000, 2);
	state->one.sample.epoch[0] ^= 1;
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 12000);
}

static void a_counter_that_comes_back_goes_on_where_it_was(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 1);
	sample_at(&state->one, 1001, 70, 2);
	state->one.sample.epoch[0] ^= 1;
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
	apply(state, 1001, 1200, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * (1000 + 70 + 200));
}

/* Applies a reading of the sockets' counters, which have TCP only. */
static void apply_sockets(struct state *state, uint64_t bytes, uint64_t second)
{
	sample_at(&state->one, 1001, bytes, second);
	state->one.sample.mode = V2M_MODE_SOCKET_STATS;
	memcpy(state->one.sample.epoch, "sockets", 8);
	memset(&state->one.port.udp_rx, 0, sizeof(struct v2m_flow));
	memset(&state->one.port.udp_tx, 0, sizeof(struct v2m_flow));
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
}

/* Meanwhile the kernel counted 500 bytes of each transport. The sockets saw 300 of the TCP bytes.
 */
static void the_kernel_adds_only_what_the_sockets_did_not_see(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 1);
	apply_sockets(state, 100, 2);
	apply_sockets(state, 300, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000 + 300);
	apply(state, 1001, 1500, 4);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * 1500);
	apply(state, 1001, 1600, 5);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * 1600);
}

static void what_the_sockets_saw_beyond_the_kernel_stays_and_is_no_debt(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 1);
	apply_sockets(state, 700, 2);
	apply(state, 1001, 1000, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000 + 700);
	apply(state, 1001, 1050, 4);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000 + 700 + 100);
}

static void new_counters_after_socket_statistics_add_the_whole(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 1);
	apply_sockets(state, 700, 2);
	sample_at(&state->one, 1001, 50, 3);
	state->one.sample.epoch[0] ^= 1;
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000 + 700 + 100);
}

/* A reading of new counters. The sockets have counted until then, but they have no UDP. */
static void apply_beside(struct state *state, uint64_t bytes, uint64_t second)
{
	sample_at(&state->one, 1001, bytes, second);
	state->one.sample.epoch[0] ^= 1;
	state->one.sample.beside_sockets = true;
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
	state->one.sample.beside_sockets = false;
}

static void new_counters_beside_the_sockets_add_only_what_those_did_not_see(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 1);
	apply_sockets(state, 700, 2);
	apply_beside(state, 50, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000 + 700 + 50);
	apply_beside(state, 90, 4);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000 + 700 + 50 + 2 * 40);
}

/* They began before the sockets, and were never read. */
static void old_counters_beside_the_sockets_add_what_those_did_not_see(void **context)
{
	struct state *state = *context;

	apply_sockets(state, 0, 1);
	apply_sockets(state, 700, 2);
	apply_beside(state, 5000, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 5000 + 5000);
}

/* What the counters have came after the last reading of the sockets. */
static void new_counters_beside_idle_sockets_add_the_whole(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 1);
	apply_sockets(state, 0, 2);
	apply_beside(state, 50, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000 + 100);
}

static void another_use_of_the_slot_adds_the_whole_reading(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 1);
	sample_at(&state->one, 1001, 5000, 2);
	state->one.port.assigned_ns = 2;
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 12000);
}

static void an_older_sample_is_refused_and_changes_nothing(void **context)
{
	struct state *state = *context;

	apply(state, 1001, 1000, 2);
	assert_int_equal(v2m_account_apply(state->account, state->keyset,
					   sample_at(&state->one, 1001, 900, 1)),
			 -ESTALE);
	apply(state, 1001, 1100, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2200);
}

static void a_port_that_no_key_has_is_left_alone(void **context)
{
	struct state *state = *context;

	apply(state, 999, 1000, 1);
	apply(state, 2000, 1000, 1);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 0);
	assert_int_equal(v2m_account_each_raw(state->account, (v2m_raw_visitor)abort, NULL), 0);
}

static void a_port_handed_over_gives_each_key_its_own_time(void **context)
{
	struct state *state = *context;
	const struct key_of of[] = { { "bbbb", 1001 } };
	struct v2m_keyset *later = keyset_of(of, 1);

	apply(state, 1001, 1000, 1);
	apply(state, 1001, 1700, 2);
	assert_int_equal(
		v2m_account_apply(state->account, later, sample_at(&state->one, 1001, 2000, 3)), 0);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 3400);
	assert_int_equal(lifetime_rx(state->account, "bbbb"), 600);
	v2m_keyset_unref(later);
}

static void a_shared_port_is_a_subject_of_its_own(void **context)
{
	struct state *state = *context;
	const struct key_of of[] = { { "one", 443 }, { "two", 443 } };
	struct v2m_keyset *keyset = keyset_of(of, 2);

	assert_int_equal(
		v2m_account_apply(state->account, keyset, sample_at(&state->one, 443, 50, 1)), 0);
	assert_int_equal(lifetime_rx(state->account, "port:443"), 100);
	assert_int_equal(lifetime_rx(state->account, "one"), 0);
	v2m_keyset_unref(keyset);
}

static void a_key_that_returns_finds_its_totals(void **context)
{
	struct state *state = *context;
	struct v2m_keyset *none = keyset_of(NULL, 0);

	apply(state, 1001, 1000, 1);
	assert_int_equal(
		v2m_account_apply(state->account, none, sample_at(&state->one, 1001, 1100, 2)), 0);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000);
	apply(state, 1001, 1200, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2400);
	v2m_keyset_unref(none);
}

static void resets_and_the_last_reading_add_up_to_what_was_counted(void **context)
{
	struct state *state = *context;
	struct v2m_reset_undo undo;
	struct v2m_totals closed;
	uint64_t sum = 0;
	uint64_t raw = 0;

	for (uint64_t i = 1; i <= 2500; i++) {
		raw += i % 7 * 1000;
		apply(state, 1001, raw, i);
		assert_int_equal(v2m_account_reset(state->account, "aaaa",
						   state->one.sample.real_us, &closed, &undo),
				 0);
		v2m_reset_undo_clear(&undo);
		sum += closed.rx.wire_bytes;
	}
	apply(state, 1001, raw + 5, 9999);
	closed = v2m_subject_since_reset(v2m_account_subject(state->account, "aaaa"));
	assert_int_equal(closed.rx.wire_bytes, 10);
	assert_int_equal(sum + closed.rx.wire_bytes, 2 * (raw + 5));
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * (raw + 5));
}

static void a_reset_of_nobody_is_refused(void **context)
{
	struct state *state = *context;
	struct v2m_reset_undo undo;
	struct v2m_totals closed;

	assert_int_equal(v2m_account_reset(state->account, "nobody", 1, &closed, &undo), -ENOENT);
}

static void an_undone_reset_leaves_the_period_open(void **context)
{
	struct state *state = *context;
	struct v2m_reset_undo undo;
	struct v2m_totals closed;
	const struct v2m_subject *subject;

	apply(state, 1001, 1000, 1);
	v2m_account_reset(state->account, "aaaa", 5, &closed, &undo);
	apply(state, 1001, 1100, 2);
	v2m_account_undo_reset(state->account, "aaaa", &undo);
	subject = v2m_account_subject(state->account, "aaaa");
	assert_int_equal(v2m_subject_since_reset(subject).rx.wire_bytes, 2200);
	assert_int_equal(subject->reset_us, 0);
}

static void four_thousand_keys_are_all_found_again(void **context)
{
	struct state *state = *context;
	static struct key_of of[4096];
	static char names[4096][16];
	struct v2m_port_sample *ports = calloc(4096, sizeof(*ports));
	struct v2m_sample sample = { .ports = ports, .n_ports = 4096 };
	struct v2m_keyset *keyset;

	for (size_t i = 0; i < 4096; i++) {
		snprintf(names[i], sizeof(names[i]), "key-%zu", i);
		of[i] = (struct key_of){ names[i], (uint16_t)(1 + 16 * i) };
		ports[i] = port_at(of[i].port, 1 + i);
	}
	keyset = keyset_of(of, 4096);
	assert_int_equal(v2m_account_apply(state->account, keyset, &sample), 0);
	assert_int_equal(v2m_account_apply(state->account, keyset, &sample), 0);
	for (size_t i = 0; i < 4096; i++)
		assert_int_equal(lifetime_rx(state->account, names[i]), 2 * (1 + i));
	v2m_keyset_unref(keyset);
	free(ports);
}

static void what_is_restored_continues_where_it_stood(void **context)
{
	struct state *state = *context;
	char id[] = "aaaa";
	struct v2m_subject subject = { .id = id, .lifetime.rx.wire_bytes = 10000 };
	struct v2m_raw_port raw = { .epoch = "epoch", .raw = port_at(1001, 1000) };

	assert_int_equal(v2m_account_restore_subject(state->account, &subject), 0);
	assert_int_equal(v2m_account_restore_subject(state->account, &subject), -EEXIST);
	assert_int_equal(v2m_account_restore_raw(state->account, &raw), 0);
	assert_int_equal(v2m_account_restore_raw(state->account, &raw), -EEXIST);
	assert_false(v2m_account_is_dirty(state->account));
	apply(state, 1001, 1250, 1);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 10500);
}

static int count_dirty_raw(const struct v2m_raw_port *raw, void *context)
{
	*(int *)context += raw->dirty;
	return 0;
}

static int count_dirty_subject(const struct v2m_subject *subject, void *context)
{
	*(int *)context += subject->dirty;
	return 0;
}

static void only_what_changed_is_dirty(void **context)
{
	struct state *state = *context;
	int raws = 0;
	int subjects = 0;

	apply(state, 1001, 1000, 1);
	apply(state, 1002, 1000, 2);
	v2m_account_mark_stored(state->account);
	assert_false(v2m_account_is_dirty(state->account));
	apply(state, 1002, 1000, 3);
	assert_false(v2m_account_is_dirty(state->account));
	apply(state, 1001, 1001, 4);
	assert_true(v2m_account_is_dirty(state->account));
	v2m_account_each_raw(state->account, count_dirty_raw, &raws);
	v2m_account_each_subject(state->account, count_dirty_subject, &subjects);
	assert_int_equal(raws, 1);
	assert_int_equal(subjects, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_reading_of_a_counter_is_traffic),
		TEST(a_later_reading_adds_the_difference),
		TEST(every_key_gets_a_subject_even_without_traffic_or_port),
		TEST(a_decreasing_counter_starts_a_new_epoch),
		TEST(a_counter_cleared_to_zero_counts_in_full_when_it_passes_its_old_value),
		TEST(another_epoch_adds_the_whole_reading),
		TEST(a_counter_that_comes_back_goes_on_where_it_was),
		TEST(the_kernel_adds_only_what_the_sockets_did_not_see),
		TEST(what_the_sockets_saw_beyond_the_kernel_stays_and_is_no_debt),
		TEST(new_counters_after_socket_statistics_add_the_whole),
		TEST(new_counters_beside_the_sockets_add_only_what_those_did_not_see),
		TEST(old_counters_beside_the_sockets_add_what_those_did_not_see),
		TEST(new_counters_beside_idle_sockets_add_the_whole),
		TEST(another_use_of_the_slot_adds_the_whole_reading),
		TEST(an_older_sample_is_refused_and_changes_nothing),
		TEST(a_port_that_no_key_has_is_left_alone),
		TEST(a_port_handed_over_gives_each_key_its_own_time),
		TEST(a_shared_port_is_a_subject_of_its_own),
		TEST(a_key_that_returns_finds_its_totals),
		TEST(resets_and_the_last_reading_add_up_to_what_was_counted),
		TEST(a_reset_of_nobody_is_refused),
		TEST(an_undone_reset_leaves_the_period_open),
		TEST(four_thousand_keys_are_all_found_again),
		TEST(what_is_restored_continues_where_it_stood),
		TEST(only_what_changed_is_dirty),
	};

	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
