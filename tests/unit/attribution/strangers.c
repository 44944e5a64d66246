// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "accounting/snapshot.h"
#include "attribution/strangers.h"
#include "keys/slot_layer.h"

#define NOW_NS UINT64_C(1000000000)

static void a_udp_peer_with_more_than_a_handshake_needs_a_name(void **state)
{
	const struct v2m_strangers strangers = { 0 };
	struct v2m_named_slots named = { 0 };
	struct v2m_slot slot = { .first_port = 443, .last_port = 443, .transports = V2M_UDP };
	struct v2m_slot_run run = { 443, 443, 0 };
	const struct v2m_slots slots = {
		.items = &slot, .count = 1, .runs = { NULL, &run }, .n_runs = { 0, 1 }
	};
	const struct v2m_flow_names names = { &strangers, &slots, &named };
	struct v2m_flow_entry flow = { .key = { .protocol = IPPROTO_UDP, .port = 443 },
				       .state = { .began_ns = NOW_NS } };
	uint64_t later_ns = NOW_NS + V2M_LINE_NS + 1;
	unsigned gap = 1u << V2M_GAP_NAMELESS_UDP;

	(void)state;
	flow.state.tx.payload_bytes = V2M_HANDSHAKE_BYTES + 1;
	/* The log has never named a user of the port. */
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns), 0);
	v2m_named_slots_set(&named, 443, true);
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns), gap);
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns - 1), 0);
	flow.state.owner = 1;
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns), 0);
	flow.state.owner = V2M_NO_OWNER;
	flow.state.tx.payload_bytes--;
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns), 0);
}

/* Xray names nobody for the connection of a client that goes on with UDP of an earlier one. */
static void a_connection_with_a_mebibyte_needs_a_name(void **state)
{
	struct v2m_strangers strangers = { 0 };
	struct v2m_slot slot = { .first_port = 443, .last_port = 443, .transports = V2M_TCP };
	struct v2m_slot_run run = { 443, 443, 0 };
	const struct v2m_slots slots = {
		.items = &slot, .count = 1, .runs = { &run }, .n_runs = { 1 }
	};
	struct v2m_flow_entry flow = { .key = { .protocol = IPPROTO_TCP, .port = 443 },
				       .state = { .began_ns = NOW_NS, .answered = true } };
	struct v2m_named_slots named = { 0 };
	const struct v2m_flow_names names = { &strangers, &slots, &named };
	uint64_t later_ns = NOW_NS + V2M_LINE_NS + 1;
	unsigned gap = 1u << V2M_GAP_NAMELESS_TCP;

	(void)state;
	flow.state.rx.payload_bytes = V2M_NAMELESS_BYTES;
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns), 0);
	flow.state.tx.payload_bytes = 1;
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns), 0);
	v2m_named_slots_set(&named, 443, false);
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns), gap);
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns - 1), 0);
	/* Two users were named: that is told already. */
	flow.state.disputed = true;
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns), 0);
	flow.state.disputed = false;
	/* A visitor of the fallback. */
	slot.visited = true;
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns), 0);
	slot.visited = false;
	/* A line names a user whose key was removed. */
	v2m_strangers_note(&strangers, &flow);
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns), 0);
	v2m_strangers_clear(&strangers);
	flow.key.port = 80;
	assert_int_equal(v2m_nameless_gaps(&names, &flow, 1, later_ns), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_udp_peer_with_more_than_a_handshake_needs_a_name),
		cmocka_unit_test(a_connection_with_a_mebibyte_needs_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
