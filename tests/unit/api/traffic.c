// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/api/api_fixture.h"
#include "base/transport.h"
#include "api/traffic.h"

static void assert_port_figures(const json_t *entry)
{
	assert_integer(entry, "rx_bytes", FAKE_RX_WIRE);
	assert_integer(entry, "tx_bytes", FAKE_TX_WIRE);
	assert_integer(entry, "total_bytes", FAKE_RX_WIRE + FAKE_TX_WIRE);
	assert_text(entry, "rx_formatted", "1.46 KB");
	assert_text(entry, "tx_formatted", "2.93 KB");
	assert_text(entry, "total_formatted", "4.39 KB");
	assert_integer(entry, "rx_packets", 1);
	assert_integer(entry, "tx_packets", 2);
	assert_integer(entry, "payload_rx_bytes", FAKE_RX_PAYLOAD);
	assert_integer(entry, "payload_tx_bytes", FAKE_TX_PAYLOAD);
	assert_true(json_is_real(at(entry, "traffic_rate")));
	assert_true(json_real_value(at(entry, "traffic_rate")) == 4500.0);
	assert_integer(entry, "interface_traffic/rx_bytes", 5070);
	assert_integer(entry, "interface_traffic/tx_bytes", 6080);
	assert_integer(entry, "interface_traffic/total_bytes", 11150);
	assert_seconds(entry, "interface_traffic/timestamp");
	assert_seconds(entry, "timestamp");
	assert_text(entry, "source", "simple_monitor");
	assert_text(entry, "method", "connection_based_estimation");
	assert_text(entry, "accounting/mode", "ebpf");
	assert_true(json_is_true(at(entry, "accounting/exact")));
	assert_text(entry, "accounting/unit", "wire");
	assert_null(json_object_get(at(entry, "accounting"), "reason"));
}

static void a_port_entry_has_every_documented_member(void **state)
{
	json_t *answer = render(*state, v2m_api_simple, NULL, 200);
	const json_t *entry = at(answer, "data/ports/10002");
	const json_t *detail;

	assert_port_figures(entry);
	assert_integer(entry, "port", 10002);
	assert_text(entry, "uuid", UUID_1);
	assert_text(entry, "key_id", "key-1");
	assert_text(entry, "key_name", "user1@example.com");
	assert_true(json_is_true(at(entry, "is_active")));
	assert_null(json_object_get(entry, "shared"));
	assert_integer(entry, "connections", 3);
	assert_int_equal(json_array_size(at(entry, "connection_details")), 3);
	detail = json_array_get(at(entry, "connection_details"), 2);
	assert_text(detail, "local", "[::ffff:192.0.2.14]:10002");
	assert_text(detail, "remote", "[::ffff:198.51.100.174]:1028");
	assert_text(detail, "state", "CLOSE-WAIT");
	json_decref(answer);
}

static void connections_beyond_the_cap_are_counted_and_not_listed(void **state)
{
	struct world *world = *state;
	json_t *answer;

	world->snapshot->connection_details_max = 2;
	answer = render(world, v2m_api_simple, NULL, 200);
	assert_integer(answer, "data/ports/10002/connections", 3);
	assert_int_equal(json_array_size(at(answer, "data/ports/10002/connection_details")), 2);
	assert_true(json_is_true(at(answer, "data/ports/10002/connection_details_truncated")));
	assert_integer(answer, "data/total_connections", 5);
	/* A list of exactly the limit is not truncated. */
	assert_int_equal(json_array_size(at(answer, "data/ports/10001/connection_details")), 2);
	assert_null(
		json_object_get(at(answer, "data/ports/10001"), "connection_details_truncated"));
	json_decref(answer);
}

static void a_cap_of_zero_lists_no_connection(void **state)
{
	struct world *world = *state;
	json_t *answer;

	world->snapshot->connection_details_max = 0;
	answer = render(world, v2m_api_key_simple, "key-1", 200);
	assert_integer(answer, "traffic/connections", 3);
	assert_int_equal(json_array_size(at(answer, "traffic/connection_details")), 0);
	assert_true(json_is_true(at(answer, "traffic/connection_details_truncated")));
	json_decref(answer);
}

static void the_list_sums_its_ports_and_counts_a_shared_one_once(void **state)
{
	json_t *answer = render(*state, v2m_api_simple, NULL, 200);

	assert_text(answer, "status", "success");
	assert_text(answer, "source", "simple_monitor");
	assert_text(answer, "timestamp", "2025-08-04T11:45:39.255796");
	assert_int_equal(json_object_size(at(answer, "data/ports")), 4);
	assert_integer(answer, "data/total_connections", 5);
	assert_integer(answer, "data/total_bytes", 4 * (FAKE_RX_WIRE + FAKE_TX_WIRE));
	assert_seconds(answer, "data/timestamp");
	json_decref(answer);
}

