// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "keys/slots.h"
#include "v2meter/bpf_abi.h"

#define BOTH (V2M_TCP | V2M_UDP)

static struct v2m_slots slots;

static void lay_out(const struct v2m_key_span *spans, size_t n_spans)
{
	v2m_slots_clear(&slots);
	assert_int_equal(v2m_slots_make(spans, n_spans, &slots), 0);
}

#define LAY_OUT(...)                                                                               \
	lay_out((const struct v2m_key_span[]){ __VA_ARGS__ },                                      \
		sizeof((const struct v2m_key_span[]){ __VA_ARGS__ }) /                             \
			sizeof(struct v2m_key_span))
#define SPAN(key, first, last, transports)                                                         \
	{                                                                                          \
		key,                                                                               \
		{                                                                                  \
			first, last, transports, false, 0, false, false                            \
		}                                                                                  \
	}

static int clear(void **state)
{
	(void)state;
	v2m_slots_clear(&slots);
	return 0;
}

static void a_port_of_one_key_takes_one_slot(void **state)
{
	(void)state;
	LAY_OUT(SPAN(0, 443, 443, BOTH));
	assert_int_equal(slots.count, 1);
	assert_int_equal(slots.items[0].transports, BOTH);
	assert_int_equal(slots.items[0].n_keys, 1);
	assert_ptr_equal(v2m_slots_at(&slots, 443, V2M_TCP), &slots.items[0]);
	assert_ptr_equal(v2m_slots_at(&slots, 443, V2M_UDP), &slots.items[0]);
	assert_null(v2m_slots_at(&slots, 444, V2M_TCP));
}

static void two_keys_on_one_port_by_transport_do_not_share(void **state)
{
	(void)state;
	LAY_OUT(SPAN(0, 443, 443, V2M_UDP), SPAN(1, 443, 443, V2M_TCP));
	assert_int_equal(slots.count, 2);
	assert_int_equal(slots.items[0].transports, V2M_TCP);
	assert_int_equal(slots.items[0].keys[0], 1);
	assert_int_equal(slots.items[1].keys[0], 0);
	assert_int_not_equal(v2m_slot_number(&slots.items[0]), v2m_slot_number(&slots.items[1]));
}

static void two_keys_that_overlap_in_tcp_share_only_tcp(void **state)
{
	(void)state;
	LAY_OUT(SPAN(0, 443, 443, BOTH), SPAN(1, 443, 443, V2M_TCP));
	assert_int_equal(slots.count, 2);
	assert_int_equal(v2m_slots_at(&slots, 443, V2M_TCP)->n_keys, 2);
	assert_int_equal(v2m_slots_at(&slots, 443, V2M_UDP)->n_keys, 1);
}

static void a_range_takes_one_slot(void **state)
{
	(void)state;
	LAY_OUT(SPAN(0, 20000, 50000, V2M_UDP));
	assert_int_equal(slots.count, 1);
	assert_int_equal(slots.items[0].last_port, 50000);
	assert_non_null(v2m_slots_at(&slots, 34567, V2M_UDP));
}

static void a_port_of_another_key_in_a_range_is_shared_and_the_rest_is_one_slot(void **state)
{
	(void)state;
	LAY_OUT(SPAN(0, 20000, 50000, V2M_UDP), SPAN(1, 30000, 30000, V2M_UDP));
	assert_int_equal(slots.count, 2);
	assert_int_equal(v2m_slots_at(&slots, 30000, V2M_UDP)->n_keys, 2);
	assert_int_equal(v2m_slots_at(&slots, 29999, V2M_UDP)->n_keys, 1);
	assert_ptr_equal(v2m_slots_at(&slots, 29999, V2M_UDP),
			 v2m_slots_at(&slots, 30001, V2M_UDP));
}

static void a_key_with_two_inbounds_on_one_port_shares_with_nobody(void **state)
{
	(void)state;
	LAY_OUT({ 0, { 443, 443, V2M_TCP, true, 0, false, false } },
		{ 0, { 443, 443, V2M_TCP, false, 0, false, false } });
	assert_int_equal(slots.count, 1);
	assert_int_equal(slots.items[0].n_keys, 1);
	assert_false(slots.items[0].loopback);
}

