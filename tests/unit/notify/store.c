// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/cleanup.h"
#include "notify/crossings.h"
#include "notify/store.h"
#include "unit/temporary.h"

#define SECOND 1000000LL

static struct v2m_error error;

static struct v2m_store *open_store(void)
{
	struct v2m_store *store = NULL;

	if (v2m_store_open(temporary_path("state"), &store, &error))
		fail_msg("%s", error.text);
	return store;
}

static int64_t due(struct v2m_store *store, const char *channel, int64_t now_us)
{
	struct v2m_queued queued;
	int64_t id = 0;
	int result = v2m_store_due(store, channel, now_us, 3600, &queued, &error);

	assert_true(result >= 0);
	if (result)
		id = queued.id;
	v2m_queued_clear(&queued);
	return id;
}

static void the_queue_keeps_its_order_over_a_restart(void **state)
{
	struct v2m_store *store = open_store();
	int64_t first;
	int64_t second;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(v2m_store_queue(store, "a", "{}", 10, &error), 0);
		assert_int_equal(v2m_store_queue(store, "b", "{}", 10, &error), 0);
	}
	first = due(store, "a", 10);
	assert_true(first > 0);
	assert_int_equal(v2m_store_postpone(store, first, 100 * SECOND, &error), 0);
	v2m_store_closep(&store);
	store = open_store();
	second = due(store, "a", 10);
	assert_true(second > first);
	assert_int_equal(due(store, "a", 100 * SECOND), first);
	/* The clock was set back by a time zone: no pause is that long. */
	assert_int_equal(v2m_store_postpone(store, first, 3600 * SECOND, &error), 0);
	assert_int_equal(due(store, "a", 10), second);
	assert_int_equal(v2m_store_postpone(store, first, 3601 * SECOND, &error), 0);
	assert_int_equal(due(store, "a", 10), first);
	assert_int_equal(v2m_store_remove(store, first, &error), 0);
	assert_int_equal(due(store, "a", 100 * SECOND), second);
	assert_int_equal(v2m_store_count(store, &error), 3);
	assert_int_equal(v2m_store_remove_strangers(store, "[\"b\"]", &error), 1);
	assert_int_equal(v2m_store_count(store, &error), 2);
	assert_int_equal(v2m_store_remove_strangers(store, "[]", &error), 2);
	v2m_store_closep(&store);
}

static void what_is_too_much_or_too_old_goes_oldest_first(void **state)
{
	struct v2m_store *store = open_store();
	int64_t before;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(v2m_store_queue(store, "a", "{}", i, &error), 0);
	assert_int_equal(v2m_store_queue(store, "b", "{}", 0, &error), 0);
	before = due(store, "a", 10);
	assert_int_equal(v2m_store_trim(store, "a", 5, 0, &error), 0);
	assert_int_equal(v2m_store_trim(store, "a", 4, 0, &error), 1);
	assert_int_equal(due(store, "a", 10), before + 1);
	assert_int_equal(v2m_store_trim(store, "a", 4, 3, &error), 2);
	assert_int_equal(v2m_store_count(store, &error), 3);
	assert_int_equal(v2m_store_remove_strangers(store, "[]", &error), 3);
	v2m_store_closep(&store);
}

static void nothing_of_a_transaction_that_is_rolled_back_happens(void **state)
{
	struct v2m_store *store = open_store();
	char *value = NULL;

	(void)state;
	assert_int_equal(v2m_store_begin(store, &error), 0);
	assert_int_equal(v2m_store_queue(store, "a", "{}", 1, &error), 0);
	assert_int_equal(v2m_store_hold(store, "x/1", &error), 0);
	assert_int_equal(v2m_store_set(store, "n", "1", &error), 0);
	v2m_store_rollback(store);
	assert_int_equal(v2m_store_count(store, &error), 0);
	assert_int_equal(v2m_store_get(store, "n", &value, &error), 0);
	assert_null(value);
	v2m_store_closep(&store);
}

static void a_second_process_is_refused_and_a_damaged_file_set_aside(void **state)
{
	struct v2m_store *store = open_store();
	struct v2m_store *other = NULL;
	char path[256];
	FILE *file;

	(void)state;
	assert_int_equal(v2m_store_open(temporary_path("state"), &other, &error), -EBUSY);
	assert_non_null(strstr(error.text, "another v2meter-notify runs"));
	assert_int_equal(v2m_store_queue(store, "a", "{}", 1, &error), 0);
	v2m_store_closep(&store);
	snprintf(path, sizeof(path), "%s/state/notify.db", temporary_directory);
	file = fopen(path, "r+");
	assert_non_null(file);
	for (int i = 0; i < 6000; i++)
		fputc('x', file);
	fclose(file);
	store = open_store();
	assert_int_equal(v2m_store_count(store, &error), 0);
	v2m_store_closep(&store);
	strcat(path, ".corrupt");
	assert_int_equal(access(path, F_OK), 0);
}

static int count_released(void *context, const char *name)
{
	(void)name;
	++*(int *)context;
	return 0;
}

static void a_crossing_is_new_once_also_after_a_restart(void **state)
{
	struct v2m_store *store = open_store();
	struct v2m_crossings *crossings = NULL;
	int released = 0;

	(void)state;
	assert_int_equal(v2m_crossings_open(store, &crossings, &error), 0);
	assert_int_equal(v2m_crossings_hold(crossings, "x/1", &error), 1);
	assert_int_equal(v2m_crossings_hold(crossings, "x/1", &error), 0);
	assert_int_equal(v2m_crossings_hold(crossings, "y/1", &error), 1);
	assert_int_equal(v2m_crossings_end(crossings, "x/", count_released, &released, &error), 0);
	assert_int_equal(released, 0);
	v2m_crossings_closep(&crossings);
	v2m_store_closep(&store);
	store = open_store();
	assert_int_equal(v2m_crossings_open(store, &crossings, &error), 0);
	assert_true(v2m_crossings_has(crossings, "x/1"));
	assert_int_equal(v2m_crossings_hold(crossings, "x/1", &error), 0);
	assert_int_equal(v2m_crossings_hold(crossings, "x/2", &error), 1);
	assert_int_equal(v2m_crossings_end(crossings, "x/", count_released, &released, &error), 0);
	assert_int_equal(released, 0);
	/* Neither is named, so both are over. The other family stays. */
	assert_int_equal(v2m_crossings_end(crossings, "x/", count_released, &released, &error), 0);
	assert_int_equal(released, 2);
	assert_true(v2m_crossings_has(crossings, "y/1"));
	assert_int_equal(v2m_crossings_hold(crossings, "x/1", &error), 1);
	v2m_crossings_closep(&crossings);
	v2m_store_closep(&store);
	store = open_store();
	assert_int_equal(v2m_crossings_open(store, &crossings, &error), 0);
	assert_true(v2m_crossings_has(crossings, "x/1"));
	assert_false(v2m_crossings_has(crossings, "x/2"));
	v2m_crossings_closep(&crossings);
	v2m_store_closep(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_queue_keeps_its_order_over_a_restart),
		cmocka_unit_test(what_is_too_much_or_too_old_goes_oldest_first),
		cmocka_unit_test(nothing_of_a_transaction_that_is_rolled_back_happens),
		cmocka_unit_test(a_second_process_is_refused_and_a_damaged_file_set_aside),
		cmocka_unit_test(a_crossing_is_new_once_also_after_a_restart),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