static void a_shared_port_names_its_keys_and_no_uuid(void **state)
{
	json_t *answer = render(*state, v2m_api_simple, NULL, 200);
	const json_t *entry = at(answer, "data/ports/9002");

	assert_port_figures(entry);
	assert_true(json_is_null(at(entry, "uuid")));
	assert_true(json_is_null(at(entry, "key_id")));
	assert_true(json_is_true(at(entry, "shared")));
	assert_int_equal(json_array_size(at(entry, "keys")), 2);
	assert_text(json_array_get(at(entry, "keys"), 0), "id", "shared-a");
	assert_text(json_array_get(at(entry, "keys"), 1), "name", "user5@example.com");
	json_decref(answer);
}

static void an_inactive_key_is_listed_as_such(void **state)
{
	json_t *answer = render(*state, v2m_api_simple, NULL, 200);

	assert_true(json_is_false(at(answer, "data/ports/9001/is_active")));
	json_decref(answer);
}

static void one_key_comes_with_its_description(void **state)
{
	json_t *answer = render(*state, v2m_api_key_simple, "inactive", 200);

	assert_text(answer, "status", "success");
	assert_text(answer, "timestamp", "2025-08-04T11:45:39.255796");
	assert_text(answer, "key/id", "inactive");
	assert_text(answer, "key/name", "user2@example.com");
	assert_text(answer, "key/uuid", "00000000-0000-4000-8000-000000000002");
	assert_text(answer, "key/created_at", "2025-08-04T14:34:13.878594");
	assert_true(json_is_false(at(answer, "key/is_active")));
	assert_integer(answer, "key/port", 9001);
	assert_text(answer, "key/short_id", "5f");
	assert_text(answer, "key/sni", "www.example.org");
	assert_port_figures(at(answer, "traffic"));
	json_decref(answer);
}

static void a_key_without_a_port_says_so(void **state)
{
	json_t *answer = render(*state, v2m_api_key_simple, "portless", 200);
	const json_t *traffic = at(answer, "traffic");

	assert_true(json_is_null(at(answer, "key/port")));
	assert_null(json_object_get(at(answer, "key"), "sni"));
	assert_text(traffic, "error",
		    "No port found for UUID: 00000000-0000-4000-8000-000000000003");
	assert_text(traffic, "uuid", "00000000-0000-4000-8000-000000000003");
	assert_true(json_is_null(at(traffic, "port")));
	assert_integer(traffic, "total_bytes", 0);
	assert_integer(traffic, "connections", 0);
	assert_seconds(traffic, "timestamp");
	json_decref(answer);
}

static void a_key_that_shares_its_port_is_refused(void **state)
{
	json_t *answer = render(*state, v2m_api_key_simple, "shared-b", 409);

	assert_text(answer, "code", "shared_port");
	assert_true(json_is_string(at(answer, "detail")));
	assert_null(json_object_get(answer, "traffic"));
	json_decref(answer);
}

static const struct v2m_slot *slot_of(const struct world *world, const char *id)
{
	const struct v2m_key *key = v2m_keyset_find(world->snapshot->keyset, id);

	return v2m_slots_at(&world->snapshot->keyset->slots, v2m_key_port(key), V2M_TCP);
}

static struct v2m_slot_view *view_of(const struct world *world, const char *id)
{
	return (struct v2m_slot_view *)v2m_snapshot_slot(world->snapshot, slot_of(world, id));
}

static void a_key_whose_port_is_not_counted_gets_no_zeros(void **state)
{
	struct world *world = *state;
	json_t *answer;

	view_of(world, "key-1")->counted = false;
	answer = render(world, v2m_api_key_simple, "key-1", 503);
	assert_text(answer, "code", "not_counted");
	json_decref(answer);
}

