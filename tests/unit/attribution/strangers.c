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
	const struct v2m_flow_names names = { &strangers, &slots, &named, NULL, 0 };
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
	const struct v2m_flow_names names = { &strangers, &slots, &named, NULL, 0 };
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

/* A slot for TCP, and flows of it that both sides have sent bytes on. */
#define N_FLOWS 300u
struct many {
	struct v2m_strangers strangers;
	struct v2m_named_slots named;
	struct v2m_slot slot;
	struct v2m_slot_run run;
	struct v2m_slots slots;
	struct v2m_flow_entry flows[N_FLOWS];
	bool named_now[N_FLOWS];
};

static void make_many(struct many *many, uint64_t payload_bytes)
{
	*many = (struct many){
		.slot = { .first_port = 443, .last_port = 443, .transports = V2M_TCP },
		.run = { 443, 443, 0 },
	};
	many->slots = (struct v2m_slots){
		.items = &many->slot, .count = 1, .runs = { &many->run }, .n_runs = { 1 }
	};
	v2m_named_slots_set(&many->named, 443, false);
	for (uint16_t i = 0; i < N_FLOWS; i++) {
		many->flows[i] = (struct v2m_flow_entry){
			.key = { .protocol = IPPROTO_TCP, .port = 443, .remote_port = i },
			.state = { .began_ns = NOW_NS, .answered = true }
		};
		many->flows[i].state.rx.payload_bytes = 1;
		many->flows[i].state.tx.payload_bytes = payload_bytes - 1;
	}
}

static unsigned gaps_of(const struct many *many, size_t n_flows, uint64_t rush_ns)
{
	const struct v2m_flow_names names = { &many->strangers, &many->slots, &many->named,
					      many->named_now, rush_ns };

	return v2m_nameless_gaps(&names, many->flows, n_flows, NOW_NS + V2M_LINE_NS + 1);
}

/* A customer may end each connection before it has carried much. */
static void many_connections_with_a_mebibyte_together_need_names(void **state)
{
	const size_t enough = V2M_NAMELESS_BYTES / (V2M_HANDSHAKE_BYTES + 1) + 1;
	struct many many;

	(void)state;
	make_many(&many, V2M_HANDSHAKE_BYTES + 1);
	assert_int_equal(gaps_of(&many, enough - 1, 0), 0);
	assert_int_equal(gaps_of(&many, enough, 0), 1u << V2M_GAP_NAMELESS_TCP);
	/* Scanners have got no further than the handshake. */
	make_many(&many, V2M_HANDSHAKE_BYTES);
	assert_int_equal(gaps_of(&many, N_FLOWS, 0), 0);
}

/* The proxy drops lines if many connections come at once. */
static void small_connections_before_a_rush_of_lines_need_names(void **state)
{
	const size_t enough = V2M_DROPPED_BYTES / 2048 + 1;
	struct many many;

	(void)state;
	make_many(&many, 2048);
	assert_int_equal(gaps_of(&many, enough, 0), 0);
	assert_int_equal(gaps_of(&many, enough, NOW_NS), 0);
	assert_int_equal(gaps_of(&many, enough, NOW_NS + 1), 1u << V2M_GAP_DROPPED);
	assert_int_equal(gaps_of(&many, enough - 1, NOW_NS + 1), 0);
	/* Its line was late. */
	many.named_now[0] = true;
	assert_int_equal(gaps_of(&many, enough, NOW_NS + 1), 0);
	many.named_now[0] = false;
	/* The server has said nothing, as to somebody whom it does not know. */
	many.flows[0].state.rx.payload_bytes = 2048;
	many.flows[0].state.tx.payload_bytes = 0;
	assert_int_equal(gaps_of(&many, enough, NOW_NS + 1), 0);
	many.slot.visited = true;
	assert_int_equal(gaps_of(&many, N_FLOWS, NOW_NS + 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_udp_peer_with_more_than_a_handshake_needs_a_name),
		cmocka_unit_test(a_connection_with_a_mebibyte_needs_a_name),
		cmocka_unit_test(many_connections_with_a_mebibyte_together_need_names),
		cmocka_unit_test(small_connections_before_a_rush_of_lines_need_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
