// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "keys/claims.h"

#define BOTH (V2M_TCP | V2M_UDP)

/* Ports and transports of the sockets, up to a 0. */
struct open_port {
	uint16_t port;
	unsigned transports;
};

static struct v2m_claims claims;
static struct v2m_key_notes notes;

static bool is_open(const void *context, uint16_t port, enum v2m_transport transport)
{
	for (const struct open_port *open = context; open->port; open++)
		if (open->port == port && (open->transports & transport))
			return true;
	return false;
}

static void add_key(struct v2m_key_list *keys, const char *file, uint16_t first, uint16_t last,
		    unsigned transports)
{
	struct v2m_key key = { .identity = strdup("x"), .source = strdup(file) };
	struct v2m_span span = { .first_port = first, .last_port = last, .transports = transports };

	assert_int_equal(v2m_key_add_span(&key, &span), 0);
	assert_int_equal(v2m_key_list_add(keys, &key), 0);
}

/* The keys as the file has them: two users on 1/udp, one on 2/tcp, one on 3/both, and one behind
 * port 2, whose own port makes no claim. */
static unsigned follow(unsigned key)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };

	add_key(&keys, "f", 1, 1, V2M_UDP);
	add_key(&keys, "f", 1, 1, V2M_UDP);
	add_key(&keys, "f", 2, 2, V2M_TCP);
	add_key(&keys, "f", 3, 3, BOTH);
	add_key(&keys, "g", 10, 12, BOTH);
	add_key(&keys, "f", 4, 4, V2M_TCP);
	keys.items[5].spans[0].front_port = 2;
	v2m_key_notes_clear(&notes);
	assert_int_equal(v2m_claims_follow(&claims, &keys, &notes), 0);
	return keys.items[key].spans[0].transports;
}

static bool look(const struct open_port *open)
{
	return v2m_claims_look(&claims, is_open, open);
}

/* The daemon has run for a while with a proxy that does what the file says. */
static int set_up(void **state)
{
	static const struct open_port usual[] = { { 1, V2M_UDP }, { 2, V2M_TCP }, { 3, BOTH },
						  { 10, BOTH },   { 11, BOTH },   { 12, BOTH },
						  { 0, 0 } };

	(void)state;
	v2m_claims_clear(&claims);
	follow(0);
	assert_int_equal(claims.count, 4);
	assert_false(look(usual));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	v2m_claims_clear(&claims);
	v2m_key_notes_clear(&notes);
	return 0;
}

static const struct open_port tcp_alone[] = { { 1, V2M_TCP }, { 2, V2M_TCP }, { 0, 0 } };

static void sockets_that_disagree_for_three_looks_are_believed(void **state)
{
	(void)state;
	assert_false(look(tcp_alone));
	assert_false(look(tcp_alone));
	assert_int_equal(follow(0), V2M_UDP);
	assert_true(look(tcp_alone));
	assert_int_equal(follow(0), V2M_TCP);
	assert_int_equal(follow(1), V2M_TCP);
	assert_int_equal(notes.count, 1);
	assert_string_equal(notes.items[0].file, "f");
	assert_string_equal(notes.items[0].reason,
			    "port 1 is udp in the file, but tcp in the sockets that listen there. "
			    "The sockets are believed");
	assert_false(look(tcp_alone));
}

static void a_proxy_that_is_down_or_starts_changes_nothing(void **state)
{
	static const struct open_port nobody[] = { { 0, 0 } };
	static const struct open_port right[] = { { 1, BOTH }, { 2, V2M_TCP }, { 0, 0 } };

	(void)state;
	assert_false(look(tcp_alone));
	assert_false(look(nobody));
	assert_false(look(tcp_alone));
	assert_false(look(tcp_alone));
	assert_true(look(tcp_alone));
	for (int i = 0; i < 5; i++)
		assert_false(look(nobody));
	assert_int_equal(follow(0), V2M_TCP);
	/* The other socket is there again: the file was right. */
	assert_true(look(right));
	assert_int_equal(follow(0), V2M_UDP);
	assert_int_equal(notes.count, 0);
}

static void one_transport_of_two_needs_no_proof(void **state)
{
	static const struct open_port tcp[] = { { 3, V2M_TCP }, { 0, 0 } };

	(void)state;
	look(tcp);
	look(tcp);
	assert_true(look(tcp));
	assert_int_equal(follow(3), V2M_TCP);
}

/* Hysteria is down, and a web server has TCP of the port. */
static void another_programs_socket_is_not_believed(void **state)
{
	static const struct open_port web[] = {
		{ 1, V2M_TCP }, { 10, BOTH }, { 11, BOTH }, { 12, BOTH }, { 0, 0 }
	};

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_false(look(web));
	assert_int_equal(follow(0), V2M_UDP);
}

static void what_another_key_has_is_not_believed(void **state)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };

	(void)state;
	v2m_claims_clear(&claims);
	add_key(&keys, "f", 1, 1, V2M_UDP);
	add_key(&keys, "f", 1, 1, V2M_TCP);
	add_key(&keys, "f", 2, 2, V2M_TCP);
	assert_int_equal(v2m_claims_follow(&claims, &keys, &notes), 0);
	for (int i = 0; i < 5; i++)
		assert_false(look(tcp_alone));
}

static void a_range_is_believed_if_all_its_ports_agree(void **state)
{
	static const struct open_port some[] = {
		{ 10, V2M_TCP }, { 11, BOTH }, { 12, V2M_TCP }, { 0, 0 }
	};
	static const struct open_port all[] = {
		{ 10, V2M_TCP }, { 11, V2M_TCP }, { 12, V2M_TCP }, { 0, 0 }
	};

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_false(look(some));
	look(all);
	look(all);
	assert_true(look(all));
	assert_int_equal(follow(4), V2M_TCP);
}

static void after_a_start_of_the_daemon_one_look_is_enough(void **state)
{
	(void)state;
	v2m_claims_clear(&claims);
	follow(0);
	assert_true(look(tcp_alone));
	assert_int_equal(follow(0), V2M_TCP);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sockets_that_disagree_for_three_looks_are_believed,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_proxy_that_is_down_or_starts_changes_nothing,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_transport_of_two_needs_no_proof, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(another_programs_socket_is_not_believed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_another_key_has_is_not_believed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_range_is_believed_if_all_its_ports_agree, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(after_a_start_of_the_daemon_one_look_is_enough,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
