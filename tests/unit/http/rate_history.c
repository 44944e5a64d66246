// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rate history and the bytes of each hour, over HTTP. */
#include "unit/http/http_fixture.h"

#define UUID_1 "00000000-0000-4000-8000-000000000001"

static json_t *get_json(const char *path)
{
	struct client_answer answer = get(path, "");
	json_t *read = json_loads(answer.body, 0, NULL);

	assert_int_equal(answer.status, 200);
	assert_non_null(read);
	client_answer_free(&answer);
	return read;
}

static long long integer(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void rates_are_numbers_with_a_start(void **state)
{
	static const char *const paths[] = { "/api/keys/key-1/traffic/rates",
					     "/api/keys/" UUID_1 "/traffic/rates" };

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(paths); i++) {
		json_t *read = get_json(paths[i]);
		const json_t *tx = json_object_get(read, "tx");

		assert_string_equal(
			json_string_value(json_object_get(json_object_get(read, "key"), "id")),
			"key-1");
		assert_string_equal(json_string_value(json_object_get(read, "unit")), "wire");
		assert_true(json_real_value(json_object_get(read, "start")) ==
			    (double)FAKE_RATES_US / 1e6);
		assert_int_equal(integer(read, "step_s"), 10);
		assert_int_equal(json_array_size(json_object_get(read, "rx")), 3);
		assert_int_equal(json_array_size(tx), 3);
		assert_int_equal(json_integer_value(json_array_get(tx, 2)), 3000);
		json_decref(read);
	}
}

static void a_key_without_a_port_has_zeros(void **state)
{
	json_t *read = get_json("/api/keys/portless/traffic/rates");
	const json_t *rx = json_object_get(read, "rx");

	(void)state;
	assert_int_equal(json_array_size(rx), 3);
	assert_int_equal(json_integer_value(json_array_get(rx, 2)), 0);
	json_decref(read);
}

static void an_hour_that_is_repeated_is_listed_twice(void **state)
{
	json_t *read = get_json("/api/keys/key-1/traffic/hours?from=2025-10-26&to=2025-10-26");
	const json_t *data = json_object_get(read, "data");
	const json_t *hours = json_object_get(data, "hours");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(data, "key_id")), "key-1");
	assert_string_equal(json_string_value(json_object_get(data, "from")), "2025-10-26");
	assert_int_equal(json_array_size(hours), 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *hour = json_array_get(hours, i);

		assert_int_equal(integer(hour, "start"), FAKE_HOUR_S + 3600 * (long long)i);
		assert_int_equal(integer(hour, "utc_offset_s"), i ? 3600 : 7200);
		assert_int_equal(integer(hour, "rx_bytes"), FAKE_RX_WIRE);
		assert_int_equal(integer(hour, "tx_bytes"), FAKE_TX_WIRE);
		assert_int_equal(integer(hour, "total_bytes"), FAKE_RX_WIRE + FAKE_TX_WIRE);
		assert_int_equal(integer(hour, "max_connections"), FAKE_CONNECTIONS);
		assert_int_equal(integer(hour, "sessions"), FAKE_SESSIONS);
	}
	json_decref(read);
}

static void without_dates_the_hours_are_those_of_today(void **state)
{
	json_t *read = get_json("/api/keys/key-1/traffic/hours");
	const json_t *data = json_object_get(read, "data");
	const char *from = json_string_value(json_object_get(data, "from"));

	(void)state;
	assert_int_equal(strlen(from), 10);
	assert_string_equal(from, json_string_value(json_object_get(data, "to")));
	assert_int_equal(json_array_size(json_object_get(data, "hours")), 0);
	json_decref(read);
}

static void wrong_dates_are_refused(void **state)
{
	static const char *const queries[] = {
		"from=2025-10-32&to=2025-11-01", "from=2025-10-26&to=2025-02-30",
		"from=&to=2025-10-26",           "to=yesterday",
		"from=2025-10-27&to=2025-10-26", "from=2024-01-01&to=2025-10-26",
		"from=2025-1-1&to=2025-10-26",   "to=%ff%00",
	};
	char path[128];

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(queries); i++) {
		snprintf(path, sizeof(path), "/api/keys/key-1/traffic/hours?%s", queries[i]);
		assert_status("GET", path, 422, "bad_parameter");
	}
	assert_status("GET", "/api/keys/key-1/traffic/hours?from=2024-09-22&to=2025-10-26", 200,
		      NULL);
	assert_status("GET", "/api/keys/key-1/traffic/hours?from=1970-01-01&to=1970-01-01", 200,
		      NULL);
}

static void a_key_without_figures_of_its_own_gets_an_error(void **state)
{
	(void)state;
	assert_status("GET", "/api/keys/nobody/traffic/rates", 404, "key_not_found");
	assert_status("GET", "/api/keys/nobody/traffic/hours", 404, "key_not_found");
	assert_status("GET", "/api/keys/shared-a/traffic/rates", 409, "shared_port");
	assert_status("GET", "/api/keys/shared-a/traffic/hours", 200, NULL);
	fake_meter_set_history_verdict(server.fake, V2M_UNREADABLE);
	assert_status("GET", "/api/keys/key-1/traffic/rates", 503, "unreadable");
	assert_status("GET", "/api/keys/key-2/traffic/hours", 503, "unreadable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(rates_are_numbers_with_a_start),
		HTTP_TEST(a_key_without_a_port_has_zeros),
		HTTP_TEST(an_hour_that_is_repeated_is_listed_twice),
		HTTP_TEST(without_dates_the_hours_are_those_of_today),
		HTTP_TEST(wrong_dates_are_refused),
		HTTP_TEST(a_key_without_figures_of_its_own_gets_an_error),
	};

	return cmocka_run_group_tests_name("http_rate_history", tests, start_server, stop_server);
}
