// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drift/drift.h"

#define MIB      ((uint64_t)1 << 20)
#define SECOND   ((int64_t)1000000)
#define START_US (1700000000 * SECOND)

static struct v2m_drift drift;

static int clean_up(void **state)
{
	(void)state;
	v2m_drift_clear(&drift);
	return 0;
}

/* Compares a key that downloads, in MiB, at a time in seconds. */
static const struct v2m_drift_entry *compare(unsigned second, uint64_t proxy_mib, uint64_t our_mib,
					     size_t connections)
{
	const struct v2m_drift_reading reading = {
		.id = "a",
		.name = "alice",
		.bytes = { .proxy_tx = 500 + proxy_mib * MIB, .our_tx = 900 + our_mib * MIB },
		.connections = connections,
	};

	assert_int_equal(v2m_drift_compare(&drift, &reading, 1, START_US + second * SECOND), 0);
	return &drift.items[0];
}

static void what_was_counted_before_is_no_difference(void **state)
{
	const struct v2m_drift_entry *entry = compare(0, 1000, 0, 0);

	(void)state;
	assert_int_equal(v2m_drift_difference(entry), 0);
	entry = compare(20, 1100, 104, 0);
	assert_int_equal(v2m_drift_difference(entry), 4 * MIB);
	assert_int_equal(entry->since.proxy_tx, 100 * MIB);
	assert_int_equal(entry->since_us, START_US);
	assert_int_equal(entry->drifts_since_us, 0);
}

static void a_proxy_that_counts_more_drifts(void **state)
{
	(void)state;
	compare(0, 0, 0, 0);
	assert_int_equal(compare(10, 100, 98, 0)->drifts_since_us, 0);
	assert_int_equal(compare(20, 150, 120, 0)->drifts_since_us, 0);
	assert_int_equal(compare(70, 150, 120, 0)->drifts_since_us, 0);
	assert_int_equal(compare(80, 150, 120, 0)->drifts_since_us, START_US + 80 * SECOND);
	assert_int_equal(compare(90, 160, 130, 1)->drifts_since_us, START_US + 80 * SECOND);
	assert_int_equal(compare(100, 160, 159, 0)->drifts_since_us, 0);
}

static void bytes_that_wait_in_connections_are_no_drift(void **state)
{
	(void)state;
	compare(0, 0, 0, 4);
	compare(10, 0, 0, 4);
	for (unsigned second = 20; second < 100; second += 10)
		assert_int_equal(compare(second, 16, 0, 4)->drifts_since_us, 0);
	compare(100, 19, 0, 4);
	assert_int_not_equal(compare(160, 19, 0, 4)->drifts_since_us, 0);
}

/* The proxy was asked, then 3 MiB flowed, then our counters were read. */
static void bytes_that_flow_while_the_comparison_begins_are_no_drift(void **state)
{
	(void)state;
	compare(0, 0, 3, 0);
	assert_int_equal(v2m_drift_difference(compare(8, 3, 3, 0)), 0);
	for (unsigned second = 16; second < 200; second += 8)
		assert_int_equal(compare(second, 3, 3, 0)->drifts_since_us, 0);
}

/* The look at the connections is some seconds old, and the proxy has counted what it still sends.
 */
static void a_download_that_is_not_sent_yet_is_no_drift(void **state)
{
	(void)state;
	compare(0, 0, 0, 0);
	assert_int_equal(compare(8, 3, 0, 0)->drifts_since_us, 0);
	assert_int_equal(compare(16, 3, 3, 0)->drifts_since_us, 0);
	assert_int_equal(compare(24, 6, 3, 0)->drifts_since_us, 0);
}

/* XTLS Vision: the proxy sees the handshake, and the rest at the end. */
static void a_spliced_download_is_judged_when_it_has_ended(void **state)
{
	(void)state;
	compare(0, 0, 0, 1);
	for (unsigned second = 10; second < 200; second += 10)
		assert_int_equal(compare(second, 0, second, 1)->drifts_since_us, 0);
	assert_int_equal(compare(200, 195, 200, 0)->drifts_since_us, 0);
	assert_int_equal(compare(220, 195, 200, 0)->drifts_since_us, 0);
}

static void a_proxy_that_never_counts_a_download_drifts_once_it_has_settled(void **state)
{
	(void)state;
	compare(0, 0, 0, 1);
	compare(10, 1, 200, 1);
	assert_int_equal(compare(20, 1, 200, 0)->drifts_since_us, START_US + 20 * SECOND);
	assert_int_equal(compare(30, 1, 250, 1)->drifts_since_us, START_US + 20 * SECOND);
	assert_int_equal(compare(40, 240, 250, 0)->drifts_since_us, 0);
}

