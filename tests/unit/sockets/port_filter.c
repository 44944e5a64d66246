// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/port_filter.h"

#include <linux/inet_diag.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"

static unsigned char code[V2M_PORT_FILTER_SIZE];
static size_t length;

static struct inet_diag_bc_op operation_at(size_t at)
{
	struct inet_diag_bc_op op;

	assert_true(at + sizeof(op) <= length);
	memcpy(&op, code + at, sizeof(op));
	return op;
}

/* Whether the kernel's machine accepts a port, by the rules of inet_diag_bc_run(). */
static bool accepts(uint16_t port)
{
	size_t at = 0;

	while (at < length) {
		struct inet_diag_bc_op op = operation_at(at);
		bool yes = false;

		if (op.code == INET_DIAG_BC_S_GE)
			yes = port >= operation_at(at + sizeof(op)).no;
		else if (op.code == INET_DIAG_BC_S_LE)
			yes = port <= operation_at(at + sizeof(op)).no;
		else
			assert_int_equal(op.code, INET_DIAG_BC_JMP);
		at += yes ? op.yes : op.no;
	}
	return at == length;
}

/* The kernel refuses a filter with a jump to a place that the yes jumps do not reach. */
static void assert_well_formed(void)
{
	static bool on_chain[V2M_PORT_FILTER_SIZE + 1];

	memset(on_chain, 0, sizeof(on_chain));
	for (size_t at = 0; at < length; at += operation_at(at).yes)
		on_chain[at] = true;
	on_chain[length] = true;
	for (size_t at = 0; at < length; at += operation_at(at).yes) {
		size_t target = at + operation_at(at).no;

		assert_true(operation_at(at).yes >= 4);
		assert_true(target == length + 4 || (target <= length && on_chain[target]));
	}
}

static void build_filter(const uint16_t *ports, size_t n_ports)
{
	static struct v2m_port_range ranges[UINT16_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < n_ports; i++) {
		if (i == 0 || ports[i] != ports[i - 1] + 1)
			ranges[n++].low = ports[i];
		ranges[n - 1].high = ports[i];
	}
	length = v2m_port_filter(ranges, n, false, code);
	assert_true(length > 0 && length <= sizeof(code));
	assert_well_formed();
}

static size_t count_accepted(void)
{
	size_t n = 0;

	for (unsigned port = 0; port <= UINT16_MAX; port++)
		n += accepts((uint16_t)port);
	return n;
}

static void a_single_port_is_the_only_one_accepted(void **state)
{
	const uint16_t ports[] = { 443 };

	(void)state;
	build_filter(ports, 1);
	assert_true(accepts(443));
	assert_int_equal(count_accepted(), 1);
}

static void the_ends_of_the_port_space_can_be_filtered(void **state)
{
	const uint16_t ports[] = { 1, 65535 };

	(void)state;
	build_filter(ports, 2);
	assert_true(accepts(1) && accepts(65535));
	assert_int_equal(count_accepted(), 2);
}

static void neighbours_share_a_range(void **state)
{
	const uint16_t ports[] = { 100, 101, 102, 200 };

	(void)state;
	build_filter(ports, 4);
	assert_int_equal(length, 40);
	assert_int_equal(count_accepted(), 4);
}

static void as_many_ranges_as_fit_are_exact(void **state)
{
	uint16_t ports[V2M_PORT_FILTER_MAX_RANGES];

	(void)state;
	for (size_t n = 1; n <= V2M_ARRAY_LEN(ports); n++) {
		for (size_t i = 0; i < n; i++)
			ports[i] = (uint16_t)(1000 + i * 7);
		build_filter(ports, n);
		for (size_t i = 0; i < n; i++)
			assert_true(accepts(ports[i]));
		if (n == 1 || n == 3 || n == V2M_ARRAY_LEN(ports))
			assert_int_equal(count_accepted(), n);
	}
}

static void with_too_many_ranges_the_narrowest_gaps_are_accepted(void **state)
{
	uint16_t ports[V2M_PORT_FILTER_MAX_RANGES + 1];
	size_t n = V2M_ARRAY_LEN(ports);

	(void)state;
	/* The first gap is one port wide, the others are nine. */
	ports[0] = 5000;
	ports[1] = 5002;
	for (size_t i = 2; i < n; i++)
		ports[i] = (uint16_t)(ports[i - 1] + 10);
	build_filter(ports, n);
	for (size_t i = 0; i < n; i++)
		assert_true(accepts(ports[i]));
	assert_true(accepts(5001));
	assert_int_equal(count_accepted(), n + 1);
}

static void of_gaps_with_one_width_as_many_as_possible_are_rejected(void **state)
{
	static uint16_t ports[4096];

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(ports); i++)
		ports[i] = (uint16_t)(1 + i * 16);
	build_filter(ports, V2M_ARRAY_LEN(ports));
	assert_int_equal(length, V2M_PORT_FILTER_SIZE);
	for (size_t i = 0; i < V2M_ARRAY_LEN(ports); i++)
		assert_true(accepts(ports[i]));
	assert_int_equal(count_accepted(), 4096 + (4095 - (V2M_PORT_FILTER_MAX_RANGES - 1)) * 15);
}

static void all_ports_are_one_range(void **state)
{
	static uint16_t ports[UINT16_MAX];

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(ports); i++)
		ports[i] = (uint16_t)(i + 1);
	build_filter(ports, V2M_ARRAY_LEN(ports));
	assert_int_equal(length, 20);
	assert_int_equal(count_accepted(), UINT16_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_single_port_is_the_only_one_accepted),
		cmocka_unit_test(the_ends_of_the_port_space_can_be_filtered),
		cmocka_unit_test(neighbours_share_a_range),
		cmocka_unit_test(as_many_ranges_as_fit_are_exact),
		cmocka_unit_test(with_too_many_ranges_the_narrowest_gaps_are_accepted),
		cmocka_unit_test(of_gaps_with_one_width_as_many_as_possible_are_rejected),
		cmocka_unit_test(all_ports_are_one_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
