// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "devices/queue_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

/* A server that sends through a queue, and the account of it. */
struct world {
	struct v2m_queue_account account;
	struct v2m_tc_queue queue;
	struct v2m_tally seen;
	uint64_t now_ns;
};

static void read_after(struct world *world, uint64_t passed_s)
{
	world->now_ns += passed_s * SECOND;
	v2m_queue_account_add(&world->account, &world->queue, &world->seen, world->now_ns);
}

static struct world begin(void)
{
	struct world world = { .queue = { .kind = "tbf", .handle = 0x10000, .bytes = 500 },
			       .seen = { .packets = 7, .wire_bytes = 70000 },
			       .now_ns = 5 * SECOND };

	read_after(&world, 0);
	return world;
}

/* Packets of 1000 bytes that the programs see; the queue drops the last ones. drops: as the queue
 * counts them, super-packets as one. */
static void send(struct world *world, unsigned packets, unsigned dropped, unsigned drops)
{
	world->seen.packets += packets;
	world->seen.wire_bytes += packets * UINT64_C(1000);
	world->queue.packets += packets - dropped;
	world->queue.bytes += (packets - dropped) * UINT64_C(1000);
	world->queue.drops += drops;
}

static void the_first_reading_is_the_beginning(void **state)
{
	struct world world = begin();

	(void)state;
	assert_true(world.account.known);
	assert_int_equal(world.account.sent.wire_bytes, 0);
	assert_int_equal(world.account.dropped.wire_bytes, 0);
}

static void segments_of_a_dropped_super_packet_are_dropped_one_by_one(void **state)
{
	struct world world = begin();

	(void)state;
	send(&world, 100, 44, 1);
	read_after(&world, 1);
	assert_int_equal(world.account.sent.packets, 56);
	assert_int_equal(world.account.sent.wire_bytes, 56000);
	assert_int_equal(world.account.dropped.packets, 44);
	assert_int_equal(world.account.dropped.wire_bytes, 44000);
}

static void packets_that_wait_in_the_queue_are_not_dropped(void **state)
{
	struct world world = begin();

	(void)state;
	send(&world, 100, 30, 10);
	world.queue.backlog_packets = 20;
	world.queue.backlog_bytes = 20000;
	read_after(&world, 1);
	assert_int_equal(world.account.dropped.wire_bytes, 10000);
	send(&world, 0, 0, 0);
	world.queue.packets += 20;
	world.queue.bytes += 20000;
	world.queue.backlog_packets = 0;
	world.queue.backlog_bytes = 0;
	read_after(&world, 1);
	assert_int_equal(world.account.dropped.wire_bytes, 10000);
	assert_int_equal(world.account.sent.wire_bytes, 90000);
}

static void a_difference_without_a_drop_is_not_a_drop(void **state)
{
	struct world world = begin();

	(void)state;
	/* VLAN tags, which a queue does not count. */
	send(&world, 100, 0, 0);
	world.seen.wire_bytes += 400;
	read_after(&world, 1);
	assert_int_equal(world.account.dropped.wire_bytes, 0);
}

static void packets_that_pass_between_the_readings_are_not_dropped_twice(void **state)
{
	struct world world = begin();

	(void)state;
	/* 40 packets are dropped. Others that leave the queue meanwhile hide 5 of them. */
	send(&world, 100, 35, 40);
	read_after(&world, 1);
	assert_int_equal(world.account.dropped.wire_bytes, 35000);
	send(&world, 10, 0, 1);
	world.queue.packets += 5;
	world.queue.bytes += 5000;
	read_after(&world, 1);
	assert_int_equal(world.account.dropped.wire_bytes, 35000);
	send(&world, 10, 8, 8);
	read_after(&world, 1);
	assert_int_equal(world.account.dropped.wire_bytes, 38000);
}