static void a_port_that_is_not_counted_stands_apart_from_the_others_without_bytes(void **state)
{
	struct world *world = *state;
	struct v2m_snapshot *snapshot = world->snapshot;
	json_t *answer = render(world, v2m_api_simple, NULL, 200);
	struct v2m_slot *last = (struct v2m_slot *)slot_of(world, "key-1");
	size_t counted = snapshot->keyset->slots.count - 1;
	char path[64];

	assert_null(json_object_get(at(answer, "data"), "not_counted"));
	json_decref(answer);
	view_of(world, "key-1")->counted = false;
	snapshot->mode = V2M_MODE_SOCKET_STATS;
	last->transports = V2M_UDP;
	answer = render(world, v2m_api_simple, NULL, 200);
	assert_int_equal(json_object_size(at(answer, "data/ports")), counted);
	assert_int_equal(json_object_size(at(answer, "data/not_counted")), 1);
	snprintf(path, sizeof(path), "data/not_counted/%u", last->first_port);
	assert_text(at(answer, path), "code", "udp_not_counted");
	assert_text(at(answer, path), "key_id", "key-1");
	assert_null(json_object_get(at(answer, path), "total_bytes"));
	json_decref(answer);
	answer = render(world, v2m_api_key_simple, "key-1", 503);
	assert_text(answer, "code", "udp_not_counted");
	json_decref(answer);
}

static void without_the_programs_no_peers_of_a_key_with_udp_are_observed(void **state)
{
	struct world *world = *state;
	json_t *answer;

	world->snapshot->mode = V2M_MODE_SOCKET_STATS;
	answer = render(world, v2m_api_key_peers, "key-1", 503);
	assert_text(answer, "code", "udp_not_counted");
	assert_text(answer, "detail", "Without the kernel programs UDP peers are not observed.");
	json_decref(answer);
}

static void the_peers_of_a_shared_port_are_told_for_none_of_its_users(void **state)
{
	struct world *world = *state;
	struct v2m_slot_view *view = view_of(world, "shared-a");
	struct v2m_slot *slot = (struct v2m_slot *)slot_of(world, "shared-a");
	struct v2m_peer peer = { .address = { [0] = 0x20 }, .remote_port = 4000 };
	json_t *answer;

	view->attribution.method = V2M_BY_ACCESS_LOG;
	view->udp_peers = &peer;
	view->n_udp_peers = 1;
	answer = render(world, v2m_api_key_peers, "shared-a", 409);
	assert_text(answer, "code", "shared_port");
	json_decref(answer);
	view->n_udp_peers = 0;
	slot->transports = V2M_TCP;
	answer = render(world, v2m_api_key_peers, "shared-a", 200);
	assert_int_equal(json_array_size(at(answer, "udp_peers")), 0);
	json_decref(answer);
}

static struct v2m_share *share_of(const struct world *world, const char *id)
{
	const struct v2m_key *key = v2m_keyset_find(world->snapshot->keyset, id);

	return (struct v2m_share *)v2m_snapshot_find_share(world->snapshot, key,
							   slot_of(world, id));
}

static void a_user_of_a_shared_port_has_its_own_sessions(void **state)
{
	struct world *world = *state;
	json_t *answer;

	world->snapshot->measures_delivered = true;
	view_of(world, "shared-a")->attribution.method = V2M_BY_ACCESS_LOG;
	view_of(world, "shared-a")->sessions = (struct v2m_sessions_view){ 1000000, 9, 8, 70, 60 };
	/* If nobody counts them for each user, an entry has none. */
	answer = render(world, v2m_api_key_simple, "shared-a", 200);
	assert_null(json_object_get(at(answer, "traffic"), "delivered_rx_bytes"));
	assert_null(json_object_get(at(answer, "traffic"), "sessions"));
	json_decref(answer);
	share_of(world, "shared-a")->sessions = (struct v2m_sessions_view){ 2000000, 2, 1, 7, 6 };
	answer = render(world, v2m_api_key_simple, "shared-a", 200);
	assert_non_null(json_object_get(at(answer, "traffic"), "delivered_rx_bytes"));
	assert_integer(answer, "traffic/sessions/opened", 2);
	assert_integer(answer, "traffic/sessions/tx_bytes", 6);
	json_decref(answer);
	answer = render(world, v2m_api_key_simple, "key-1", 200);
	assert_non_null(json_object_get(at(answer, "traffic"), "delivered_rx_bytes"));
	json_decref(answer);
	answer = render(world, v2m_api_simple, NULL, 200);
	assert_non_null(json_object_get(at(answer, "data/ports/9002"), "delivered_rx_bytes"));
	json_decref(answer);
}

