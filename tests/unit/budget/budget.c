// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "budget/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "budget/budget_file.h"
#include "unit/temporary.h"

#define DAY_US INT64_C(86400000000)
/* 2025-11-10T12:00:00 */
#define NOON_US INT64_C(1762776000000000)

struct world {
	struct v2m_budget budget;
	struct v2m_budget_terms terms;
	struct v2m_device_sample devices[2];
	struct v2m_sample sample;
};

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	setenv("TZ", "UTC", 1);
	world->terms = (struct v2m_budget_terms){ .set = true, .bytes = 1000000, .billing_day = 5 };
	world->sample = (struct v2m_sample){ .mode = V2M_MODE_EBPF,
					     .epoch = "first",
					     .real_us = NOON_US,
					     .devices = world->devices,
					     .n_devices = 1 };
	strcpy(world->devices[0].name, "eth0");
	world->devices[0].ifindex = 2;
	strcpy(world->devices[1].name, "lo");
	world->devices[1].ifindex = 1;
	world->devices[1].loopback = true;
	*state = world;
	return make_temporary(state) ? -1 : (*state = world, 0);
}

static int drop_world(void **state)
{
	struct world *world = *state;

	v2m_budget_clear(&world->budget);
	v2m_strings_clear(&world->terms.devices);
	free(world);
	return remove_temporary(state);
}

/* Sets the counters of device i: of all bytes and of those of keys. */
static void set_counters(struct world *world, size_t i, uint64_t rx, uint64_t tx, uint64_t keys_rx,
			 uint64_t keys_tx)
{
	world->devices[i].ingress.seen.wire_bytes = rx;
	world->devices[i].egress.seen.wire_bytes = tx;
	world->devices[i].ingress.keys.wire_bytes = keys_rx;
	world->devices[i].egress.keys.wire_bytes = keys_tx;
}

static void add(struct world *world)
{
	assert_int_equal(v2m_budget_add(&world->budget, &world->terms, &world->sample), 0);
}

static void assert_sums(const struct world *world, uint64_t customers_rx, uint64_t customers_tx,
			uint64_t internet_rx, uint64_t internet_tx)
{
	assert_int_equal(world->budget.customers.rx, customers_rx);
	assert_int_equal(world->budget.customers.tx, customers_tx);
	assert_int_equal(world->budget.internet.rx, internet_rx);
	assert_int_equal(world->budget.internet.tx, internet_tx);
}

static void assert_period(int32_t date, unsigned day, int32_t from, int32_t next)
{
	int32_t found;

	assert_int_equal(v2m_budget_period(date, day, &found), from);
	assert_int_equal(found, next);
}

static void a_period_begins_on_the_billing_day_or_on_the_last_day_of_the_month(void **state)
{
	(void)state;
	assert_period(20251105, 5, 20251105, 20251205);
	assert_period(20251104, 5, 20251005, 20251105);
	assert_period(20251231, 1, 20251201, 20260101);
	assert_period(20260101, 2, 20251202, 20260102);
	assert_period(20260215, 31, 20260131, 20260228);
	assert_period(20260228, 31, 20260228, 20260331);
	assert_period(20240229, 30, 20240229, 20240330);
	assert_period(20251130, 31, 20251130, 20251231);
}

static void the_first_reading_is_where_counting_begins(void **state)
{
	struct world *world = *state;

	set_counters(world, 0, 5000, 6000, 500, 600);
	add(world);
	assert_sums(world, 0, 0, 0, 0);
	set_counters(world, 0, 5100, 6300, 540, 610);
	add(world);
	assert_sums(world, 40, 10, 60, 290);
}

static void counters_that_began_anew_and_devices_that_come_later_count_from_0(void **state)
{
	struct world *world = *state;

	add(world);
	set_counters(world, 0, 100, 0, 10, 0);
	add(world);
	strcpy((char *)world->sample.epoch, "second");
	/* More than before: only the epoch tells that they began anew. */
	set_counters(world, 0, 170, 0, 17, 0);
	add(world);
	assert_sums(world, 27, 0, 243, 0);
	assert_int_equal(world->budget.devices.count, 1);
	strcpy(world->devices[1].name, "eth1");
	world->devices[1].loopback = false;
	world->sample.n_devices = 2;
	set_counters(world, 1, 1000, 0, 0, 0);
	add(world);
	assert_sums(world, 27, 0, 1243, 0);
}

static void loopback_and_devices_that_are_not_billed_are_left_out(void **state)
{
	struct world *world = *state;

	world->sample.n_devices = 2;
	assert_int_equal(v2m_strings_add(&world->terms.devices, "wan*"), 0);
	add(world);
	set_counters(world, 0, 100, 100, 0, 0);
	set_counters(world, 1, 100, 100, 100, 100);
	add(world);
	assert_sums(world, 0, 0, 0, 0);
	/* They are billed from now on, and not for what they had before. */
	assert_int_equal(v2m_strings_add(&world->terms.devices, "eth0"), 0);
	set_counters(world, 0, 107, 100, 0, 0);
	add(world);
	assert_sums(world, 0, 0, 7, 0);
}

static void a_new_period_begins_new_sums(void **state)
{
	struct world *world = *state;

	add(world);
	set_counters(world, 0, 100, 0, 0, 0);
	add(world);
	world->sample.real_us += 26 * DAY_US;
	set_counters(world, 0, 130, 0, 0, 0);
	add(world);
	assert_sums(world, 0, 0, 30, 0);
	assert_int_equal(world->budget.from, 20251205);
	/* The bytes came in 26 days. As those of a moment they would raise the projection. */
	assert_int_equal(world->budget.since_us, NOON_US);
}