static void another_queue_begins_anew(void **state)
{
	struct world world = begin();

	(void)state;
	send(&world, 100, 50, 50);
	read_after(&world, 1);
	world.queue = (struct v2m_tc_queue){ .kind = "tbf", .handle = 0x20000, .drops = 900 };
	send(&world, 100, 0, 0);
	world.queue.bytes = UINT64_C(1) << 40;
	read_after(&world, 1);
	assert_int_equal(world.account.dropped.wire_bytes, 50000);
	assert_int_equal(world.account.sent.wire_bytes, 50000);
	send(&world, 10, 0, 0);
	world.queue.bytes = 0;
	read_after(&world, 1);
	assert_int_equal(world.account.sent.wire_bytes, 50000);
}

static void counters_of_the_programs_that_go_back_begin_anew(void **state)
{
	struct world world = begin();

	(void)state;
	world.seen = (struct v2m_tally){ 0 };
	send(&world, 10, 5, 5);
	read_after(&world, 1);
	assert_int_equal(world.account.dropped.wire_bytes, 0);
}

static void a_device_without_a_queue_drops_nothing(void **state)
{
	struct world world = begin();

	(void)state;
	snprintf(world.queue.kind, sizeof(world.queue.kind), "noqueue");
	read_after(&world, 1);
	/* A filter dropped a packet; nothing counts those that pass. */
	send(&world, 1000, 1000, 1);
	read_after(&world, 1);
	assert_int_equal(world.account.dropped.wire_bytes, 0);
	assert_false(world.account.lossy);
}

static void counters_of_32_bits_wrap(void **state)
{
	struct world world = begin();

	(void)state;
	world.queue.drops = UINT32_MAX;
	world.queue.requeues = UINT32_MAX - 1;
	read_after(&world, 1);
	send(&world, 10, 1, 1);
	world.queue.requeues += 3;
	read_after(&world, 1);
	assert_int_equal(world.account.dropped.packets, world.account.dropped.wire_bytes / 1000);
	assert_int_equal(world.account.requeues, UINT32_MAX - 1 + UINT64_C(3));
}

static void one_percent_is_not_lossy_and_more_is(void **state)
{
	struct world world = begin();

	(void)state;
	send(&world, 10100, 100, 100);
	read_after(&world, 1);
	assert_false(world.account.lossy);
	send(&world, 1000, 150, 150);
	read_after(&world, 1);
	assert_true(world.account.lossy);
}

static void few_dropped_bytes_are_not_lossy(void **state)
{
	struct world world = begin();

	(void)state;
	send(&world, 65, 65, 65);
	read_after(&world, 1);
	assert_false(world.account.lossy);
}

static void a_lossy_queue_recovers_when_it_drops_no_more(void **state)
{
	struct world world = begin();
	unsigned seconds = 0;

	(void)state;
	send(&world, 10000, 1000, 1000);
	read_after(&world, 1);
	assert_true(world.account.lossy);
	for (; world.account.lossy && seconds < 1000; seconds++) {
		send(&world, 10000, 0, 0);
		read_after(&world, 1);
	}
	assert_in_range(seconds, 10, 60);
	/* Without any traffic it recovers too. */
	send(&world, 10000, 1000, 1000);
	read_after(&world, 1);
	assert_true(world.account.lossy);
	read_after(&world, 61);
	assert_false(world.account.lossy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_reading_is_the_beginning),
		cmocka_unit_test(segments_of_a_dropped_super_packet_are_dropped_one_by_one),
		cmocka_unit_test(packets_that_wait_in_the_queue_are_not_dropped),
		cmocka_unit_test(a_difference_without_a_drop_is_not_a_drop),
		cmocka_unit_test(packets_that_pass_between_the_readings_are_not_dropped_twice),
		cmocka_unit_test(another_queue_begins_anew),
		cmocka_unit_test(counters_of_the_programs_that_go_back_begin_anew),
		cmocka_unit_test(a_device_without_a_queue_drops_nothing),
		cmocka_unit_test(counters_of_32_bits_wrap),
		cmocka_unit_test(one_percent_is_not_lossy_and_more_is),
		cmocka_unit_test(few_dropped_bytes_are_not_lossy),
		cmocka_unit_test(a_lossy_queue_recovers_when_it_drops_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