static void a_restart_of_the_proxy_begins_anew(void **state)
{
	const struct v2m_drift_entry *entry;

	(void)state;
	compare(0, 0, 0, 0);
	compare(10, 100, 101, 0);
	entry = compare(20, 3, 150, 0);
	assert_int_equal(entry->since_us, START_US + 20 * SECOND);
	assert_int_equal(v2m_drift_difference(entry), 0);
	assert_int_equal(entry->drifts_since_us, 0);
}

/* A panel reads the counters every ten seconds, and sets them to zero: some of the bytes are lost
 * for us each time. Ours grow by our_mib, from *total on. */
static const struct v2m_drift_entry *compare_with_resets(unsigned first, unsigned last,
							 uint64_t our_mib, uint64_t *total)
{
	const struct v2m_drift_entry *entry = NULL;

	for (unsigned second = first; second <= last; second += 10) {
		*total += our_mib;
		compare(second, 5, *total, 0);
		entry = compare(second + 5, second % 20 ? 4 : 3, *total, 0);
	}
	return entry;
}

static void counters_that_are_set_to_zero_again_and_again_are_the_least(void **state)
{
	const struct v2m_drift_entry *entry;
	uint64_t total = 0;

	(void)state;
	/* They may have counted all that we did: nobody can tell. */
	entry = compare_with_resets(0, 300, 10, &total);
	assert_true(entry->resets);
	assert_int_equal(v2m_drift_count_resets(&drift), 1);
	assert_int_equal(entry->drifts_since_us, 0);
	assert_true(v2m_drift_difference(entry) > (int64_t)(100 * MIB));
	assert_int_equal(compare(330, 3, total, 0)->drifts_since_us, 0);
	/* They have counted more than we did. */
	assert_int_not_equal(compare_with_resets(340, 2000, 1, &total)->drifts_since_us, 0);
}

static void a_proxy_that_is_left_alone_for_an_hour_is_compared_again(void **state)
{
	const struct v2m_drift_entry *entry;
	uint64_t total = 0;

	(void)state;
	compare_with_resets(0, 100, 10, &total);
	assert_true(compare(200, 10, total, 0)->resets);
	entry = compare(3800, 10, total, 0);
	assert_false(entry->resets);
	assert_int_equal(entry->since_us, START_US + 3800 * SECOND);
	assert_int_equal(compare(3810, 11, total + 100, 0)->drifts_since_us, 0);
	assert_int_not_equal(compare(3830, 11, total + 100, 0)->drifts_since_us, 0);
	/* One restart more does not say that somebody resets it. */
	assert_false(compare(8000, 0, total + 100, 0)->resets);
}

static void keys_that_are_no_longer_compared_are_forgotten(void **state)
{
	(void)state;
	compare(0, 0, 0, 0);
	assert_int_equal(v2m_drift_compare(&drift, NULL, 0, START_US), 0);
	assert_int_equal(drift.count, 0);
	assert_int_equal(compare(50, 0, 0, 0)->since_us, START_US + 50 * SECOND);
}

/* A proxy has counters for a user from the first byte on. */
static void a_key_that_the_proxy_gets_to_know_began_at_zero(void **state)
{
	struct v2m_drift_reading reading = { .id = "a", .name = "alice", .is_unknown = true };
	struct v2m_drift worst = { 0 };

	(void)state;
	reading.bytes.our_tx = 7 * MIB;
	assert_int_equal(v2m_drift_compare(&drift, &reading, 1, START_US), 0);
	assert_int_equal(v2m_drift_count_known(&drift), 0);
	assert_int_equal(v2m_drift_copy_worst(&drift, 2, &worst), 0);
	assert_int_equal(worst.count, 0);
	reading.is_unknown = false;
	reading.bytes.our_tx = 18 * MIB;
	reading.bytes.proxy_tx = 10 * MIB;
	assert_int_equal(v2m_drift_compare(&drift, &reading, 1, START_US + SECOND), 0);
	assert_int_equal(v2m_drift_count_known(&drift), 1);
	assert_int_equal(v2m_drift_difference(&drift.items[0]), 1 * MIB);
}

