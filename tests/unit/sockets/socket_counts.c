// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/socket_counts.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

struct state {
	struct v2m_socket_counts *counts;
	struct v2m_sample sample;
	uint64_t now_ns;
};

static const struct v2m_socket_port two_ports[] = { { 1001, 1001, false }, { 1002, 1002, true } };

static void set_ports(struct state *state, const struct v2m_socket_port *ports, size_t n)
{
	assert_int_equal(v2m_socket_counts_set_ports(state->counts, ports, n, ++state->now_ns), 0);
}

static void end_pass(struct state *state)
{
	v2m_socket_counts_end_pass(state->counts, state->now_ns += SECOND);
	v2m_sample_clear(&state->sample);
	assert_int_equal(v2m_socket_counts_sample(state->counts, &state->sample), 0);
}

static int setup(void **context)
{
	struct state *state = calloc(1, sizeof(*state));

	state->counts = v2m_socket_counts_new();
	assert_non_null(state->counts);
	set_ports(state, two_ports, 2);
	end_pass(state);
	*context = state;
	return 0;
}

static int teardown(void **context)
{
	struct state *state = *context;

	v2m_sample_clear(&state->sample);
	v2m_socket_counts_free(state->counts);
	free(state);
	return 0;
}

/* Received n times 1000 bytes in 2 segments, sent n times 3000 in 4, by IPv4 with time stamps. */
static struct v2m_connection socket_at(uint64_t cookie, uint64_t n)
{
	return (struct v2m_connection){
		.family = AF_INET,
		.state = V2M_TCP_ESTABLISHED,
		.local_port = 1001,
		.local = { 192, 0, 2, 1 },
		.remote = { 192, 0, 2, 2 },
		.cookie = cookie,
		.rx_bytes = 1000 * n,
		.sent_bytes = 3000 * n,
		.rx_segments = (uint32_t)(2 * n),
		.tx_segments = (uint32_t)(4 * n),
		.tcp_header = 32,
	};
}

static void add_open(struct state *state, struct v2m_connection connection)
{
	connection.slot_port = connection.local_port;
	assert_int_equal(v2m_socket_counts_add_open(state->counts, &connection, state->now_ns), 0);
}

static void add_closed(struct state *state, struct v2m_connection connection)
{
	connection.slot_port = connection.local_port;
	v2m_socket_counts_add_closed(state->counts, &connection);
}

static const struct v2m_port_sample *first_port(const struct state *state)
{
	assert_true(state->sample.n_ports > 0);
	assert_int_equal(state->sample.ports[0].port, 1001);
	return &state->sample.ports[0];
}

static uint64_t received_payload(const struct state *state)
{
	return first_port(state)->tcp_rx.payload_bytes;
}

static void a_connection_that_opens_counts_in_full_with_its_handshake(void **context)
{
	struct state *state = *context;
	const struct v2m_port_sample *port;

	add_open(state, socket_at(7, 5));
	end_pass(state);
	port = first_port(state);
	assert_int_equal(port->tcp_rx.payload_bytes, 5000);
	assert_int_equal(port->tcp_rx.packets, 10);
	assert_int_equal(port->tcp_rx.wire_bytes, 5000 + 10 * 66 + 8);
	assert_int_equal(port->tcp_tx.payload_bytes, 15000);
	assert_int_equal(port->tcp_tx.packets, 21);
	assert_int_equal(port->tcp_tx.wire_bytes, 15000 + 20 * 66 + 74);
	assert_int_equal(port->udp_rx.packets + port->udp_tx.packets, 0);
}

static void a_later_pass_adds_the_growth(void **context)
{
	struct state *state = *context;

	for (uint64_t n = 1; n <= 3; n++) {
		add_open(state, socket_at(7, n));
		add_open(state, socket_at(8, 2 * n));
		end_pass(state);
	}
	assert_int_equal(received_payload(state), 3000 + 6000);
}

