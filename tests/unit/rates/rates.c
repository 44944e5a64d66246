// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/fixture.h"

#include "rates/rates.h"

#define WINDOW_S 10

static int setup(void **context)
{
	*context = v2m_rates_new(WINDOW_S);
	return *context ? 0 : -1;
}

static int teardown(void **context)
{
	v2m_rates_free(*context);
	return 0;
}

/* bytes: the sum over the port's flows, a multiple of 4. */
static void add(struct v2m_rates *rates, uint16_t port, uint64_t bytes, double second)
{
	struct one_port one;

	sample_at(&one, port, bytes / 4, 0);
	one.sample.mono_ns = (uint64_t)(second * 1e9);
	v2m_rates_add(rates, &one.sample);
}

static void one_reading_makes_no_rate(void **context)
{
	add(*context, 1001, 40000, 1);
	assert_true(v2m_rates_slot(*context, 1001) == 0);
	assert_true(v2m_rates_slot(*context, 1002) == 0);
}

static void right_after_the_start_the_rate_is_over_what_there_is(void **context)
{
	add(*context, 1001, 40000, 1);
	add(*context, 1001, 44000, 3);
	assert_true(v2m_rates_slot(*context, 1001) == 2000);
}

static void the_rate_looks_back_over_the_window_and_no_further(void **context)
{
	uint64_t bytes = 0;

	for (unsigned second = 1; second <= 100; second++)
		add(*context, 1001, bytes += second <= 50 ? 8000 : 400, second);
	assert_true(v2m_rates_slot(*context, 1001) == 400);
}

static void a_burst_leaves_the_rate_when_the_window_has_passed(void **context)
{
	add(*context, 1001, 0, 1);
	add(*context, 1001, 100000, 2);
	for (unsigned second = 3; second <= 11; second++)
		add(*context, 1001, 100000, second);
	assert_true(v2m_rates_slot(*context, 1001) == 10000);
	add(*context, 1001, 100000, 12);
	assert_true(v2m_rates_slot(*context, 1001) == 0);
}

static void ten_samples_a_second_give_the_same_rate(void **context)
{
	for (unsigned tenth = 1; tenth <= 1000; tenth++)
		add(*context, 1001, tenth * 400, tenth / 10.0);
	assert_true(v2m_rates_slot(*context, 1001) > 3999.9);
	assert_true(v2m_rates_slot(*context, 1001) < 4000.1);
}

static void samples_rarer_than_the_window_give_the_rate_between_the_last_two(void **context)
{
	add(*context, 1001, 0, 1);
	add(*context, 1001, 600000, 61);
	add(*context, 1001, 660000, 121);
	assert_true(v2m_rates_slot(*context, 1001) == 1000);
}

static void another_use_of_the_port_begins_anew(void **context)
{
	struct one_port one;

	add(*context, 1001, 0, 1);
	add(*context, 1001, 4000, 2);
	sample_at(&one, 1001, 1000000, 3);
	one.port.assigned_ns = 2;
	v2m_rates_add(*context, &one.sample);
	assert_true(v2m_rates_slot(*context, 1001) == 0);
}

static void another_epoch_begins_anew(void **context)
{
	struct one_port one;

	add(*context, 1001, 0, 1);
	add(*context, 1001, 4000, 2);
	sample_at(&one, 1001, 1000000, 3);
	one.sample.epoch[0] = 'x';
	v2m_rates_add(*context, &one.sample);
	assert_true(v2m_rates_slot(*context, 1001) == 0);
}

static void a_counter_that_goes_backwards_begins_anew(void **context)
{
	add(*context, 1001, 8000, 1);
	add(*context, 1001, 4000, 2);
	assert_true(v2m_rates_slot(*context, 1001) == 0);
	add(*context, 1001, 8000, 3);
	assert_true(v2m_rates_slot(*context, 1001) == 4000);
}

