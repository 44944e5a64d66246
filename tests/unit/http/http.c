// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Authentication, and the answer to every kind of wrong request. */
#include "unit/http/http_fixture.h"

#define UUID_1 "00000000-0000-4000-8000-00000000000"

static const char unauthorized[] =
	"{\"detail\":\"Invalid API key. Use X-API-Key header with the correct key.\","
	"\"code\":\"unauthorized\"}";

static void assert_unauthorized(const char *request)
{
	struct client_answer answer = client_ask(server.port, request);

	assert_int_equal(answer.status, 401);
	assert_string_equal(answer.body, unauthorized);
	client_answer_free(&answer);
}

static void both_headers_authenticate(void **state)
{
	static const char *const requests[] = {
		"GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: test-key\r\n\r\n",
		"GET /api/keys HTTP/1.1\r\nHost: x\r\nx-api-key:   test-key\r\n\r\n",
		"GET /api/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer test-key\r\n\r\n",
		"GET /api/keys HTTP/1.1\r\nHost: x\r\nAuthorization: bearer  test-key\r\n\r\n",
		"GET /api/keys HTTP/1.0\r\nX-API-Key: test-key\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(requests); i++) {
		struct client_answer answer = client_ask(server.port, requests[i]);

		assert_int_equal(answer.status, 200);
		client_answer_free(&answer);
	}
}

static void without_the_api_key_nothing_is_told(void **state)
{
	(void)state;
	assert_unauthorized("GET /api/keys HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_unauthorized("GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: \r\n\r\n");
	assert_unauthorized("GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: test-ke\r\n\r\n");
	assert_unauthorized("GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: test-keyy\r\n\r\n");
	assert_unauthorized("GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: Test-key\r\n\r\n");
	assert_unauthorized(
		"GET /api/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Basic test-key\r\n\r\n");
	/* Whether a path exists is not told either. */
	assert_unauthorized("GET /api/no-such-path HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_unauthorized("POST /api/traffic/simple HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_unauthorized("GET /api/keys/%00 HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void a_very_long_api_key_is_wrong_and_no_more(void **state)
{
	char request[4096];
	char key[2000];

	(void)state;
	memset(key, 'k', sizeof(key));
	key[sizeof(key) - 1] = 0;
	memcpy(key, "test-key", 8);
	snprintf(request, sizeof(request),
		 "GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", key);
	assert_unauthorized(request);
}

static void open_paths_need_no_api_key(void **state)
{
	static const char *const paths[][2] = {
		{ "/", "\"status\":\"running\"" },
		{ "/api/", "\"version\":\"" V2M_VERSION "\"" },
		{ "/health", "{\"status\":\"healthy\"}" },
		{ "/healthz", "{\"status\":\"ok\"}" },
	};
	char request[128];

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(paths); i++) {
		struct client_answer answer;

		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n",
			 paths[i][0]);
		answer = client_ask(server.port, request);
		assert_int_equal(answer.status, 200);
		assert_non_null(strstr(answer.body, paths[i][1]));
		client_answer_free(&answer);
	}
}

static void health_tells_degraded_and_unavailable(void **state)
{
	struct client_answer answer;

	(void)state;
	fake_meter_set_health(server.fake, true, "links_repaired");
	answer = get("/healthz", "");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "{\"status\":\"degraded\",\"reason\":\"links_repaired\"}");
	client_answer_free(&answer);
	fake_meter_set_health(server.fake, false, "maps_gone");
	assert_status("GET", "/health", 503, "unreadable");
}

static void paths_that_are_not_ours_are_404(void **state)
{
	(void)state;
	assert_status("GET", "/nothing", 404, "not_found");
	assert_status("GET", "/api/traffic/simple/", 404, "not_served");
	assert_status("GET", "/api/system/info", 404, "not_served");
	assert_status("POST", "/api/keys", 404, "not_served");
	assert_status("DELETE", "/api/keys/key-1", 404, "not_served");
	assert_status("GET", "/api/keys/key-1/config", 404, "not_served");
	assert_status("GET", "/api/keys//traffic/simple", 404, "not_served");
	assert_status("GET", "/../../etc/passwd", 404, "not_found");
}

static void a_wrong_method_is_405_and_names_the_right_ones(void **state)
{
	struct client_answer answer;

	(void)state;
	answer = client_request(server.port, "POST", "/api/traffic/simple", "");
	assert_int_equal(answer.status, 405);
	assert_string_equal(client_answer_header(&answer, "Allow"), "GET, HEAD");
	client_answer_free(&answer);
	answer = client_request(server.port, "GET", "/api/keys/key-1/traffic/simple/reset", "");
	assert_int_equal(answer.status, 405);
	assert_string_equal(client_answer_header(&answer, "Allow"), "POST");
	client_answer_free(&answer);
	answer = client_request(server.port, "OPTIONS", "/api/keys", "Origin: http://evil\r\n");
	assert_int_equal(answer.status, 405);
	assert_null(client_answer_header(&answer, "Access-Control-Allow-Origin"));
	client_answer_free(&answer);
}

static void a_preflight_from_another_origin_gets_no_permission(void **state)
{
	struct client_answer answer =
		client_ask(server.port, "OPTIONS /api/keys HTTP/1.1\r\nHost: x\r\n"
					"Origin: http://evil\r\n"
					"Access-Control-Request-Method: GET\r\n\r\n");

	(void)state;
	assert_int_equal(answer.status, 401);
	assert_null(client_answer_header(&answer, "Access-Control-Allow-Origin"));
	assert_null(client_answer_header(&answer, "Access-Control-Allow-Methods"));
	client_answer_free(&answer);
}

static void a_key_is_found_by_id_and_uuid_in_any_case(void **state)
{
	(void)state;
	assert_status("GET", "/api/keys/key-1", 200, NULL);
	assert_status("GET", "/api/keys/key%2D1", 200, NULL);
	assert_status("GET", "/api/keys/%6bey-1/traffic/simple", 200, NULL);
	assert_status("GET", "/api/keys/" UUID_1 "1", 200, NULL);
	assert_status("GET", "/api/keys/KEY-1", 404, "key_not_found");
}

static void an_unknown_key_is_not_found(void **state)
{
	struct client_answer answer = get("/api/keys/nobody/traffic/simple", "");

	(void)state;
	assert_int_equal(answer.status, 404);
	assert_string_equal(answer.body,
			    "{\"detail\":\"Key not found\",\"code\":\"key_not_found\"}");
	client_answer_free(&answer);
	assert_status("GET", "/api/keys/nobody", 404, "key_not_found");
	assert_status("POST", "/api/keys/nobody/traffic/simple/reset", 404, "key_not_found");
	assert_status("POST", "/api/keys/nobody/traffic/port/reset", 404, "key_not_found");
}

static void a_wrong_encoding_is_refused(void **state)
{
	static const char *const ids[] = { "%00", "key-1%00", "%", "%4", "%zz", "key-%g1" };
	char path[64];

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(ids); i++) {
		snprintf(path, sizeof(path), "/api/keys/%s", ids[i]);
		assert_status("GET", path, 422, "bad_parameter");
	}
}

