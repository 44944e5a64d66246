// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "drift/drift_file.h"
#include "unit/temporary.h"

#define MIB      ((uint64_t)1 << 20)
#define SECOND   ((int64_t)1000000)
#define START_US (1700000000 * SECOND)

static struct v2m_drift drift;

static int clean_up(void **state)
{
	v2m_drift_clear(&drift);
	return remove_temporary(state);
}

static const struct v2m_drift_entry *compare(unsigned second, uint64_t proxy_mib, uint64_t our_mib)
{
	const struct v2m_drift_reading reading = {
		.id = "a",
		.name = "\"alice\"",
		.bytes = { .proxy_tx = 500 + proxy_mib * MIB, .our_tx = 900 + our_mib * MIB },
	};

	assert_int_equal(v2m_drift_compare(&drift, &reading, 1, START_US + second * SECOND), 0);
	return &drift.items[0];
}

static void restart(void)
{
	struct v2m_error error = { 0 };

	assert_int_equal(v2m_drift_store(temporary_path("drift.json"), &drift), 0);
	v2m_drift_clear(&drift);
	assert_int_equal(v2m_drift_load(temporary_path("drift.json"), &drift, &error), 0);
}

static void a_restart_goes_on_with_the_comparison(void **state)
{
	const struct v2m_drift_entry *entry;
	struct v2m_drift_entry before;

	(void)state;
	compare(0, 0, 0);
	compare(10, 10, 10);
	compare(20, 150, 120);
	before = *compare(80, 150, 120);
	assert_int_not_equal(before.drifts_since_us, 0);
	drift.items[0].resets = true;
	drift.items[0].fell_us = START_US;
	drift.items[0].start.proxy_rx = (uint64_t)-5;
	restart();
	assert_int_equal(drift.count, 1);
	assert_true(drift.items[0].resets);
	assert_int_equal(drift.items[0].fell_us, START_US);
	assert_true(drift.items[0].start.proxy_rx == (uint64_t)-5);
	drift.items[0].resets = false;
	drift.items[0].start.proxy_rx = before.start.proxy_rx;
	assert_int_equal(drift.items[0].moved_us, before.moved_us);
	assert_int_equal(drift.items[0].ahead_since_us, before.ahead_since_us);
	assert_string_equal(drift.items[0].name, "\"alice\"");
	entry = compare(100, 160, 130);
	assert_int_equal(entry->since_us, START_US);
	assert_int_equal(entry->since.proxy_tx, 160 * MIB);
	assert_int_equal(entry->since.our_tx, 130 * MIB);
	assert_int_equal(entry->drifts_since_us, before.drifts_since_us);
}

static void a_comparison_that_has_hardly_begun_begins_anew(void **state)
{
	(void)state;
	compare(0, 0, 0);
	restart();
	assert_int_equal(drift.count, 0);
}

static void a_proxy_that_was_restarted_meanwhile_begins_anew(void **state)
{
	(void)state;
	compare(0, 100, 100);
	compare(10, 110, 110);
	compare(20, 120, 120);
	restart();
	assert_int_equal(compare(100, 5, 130)->since_us, START_US + 100 * SECOND);
}

static void a_damaged_file_is_an_error_and_no_file_is_none(void **state)
{
	static const char *const texts[] = {
		"{", "[]", "{\"version\": 2, \"keys\": []}",
		"{\"version\": 1, \"keys\": [{\"id\": \"a\", \"name\": \"b\", \"since_us\": -1}]}"
	};
	struct v2m_error error = { 0 };

	(void)state;
	assert_int_equal(v2m_drift_load(temporary_path("none"), &drift, &error), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
			v2m_write_file(temporary_path("bad"), texts[i], strlen(texts[i]), 0600), 0);
		assert_true(v2m_drift_load(temporary_path("bad"), &drift, &error) < 0);
		assert_int_equal(drift.count, 0);
		assert_true(*error.text);
	}
}

int main(void)
{
#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_temporary, clean_up)
	const struct CMUnitTest tests[] = {
		WITH_DIRECTORY(a_restart_goes_on_with_the_comparison),
		WITH_DIRECTORY(a_comparison_that_has_hardly_begun_begins_anew),
		WITH_DIRECTORY(a_proxy_that_was_restarted_meanwhile_begins_anew),
		WITH_DIRECTORY(a_damaged_file_is_an_error_and_no_file_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