/* There are two proxies, and one does not answer for a while. */
static void a_proxy_that_does_not_answer_changes_nothing(void **state)
{
	struct v2m_drift_reading reading = {
		.id = "a", .name = "alice", .is_unknown = true, .is_old = true
	};

	(void)state;
	compare(0, 0, 0, 0);
	compare(10, 100, 200, 0);
	assert_int_not_equal(compare(30, 100, 200, 0)->drifts_since_us, 0);
	for (unsigned second = 40; second < 200; second += 10) {
		reading.bytes.our_tx = 900 + second * 10 * MIB;
		assert_int_equal(v2m_drift_compare(&drift, &reading, 1, START_US + second * SECOND),
				 0);
		assert_int_equal(drift.items[0].drifts_since_us, START_US + 30 * SECOND);
		assert_int_equal(drift.items[0].since.proxy_tx, 100 * MIB);
		assert_false(drift.items[0].is_unknown);
	}
	assert_int_equal(compare(200, 2000, 2100, 0)->drifts_since_us, 0);
	assert_int_equal(drift.items[0].since_us, START_US);
}

/* It has counted for long when it is found. */
static void a_proxy_that_we_get_to_know_late_is_not_ahead(void **state)
{
	const struct v2m_drift_reading reading = {
		.id = "a", .name = "alice", .is_unknown = true, .bytes = { .our_tx = 900 }
	};

	(void)state;
	for (unsigned second = 0; second < 40; second += 10)
		assert_int_equal(v2m_drift_compare(&drift, &reading, 1, START_US + second * SECOND),
				 0);
	for (unsigned second = 40; second < 200; second += 10)
		assert_int_equal(compare(second, 10000, 1, 0)->drifts_since_us, 0);
	assert_int_equal(v2m_drift_difference(&drift.items[0]), 0);
}

static void the_worst_keys_come_first(void **state)
{
	struct v2m_drift_reading readings[] = {
		{ .id = "a", .name = "near" },
		{ .id = "b", .name = "far" },
		{ .id = "c", .name = "drifting" },
	};
	struct v2m_drift worst = { 0 };

	(void)state;
	assert_int_equal(v2m_drift_compare(&drift, readings, 3, START_US), 0);
	readings[0].bytes.our_tx = 1;
	readings[1].bytes.our_tx = 100 * MIB;
	readings[1].bytes.proxy_tx = 90 * MIB;
	assert_int_equal(v2m_drift_compare(&drift, readings, 3, START_US), 0);
	readings[2].bytes.proxy_rx = 5 * MIB;
	for (int i = 1; i <= 2; i++)
		assert_int_equal(v2m_drift_compare(&drift, readings, 3, START_US + i * 60 * SECOND),
				 0);
	assert_int_equal(v2m_drift_copy_worst(&drift, 2, &worst), 0);
	assert_int_equal(worst.count, 2);
	assert_string_equal(worst.items[0].name, "drifting");
	assert_string_equal(worst.items[1].name, "far");
	v2m_drift_clear(&worst);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_was_counted_before_is_no_difference, clean_up),
		cmocka_unit_test_teardown(a_proxy_that_counts_more_drifts, clean_up),
		cmocka_unit_test_teardown(bytes_that_wait_in_connections_are_no_drift, clean_up),
		cmocka_unit_test_teardown(bytes_that_flow_while_the_comparison_begins_are_no_drift,
					  clean_up),
		cmocka_unit_test_teardown(a_download_that_is_not_sent_yet_is_no_drift, clean_up),
		cmocka_unit_test_teardown(a_spliced_download_is_judged_when_it_has_ended, clean_up),
		cmocka_unit_test_teardown(
			a_proxy_that_never_counts_a_download_drifts_once_it_has_settled, clean_up),
		cmocka_unit_test_teardown(a_restart_of_the_proxy_begins_anew, clean_up),
		cmocka_unit_test_teardown(
			counters_that_are_set_to_zero_again_and_again_are_the_least, clean_up),
		cmocka_unit_test_teardown(a_proxy_that_is_left_alone_for_an_hour_is_compared_again,
					  clean_up),
		cmocka_unit_test_teardown(keys_that_are_no_longer_compared_are_forgotten, clean_up),
		cmocka_unit_test_teardown(a_key_that_the_proxy_gets_to_know_began_at_zero,
					  clean_up),
		cmocka_unit_test_teardown(a_proxy_that_does_not_answer_changes_nothing, clean_up),
		cmocka_unit_test_teardown(a_proxy_that_we_get_to_know_late_is_not_ahead, clean_up),
		cmocka_unit_test_teardown(the_worst_keys_come_first, clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