static void the_final_figures_of_a_closed_connection_count(void **context)
{
	struct state *state = *context;

	add_open(state, socket_at(7, 1));
	end_pass(state);
	add_closed(state, socket_at(7, 4));
	end_pass(state);
	assert_int_equal(received_payload(state), 4000);
}

static void a_connection_that_no_dump_showed_counts_when_it_closes(void **context)
{
	struct state *state = *context;

	add_closed(state, socket_at(7, 4));
	end_pass(state);
	assert_int_equal(received_payload(state), 4000);
}

static void a_connection_open_before_the_first_pass_counts_from_then_on(void **context)
{
	struct state *state = *context;
	const struct v2m_socket_port ports[] = { { 1001, 1001, false },
						 { 1002, 1002, true },
						 { 1003, 1003, false } };
	struct v2m_connection open = socket_at(7, 100);

	open.local_port = 1003;
	set_ports(state, ports, 3);
	add_open(state, open);
	add_closed(state,
		   (struct v2m_connection){
			   .local_port = 1003, .cookie = 9, .rx_segments = 5, .rx_bytes = 500 });
	end_pass(state);
	assert_int_equal(state->sample.ports[2].port, 1003);
	assert_int_equal(state->sample.ports[2].tcp_rx.payload_bytes, 0);
	open.rx_bytes += 70;
	add_open(state, open);
	end_pass(state);
	assert_int_equal(state->sample.ports[2].tcp_rx.payload_bytes, 70);
}

static void
a_port_that_stays_keeps_its_counter_and_one_that_leaves_is_in_one_more_sample(void **context)
{
	struct state *state = *context;
	uint64_t assigned_ns;

	add_open(state, socket_at(7, 1));
	end_pass(state);
	assigned_ns = first_port(state)->assigned_ns;
	set_ports(state, two_ports, 1);
	add_open(state, socket_at(7, 2));
	end_pass(state);
	assert_int_equal(state->sample.n_ports, 2);
	assert_int_equal(state->sample.ports[1].port, 1002);
	assert_int_equal(received_payload(state), 2000);
	assert_int_equal(first_port(state)->assigned_ns, assigned_ns);
	end_pass(state);
	assert_int_equal(state->sample.n_ports, 1);
}

static void a_port_that_comes_back_has_a_new_counter(void **context)
{
	struct state *state = *context;
	uint64_t assigned_ns = first_port(state)->assigned_ns;

	add_open(state, socket_at(7, 5));
	end_pass(state);
	set_ports(state, NULL, 0);
	end_pass(state);
	set_ports(state, two_ports, 1);
	add_open(state, socket_at(7, 6));
	end_pass(state);
	assert_int_not_equal(first_port(state)->assigned_ns, assigned_ns);
	assert_int_equal(received_payload(state), 0);
}

static void loopback_connections_count_only_for_loopback_ports(void **context)
{
	struct state *state = *context;
	struct v2m_connection connection = socket_at(7, 1);

	memcpy(connection.local, (uint8_t[]){ 127, 0, 0, 1 }, 4);
	add_open(state, connection);
	connection.local_port = 1002;
	connection.cookie = 8;
	add_open(state, connection);
	connection = socket_at(9, 1);
	connection.local_port = 1002;
	add_open(state, connection);
	connection = socket_at(10, 1);
	memcpy(connection.remote, connection.local, 4); /* to the same address */
	add_open(state, connection);
	end_pass(state);
	assert_int_equal(received_payload(state), 0);
	assert_int_equal(state->sample.ports[1].tcp_rx.payload_bytes, 1000);
}

