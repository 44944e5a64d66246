// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/fixture.h"

#include <math.h>

#include "rates/rate_history.h"
#include "base/macros.h"

#define STEPS 720

static struct v2m_rate_point points[STEPS + 100];

static int setup(void **context)
{
	*context = v2m_rate_history_new(STEPS);
	return *context ? 0 : -1;
}

static int teardown(void **context)
{
	v2m_rate_history_free(*context);
	return 0;
}

/* Every flow of the port stands at bytes: rx and tx at twice that. */
static void add(struct v2m_rate_history *history, uint16_t port, uint64_t bytes, double second)
{
	struct one_port one;

	sample_at(&one, port, bytes, 0);
	one.sample.mono_ns = (uint64_t)(second * 1e9);
	one.sample.real_us = 1000000000 * SECOND_US + (int64_t)(second * 1e6);
	v2m_rate_history_add(history, &one.sample);
}

static size_t read_all(struct v2m_rate_history *history, uint16_t port)
{
	int64_t start_us;

	return v2m_rate_history_slot(history, port, points, V2M_ARRAY_LEN(points), &start_us);
}

static void a_steady_flow_has_the_same_rate_in_every_step(void **context)
{
	int64_t start_us = 0;

	for (unsigned second = 5; second <= 65; second++)
		add(*context, 1001, 500 * second, second);
	assert_int_equal(
		v2m_rate_history_slot(*context, 1001, points, V2M_ARRAY_LEN(points), &start_us), 5);
	assert_int_equal(start_us, 1000000010 * SECOND_US);
	for (size_t i = 0; i < 5; i++) {
		assert_true(fabsf(points[i].rx_bytes_s - 1000) < 0.1f);
		assert_true(fabsf(points[i].tx_bytes_s - 1000) < 0.1f);
	}
}

static void bytes_between_rare_samples_are_spread_over_their_time(void **context)
{
	add(*context, 1001, 0, 10);
	add(*context, 1001, 3000, 40);
	add(*context, 1001, 3000, 61);
	assert_int_equal(read_all(*context, 1001), 5);
	assert_true(fabsf(points[0].rx_bytes_s - 200) < 0.1f);
	assert_true(fabsf(points[2].rx_bytes_s - 200) < 0.1f);
	assert_true(points[3].rx_bytes_s == 0);
}

static void rates_times_their_seconds_are_what_was_counted(void **context)
{
	double area = 0;
	uint64_t bytes = 0;

	for (unsigned i = 0; i <= 2000; i++)
		add(*context, 1001, bytes += i % 17 * 1000, 10 + 0.7 * i);
	for (size_t i = read_all(*context, 1001); i > 0; i--)
		area += 10.0 * (double)points[i - 1].rx_bytes_s;
	add(*context, 1001, bytes, 1420);
	assert_int_equal(read_all(*context, 1001), 141);
	area = 0;
	for (size_t i = 0; i < 141; i++)
		area += 10.0 * (double)points[i].rx_bytes_s;
	assert_true(fabs(area - 2.0 * (double)bytes) < 2e-5 * area);
}

static void only_the_last_hours_are_kept(void **context)
{
	unsigned second;

	for (second = 10; second <= 30000; second += 10)
		add(*context, 1001, 5ull * second * second, second);
	assert_int_equal(read_all(*context, 1001), STEPS);
	for (size_t i = 0; i < STEPS; i++) {
		double t = 30000 - 10.0 * (double)(STEPS - i);

		assert_true(fabs(points[i].rx_bytes_s - (double)(20 * t + 100)) < 1);
	}
}

static void a_silence_longer_than_what_is_kept_leaves_zeros(void **context)
{
	for (unsigned second = 10; second <= 2000; second += 10)
		add(*context, 1001, 500 * second, second);
	for (unsigned second = 2010; second <= 20000; second += 10)
		add(*context, 1001, 500 * 2000, second);
	assert_int_equal(read_all(*context, 1001), STEPS);
	for (size_t i = 0; i < STEPS; i++)
		assert_true(points[i].rx_bytes_s == 0);
}