static void without_the_kernel_programs_nothing_is_added(void **state)
{
	struct world *world = *state;

	add(world);
	world->sample.mode = V2M_MODE_SOCKET_STATS;
	world->sample.real_us += 26 * DAY_US;
	set_counters(world, 0, 100, 0, 0, 0);
	add(world);
	assert_sums(world, 0, 0, 0, 0);
	assert_int_equal(world->budget.from, 20251105);
}

static void a_clock_that_is_put_back_loses_nothing(void **state)
{
	struct world *world = *state;

	add(world);
	set_counters(world, 0, 100, 0, 0, 0);
	world->sample.real_us -= 40 * DAY_US;
	add(world);
	assert_sums(world, 0, 0, 100, 0);
	assert_int_equal(world->budget.from, 20251105);
}

static void the_view_has_what_the_provider_counts(void **state)
{
	static const uint64_t used[V2M_N_BILLED] = { [V2M_BILLED_BOTH] = 500,
						     [V2M_BILLED_RX] = 200,
						     [V2M_BILLED_TX] = 300,
						     [V2M_BILLED_LARGER] = 300 };
	struct world *world = *state;
	struct v2m_budget_view view;

	v2m_budget_look(&world->budget, &world->terms, &view);
	assert_false(view.set);
	add(world);
	set_counters(world, 0, 200, 300, 150, 0);
	add(world);
	for (unsigned i = 0; i < V2M_N_BILLED; i++) {
		world->terms.directions = (enum v2m_billed)i;
		v2m_budget_look(&world->budget, &world->terms, &view);
		assert_true(view.set);
		assert_int_equal(view.used, used[i]);
		assert_string_equal(view.directions, v2m_billed_name((enum v2m_billed)i));
	}
	assert_int_equal(view.from, 20251105);
	assert_int_equal(view.next, 20251205);
	assert_true(view.days_left == 24.5);
}

static void the_projection_goes_on_as_it_went(void **state)
{
	struct world *world = *state;
	struct v2m_budget_view view;

	add(world);
	world->sample.real_us += 2 * DAY_US;
	set_counters(world, 0, 100000, 0, 0, 0);
	add(world);
	v2m_budget_look(&world->budget, &world->terms, &view);
	assert_true(view.days_left == 22.5);
	assert_in_range(view.projected, 1224999, 1225001);
	assert_true(view.lasts_days > 17.99 && view.lasts_days < 18.01);
	world->terms.bytes = 50;
	v2m_budget_look(&world->budget, &world->terms, &view);
	assert_true(view.lasts_days == 0);
	/* A minute tells nothing about a month. */
	world->budget.since_us = world->budget.read_us - 60000000;
	v2m_budget_look(&world->budget, &world->terms, &view);
	assert_in_range(view.projected, 100000, 54100001);
}

static void what_was_stored_goes_on_after_a_restart(void **state)
{
	struct world *world = *state;
	const char *path = temporary_path("budget.json");
	struct v2m_error error = { 0 };

	add(world);
	set_counters(world, 0, 100, 200, 10, 20);
	add(world);
	assert_true(world->budget.dirty);
	assert_int_equal(v2m_budget_store(path, &world->budget), 0);
	assert_false(world->budget.dirty);
	v2m_budget_clear(&world->budget);
	assert_int_equal(v2m_budget_load(path, &world->budget, &error), 0);
	assert_sums(world, 10, 20, 90, 180);
	/* What the kernel counted meanwhile. */
	set_counters(world, 0, 150, 200, 10, 20);
	add(world);
	assert_sums(world, 10, 20, 140, 180);
	assert_int_equal(world->budget.since_us, NOON_US);
}

static void a_missing_file_is_an_empty_budget_and_a_damaged_one_is_refused(void **state)
{
	static const char *const texts[] = {
		"{",
		"[]",
		"{\"version\": 2}",
		"{\"version\": 1, \"from\": 20251105, \"since_us\": 1, \"read_us\": 1, "
		"\"customers\": [1], "
		"\"internet\": [1, 2], \"devices\": []}",
		"{\"version\": 1, \"from\": 20251105, \"since_us\": 1, \"read_us\": 1, "
		"\"customers\": [1, 2], "
		"\"internet\": [1, 2], \"devices\": [{\"name\": \"a-name-that-is-too-long\"}]}",
	};
	struct world *world = *state;
	struct v2m_error error = { 0 };

	assert_int_equal(v2m_budget_load(temporary_path("none"), &world->budget, &error), 0);
	assert_int_equal(world->budget.from, 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_not_equal(v2m_budget_load(temporary_file("budget.json", texts[i]),
						     &world->budget, &error),
				     0);
		assert_non_null(strstr(error.text, "budget.json"));
		assert_int_equal(world->budget.from, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, drop_world)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_period_begins_on_the_billing_day_or_on_the_last_day_of_the_month),
		TEST(the_first_reading_is_where_counting_begins),
		TEST(counters_that_began_anew_and_devices_that_come_later_count_from_0),
		TEST(loopback_and_devices_that_are_not_billed_are_left_out),
		TEST(a_new_period_begins_new_sums),
		TEST(without_the_kernel_programs_nothing_is_added),
		TEST(a_clock_that_is_put_back_loses_nothing),
		TEST(the_view_has_what_the_provider_counts),
		TEST(the_projection_goes_on_as_it_went),
		TEST(what_was_stored_goes_on_after_a_restart),
		TEST(a_missing_file_is_an_empty_budget_and_a_damaged_one_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