static void ipv6_headers_are_larger_than_those_of_mapped_ipv4(void **context)
{
	struct state *state = *context;
	struct v2m_connection connection = socket_at(7, 1);

	connection.family = AF_INET6;
	connection.tcp_header = 20;
	memset(connection.local, 0x20, 16);
	add_open(state, connection);
	end_pass(state);
	assert_int_equal(first_port(state)->tcp_rx.wire_bytes, 1000 + 2 * 74 + 8);
	connection.cookie = 8;
	memcpy(connection.local, (uint8_t[16]){ [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 }, 16);
	add_open(state, connection);
	end_pass(state);
	assert_int_equal(first_port(state)->tcp_rx.wire_bytes, 1156 + 1000 + 2 * 54 + 8);
}

static void segments_are_counted_beyond_32_bits(void **context)
{
	struct state *state = *context;
	struct v2m_connection connection = socket_at(7, 1);

	connection.rx_segments = UINT32_MAX;
	add_open(state, connection);
	end_pass(state);
	connection.rx_segments = 1;
	add_open(state, connection);
	end_pass(state);
	assert_int_equal(first_port(state)->tcp_rx.packets, (uint64_t)UINT32_MAX + 2);
}

static void a_counter_of_bytes_never_falls(void **context)
{
	struct state *state = *context;
	struct v2m_connection connection = socket_at(7, 1);

	add_open(state, connection);
	end_pass(state);
	connection.rx_bytes--; /* the end was a reset, and a FIN is subtracted */
	add_closed(state, connection);
	end_pass(state);
	assert_int_equal(received_payload(state), 1000);
}

static void a_socket_in_time_wait_counts_nothing(void **context)
{
	struct state *state = *context;

	add_open(state, socket_at(7, 0));
	add_open(state, socket_at(0, 3));
	end_pass(state);
	assert_int_equal(first_port(state)->tcp_tx.packets, 0);
}

static void a_socket_that_a_process_holds_for_minutes_does_not_count_as_new(void **context)
{
	struct state *state = *context;

	add_open(state, socket_at(7, 3));
	end_pass(state);
	state->now_ns += 600 * SECOND;
	end_pass(state);
	add_closed(state, socket_at(7, 3));
	end_pass(state);
	assert_int_equal(received_payload(state), 3000);
}

static void sockets_whose_end_is_not_announced_are_forgotten(void **context)
{
	struct state *state = *context;

	add_open(state, socket_at(7, 3));
	end_pass(state);
	state->now_ns += 1000 * SECOND;
	end_pass(state);
	add_open(state, socket_at(7, 3));
	end_pass(state);
	assert_int_equal(received_payload(state), 6000);
}

static void thousands_of_sockets_keep_their_own_figures(void **context)
{
	struct state *state = *context;

	for (uint64_t n = 1; n <= 3; n++) {
		for (uint64_t cookie = 1; cookie <= 5000; cookie++)
			add_open(state, socket_at(cookie, n));
		end_pass(state);
	}
	for (uint64_t cookie = 1; cookie <= 5000; cookie += 3)
		add_closed(state, socket_at(cookie, 4));
	for (uint64_t cookie = 1; cookie <= 5000; cookie++)
		if (cookie % 3 != 1)
			add_open(state, socket_at(cookie, 4));
	end_pass(state);
	assert_int_equal(received_payload(state), UINT64_C(5000) * 4000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_connection_that_opens_counts_in_full_with_its_handshake),
		TEST(a_later_pass_adds_the_growth),
		TEST(the_final_figures_of_a_closed_connection_count),
		TEST(a_connection_that_no_dump_showed_counts_when_it_closes),
		TEST(a_connection_open_before_the_first_pass_counts_from_then_on),
		TEST(a_port_that_stays_keeps_its_counter_and_one_that_leaves_is_in_one_more_sample),
		TEST(a_port_that_comes_back_has_a_new_counter),
		TEST(loopback_connections_count_only_for_loopback_ports),
		TEST(ipv6_headers_are_larger_than_those_of_mapped_ipv4),
		TEST(segments_are_counted_beyond_32_bits),
		TEST(a_counter_of_bytes_never_falls),
		TEST(a_socket_in_time_wait_counts_nothing),
		TEST(a_socket_that_a_process_holds_for_minutes_does_not_count_as_new),
		TEST(sockets_whose_end_is_not_announced_are_forgotten),
		TEST(thousands_of_sockets_keep_their_own_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