static void a_shared_port_is_on_loopback_only_if_all_its_keys_are(void **state)
{
	(void)state;
	LAY_OUT({ 0, { 443, 443, V2M_TCP, true, 0, false, false } },
		{ 1, { 443, 443, V2M_TCP, false, 0, false, false } },
		{ 2, { 80, 80, V2M_TCP, true, 0, false, false } });
	assert_true(v2m_slots_at(&slots, 80, V2M_TCP)->loopback);
	assert_false(v2m_slots_at(&slots, 443, V2M_TCP)->loopback);
}

static void a_port_with_visitors_is_visited_by_tcp_only(void **state)
{
	(void)state;
	LAY_OUT({ 0, { 443, 443, V2M_TCP, false, 0, true, false } }, SPAN(0, 443, 443, V2M_UDP),
		SPAN(0, 80, 80, V2M_TCP));
	assert_true(v2m_slots_at(&slots, 443, V2M_TCP)->visited);
	assert_false(v2m_slots_at(&slots, 80, V2M_TCP)->visited);
}

static void one_user_who_is_not_listed_makes_the_port_unlisted(void **state)
{
	(void)state;
	LAY_OUT(SPAN(0, 443, 443, V2M_TCP), { 1, { 443, 443, V2M_TCP, false, 0, false, true } },
		SPAN(0, 80, 80, V2M_TCP), SPAN(1, 80, 80, V2M_TCP), SPAN(0, 90, 90, V2M_TCP),
		{ 1, { 9090, 9090, V2M_TCP, true, 90, false, false } });
	assert_true(v2m_slots_at(&slots, 443, V2M_TCP)->unlisted);
	assert_false(v2m_slots_at(&slots, 80, V2M_TCP)->unlisted);
	/* The proxy does not see the address of clients that come by another port. */
	assert_true(v2m_slots_at(&slots, 90, V2M_TCP)->unlisted);
}

static void a_key_behind_a_port_is_an_owner_of_that_port(void **state)
{
	(void)state;
	LAY_OUT(SPAN(0, 443, 443, V2M_TCP), { 1, { 8080, 8080, V2M_TCP, true, 443, false, false } },
		{ 2, { 9090, 9090, V2M_TCP, true, 8080, false, false } });
	assert_int_equal(v2m_slots_at(&slots, 443, V2M_TCP)->n_keys, 3);
	assert_false(v2m_slots_at(&slots, 443, V2M_TCP)->behind);
	assert_true(v2m_slots_at(&slots, 8080, V2M_TCP)->behind);
	assert_true(v2m_slots_at(&slots, 9090, V2M_TCP)->behind);
}

static void a_span_behind_a_port_of_no_key_counts_for_itself(void **state)
{
	(void)state;
	LAY_OUT({ 1, { 8080, 8080, V2M_TCP, true, 443, false, false } });
	assert_int_equal(slots.count, 1);
	assert_false(slots.items[0].behind);
}

static void inbounds_that_lead_to_each_other_count_for_themselves(void **state)
{
	(void)state;
	LAY_OUT({ 0, { 1, 1, V2M_TCP, true, 2, false, false } },
		{ 1, { 2, 2, V2M_TCP, true, 1, false, false } });
	assert_int_equal(slots.count, 2);
	assert_false(slots.items[0].behind || slots.items[1].behind);
	assert_int_equal(slots.items[0].n_keys, 1);
}

static void slots_beyond_the_limit_are_refused_ranges_first(void **state)
{
	static struct v2m_key_span spans[V2M_MAX_SLOTS + 2];

	(void)state;
	spans[0] = (struct v2m_key_span)SPAN(0, 50000, 60000, V2M_UDP);
	for (size_t i = 1; i < V2M_ARRAY_LEN(spans); i++)
		spans[i] = (struct v2m_key_span)SPAN(i, (uint16_t)i, (uint16_t)i, V2M_TCP);
	lay_out(spans, V2M_ARRAY_LEN(spans));
	assert_int_equal(slots.n_refused, 2);
	assert_true(v2m_slots_at(&slots, 50000, V2M_UDP)->refused);
	assert_true(v2m_slots_at(&slots, V2M_MAX_SLOTS + 1, V2M_TCP)->refused);
	assert_false(v2m_slots_at(&slots, V2M_MAX_SLOTS, V2M_TCP)->refused);
}

/* --- comparison with a count port by port --- */