static void another_counter_begins_anew(void **context)
{
	struct one_port one;

	add(*context, 1001, 1000, 10);
	sample_at(&one, 1001, 1000000, 20);
	one.sample.epoch[0] = 'x';
	v2m_rate_history_add(*context, &one.sample);
	sample_at(&one, 1001, 2000000, 30);
	one.sample.epoch[0] = 'x';
	one.port.assigned_ns = 7;
	v2m_rate_history_add(*context, &one.sample);
	one.sample.mono_ns = 40 * SECOND_NS;
	one.port = port_at(1001, 5);
	one.port.assigned_ns = 7;
	v2m_rate_history_add(*context, &one.sample);
	assert_int_equal(read_all(*context, 1001), 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(points[i].rx_bytes_s == 0);
}

static void a_port_that_vanished_is_forgotten(void **context)
{
	add(*context, 1001, 0, 10);
	add(*context, 1001, 1000, 20);
	add(*context, 1002, 1000, 31);
	assert_int_equal(read_all(*context, 1001), 2);
	assert_true(points[0].rx_bytes_s == 0);
	add(*context, 1001, 5000, 41);
	add(*context, 1001, 5000, 51);
	assert_int_equal(read_all(*context, 1001), 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(points[i].rx_bytes_s == 0);
}

static void a_port_with_a_new_owner_begins_anew(void **context)
{
	add(*context, 1001, 0, 10);
	add(*context, 1001, 1000, 20);
	v2m_rate_history_forget(*context, 1001);
	v2m_rate_history_forget(*context, 1002);
	assert_int_equal(read_all(*context, 1001), 1);
	assert_true(points[0].rx_bytes_s == 0);
	add(*context, 1001, 5000, 30);
	add(*context, 1001, 5500, 40);
	assert_int_equal(read_all(*context, 1001), 3);
	assert_true(points[0].rx_bytes_s == 0 && points[1].rx_bytes_s == 0);
	assert_true(fabsf(points[2].rx_bytes_s - 100) < 0.1f);
}

static void the_later_of_two_counters_of_a_slot_counts(void **context)
{
	struct v2m_port_sample entries[2];
	struct v2m_sample sample = { .epoch = "epoch", .ports = entries, .n_ports = 2 };

	for (unsigned second = 10; second <= 40; second += 10) {
		entries[0] = port_at(443, 1000000 * second);
		entries[1] = port_at(443, 5 * second);
		entries[1].assigned_ns = 2;
		sample.mono_ns = second * SECOND_NS;
		v2m_rate_history_add(*context, &sample);
	}
	assert_int_equal(read_all(*context, 443), 3);
	assert_true(fabsf(points[2].rx_bytes_s - 10) < 0.1f);
}

/* An owner of a shared slot, whose bytes arrive. */
static void add_owner(struct v2m_rate_history *history, uint64_t bytes, uint64_t assigned_ns,
		      unsigned second)
{
	struct v2m_owner_sample owner = { .owner = 443,
					  .assigned_ns = assigned_ns,
					  .rx = flow_of(bytes) };
	struct v2m_port_sample entry = port_at(443, 0);
	struct v2m_sample sample = { .epoch = "epoch",
				     .ports = &entry,
				     .n_ports = 1,
				     .owners = &owner,
				     .n_owners = 1,
				     .mono_ns = second * SECOND_NS };

	v2m_rate_history_add(history, &sample);
}

static void an_owner_has_rates_apart_from_those_of_slots(void **context)
{
	int64_t start_us;

	for (unsigned second = 10; second <= 40; second += 10)
		add_owner(*context, 1000 * second, 7, second);
	assert_int_equal(
		v2m_rate_history_owner(*context, 443, points, V2M_ARRAY_LEN(points), &start_us), 3);
	assert_true(fabsf(points[2].rx_bytes_s - 1000) < 0.1f);
	assert_true(points[2].tx_bytes_s == 0);
	assert_int_equal(read_all(*context, 443), 3);
	assert_true(points[2].rx_bytes_s == 0);
	/* Its number stands for another key now. */
	add_owner(*context, 500000, 8, 50);
	assert_int_equal(
		v2m_rate_history_owner(*context, 443, points, V2M_ARRAY_LEN(points), &start_us), 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(points[i].rx_bytes_s == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_steady_flow_has_the_same_rate_in_every_step),
		TEST(bytes_between_rare_samples_are_spread_over_their_time),
		TEST(rates_times_their_seconds_are_what_was_counted),
		TEST(only_the_last_hours_are_kept),
		TEST(a_silence_longer_than_what_is_kept_leaves_zeros),
		TEST(another_counter_begins_anew),
		TEST(a_port_that_vanished_is_forgotten),
		TEST(a_port_with_a_new_owner_begins_anew),
		TEST(the_later_of_two_counters_of_a_slot_counts),
		TEST(an_owner_has_rates_apart_from_those_of_slots),
	};

	return cmocka_run_group_tests_name("rate_history", tests, NULL, NULL);
}