static void a_connection_has_its_figures_where_the_kernel_tells_them(void **state)
{
	struct world *world = *state;
	struct v2m_slot_view *view = view_of(world, "key-0");
	struct v2m_connection *first = (struct v2m_connection *)view->connections;
	const json_t *details;
	json_t *answer;

	first->rx_bytes = 70001;
	first->tx_bytes = 3000;
	first->rtt_us = 12345;
	first->retransmits = 2;
	first->tcp_header = 32;
	world->snapshot->connections->mono_ns = 100000000000;
	first->opened_ns = 38500000000;
	view->sessions = (struct v2m_sessions_view){ WHEN_US, 9, 4, 80000, 5000 };
	answer = render(world, v2m_api_simple, NULL, 200);
	details = json_array_get(at(answer, "data/ports/10001/connection_details"), 0);
	assert_integer(details, "rx_bytes", 70001);
	assert_integer(details, "tx_bytes", 3000);
	assert_integer(details, "retransmits", 2);
	assert_float_equal(json_real_value(at(details, "rtt_ms")), 12.345, 1e-9);
	assert_float_equal(json_real_value(at(details, "age_s")), 61.5, 1e-9);
	assert_integer(answer, "data/ports/10001/sessions/opened", 9);
	assert_integer(answer, "data/ports/10001/sessions/closed", 4);
	assert_integer(answer, "data/ports/10001/sessions/rx_bytes", 80000);
	assert_integer(answer, "data/ports/10001/sessions/tx_bytes", 5000);
	json_decref(answer);
}

static void what_is_not_known_of_a_connection_is_left_out(void **state)
{
	json_t *answer = render(*state, v2m_api_simple, NULL, 200);
	const json_t *entry = at(answer, "data/ports/10001");

	assert_int_equal(json_object_size(json_array_get(at(entry, "connection_details"), 0)), 3);
	assert_null(json_object_get(entry, "sessions"));
	json_decref(answer);
}

static void payload_bytes_are_reported_where_asked_for(void **state)
{
	const struct world *world = *state;
	struct v2m_body body = { 0 };
	json_t *answer;

	assert_int_equal(v2m_api_simple(world->snapshot, V2M_API_BYTES_PAYLOAD, NULL, &body), 0);
	answer = json_loads(body.data, 0, NULL);
	assert_integer(answer, "data/ports/10001/rx_bytes", FAKE_RX_PAYLOAD);
	assert_integer(answer, "data/ports/10001/tx_bytes", FAKE_TX_PAYLOAD);
	assert_integer(answer, "data/ports/10001/total_bytes", FAKE_RX_PAYLOAD + FAKE_TX_PAYLOAD);
	assert_text(answer, "data/ports/10001/accounting/unit", "payload");
	assert_integer(answer, "data/total_bytes", 4 * (FAKE_RX_PAYLOAD + FAKE_TX_PAYLOAD));
	json_decref(answer);
	free(body.data);
}

static void a_port_with_visitors_of_a_fallback_is_not_exact(void **state)
{
	struct world *world = *state;
	json_t *answer;

	for (size_t i = 0; i < world->snapshot->keyset->slots.count; i++)
		if (world->snapshot->keyset->slots.items[i].first_port == 10001)
			world->snapshot->keyset->slots.items[i].visited = true;
	answer = render(world, v2m_api_simple, NULL, 200);
	assert_text(answer, "data/ports/10001/accounting/mode", "ebpf");
	assert_true(json_is_false(at(answer, "data/ports/10001/accounting/exact")));
	assert_text(answer, "data/ports/10001/accounting/reason",
		    "visitors of a fallback of the inbound are counted as well");
	assert_true(json_is_true(at(answer, "data/ports/10002/accounting/exact")));
	json_decref(answer);
}

static void figures_that_are_not_exact_say_why(void **state)
{
	struct world *world = *state;
	json_t *answer;

	world->snapshot->mode = V2M_MODE_SOCKET_STATS;
	world->snapshot->mode_reason = strdup("no permission for eBPF");
	answer = render(world, v2m_api_simple, NULL, 200);
	assert_text(answer, "data/ports/10001/accounting/mode", "socket_stats");
	assert_true(json_is_false(at(answer, "data/ports/10001/accounting/exact")));
	assert_text(answer, "data/ports/10001/accounting/reason", "no permission for eBPF");
	json_decref(answer);
}

static void counters_beyond_63_bits_are_written_whole(void **state)
{
	struct world *world = *state;
	struct v2m_body body = { 0 };

	world->snapshot->slots[0].since_reset.rx.wire_bytes = UINT64_MAX - 3000;
	assert_int_equal(v2m_api_simple(world->snapshot, V2M_API_BYTES_WIRE, NULL, &body), 0);
	assert_non_null(strstr(body.data, "\"total_bytes\":18446744073709551615,"
					  "\"rx_bytes\":18446744073709548615,"));
	free(body.data);
}

