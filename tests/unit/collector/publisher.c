// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which windows are made before anybody asks for them. */
#include "collector/publisher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "api/window.h"
#include "base/macros.h"
#include "fake/fake_meter.h"

#define PATIENCE_US 30000000

static struct {
	sd_event *event;
	struct v2m_publisher *publisher;
	struct fake_meter *fake;
	unsigned due;       /* windows that were due */
	unsigned withdrawn; /* windows that were withdrawn */
	bool follows;       /* what was said with the last of them */
} world;

static void note_due(void *context)
{
	(void)context;
	world.due++;
}

static void note_withdrawn(bool follows, void *context)
{
	(void)context;
	world.withdrawn++;
	world.follows = follows;
}

static int set_up(void **state)
{
	const struct fake_options options = { .n_keys = 1 };
	const struct v2m_publisher_handlers handlers = { note_due, note_withdrawn, NULL };

	(void)state;
	memset(&world, 0, sizeof(world));
	world.fake = fake_meter_new(&options);
	return sd_event_new(&world.event) < 0 ||
	       v2m_publisher_open(world.event, 1, &handlers, &world.publisher);
}

static int tear_down(void **state)
{
	(void)state;
	v2m_publisher_close(world.publisher);
	sd_event_unref(world.event);
	fake_meter_free(world.fake);
	return 0;
}

/* Returns the generation of the window. */
static uint64_t publish(bool asked)
{
	struct v2m_snapshot *snapshot = fake_meter_snapshot(world.fake);
	uint64_t generation = snapshot->generation;

	assert_int_not_equal(v2m_publisher_publish(world.publisher, snapshot, asked), 0);
	v2m_snapshot_unref(snapshot);
	return generation;
}

static void expect_unread_windows(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		assert_true(v2m_publisher_is_wanted(world.publisher));
		publish(false);
	}
	assert_false(v2m_publisher_is_wanted(world.publisher));
}

static void a_window_is_renewed_for_a_client_that_asks_seldom(void **state)
{
	uint64_t generation;

	(void)state;
	assert_false(v2m_publisher_is_wanted(world.publisher));
	publish(true);
	expect_unread_windows(V2M_WINDOWS_UNREAD_MAX);
	generation = publish(false);
	v2m_publisher_note_read(world.publisher, generation);
	expect_unread_windows(V2M_WINDOWS_UNREAD_MAX + 1);
}

static void expect_due(void)
{
	unsigned before = world.due;

	while (world.due == before)
		assert_true(sd_event_run(world.event, PATIENCE_US) > 0);
}

static void an_outdated_window_is_replaced_without_a_request(void **state)
{
	(void)state;
	publish(true);
	v2m_publisher_withdraw(world.publisher);
	assert_true(world.follows);
	/* Another reset, before the next window. */
	v2m_publisher_withdraw(world.publisher);
	assert_true(world.follows);
	expect_due();
	assert_true(v2m_publisher_is_wanted(world.publisher));
	publish(false);
	assert_int_equal(world.withdrawn, 2);
	expect_due();
}

/* Such as by keys that change every few seconds, while nobody asks. */
static void windows_that_are_outdated_unread_are_not_replaced_forever(void **state)
{
	(void)state;
	publish(true);
	for (unsigned i = 0; i < V2M_WINDOWS_UNREAD_MAX; i++) {
		v2m_publisher_withdraw(world.publisher);
		assert_true(world.follows);
		publish(false);
	}
	v2m_publisher_withdraw(world.publisher);
	assert_false(world.follows);
	assert_false(v2m_publisher_is_wanted(world.publisher));
}

static void after_the_end_no_window_is_due(void **state)
{
	(void)state;
	publish(true);
	v2m_publisher_withdraw(world.publisher);
	v2m_publisher_end(world.publisher);
	assert_int_equal(world.withdrawn, 2);
	assert_false(world.follows);
	assert_false(v2m_publisher_is_wanted(world.publisher));
	assert_int_equal(sd_event_run(world.event, 1500000), 0);
	v2m_publisher_end(world.publisher);
	assert_int_equal(world.withdrawn, 2);
}

#define PUBLISHER_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PUBLISHER_TEST(a_window_is_renewed_for_a_client_that_asks_seldom),
		PUBLISHER_TEST(an_outdated_window_is_replaced_without_a_request),
		PUBLISHER_TEST(windows_that_are_outdated_unread_are_not_replaced_forever),
		PUBLISHER_TEST(after_the_end_no_window_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
