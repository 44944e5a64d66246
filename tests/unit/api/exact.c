// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/api/api_fixture.h"
#include "api/exact.h"
#include "api/traffic.h"

#define TOTAL (FAKE_RX_WIRE + FAKE_TX_WIRE)

static void ports_exact_lists_by_uuid_and_adds_up(void **state)
{
	json_t *answer = render(*state, v2m_api_ports_exact, NULL, 200);
	const json_t *ports = at(answer, "ports_traffic/ports_traffic");
	json_int_t sum = 0;
	const char *name;
	json_t *port;

	assert_int_equal(json_object_size(ports), 4);
	json_object_foreach ((json_t *)ports, name, port)
		sum += json_integer_value(at(port, "traffic/total_bytes"));
	assert_integer(answer, "ports_traffic/total_traffic", sum);
	assert_int_equal(sum, 4 * TOTAL);
	assert_text(answer, "ports_traffic/total_traffic_formatted", "17.58 KB");
	assert_integer(answer, "ports_traffic/total_ports", 4);
	assert_integer(answer, "ports_traffic/total_connections", 5);
	assert_integer(ports, UUID_1 "/port", 10002);
	assert_text(ports, UUID_1 "/key_name", "user1@example.com");
	assert_text(ports, UUID_1 "/traffic/uuid", UUID_1);
	assert_true(json_is_null(at(ports, "port:9002/key_name")));
	assert_true(json_is_true(at(ports, "port:9002/traffic/shared")));
	assert_text(answer, "source", "port_monitor");
	assert_integer(answer, "timestamp", WHEN_US / 1000000);
	json_decref(answer);
}

static void assert_summary(const json_t *summary)
{
	assert_integer(summary, "total_system_traffic", 11150);
	assert_text(summary, "total_system_traffic_formatted", "10.89 KB");
	/* Without the port of the inactive key. */
	assert_integer(summary, "active_ports", 3);
	assert_int_equal(json_object_size(at(summary, "interface_summary")), 2);
	assert_integer(summary, "interface_summary/eth0/rx_bytes", 5000);
	assert_integer(summary, "interface_summary/eth0/tx_bytes", 6000);
	assert_integer(summary, "interface_summary/eth0/total_bytes", 11000);
	assert_text(summary, "interface_summary/eth0/rx_formatted", "4.88 KB");
	assert_text(summary, "interface_summary/eth0/tx_formatted", "5.86 KB");
	assert_text(summary, "interface_summary/eth0/total_formatted", "10.74 KB");
	assert_integer(summary, "timestamp", WHEN_US / 1000000);
}

static void the_system_summary_is_the_same_in_both_places(void **state)
{
	json_t *ports = render(*state, v2m_api_ports_exact, NULL, 200);
	json_t *alone = render(*state, v2m_api_system_summary, NULL, 200);

	assert_summary(at(ports, "system_summary"));
	assert_true(json_equal(at(ports, "system_summary"), at(alone, "summary")));
	assert_integer(alone, "timestamp", WHEN_US / 1000000);
	json_decref(ports);
	json_decref(alone);
}

static void one_key_s_port_is_that_of_the_simple_answer(void **state)
{
	json_t *exact = render(*state, v2m_api_key_port_exact, "key-1", 200);
	json_t *simple = render(*state, v2m_api_key_simple, "key-1", 200);

	assert_true(json_equal(at(exact, "port_traffic"), at(simple, "traffic")));
	assert_true(json_equal(at(exact, "key"), at(simple, "key")));
	assert_text(exact, "source", "port_monitor");
	assert_integer(exact, "timestamp", WHEN_US / 1000000);
	json_decref(exact);
	json_decref(simple);
}

static void assert_float(const json_t *json, const char *path, double expected)
{
	assert_true(json_is_real(at(json, path)));
	assert_true(json_real_value(at(json, path)) == expected);
}

static void assert_stat(const json_t *stat, const char *uuid)
{
	assert_text(stat, "uuid", uuid);
	assert_integer(stat, "uplink_bytes", FAKE_RX_WIRE);
	assert_integer(stat, "downlink_bytes", FAKE_TX_WIRE);
	assert_integer(stat, "total_bytes", TOTAL);
	assert_text(stat, "uplink_formatted", "1.46 KB");
	assert_text(stat, "downlink_formatted", "2.93 KB");
	assert_text(stat, "total_formatted", "4.39 KB");
	assert_float(stat, "uplink_mb", FAKE_RX_WIRE / 1048576.0);
	assert_float(stat, "downlink_mb", FAKE_TX_WIRE / 1048576.0);
	assert_float(stat, "total_mb", TOTAL / 1048576.0);
	assert_integer(stat, "timestamp", WHEN_US / 1000000);
	assert_text(stat, "source", "precise_monitor");
	assert_text(stat, "method", "port_monitor");
}