static void a_sample_that_is_not_newer_is_ignored(void **context)
{
	add(*context, 1001, 0, 1);
	add(*context, 1001, 4000, 2);
	add(*context, 1001, 80000, 2);
	add(*context, 1001, 80000, 1);
	assert_true(v2m_rates_slot(*context, 1001) == 4000);
}

static void a_port_that_vanished_has_no_rate_and_its_place_is_used_again(void **context)
{
	for (unsigned round = 0; round < 20000; round++) {
		add(*context, (uint16_t)(1 + round % 60000), 4000, 1 + 2 * round);
		add(*context, (uint16_t)(1 + round % 60000), 8000, 2 + 2 * round);
		assert_true(v2m_rates_slot(*context, 1 + round % 60000) == 4000);
	}
	assert_true(v2m_rates_slot(*context, 1) == 0);
}

static void four_thousand_ports_have_each_their_own_rate(void **context)
{
	struct v2m_port_sample *ports = calloc(4096, sizeof(*ports));
	struct v2m_sample sample = { .ports = ports, .n_ports = 4096 };

	for (unsigned second = 1; second <= 3; second++) {
		for (unsigned i = 0; i < 4096; i++)
			ports[i] = port_at((uint16_t)(1 + 15 * i), second * i);
		sample.mono_ns = second * SECOND_NS;
		v2m_rates_add(*context, &sample);
	}
	for (unsigned i = 0; i < 4096; i++)
		assert_true(v2m_rates_slot(*context, 1 + 15 * i) == 4.0 * i);
	free(ports);
}

static void tcp_and_udp_of_a_port_have_their_own_rates(void **context)
{
	struct v2m_port_sample entries[2];
	struct v2m_sample sample = { .ports = entries, .n_ports = 2 };

	for (unsigned second = 1; second <= 2; second++) {
		entries[0] = port_at(443, 100 * second);
		entries[0].transports = V2M_TCP;
		entries[1] = port_at(443, 7 * second);
		entries[1].transports = V2M_UDP;
		sample.mono_ns = second * SECOND_NS;
		v2m_rates_add(*context, &sample);
	}
	assert_true(v2m_rates_slot(*context, 443) == 400);
	assert_true(v2m_rates_slot(*context, 443 + 65536) == 28);
}

/* The old counter of a slot stays in the sample for a while. */
static void the_later_of_two_counters_of_a_slot_counts(void **context)
{
	struct v2m_port_sample entries[2];
	struct v2m_sample sample = { .ports = entries, .n_ports = 2 };

	add(*context, 443, 40000, 1);
	for (unsigned second = 2; second <= 4; second++) {
		for (unsigned i = 0; i < 2; i++) {
			entries[i] = port_at(443, i ? 10000 : 100 * second);
			entries[i].assigned_ns = i ? 1 : 2;
		}
		sample.mono_ns = second * SECOND_NS;
		memcpy(sample.epoch, "epoch", 6);
		if (second == 4) {
			entries[0] = entries[1];
			entries[1] = port_at(443, 400);
			entries[1].assigned_ns = 2;
		}
		v2m_rates_add(*context, &sample);
	}
	assert_true(v2m_rates_slot(*context, 443) == 400);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_reading_makes_no_rate),
		TEST(right_after_the_start_the_rate_is_over_what_there_is),
		TEST(the_rate_looks_back_over_the_window_and_no_further),
		TEST(a_burst_leaves_the_rate_when_the_window_has_passed),
		TEST(ten_samples_a_second_give_the_same_rate),
		TEST(samples_rarer_than_the_window_give_the_rate_between_the_last_two),
		TEST(another_use_of_the_port_begins_anew),
		TEST(another_epoch_begins_anew),
		TEST(a_counter_that_goes_backwards_begins_anew),
		TEST(a_sample_that_is_not_newer_is_ignored),
		TEST(a_port_that_vanished_has_no_rate_and_its_place_is_used_again),
		TEST(four_thousand_ports_have_each_their_own_rate),
		TEST(tcp_and_udp_of_a_port_have_their_own_rates),
		TEST(the_later_of_two_counters_of_a_slot_counts),
	};

	return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
