// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "devices/outrun_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

/* A device, and the account of it. */
struct world {
	struct v2m_outrun_account account;
	struct v2m_outrun_reading reading;
	uint64_t now_ns;
	bool behind;
};

/* Carries bytes in one direction for some seconds; the programs see those that are not missed. */
static void carry(struct world *world, int direction, uint64_t bytes, uint64_t missed, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		world->now_ns += SECOND;
		world->reading.carried[direction] += bytes;
		world->reading.seen[direction] += bytes - missed;
		v2m_outrun_account_add(&world->account, &world->reading, world->behind,
				       world->now_ns);
	}
}

static struct world begin(bool behind)
{
	/* What was missed before the first reading is not judged. */
	struct world world = { .reading.carried = { 1000000000, 1000000000 }, .behind = behind };

	carry(&world, 0, 0, 0, 1);
	return world;
}

static void bytes_that_the_programs_see_are_fine(void **state)
{
	struct world world = begin(true);

	(void)state;
	carry(&world, 0, 1000000, 0, 100);
	assert_false(world.account.outrun);
	/* Checksums and padding, which only the device counts. */
	carry(&world, 1, 1000000, 100000, 100);
	assert_false(world.account.outrun);
}

static void a_device_whose_bytes_do_not_reach_the_programs_is_outrun(void **state)
{
	(void)state;
	for (int direction = 0; direction < V2M_OUTRUN_DIRECTIONS; direction++) {
		struct world world = begin(false);

		carry(&world, direction, 100000, 100000, 3);
		assert_true(world.account.outrun);
		assert_int_equal(world.account.direction, direction);
		assert_true(world.account.share > 0.99);
	}
}

static void a_program_before_ours_makes_a_quarter_too_much(void **state)
{
	struct world alone = begin(false);
	struct world behind = begin(true);

	(void)state;
	carry(&alone, 0, 1000000, 300000, 60);
	carry(&behind, 0, 1000000, 300000, 60);
	assert_false(alone.account.outrun);
	assert_true(behind.account.outrun);
}

static void a_few_bytes_say_nothing(void **state)
{
	struct world world = begin(true);

	(void)state;
	carry(&world, 0, 1000, 1000, 50);
	assert_false(world.account.outrun);
}

static void it_ends_when_the_programs_see_everything_again(void **state)
{
	struct world world = begin(true);

	(void)state;
	carry(&world, 0, 100000, 100000, 5);
	assert_true(world.account.outrun);
	carry(&world, 0, 100000, 0, 2);
	assert_true(world.account.outrun);
	carry(&world, 0, 100000, 0, 60);
	assert_false(world.account.outrun);
}

/* The programs' counters are read a little later than the device's. */
static void readings_of_different_moments_do_not_add_up(void **state)
{
	struct world world = begin(true);

	(void)state;
	for (int i = 0; i < 200; i++) {
		uint64_t ahead = i % 2 ? 400000 : 0;

		world.now_ns += SECOND;
		world.reading.carried[0] = 1000000000 + i * UINT64_C(1000000) + ahead;
		world.reading.seen[0] = i * UINT64_C(1000000);
		v2m_outrun_account_add(&world.account, &world.reading, true, world.now_ns);
	}
	assert_false(world.account.outrun);
}

static void counters_that_go_back_begin_anew(void **state)
{
	struct world world = begin(true);

	(void)state;
	carry(&world, 0, 100000, 0, 5);
	world.reading.seen[0] = 0;
	carry(&world, 0, 0, 0, 1);
	assert_false(world.account.outrun);
	carry(&world, 0, 100000, 0, 5);
	assert_false(world.account.outrun);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_that_the_programs_see_are_fine),
		cmocka_unit_test(a_device_whose_bytes_do_not_reach_the_programs_is_outrun),
		cmocka_unit_test(a_program_before_ours_makes_a_quarter_too_much),
		cmocka_unit_test(a_few_bytes_say_nothing),
		cmocka_unit_test(it_ends_when_the_programs_see_everything_again),
		cmocka_unit_test(readings_of_different_moments_do_not_add_up),
		cmocka_unit_test(counters_that_go_back_begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