static void one_key_s_statistics_have_every_member(void **state)
{
	json_t *answer = render(*state, v2m_api_key_exact, "key-1", 200);
	const json_t *stat = at(answer, "traffic_bytes");

	assert_stat(stat, UUID_1);
	assert_integer(stat, "connections", 3);
	assert_integer(stat, "connections_count", 3);
	assert_float(stat, "connection_ratio", 60.0);
	assert_text(answer, "source", "precise_monitor");
	assert_text(answer, "key/id", "key-1");
	json_decref(answer);
}

static void a_ratio_has_two_decimals(void **state)
{
	struct world *world = *state;
	json_t *answer;

	world->snapshot->slots[2].n_connections = 1;
	world->snapshot->slots[3].n_connections = 2;
	answer = render(world, v2m_api_key_exact, "key-1", 200);
	assert_float(answer, "traffic_bytes/connection_ratio", 66.67);
	json_decref(answer);
}

static void all_statistics_add_up_to_the_total(void **state)
{
	json_t *answer = render(*state, v2m_api_exact, NULL, 200);
	const json_t *stats = at(answer, "traffic_stats/keys_stats");
	json_int_t sum = 0;
	const json_t *shared;

	/* Two ordinary keys, the inactive one, the one without a port, and the shared port. */
	assert_int_equal(json_array_size(stats), 5);
	for (size_t i = 0; i < json_array_size(stats); i++)
		sum += json_integer_value(at(json_array_get(stats, i), "total_bytes"));
	assert_int_equal(sum, 4 * TOTAL);
	assert_stat(json_array_get(stats, 1), UUID_1);
	assert_integer(json_array_get(stats, 3), "total_bytes", 0);
	assert_float(json_array_get(stats, 3), "total_mb", 0.0);
	shared = json_array_get(stats, 4);
	assert_true(json_is_null(at(shared, "uuid")));
	assert_true(json_is_true(at(shared, "shared")));
	assert_int_equal(json_array_size(at(shared, "keys")), 2);
	assert_integer(answer, "total_keys", 6);
	assert_integer(answer, "active_keys", 5);
	assert_text(answer, "total_traffic", "17.58 KB");
	assert_text(answer, "source", "xray_api");
	json_decref(answer);
}

static void one_key_s_traffic_is_told_in_bytes(void **state)
{
	json_t *answer = render(*state, v2m_api_key_traffic, "key-1", 200);

	assert_text(answer, "status", "success");
	assert_text(answer, "key_id", "key-1");
	assert_text(answer, "key_uuid", UUID_1);
	assert_text(answer, "key_name", "user1@example.com");
	assert_integer(answer, "upload", FAKE_RX_WIRE);
	assert_integer(answer, "download", FAKE_TX_WIRE);
	assert_integer(answer, "total", TOTAL);
	assert_integer(answer, "total_bytes", TOTAL);
	assert_integer(answer, "connections", 3);
	assert_integer(answer, "last_updated", WHEN_US / 1000000);
	assert_true(json_is_string(at(answer, "source")));
	assert_true(json_is_string(at(answer, "method")));
	assert_text(answer, "timestamp", "2025-08-04T11:45:39.255796");
	json_decref(answer);
	answer = render(*state, v2m_api_key_traffic, "portless", 200);
	assert_integer(answer, "total", 0);
	json_decref(answer);
}

static const json_t *status_of(const json_t *answer, const char *key_id)
{
	const json_t *stats = at(answer, "traffic_stats");

	for (size_t i = 0; i < json_array_size(stats); i++) {
		const json_t *stat = json_array_get(stats, i);

		if (strcmp(json_string_value(at(stat, "key_id")), key_id) == 0)
			return stat;
	}
	fail_msg("no status of %s", key_id);
	return NULL;
}

static void the_status_bills_no_key_for_a_shared_port(void **state)
{
	json_t *answer = render(*state, v2m_api_status, NULL, 200);
	const json_t *shared = status_of(answer, "shared-a");
	const json_t *own = status_of(answer, "key-1");

	assert_integer(answer, "total_keys", 6);
	assert_integer(answer, "active_keys", 5);
	assert_true(json_is_true(at(answer, "simple_monitor_available")));
	assert_true(json_is_true(at(answer, "precise_monitor_available")));
	assert_text(own, "uuid", UUID_1);
	assert_integer(own, "simple_traffic/total_bytes", TOTAL);
	assert_true(json_is_true(at(own, "has_traffic_data")));
	assert_text(shared, "simple_traffic/code", "shared_port");
	assert_null(json_object_get(at(shared, "simple_traffic"), "total_bytes"));
	assert_true(json_is_false(at(shared, "has_traffic_data")));
	assert_true(json_is_false(at(status_of(answer, "portless"), "has_traffic_data")));
	json_decref(answer);
}