static void a_shared_port_is_refused_on_every_key_path(void **state)
{
	(void)state;
	assert_status("GET", "/api/keys/shared-a/traffic/simple", 409, "shared_port");
	assert_status("GET", "/api/keys/shared-a/traffic", 409, "shared_port");
	assert_status("GET", "/api/keys/shared-a/traffic/exact", 409, "shared_port");
	assert_status("GET", "/api/keys/shared-b/traffic/port/exact", 409, "shared_port");
	assert_status("POST", "/api/keys/shared-a/traffic/simple/reset", 409, "shared_port");
	assert_status("POST", "/api/keys/shared-a/traffic/reset", 409, "shared_port");
	assert_status("POST", "/api/keys/shared-b/traffic/port/reset", 409, "shared_port");
	assert_status("GET", "/api/keys/shared-a", 200, NULL);
}

static void an_inactive_key_is_refused_on_the_older_paths_only(void **state)
{
	struct client_answer answer = get("/api/keys/inactive/traffic/exact", "");

	(void)state;
	assert_int_equal(answer.status, 400);
	assert_non_null(strstr(answer.body, "\"detail\":\"Key is not active\""));
	client_answer_free(&answer);
	assert_status("GET", "/api/keys/inactive/traffic/port/exact", 400, "key_not_active");
	assert_status("POST", "/api/keys/inactive/traffic/port/reset", 400, "key_not_active");
	assert_status("GET", "/api/keys/inactive/traffic/simple", 200, NULL);
	assert_status("GET", "/api/keys/inactive/traffic", 200, NULL);
	assert_status("POST", "/api/keys/inactive/traffic/reset", 200, NULL);
}