static void keys_are_listed_all(void **state)
{
	json_t *answer = render(*state, v2m_api_keys, NULL, 200);
	json_t *one = render(*state, v2m_api_key, "key-1", 200);

	assert_int_equal(json_array_size(answer), 6);
	assert_true(json_equal(json_array_get(answer, 1), one));
	json_decref(answer);
	json_decref(one);
}

static json_t *body_json(struct v2m_body *body, int result, int status)
{
	json_t *read;

	assert_int_equal(result, 0);
	assert_int_equal(body->status, status);
	read = json_loads(body->data, 0, NULL);
	assert_non_null(read);
	free(body->data);
	return read;
}

static void a_reset_tells_exactly_what_it_closed(void **state)
{
	const struct v2m_reset reset = {
		.key_id = "key-1",
		.uuid = UUID_1,
		.port = 10002,
		.closed = { .rx = { .wire_bytes = 5, .payload_bytes = 3 },
			    .tx = { .wire_bytes = 7, .payload_bytes = 4 } },
		.real_us = WHEN_US,
	};
	struct v2m_body body;
	json_t *answer;

	(void)state;
	answer = body_json(&body, v2m_api_reset(&reset, V2M_API_BYTES_WIRE, "asked", true, &body),
			   200);
	assert_text(answer, "status", "success");
	assert_true(json_is_true(at(answer, "success")));
	assert_text(answer, "message", "Traffic stats reset successfully");
	assert_text(answer, "key_id", "asked");
	assert_text(answer, "uuid", UUID_1);
	assert_integer(answer, "port", 10002);
	assert_integer(answer, "previous_upload", 5);
	assert_integer(answer, "previous_download", 7);
	assert_integer(answer, "previous_total", 12);
	assert_text(answer, "timestamp", "2025-08-04T11:45:39.255796");
	json_decref(answer);
	answer = body_json(&body, v2m_api_reset(&reset, V2M_API_BYTES_PAYLOAD, "x", true, &body),
			   200);
	assert_integer(answer, "previous_total", 7);
	json_decref(answer);
}

static void a_reset_of_a_key_without_a_port_fails_politely(void **state)
{
	const struct v2m_reset reset = { .uuid = UUID_1, .real_us = WHEN_US };
	struct v2m_body body;
	json_t *answer =
		body_json(&body, v2m_api_reset(&reset, V2M_API_BYTES_WIRE, "x", false, &body), 200);

	(void)state;
	assert_text(answer, "status", "error");
	assert_true(json_is_false(at(answer, "success")));
	assert_text(answer, "message", "Failed to reset traffic stats");
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_port_entry_has_every_documented_member),
		WORLD_TEST(connections_beyond_the_cap_are_counted_and_not_listed),
		WORLD_TEST(a_cap_of_zero_lists_no_connection),
		WORLD_TEST(the_list_sums_its_ports_and_counts_a_shared_one_once),
		WORLD_TEST(a_shared_port_names_its_keys_and_no_uuid),
		WORLD_TEST(an_inactive_key_is_listed_as_such),
		WORLD_TEST(one_key_comes_with_its_description),
		WORLD_TEST(a_key_without_a_port_says_so),
		WORLD_TEST(a_key_that_shares_its_port_is_refused),
		WORLD_TEST(a_connection_has_its_figures_where_the_kernel_tells_them),
		WORLD_TEST(what_is_not_known_of_a_connection_is_left_out),
		WORLD_TEST(a_key_whose_port_is_not_counted_gets_no_zeros),
		WORLD_TEST(a_port_that_is_not_counted_stands_apart_from_the_others_without_bytes),
		WORLD_TEST(without_the_programs_no_peers_of_a_key_with_udp_are_observed),
		WORLD_TEST(the_peers_of_a_shared_port_are_told_for_none_of_its_users),
		WORLD_TEST(a_user_of_a_shared_port_has_its_own_sessions),
		WORLD_TEST(payload_bytes_are_reported_where_asked_for),
		WORLD_TEST(figures_that_are_not_exact_say_why),
		WORLD_TEST(a_port_with_visitors_of_a_fallback_is_not_exact),
		WORLD_TEST(counters_beyond_63_bits_are_written_whole),
		WORLD_TEST(keys_are_listed_all),
		cmocka_unit_test(a_reset_tells_exactly_what_it_closed),
		cmocka_unit_test(a_reset_of_a_key_without_a_port_fails_politely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
