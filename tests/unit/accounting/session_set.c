// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/session_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#define PORTS    3
#define PER_PORT 400

static struct v2m_connection_table *make_table(void)
{
	const size_t count = PORTS * PER_PORT;
	struct v2m_connection_table *table =
		calloc(1, sizeof(*table) + count * sizeof(table->connections[0]));

	table->references = 1;
	table->count = count;
	for (size_t i = 0; i < count; i++) {
		struct v2m_connection *connection = &table->connections[i];

		connection->family = AF_INET;
		connection->local_port = (uint16_t)(1 + i / PER_PORT * 32767);
		connection->remote_port = (uint16_t)(1024 + i % PER_PORT);
		memcpy(connection->local, (uint8_t[]){ 10, 77, 0, 1 }, 4);
		memcpy(connection->remote, (uint8_t[]){ 10, 77, 0, 2 }, 4);
	}
	return table;
}

static void the_connections_of_the_set_itself_are_not_new(void **state)
{
	struct v2m_connection_table *table = make_table();
	struct v2m_session_set set;

	(void)state;
	assert_int_equal(v2m_session_set_make(table, &set), 0);
	for (size_t i = 0; i < PORTS; i++)
		assert_int_equal(v2m_session_set_count_new(&set, table->connections + i * PER_PORT,
							   PER_PORT),
				 0);
	v2m_session_set_clear(&set);
	v2m_connection_table_unref(table);
}

static void the_same_peer_on_another_port_is_new(void **state)
{
	struct v2m_connection_table *table = make_table();
	struct v2m_connection other = table->connections[0];
	struct v2m_session_set set;

	(void)state;
	assert_int_equal(v2m_session_set_make(table, &set), 0);
	other.local_port++;
	assert_int_equal(v2m_session_set_count_new(&set, &other, 1), 1);
	v2m_session_set_clear(&set);
	v2m_connection_table_unref(table);
}

/* Connections that differ in a single bit of their addresses or ports are different. */
static void a_connection_that_differs_in_one_bit_is_new(void **state)
{
	struct v2m_connection_table *table = make_table();
	const struct v2m_connection *first = &table->connections[0];
	struct v2m_connection other[2 * 128];
	struct v2m_session_set set;

	(void)state;
	table->count = 1;
	assert_int_equal(v2m_session_set_make(table, &set), 0);
	for (size_t i = 0; i < 128; i++) {
		other[i] = *first;
		other[128 + i] = *first;
		other[i].local[i / 8] ^= (uint8_t)(1 << i % 8);
		other[128 + i].remote[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(v2m_session_set_count_new(&set, other, 256), 256);
	for (size_t i = 0; i < 16; i++) {
		other[i] = *first;
		other[i].remote_port ^= (uint16_t)(1 << i);
	}
	other[16] = *first;
	other[16].family = AF_INET6;
	assert_int_equal(v2m_session_set_count_new(&set, other, 17), 17);
	v2m_session_set_clear(&set);
	v2m_connection_table_unref(table);
}

static void nothing_is_new_before_the_first_dump(void **state)
{
	struct v2m_connection_table *table = make_table();
	const struct v2m_session_set set = { 0 };

	(void)state;
	assert_int_equal(v2m_session_set_count_new(&set, table->connections, PER_PORT), 0);
	v2m_connection_table_unref(table);
}

static void all_are_new_after_an_empty_dump(void **state)
{
	struct v2m_connection_table *table = make_table();
	struct v2m_session_set set;

	(void)state;
	assert_int_equal(v2m_session_set_make(NULL, &set), 0);
	assert_int_equal(v2m_session_set_count_new(&set, table->connections, PER_PORT), PER_PORT);
	v2m_session_set_clear(&set);
	v2m_connection_table_unref(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_connections_of_the_set_itself_are_not_new),
		cmocka_unit_test(the_same_peer_on_another_port_is_new),
		cmocka_unit_test(a_connection_that_differs_in_one_bit_is_new),
		cmocka_unit_test(nothing_is_new_before_the_first_dump),
		cmocka_unit_test(all_are_new_after_an_empty_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
