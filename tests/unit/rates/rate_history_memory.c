// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The memory that the rate history takes is bounded, whatever happens for however long. */
#include "unit/fixture.h"

#include <malloc.h>

#include "rates/rate_history.h"

#define STEPS V2M_RATE_HISTORY_STEPS
#define PORTS 64
/* The steps, the two incomplete blocks of ten minutes, and each block's number and place. */
#define PER_PORT (8u * (STEPS + 120) + 1024)

static size_t in_use;
static size_t peak;

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);

static void *note(void *made)
{
	in_use += malloc_usable_size(made);
	if (in_use > peak)
		peak = in_use;
	return made;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return note(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	in_use -= malloc_usable_size(old);
	return note(__real_realloc(old, size));
}

void __wrap_free(void *old)
{
	in_use -= malloc_usable_size(old);
	__real_free(old);
}

static size_t empty;

static int setup(void **context)
{
	in_use = 0;
	peak = 0;
	*context = v2m_rate_history_new(STEPS);
	empty = in_use;
	return *context ? 0 : -1;
}

static int teardown(void **context)
{
	v2m_rate_history_free(*context);
	return in_use ? -1 : 0;
}

/* Adds a reading of n ports from first on, which all stand at bytes. */
static void add(struct v2m_rate_history *history, uint16_t first, size_t n, uint64_t bytes,
		unsigned second)
{
	static struct v2m_port_sample ports[PORTS];
	struct v2m_sample sample = { .ports = ports, .n_ports = n };

	for (size_t i = 0; i < n; i++)
		ports[i] = port_at((uint16_t)(first + i), bytes);
	sample.mono_ns = second * SECOND_NS;
	sample.real_us = (int64_t)second * SECOND_US;
	v2m_rate_history_add(history, &sample);
}

static void busy_ports_take_what_is_kept_and_no_more(void **context)
{
	for (unsigned step = 1; step <= 5 * STEPS; step++)
		add(*context, 1001, PORTS, 1000ull * step, 10 * step);
	assert_true(peak - empty > PORTS * 8u * STEPS);
	assert_true(peak - empty < PORTS * PER_PORT);
}

static void silent_ports_take_nothing(void **context)
{
	size_t before;

	add(*context, 1001, PORTS, 0, 10);
	before = in_use;
	for (unsigned step = 2; step <= 100; step++)
		add(*context, 1001, PORTS, 1000ull * step, 10 * step);
	assert_true(in_use > before);
	for (unsigned step = 101; step <= 2 * STEPS; step++)
		add(*context, 1001, PORTS, 100000, 10 * step);
	/* The lists of blocks stay. */
	assert_true(in_use - before < PORTS * 512);
}

static void ports_that_come_and_go_leave_nothing(void **context)
{
	unsigned second = 0;

	for (unsigned round = 0; round < 900; round++) {
		uint16_t first = (uint16_t)(1 + round * PORTS);

		for (unsigned step = 0; step < 3; step++)
			add(*context, first, PORTS, 1000 * step, second += 10);
	}
	assert_true(peak - empty < 2 * PORTS * (600 * 2 + 1024));
	add(*context, 1, 0, 0, second + 10);
	assert_true(in_use - empty < 2 * PORTS * 64);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(busy_ports_take_what_is_kept_and_no_more),
		TEST(silent_ports_take_nothing),
		TEST(ports_that_come_and_go_leave_nothing),
	};

	return cmocka_run_group_tests_name("rate_history_memory", tests, NULL, NULL);
}