static void counters_that_cannot_be_read_are_503(void **state)
{
	(void)state;
	fake_meter_set_window_verdict(server.fake, V2M_UNREADABLE);
	assert_status("GET", "/api/traffic/simple", 503, "unreadable");
	assert_status("GET", "/api/keys/key-1/traffic/exact", 503, "unreadable");
	fake_meter_set_reset_verdict(server.fake, V2M_UNREADABLE);
	assert_status("POST", "/api/keys/key-1/traffic/simple/reset", 503, "unreadable");
}

static void a_reset_that_cannot_be_stored_is_503(void **state)
{
	(void)state;
	fake_meter_set_reset_verdict(server.fake, V2M_NOT_STORED);
	assert_status("POST", "/api/keys/key-1/traffic/simple/reset", 503, "not_stored");
}

static json_int_t integer_in(const char *body, const char *name)
{
	json_t *read = json_loads(body, 0, NULL);
	json_t *traffic = json_object_get(read, "traffic");
	const json_t *value = json_object_get(traffic ? traffic : read, name);
	json_int_t integer;

	assert_true(json_is_integer(value));
	integer = json_integer_value(value);
	json_decref(read);
	return integer;
}

static void a_reset_closes_what_was_counted_and_starts_a_window(void **state)
{
	struct client_answer before = get("/api/keys/key-2/traffic/simple", "");
	struct client_answer reset =
		client_request(server.port, "POST", "/api/keys/key-2/traffic/simple/reset", "");
	struct client_answer after = get("/api/keys/key-2/traffic/simple", "");
	json_int_t closed;

	(void)state;
	assert_int_equal(reset.status, 200);
	closed = integer_in(reset.body, "previous_total");
	assert_true(closed > integer_in(before.body, "total_bytes"));
	assert_int_equal(closed, integer_in(reset.body, "previous_upload") +
					 integer_in(reset.body, "previous_download"));
	assert_int_equal(integer_in(after.body, "total_bytes"), FAKE_RX_WIRE + FAKE_TX_WIRE);
	client_answer_free(&before);
	client_answer_free(&reset);
	client_answer_free(&after);
}

static void a_reset_without_a_port_says_it_failed(void **state)
{
	struct client_answer answer =
		client_request(server.port, "POST", "/api/keys/portless/traffic/simple/reset", "");

	(void)state;
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "\"status\":\"error\""));
	assert_non_null(strstr(answer.body, "\"success\":false"));
	client_answer_free(&answer);
}

static json_t *get_data(const char *path)
{
	struct client_answer answer = get(path, "");
	json_t *read = json_loads(answer.body, 0, NULL);
	json_t *data = json_incref(json_object_get(read, "data"));

	assert_int_equal(answer.status, 200);
	json_decref(read);
	client_answer_free(&answer);
	return data;
}

static void assert_month(const char *path, const char *month, json_int_t bytes)
{
	json_t *data = get_data(path);

	assert_string_equal(json_string_value(json_object_get(data, "year_month")), month);
	assert_int_equal(json_integer_value(json_object_get(data, "total_traffic_bytes")), bytes);
	json_decref(data);
}

static void history_is_asked_for_by_month(void **state)
{
	const json_int_t month = 15 * 2 * (FAKE_RX_WIRE + FAKE_TX_WIRE);

	(void)state;
	assert_month("/api/traffic/monthly", "2025-08", month);
	assert_month("/api/traffic/monthly?year_month=2025-08", "2025-08", month);
	assert_month("/api/traffic/monthly?x=1&year_month=2025%2d07&year_month=9", "2025-07", 0);
}

static void a_wrong_date_is_422(void **state)
{
	static const char *const paths[] = {
		"/api/traffic/daily/today",
		"/api/traffic/daily/2025-02-29",
		"/api/traffic/daily/2025-2-9",
		"/api/traffic/monthly?year_month=2025-13",
		"/api/traffic/monthly?year_month=",
		"/api/traffic/monthly?year_month=%00",
		"/api/traffic/monthly?year_month=2025-08-04T00:00:00",
		"/api/keys/key-1/traffic/monthly?year_month=x",
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(paths); i++)
		assert_status("GET", paths[i], 422, "bad_parameter");
}