#define FEW_PORTS 40
#define FEW_KEYS  6

static unsigned owners_of(const struct v2m_key_span *spans, size_t n_spans, unsigned port,
			  unsigned transport)
{
	unsigned owners = 0;

	for (size_t i = 0; i < n_spans; i++)
		if ((spans[i].span.transports & transport) && spans[i].span.first_port <= port &&
		    port <= spans[i].span.last_port)
			owners |= 1u << spans[i].key;
	return owners;
}

static unsigned owners_in(const struct v2m_slot *slot)
{
	unsigned owners = 0;

	for (size_t i = 0; slot && i < slot->n_keys; i++)
		owners |= 1u << slot->keys[i];
	return owners;
}

/* The slot in which the kernel would count a port. The rules are ordered by width, narrow ones
 * first, and the first rule with the port counts it. */
static const struct v2m_slot *narrowest_at(unsigned port, unsigned transport)
{
	const struct v2m_slot *found = NULL;

	for (size_t i = 0; i < slots.count; i++) {
		const struct v2m_slot *slot = &slots.items[i];

		if ((slot->transports & transport) && slot->first_port <= port &&
		    port <= slot->last_port &&
		    (!found ||
		     slot->last_port - slot->first_port < found->last_port - found->first_port))
			found = slot;
	}
	return found;
}

static void check_ports(const struct v2m_key_span *spans, size_t n_spans)
{
	for (unsigned port = 1; port <= FEW_PORTS; port++) {
		for (unsigned transport = V2M_TCP; transport <= V2M_UDP; transport++) {
			const struct v2m_slot *slot =
				v2m_slots_at(&slots, (uint16_t)port, transport);

			assert_int_equal(owners_in(slot),
					 owners_of(spans, n_spans, port, transport));
			assert_ptr_equal(slot, narrowest_at(port, transport));
		}
	}
	for (size_t i = 0; i < slots.count; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(v2m_slot_number(&slots.items[i]),
					     v2m_slot_number(&slots.items[k]));
}

static void every_port_has_the_owners_that_its_spans_name(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct v2m_key_span spans[12];
		size_t n_spans = (size_t)(rand_r(&seed) % 12);

		for (size_t i = 0; i < n_spans; i++) {
			uint16_t first = (uint16_t)(1 + rand_r(&seed) % FEW_PORTS);
			bool single = rand_r(&seed) % 2;
			uint16_t last = single ? first
					       : (uint16_t)(first + rand_r(&seed) % (FEW_PORTS -
										     first + 1));

			spans[i] =
				(struct v2m_key_span)SPAN((size_t)(rand_r(&seed) % FEW_KEYS), first,
							  last, 1u + (unsigned)rand_r(&seed) % 3);
		}
		lay_out(spans, n_spans);
		check_ports(spans, n_spans);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_port_of_one_key_takes_one_slot, clear),
		cmocka_unit_test_teardown(two_keys_on_one_port_by_transport_do_not_share, clear),
		cmocka_unit_test_teardown(a_port_with_visitors_is_visited_by_tcp_only, clear),
		cmocka_unit_test_teardown(two_keys_that_overlap_in_tcp_share_only_tcp, clear),
		cmocka_unit_test_teardown(a_range_takes_one_slot, clear),
		cmocka_unit_test_teardown(
			a_port_of_another_key_in_a_range_is_shared_and_the_rest_is_one_slot, clear),
		cmocka_unit_test_teardown(a_key_with_two_inbounds_on_one_port_shares_with_nobody,
					  clear),
		cmocka_unit_test_teardown(a_shared_port_is_on_loopback_only_if_all_its_keys_are,
					  clear),
		cmocka_unit_test_teardown(one_user_who_is_not_listed_makes_the_port_unlisted,
					  clear),
		cmocka_unit_test_teardown(a_key_behind_a_port_is_an_owner_of_that_port, clear),
		cmocka_unit_test_teardown(a_span_behind_a_port_of_no_key_counts_for_itself, clear),
		cmocka_unit_test_teardown(inbounds_that_lead_to_each_other_count_for_themselves,
					  clear),
		cmocka_unit_test_teardown(slots_beyond_the_limit_are_refused_ranges_first, clear),
		cmocka_unit_test_teardown(every_port_has_the_owners_that_its_spans_name, clear),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
