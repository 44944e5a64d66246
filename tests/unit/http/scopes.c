// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What each scope opens, wrong keys one after the other, and names of other servers. */
#include "unit/http/http_fixture.h"

#include <time.h>

#include "base/clock.h"

static int ask_with(const char *method, const char *path, const char *key, const char *host)
{
	struct client_answer answer;
	char request[1024];
	int status;

	snprintf(request, sizeof(request),
		 "%s %s HTTP/1.1\r\nHost: %s\r\nX-API-Key: %s\r\nContent-Length: 2\r\n\r\n{}",
		 method, path, host, key);
	answer = client_ask(server.port, request);
	status = answer.status;
	client_answer_free(&answer);
	return status;
}

/* One request for each scope, tried with a key of each scope alone. */
static void each_scope_opens_its_own(void **state)
{
	static const struct {
		const char *method;
		const char *path;
		unsigned opened_by;
	} requests[] = {
		{ "GET", "/api/traffic/simple", V2M_SCOPE_READ },
		{ "GET", "/api/keys", V2M_SCOPE_READ },
		{ "GET", "/api/keys/nobody", V2M_SCOPE_READ },
		{ "GET", "/api/traffic/history", V2M_SCOPE_READ },
		{ "GET", "/api/meter/status", V2M_SCOPE_READ },
		{ "GET", "/api/meter/export", V2M_SCOPE_READ },
		{ "HEAD", "/api/traffic/simple", V2M_SCOPE_READ },
		{ "POST", "/api/keys", V2M_SCOPE_READ },
		{ "GET", "/metrics", V2M_SCOPE_READ | V2M_SCOPE_METRICS },
		{ "POST", "/api/keys/nobody/traffic/simple/reset", V2M_SCOPE_RESET },
		{ "POST", "/api/keys/nobody/traffic/reset", V2M_SCOPE_RESET },
		{ "POST", "/api/keys/nobody/traffic/port/reset", V2M_SCOPE_RESET },
		{ "POST", "/api/keys/nobody/traffic/history/reset", V2M_SCOPE_RESET },
		{ "POST", "/api/traffic/history/cleanup", V2M_SCOPE_ADMIN },
		{ "POST", "/api/meter/import", V2M_SCOPE_ADMIN },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(requests); i++)
		for (unsigned scope = 1; scope <= V2M_SCOPES_ALL; scope <<= 1) {
			char key[64];
			int status;

			snprintf(key, sizeof(key), FAKE_API_KEY "-%s", v2m_scope_name(scope));
			status = ask_with(requests[i].method, requests[i].path, key, "127.0.0.1");
			if ((status == 403) == ((requests[i].opened_by & scope) != 0))
				fail_msg("%s %s with %s: %d", requests[i].method, requests[i].path,
					 v2m_scope_name(scope), status);
			assert_int_not_equal(status, 401);
		}
}

static void a_key_without_the_scope_is_told_which_one(void **state)
{
	struct client_answer answer = client_ask(
		server.port, "POST /api/keys/x/traffic/simple/reset HTTP/1.1\r\nHost: 127.0.0.1\r\n"
			     "Authorization: Bearer " FAKE_API_KEY "-read\r\n\r\n");

	(void)state;
	assert_int_equal(answer.status, 403);
	assert_string_equal(answer.body,
			    "{\"detail\":\"This API key may not do that: it does not have the "
			    "scope \\\"reset\\\".\",\"code\":\"forbidden\"}");
	client_answer_free(&answer);
}

/* The counting process has the last word. */
static void a_meter_that_refuses_the_scope_is_believed(void **state)
{
	(void)state;
	fake_meter_set_reset_verdict(server.fake, V2M_OUT_OF_SCOPE);
	assert_status("POST", "/api/keys/key-1/traffic/simple/reset", 403, "forbidden");
	fake_meter_set_reset_verdict(server.fake, V2M_FORBIDDEN);
	assert_status("POST", "/api/keys/key-1/traffic/simple/reset", 401, "unauthorized");
}

static void the_status_tells_a_client_what_it_may_do(void **state)
{
	struct client_answer answer = client_ask(
		server.port,
		"GET /api/meter/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: " FAKE_API_KEY
		"-read\r\n\r\n");
	json_t *read = json_loads(answer.body, 0, NULL);
	json_t *key = json_object_get(read, "api_key");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(key, "name")), "only-read");
	assert_int_equal(json_array_size(json_object_get(key, "scopes")), 1);
	json_decref(read);
	client_answer_free(&answer);
}

/* If no names are listed, only what a browser could show without a key is refused. */
static void under_a_foreign_name_there_is_no_page(void **state)
{
	(void)state;
	assert_int_equal(ask_with("GET", "/ui", FAKE_API_KEY, "localhost:1"), 200);
	assert_int_equal(ask_with("GET", "/ui", FAKE_API_KEY, "evil.example"), 421);
	assert_int_equal(ask_with("GET", "/ui/app.js", FAKE_API_KEY, "evil.example"), 421);
	assert_int_equal(ask_with("GET", "/health", "wrong", "evil.example"), 200);
	assert_int_equal(ask_with("GET", "/api/keys", FAKE_API_KEY, "evil.example"), 200);
}

static void if_names_are_listed_others_are_refused(void **state)
{
	char *names[] = { (char *)"meter.example" };

	(void)state;
	test_hosts = (struct v2m_strings){ .items = names, .count = 1 };
	assert_int_equal(ask_with("GET", "/api/keys", FAKE_API_KEY, "evil.example"), 421);
	assert_int_equal(ask_with("GET", "/api/keys", FAKE_API_KEY, "meter.example:80"), 200);
	assert_int_equal(ask_with("GET", "/api/keys", FAKE_API_KEY, "192.0.2.1"), 200);
	assert_int_equal(ask_with("GET", "/ui", "", "meter.example"), 200);
	assert_int_equal(ask_with("GET", "/healthz", "", "evil.example"), 200);
	test_hosts = (struct v2m_strings){ 0 };
}

/* The last test: afterwards this address is slow. */
static void wrong_keys_are_slowed_down_and_valid_ones_are_not(void **state)
{
	struct client_answer answer;
	uint64_t start_ns;
	int held;

	(void)state;
	start_ns = v2m_clock_mono_ns();
	for (int i = 0; i < 10; i++)
		assert_int_equal(ask_with("GET", "/api/keys", "wrong", "127.0.0.1"), 401);
	held = client_connect(server.port);
	client_send(held, "GET /api/keys HTTP/1.1\r\nX-API-Key: also-wrong\r\n\r\n");
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ask_with("GET", "/api/keys", FAKE_API_KEY, "127.0.0.1"), 200);
		assert_int_equal(ask_with("GET", "/health", "", "127.0.0.1"), 200);
	}
	/* If they had waited as well, it would be twenty seconds. */
	assert_true(v2m_clock_mono_ns() - start_ns < 10000000000);
	answer = client_read(held, false);
	assert_int_equal(answer.status, 401);
	client_answer_free(&answer);
	/* Ten are free, and the eleventh comes a second after the first. */
	assert_true(v2m_clock_mono_ns() - start_ns >= 1000000000);
	close(held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(each_scope_opens_its_own),
		HTTP_TEST(a_key_without_the_scope_is_told_which_one),
		HTTP_TEST(a_meter_that_refuses_the_scope_is_believed),
		HTTP_TEST(the_status_tells_a_client_what_it_may_do),
		HTTP_TEST(under_a_foreign_name_there_is_no_page),
		HTTP_TEST(if_names_are_listed_others_are_refused),
		HTTP_TEST(wrong_keys_are_slowed_down_and_valid_ones_are_not),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
