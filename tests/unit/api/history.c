// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/api/api_fixture.h"
#include "api/history.h"

#define DAY_RX FAKE_RX_WIRE
#define DAY_TX FAKE_TX_WIRE
#define DAY    (FAKE_RX_WIRE + FAKE_TX_WIRE)

static json_t *ask(const struct world *world, v2m_render function, const char *key, int32_t month,
		   int32_t date)
{
	enum v2m_verdict verdict = V2M_UNREADABLE;
	const struct v2m_history_argument argument = {
		.meter = fake_meter(world->fake),
		.query = { .id_or_uuid = key, .month = month },
		.date = date,
		.verdict = &verdict,
	};
	struct v2m_body body = { 0 };
	json_t *read;

	assert_int_equal(function(world->snapshot, V2M_API_BYTES_WIRE, &argument, &body), 0);
	assert_int_equal(verdict, V2M_OK);
	assert_int_equal(body.status, 200);
	read = json_loads(body.data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(read);
	free(body.data);
	assert_text(read, "status", "success");
	assert_text(read, "timestamp", "2025-08-04T11:45:39.255796");
	return read;
}

static void assert_figures(const json_t *figures, unsigned days)
{
	assert_integer(figures, "rx_bytes", (json_int_t)days * DAY_RX);
	assert_integer(figures, "tx_bytes", (json_int_t)days * DAY_TX);
	assert_integer(figures, "total_bytes", (json_int_t)days * DAY);
}

static void assert_day(const json_t *day, unsigned days)
{
	assert_figures(day, days);
	assert_integer(day, "max_connections", FAKE_CONNECTIONS);
	assert_integer(day, "sessions", (json_int_t)days * FAKE_SESSIONS);
}

static void assert_history_key(const json_t *entry)
{
	assert_text(entry, "key_uuid", UUID_1);
	assert_text(entry, "key_name", "user1@example.com");
	assert_integer(entry, "port", 10002);
	assert_text(entry, "created_at", "2025-08-04T11:45:39.255796");
	assert_text(entry, "last_activity", "2025-08-04T11:46:39.000000");
	assert_true(json_is_true(at(entry, "is_active")));
}

static void assert_total_traffic(const json_t *entry)
{
	assert_figures(at(entry, "total_traffic"), 2);
	assert_integer(entry, "total_traffic/total_connections", FAKE_CONNECTIONS);
	assert_text(entry, "total_traffic/total_formatted", "8.79 KB");
	assert_text(entry, "total_traffic/rx_formatted", "2.93 KB");
	assert_text(entry, "total_traffic/tx_formatted", "5.86 KB");
}

static void assert_sums(const json_t *data, json_int_t subjects)
{
	assert_integer(data, "total_keys", 6);
	assert_integer(data, "total_traffic_bytes", subjects * 2 * DAY);
	assert_integer(data, "total_rx_bytes", subjects * 2 * DAY_RX);
	assert_integer(data, "total_tx_bytes", subjects * 2 * DAY_TX);
	assert_true(json_is_string(at(data, "total_traffic_formatted")));
	assert_true(json_is_string(at(data, "total_rx_formatted")));
	assert_true(json_is_string(at(data, "total_tx_formatted")));
}

static void the_history_lists_every_key_and_shared_port(void **state)
{
	json_t *answer = ask(*state, v2m_api_history, NULL, V2M_ALL_TIME, 0);
	const json_t *keys = at(answer, "data/keys");
	const json_t *shared;

	assert_int_equal(json_array_size(keys), 7);
	assert_sums(at(answer, "data"), 7);
	assert_integer(answer, "data/active_keys", 2);
	assert_history_key(json_array_get(keys, 1));
	assert_total_traffic(json_array_get(keys, 1));
	assert_true(json_is_null(at(json_array_get(keys, 3), "port")));
	assert_true(json_is_true(at(json_array_get(keys, 4), "shares_port")));
	shared = json_array_get(keys, 6);
	assert_true(json_is_null(at(shared, "key_uuid")));
	assert_true(json_is_null(at(shared, "last_activity")));
	assert_true(json_is_true(at(shared, "shared")));
	assert_int_equal(json_array_size(at(shared, "keys")), 2);
	json_decref(answer);
}

static void one_key_s_history_has_its_days(void **state)
{
	json_t *answer = ask(*state, v2m_api_key_history, "key-1", V2M_ALL_TIME, 0);
	const json_t *data = at(answer, "data");

	assert_history_key(data);
	assert_total_traffic(data);
	assert_int_equal(json_object_size(at(data, "daily_stats")), 2);
	assert_day(at(data, "daily_stats/2025-08-03"), 1);
	assert_day(at(data, "daily_stats/2025-08-04"), 1);
	json_decref(answer);
}

static void a_day_is_told_for_all_together(void **state)
{
	json_t *answer = ask(*state, v2m_api_history_date, NULL, 0, FAKE_DAY_2);

	assert_text(answer, "data/date", "2025-08-04");
	assert_integer(answer, "data/total_bytes", 5 * DAY);
	assert_integer(answer, "data/total_connections", 5 * FAKE_CONNECTIONS);
	assert_integer(answer, "data/total_sessions", 5 * FAKE_SESSIONS);
	assert_integer(answer, "data/active_keys", 5);
	assert_text(answer, "data/total_formatted", "21.97 KB");
	json_decref(answer);
	answer = ask(*state, v2m_api_history_date, NULL, 0, 20000101);
	assert_integer(answer, "data/total_bytes", 0);
	assert_text(answer, "data/total_formatted", "0 B");
	json_decref(answer);
}

static void a_month_lists_every_key_with_its_month(void **state)
{
	json_t *answer = ask(*state, v2m_api_month, NULL, V2M_THIS_MONTH, 0);
	const json_t *entry = json_array_get(at(answer, "data/keys"), 1);

	assert_text(answer, "data/year_month", "2025-08");
	assert_sums(at(answer, "data"), 7);
	assert_integer(answer, "data/active_keys", 7);
	assert_integer(answer, "data/total_connections", 7 * FAKE_CONNECTIONS);
	assert_integer(answer, "data/total_sessions", 7 * 2 * FAKE_SESSIONS);
	assert_history_key(entry);
	assert_null(json_object_get(entry, "total_traffic"));
	assert_day(at(entry, "monthly_traffic"), 2);
	assert_text(entry, "monthly_traffic/total_formatted", "8.79 KB");
	assert_text(entry, "monthly_traffic/rx_formatted", "2.93 KB");
	assert_text(entry, "monthly_traffic/tx_formatted", "5.86 KB");
	json_decref(answer);
}

static void a_month_with_nothing_has_zeros(void **state)
{
	json_t *answer = ask(*state, v2m_api_month, NULL, 199912, 0);

	assert_text(answer, "data/year_month", "1999-12");
	assert_integer(answer, "data/total_traffic_bytes", 0);
	assert_integer(answer, "data/active_keys", 0);
	assert_integer(json_array_get(at(answer, "data/keys"), 1), "monthly_traffic/total_bytes",
		       0);
	json_decref(answer);
}

static void one_key_s_month_has_its_days(void **state)
{
	json_t *answer = ask(*state, v2m_api_key_month, "key-1", FAKE_MONTH, 0);
	const json_t *data = at(answer, "data");

	assert_history_key(data);
	assert_text(data, "year_month", "2025-08");
	assert_day(at(data, "monthly_traffic"), 2);
	assert_int_equal(json_object_size(at(data, "daily_breakdown")), 2);
	assert_day(at(data, "daily_breakdown/2025-08-04"), 1);
	json_decref(answer);
}

static void an_answer_that_cannot_be_had_is_not_rendered(void **state)
{
	static const v2m_render renderers[] = { v2m_api_history, v2m_api_key_history,
						v2m_api_history_date, v2m_api_month,
						v2m_api_key_month };
	const struct world *world = *state;
	enum v2m_verdict verdict;
	const struct v2m_history_argument argument = {
		.meter = fake_meter(world->fake),
		.verdict = &verdict,
	};
	struct v2m_body body = { 0 };

	fake_meter_set_history_verdict(world->fake, V2M_UNREADABLE);
	for (size_t i = 0; i < V2M_ARRAY_LEN(renderers); i++) {
		verdict = V2M_OK;
		assert_int_not_equal(
			renderers[i](world->snapshot, V2M_API_BYTES_WIRE, &argument, &body), 0);
		assert_int_equal(verdict, V2M_UNREADABLE);
		assert_null(body.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(the_history_lists_every_key_and_shared_port),
		WORLD_TEST(one_key_s_history_has_its_days),
		WORLD_TEST(a_day_is_told_for_all_together),
		WORLD_TEST(a_month_lists_every_key_with_its_month),
		WORLD_TEST(a_month_with_nothing_has_zeros),
		WORLD_TEST(one_key_s_month_has_its_days),
		WORLD_TEST(an_answer_that_cannot_be_had_is_not_rendered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