static void days_to_keep_are_a_number(void **state)
{
	static const char *const path = "/api/traffic/history/cleanup";
	static const char *const wrong[] = { "x", "-1", "100001", "", "30d", "+3", "1e2" };
	char query[128];

	(void)state;
	assert_status("POST", path, 200, NULL);
	assert_int_equal(fake_meter_days_kept(server.fake), 30);
	snprintf(query, sizeof(query), "%s?days_to_keep=0", path);
	assert_status("POST", query, 200, NULL);
	assert_int_equal(fake_meter_days_kept(server.fake), 0);
	for (size_t i = 0; i < V2M_ARRAY_LEN(wrong); i++) {
		snprintf(query, sizeof(query), "%s?days_to_keep=%s", path, wrong[i]);
		assert_status("POST", query, 422, "bad_parameter");
	}
	assert_int_equal(fake_meter_days_kept(server.fake), 0);
}

static void a_reset_of_the_history_shows_at_once(void **state)
{
	json_t *before = get_data("/api/keys/key-4/traffic/history");
	json_t *after;

	(void)state;
	assert_status("POST", "/api/keys/key-4/traffic/history/reset", 200, NULL);
	after = get_data("/api/keys/key-4/traffic/history");
	assert_int_equal(json_object_size(json_object_get(before, "daily_stats")), 2);
	assert_int_equal(json_object_size(json_object_get(after, "daily_stats")), 0);
	json_decref(before);
	json_decref(after);
}

static void history_has_the_same_errors_as_other_answers(void **state)
{
	(void)state;
	assert_status("GET", "/api/keys/nobody/traffic/history", 404, "key_not_found");
	assert_status("GET", "/api/keys/nobody/traffic/monthly", 404, "key_not_found");
	assert_status("POST", "/api/keys/nobody/traffic/history/reset", 404, "key_not_found");
	assert_status("GET", "/api/keys/shared-a/traffic/history", 200, NULL);
	assert_status("GET", "/api/keys/shared-a/traffic/monthly", 200, NULL);
	assert_status("POST", "/api/keys/shared-a/traffic/history/reset", 409, "shared_port");
	fake_meter_set_history_verdict(server.fake, V2M_UNREADABLE);
	assert_status("GET", "/api/traffic/daily/2031-01-01", 503, "unreadable");
	assert_status("GET", "/api/traffic/monthly?year_month=2031-01", 503, "unreadable");
	fake_meter_set_history_verdict(server.fake, V2M_OK);
	assert_status("GET", "/api/traffic/daily/2031-01-01", 200, NULL);
	fake_meter_set_reset_verdict(server.fake, V2M_NOT_STORED);
	assert_status("POST", "/api/keys/key-1/traffic/history/reset", 503, "not_stored");
	assert_status("POST", "/api/traffic/history/cleanup", 503, "not_stored");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(both_headers_authenticate),
		HTTP_TEST(without_the_api_key_nothing_is_told),
		HTTP_TEST(a_very_long_api_key_is_wrong_and_no_more),
		HTTP_TEST(open_paths_need_no_api_key),
		HTTP_TEST(health_tells_degraded_and_unavailable),
		HTTP_TEST(paths_that_are_not_ours_are_404),
		HTTP_TEST(a_wrong_method_is_405_and_names_the_right_ones),
		HTTP_TEST(a_preflight_from_another_origin_gets_no_permission),
		HTTP_TEST(a_key_is_found_by_id_and_uuid_in_any_case),
		HTTP_TEST(an_unknown_key_is_not_found),
		HTTP_TEST(a_wrong_encoding_is_refused),
		HTTP_TEST(a_shared_port_is_refused_on_every_key_path),
		HTTP_TEST(an_inactive_key_is_refused_on_the_older_paths_only),
		HTTP_TEST(counters_that_cannot_be_read_are_503),
		HTTP_TEST(a_reset_that_cannot_be_stored_is_503),
		HTTP_TEST(a_reset_closes_what_was_counted_and_starts_a_window),
		HTTP_TEST(a_reset_without_a_port_says_it_failed),
		HTTP_TEST(history_is_asked_for_by_month),
		HTTP_TEST(a_wrong_date_is_422),
		HTTP_TEST(days_to_keep_are_a_number),
		HTTP_TEST(a_reset_of_the_history_shows_at_once),
		HTTP_TEST(history_has_the_same_errors_as_other_answers),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