static void every_answer_about_one_key_refuses_a_shared_port(void **state)
{
	static const v2m_render renderers[] = { v2m_api_key_port_exact, v2m_api_key_exact,
						v2m_api_key_traffic, v2m_api_key_simple };

	for (size_t i = 0; i < V2M_ARRAY_LEN(renderers); i++) {
		json_t *answer = render(*state, renderers[i], "shared-a", 409);

		assert_text(answer, "code", "shared_port");
		assert_integer(answer, "counted_alone/total_bytes", 0);
		json_decref(answer);
	}
}

static json_t *reset_answer(v2m_render_reset function, bool done)
{
	struct v2m_reset reset = { .uuid = UUID_1, .port = 10002, .real_us = WHEN_US };
	struct v2m_body body;
	json_t *read;

	reset.closed.rx.wire_bytes = 5;
	reset.closed.tx.wire_bytes = 7;
	assert_int_equal(function(&reset, V2M_API_BYTES_WIRE, "asked", done, &body), 0);
	assert_int_equal(body.status, 200);
	read = json_loads(body.data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(read);
	free(body.data);
	return read;
}

static void the_older_resets_have_their_own_words(void **state)
{
	json_t *port = reset_answer(v2m_api_port_reset, true);
	json_t *key = reset_answer(v2m_api_key_reset, true);
	json_t *failed = reset_answer(v2m_api_port_reset, false);

	(void)state;
	assert_text(port, "message", "Port traffic stats reset successfully");
	assert_true(json_is_true(at(port, "success")));
	assert_text(port, "key_id", "asked");
	assert_text(port, "uuid", UUID_1);
	assert_integer(port, "port", 10002);
	assert_text(port, "source", "port_monitor");
	assert_integer(port, "timestamp", WHEN_US / 1000000);
	assert_text(key, "status", "success");
	assert_text(key, "message", "Traffic stats reset successfully");
	assert_text(key, "key_uuid", UUID_1);
	assert_integer(key, "previous_total", 12);
	assert_text(key, "timestamp", "2025-08-04T11:45:39.255796");
	assert_true(json_is_false(at(failed, "success")));
	json_decref(port);
	json_decref(key);
	json_decref(failed);
}

static void delivered_bytes_that_mptcp_may_have_twice_are_not_exact(void **state)
{
	struct world *world = *state;
	struct v2m_body body = { 0 };
	const json_t *answer;
	json_t *read;

	for (size_t i = 0; i < world->snapshot->keyset->slots.count; i++)
		if (world->snapshot->keyset->slots.items[i].first_port == 10001)
			world->snapshot->slots[i].repeats = true;
	read = render(world, v2m_api_simple, NULL, 200);
	answer = at(read, "data/ports");
	assert_true(json_is_true(at(answer, "10001/accounting/exact")));
	assert_true(json_is_false(at(answer, "10001/accounting/delivered_exact")));
	assert_null(json_object_get(at(answer, "10002/accounting"), "delivered_exact"));
	json_decref(read);
	assert_int_equal(v2m_api_simple(world->snapshot, V2M_API_BYTES_DELIVERED, NULL, &body), 0);
	read = json_loads(body.data, 0, NULL);
	answer = at(read, "data/ports");
	assert_true(json_is_false(at(answer, "10001/accounting/exact")));
	assert_true(json_is_true(at(answer, "10002/accounting/exact")));
	json_decref(read);
	free(body.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(ports_exact_lists_by_uuid_and_adds_up),
		WORLD_TEST(the_system_summary_is_the_same_in_both_places),
		WORLD_TEST(one_key_s_port_is_that_of_the_simple_answer),
		WORLD_TEST(one_key_s_statistics_have_every_member),
		WORLD_TEST(a_ratio_has_two_decimals),
		WORLD_TEST(all_statistics_add_up_to_the_total),
		WORLD_TEST(one_key_s_traffic_is_told_in_bytes),
		WORLD_TEST(the_status_bills_no_key_for_a_shared_port),
		WORLD_TEST(every_answer_about_one_key_refuses_a_shared_port),
		WORLD_TEST(delivered_bytes_that_mptcp_may_have_twice_are_not_exact),
		cmocka_unit_test(the_older_resets_have_their_own_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
