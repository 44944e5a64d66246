// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "fake/fake_meter.h"
#include "http/http.h"
#include "http_client.h"

#define UUID_1 "00000000-0000-4000-8000-00000000000"

static const char unauthorized[] =
	"{\"detail\":\"Invalid API key. Use X-API-Key header with the correct key.\","
	"\"code\":\"unauthorized\"}";

static struct {
	struct fake_meter *fake;
	struct v2m_http *http;
	unsigned port;
} server;

static int start_on(const char *address, struct v2m_http **http, struct v2m_error *error)
{
	char copy[64];
	char *items[] = { copy };
	const struct v2m_strings listen = { .items = items, .count = 1 };
	const struct v2m_http_options options = {
		.listen = &listen,
		.api_key = "test-key",
		.meter = fake_meter(server.fake),
	};

	strcpy(copy, address);
	return v2m_http_start(&options, http, error);
}

static int start_server(void **state)
{
	const struct fake_options options = {
		.n_keys = 10,
		.n_connections = 60,
		.special = true,
		.window_ms = 600000,
	};
	struct v2m_error error;

	(void)state;
	server.fake = fake_meter_new(&options);
	if (start_on("127.0.0.1:0", &server.http, &error))
		return -1;
	server.port = v2m_http_port(server.http);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	v2m_http_stop(server.http);
	fake_meter_free(server.fake);
	return 0;
}

static int restore_meter(void **state)
{
	(void)state;
	fake_meter_set_window_verdict(server.fake, V2M_OK);
	fake_meter_set_reset_verdict(server.fake, V2M_OK);
	fake_meter_set_health(server.fake, true, NULL);
	return 0;
}

static struct answer get(const char *path, const char *more)
{
	return client_request(server.port, "GET", path, more);
}

static void assert_status(const char *method, const char *path, int status, const char *code)
{
	struct answer answer = client_request(server.port, method, path, "");
	json_t *read = json_loads(answer.body ? answer.body : "", JSON_DECODE_ANY, NULL);
	const char *said = json_string_value(json_object_get(read, "code"));

	assert_int_equal(answer.status, status);
	assert_string_equal(answer_header(&answer, "Content-Type"), "application/json");
	if (code) {
		assert_non_null(said);
		assert_string_equal(said, code);
		assert_true(json_is_string(json_object_get(read, "detail")));
	}
	json_decref(read);
	answer_free(&answer);
}

static void assert_unauthorized(const char *request)
{
	struct answer answer = client_ask(server.port, request);

	assert_int_equal(answer.status, 401);
	assert_string_equal(answer.body, unauthorized);
	answer_free(&answer);
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
		struct answer answer = client_ask(server.port, requests[i]);

		assert_int_equal(answer.status, 200);
		answer_free(&answer);
	}
}

static void without_the_key_nothing_is_told(void **state)
{
	(void)state;
	assert_unauthorized("GET /api/keys HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_unauthorized("GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: \r\n\r\n");
	assert_unauthorized("GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: test-ke\r\n\r\n");
	assert_unauthorized("GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: test-keyy\r\n\r\n");
	assert_unauthorized("GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: Test-key\r\n\r\n");
	assert_unauthorized(
		"GET /api/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Basic test-key\r\n\r\n");
	/* Not even whether a path exists. */
	assert_unauthorized("GET /api/no-such-path HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_unauthorized("POST /api/traffic/simple HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_unauthorized("GET /api/keys/%00 HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void a_very_long_key_is_only_wrong(void **state)
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

static void open_paths_need_no_key(void **state)
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
		struct answer answer;

		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n",
			 paths[i][0]);
		answer = client_ask(server.port, request);
		assert_int_equal(answer.status, 200);
		assert_non_null(strstr(answer.body, paths[i][1]));
		answer_free(&answer);
	}
}

static void health_tells_degraded_and_unavailable(void **state)
{
	struct answer answer;

	(void)state;
	fake_meter_set_health(server.fake, true, "links_repaired");
	answer = get("/healthz", "");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "{\"status\":\"degraded\",\"reason\":\"links_repaired\"}");
	answer_free(&answer);
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

static void a_wrong_method_is_405_and_says_the_right_ones(void **state)
{
	struct answer answer;

	(void)state;
	answer = client_request(server.port, "POST", "/api/traffic/simple", "");
	assert_int_equal(answer.status, 405);
	assert_string_equal(answer_header(&answer, "Allow"), "GET, HEAD");
	answer_free(&answer);
	answer = client_request(server.port, "GET", "/api/keys/key-1/traffic/simple/reset", "");
	assert_int_equal(answer.status, 405);
	assert_string_equal(answer_header(&answer, "Allow"), "POST");
	answer_free(&answer);
	answer = client_request(server.port, "OPTIONS", "/api/keys", "Origin: http://evil\r\n");
	assert_int_equal(answer.status, 405);
	assert_null(answer_header(&answer, "Access-Control-Allow-Origin"));
	answer_free(&answer);
}

static void a_preflight_from_another_origin_gets_no_permission(void **state)
{
	struct answer answer =
		client_ask(server.port, "OPTIONS /api/keys HTTP/1.1\r\nHost: x\r\n"
					"Origin: http://evil\r\n"
					"Access-Control-Request-Method: GET\r\n\r\n");

	(void)state;
	assert_int_equal(answer.status, 401);
	assert_null(answer_header(&answer, "Access-Control-Allow-Origin"));
	assert_null(answer_header(&answer, "Access-Control-Allow-Methods"));
	answer_free(&answer);
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
	struct answer answer = get("/api/keys/nobody/traffic/simple", "");

	(void)state;
	assert_int_equal(answer.status, 404);
	assert_string_equal(answer.body,
			    "{\"detail\":\"Key not found\",\"code\":\"key_not_found\"}");
	answer_free(&answer);
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

static void an_inactive_key_is_refused_where_the_contract_says(void **state)
{
	struct answer answer = get("/api/keys/inactive/traffic/exact", "");

	(void)state;
	assert_int_equal(answer.status, 400);
	assert_non_null(strstr(answer.body, "\"detail\":\"Key is not active\""));
	answer_free(&answer);
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
	struct answer before = get("/api/keys/key-2/traffic/simple", "");
	struct answer reset =
		client_request(server.port, "POST", "/api/keys/key-2/traffic/simple/reset", "");
	struct answer after = get("/api/keys/key-2/traffic/simple", "");
	json_int_t closed;

	(void)state;
	assert_int_equal(reset.status, 200);
	closed = integer_in(reset.body, "previous_total");
	assert_true(closed > integer_in(before.body, "total_bytes"));
	assert_int_equal(closed, integer_in(reset.body, "previous_upload") +
					 integer_in(reset.body, "previous_download"));
	assert_int_equal(integer_in(after.body, "total_bytes"), FAKE_RX_WIRE + FAKE_TX_WIRE);
	answer_free(&before);
	answer_free(&reset);
	answer_free(&after);
}

static void a_reset_without_a_port_says_it_failed(void **state)
{
	struct answer answer =
		client_request(server.port, "POST", "/api/keys/portless/traffic/simple/reset", "");

	(void)state;
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "\"status\":\"error\""));
	assert_non_null(strstr(answer.body, "\"success\":false"));
	answer_free(&answer);
}

static void two_reads_in_a_window_are_byte_identical(void **state)
{
	struct answer first = get("/api/traffic/simple", "");
	struct answer second = get("/api/traffic", "");
	unsigned readings = fake_meter_readings(server.fake);
	struct answer fresh = get("/api/traffic/simple", "Cache-Control: no-cache\r\n");

	(void)state;
	assert_string_equal(first.body, second.body);
	assert_string_equal(answer_header(&first, "Cache-Control"), "private, no-cache");
	assert_int_equal(fake_meter_readings(server.fake), readings + 1);
	assert_string_not_equal(first.body, fresh.body);
	answer_free(&first);
	answer_free(&second);
	answer_free(&fresh);
}

static void a_client_that_has_the_answer_gets_304(void **state)
{
	struct answer first = get("/api/traffic/simple", "");
	struct answer again;
	char condition[128];

	(void)state;
	snprintf(condition, sizeof(condition), "If-None-Match: W/%s\r\n",
		 answer_header(&first, "ETag"));
	again = get("/api/traffic/simple", condition);
	assert_int_equal(again.status, 304);
	assert_null(answer_header(&again, "Content-Length"));
	assert_string_equal(answer_header(&again, "Vary"), "Accept-Encoding");
	assert_non_null(strstr(condition, answer_header(&again, "ETag")));
	answer_free(&again);
	/* What has just been read is another answer. */
	again = get("/api/traffic/simple", "Cache-Control: no-cache\r\nIf-None-Match: \"x\"\r\n");
	assert_int_equal(again.status, 200);
	assert_null(strstr(condition, answer_header(&again, "ETag")));
	answer_free(&again);
	again = get("/api/traffic/simple", condition);
	assert_int_equal(again.status, 200);
	answer_free(&again);
	answer_free(&first);
}

static void gunzip(const struct answer *answer, char *text, size_t size)
{
	z_stream stream = {
		.next_in = (Bytef *)answer->body,
		.avail_in = (uInt)answer->length,
		.next_out = (Bytef *)text,
		.avail_out = (uInt)size - 1,
	};

	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	text[stream.total_out] = 0;
	inflateEnd(&stream);
}

static void gzip_carries_the_same_answer_under_another_tag(void **state)
{
	static char unpacked[1 << 20];
	struct answer plain = get("/api/traffic/simple", "");
	struct answer packed = get("/api/traffic/simple", "Accept-Encoding: gzip\r\n");
	struct answer again = get("/api/traffic/simple", "Accept-Encoding: gzip, br\r\n");
	char tag[128];

	(void)state;
	assert_string_equal(answer_header(&packed, "Content-Encoding"), "gzip");
	assert_string_equal(answer_header(&packed, "Vary"), "Accept-Encoding");
	gunzip(&packed, unpacked, sizeof(unpacked));
	assert_string_equal(unpacked, plain.body);
	assert_true(packed.length < plain.length / 3);
	assert_int_equal(packed.length, again.length);
	assert_memory_equal(packed.body, again.body, packed.length);
	strcpy(tag, answer_header(&plain, "ETag"));
	assert_string_not_equal(tag, answer_header(&packed, "ETag"));
	answer_free(&plain);
	answer_free(&packed);
	answer_free(&again);
}

static void a_small_answer_is_not_compressed(void **state)
{
	struct answer answer = get("/api/keys/key-1", "Accept-Encoding: gzip\r\n");

	(void)state;
	assert_null(answer_header(&answer, "Content-Encoding"));
	assert_int_equal(answer.body[0], '{');
	answer_free(&answer);
}

static void head_answers_as_get_without_the_body(void **state)
{
	struct answer whole = get("/api/traffic/simple", "");
	struct answer head = client_request(server.port, "HEAD", "/api/traffic/simple", "");
	char length[32];

	(void)state;
	assert_int_equal(head.status, 200);
	strcpy(length, answer_header(&whole, "Content-Length"));
	assert_string_equal(answer_header(&head, "Content-Length"), length);
	answer_free(&whole);
	answer_free(&head);
}

static void one_connection_serves_many_requests(void **state)
{
	int fd = client_connect(server.port);

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct answer answer;

		client_send(fd, i % 2 ? "HEAD /api/keys HTTP/1.1\r\nX-API-Key: test-key\r\n\r\n"
				      : "GET /api/keys HTTP/1.1\r\nX-API-Key: test-key\r\n\r\n");
		answer = client_read(fd, i % 2);
		assert_int_equal(answer.status, 200);
		answer_free(&answer);
	}
	close(fd);
}

static void a_body_that_nobody_wants_is_read_and_dropped(void **state)
{
	static const char request[] = "POST /api/keys/key-3/traffic/simple/reset HTTP/1.1\r\n"
				      "X-API-Key: test-key\r\nContent-Length: 2\r\n\r\n{}"
				      "GET /healthz HTTP/1.1\r\n\r\n";
	int fd = client_connect(server.port);
	struct answer answer;

	(void)state;
	client_send(fd, request);
	answer = client_read(fd, false);
	assert_int_equal(answer.status, 200);
	answer_free(&answer);
	answer = client_read(fd, false);
	assert_string_equal(answer.body, "{\"status\":\"ok\"}");
	answer_free(&answer);
	close(fd);
}

static void a_body_that_is_too_large_is_413(void **state)
{
	char *chunk = malloc(70000 + 1);
	struct answer answer;
	int fd;

	(void)state;
	memset(chunk, 'x', 70000);
	chunk[70000] = 0;
	fd = client_connect(server.port);
	client_send(fd, "POST /api/keys/key-3/traffic/reset HTTP/1.1\r\nX-API-Key: test-key\r\n"
			"Content-Length: 70000\r\n\r\n");
	client_send(fd, chunk);
	answer = client_read(fd, false);
	assert_int_equal(answer.status, 413);
	assert_non_null(strstr(answer.body, "\"code\":\"body_too_large\""));
	answer_free(&answer);
	close(fd);
	fd = client_connect(server.port);
	client_send(fd, "POST /api/keys/key-3/traffic/reset HTTP/1.1\r\nX-API-Key: test-key\r\n"
			"Transfer-Encoding: chunked\r\n\r\n11170\r\n");
	client_send(fd, chunk);
	client_send(fd, "\r\n0\r\n\r\n");
	answer = client_read(fd, false);
	assert_int_equal(answer.status, 413);
	answer_free(&answer);
	close(fd);
	free(chunk);
}

static void headers_that_are_too_large_are_refused(void **state)
{
	char *request = malloc(20001);
	struct answer answer;

	(void)state;
	memset(request, 'x', 20000);
	request[20000] = 0;
	memcpy(request, "GET / HTTP/1.1\r\nX: ", 19);
	answer = client_ask(server.port, request);
	assert_int_equal(answer.status, 400);
	assert_non_null(strstr(answer.body, "\"code\":\"bad_request\""));
	answer_free(&answer);
	free(request);
}

static void what_is_no_http_is_400(void **state)
{
	static const char *const requests[] = {
		"\x16\x03\x01\x02 TLS hello\r\n\r\n",
		"GET\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 5x\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: "
		"chunked\r\n\r\n0\r\n\r\n",
		"GET nothing HTTP/1.1\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(requests); i++) {
		struct answer answer = client_ask(server.port, requests[i]);

		if (answer.status != 400)
			fail_msg("%zu: %d", i, answer.status);
		assert_non_null(strstr(answer.body, "\"code\":\"bad_request\""));
		answer_free(&answer);
	}
}

static void an_unknown_version_of_http_is_505(void **state)
{
	struct answer answer = client_ask(server.port, "GET / HTTP/3.7\r\n\r\n");

	(void)state;
	assert_int_equal(answer.status, 505);
	assert_non_null(strstr(answer.body, "\"code\":\"http_version\""));
	answer_free(&answer);
}

static void a_taken_port_is_told_with_its_holder(void **state)
{
	struct v2m_http *second = NULL;
	struct v2m_error error = { "" };
	char address[64];
	char holder[64];

	(void)state;
	snprintf(address, sizeof(address), "127.0.0.1:%u", server.port);
	snprintf(holder, sizeof(holder), "by unit_http (pid %d)", (int)getpid());
	assert_int_equal(start_on(address, &second, &error), -EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(error.text, address));
	assert_non_null(strstr(error.text, holder));
}

static void an_address_that_is_none_is_refused(void **state)
{
	static const char *const addresses[] = { "127.0.0.1",  "localhost:1",  "127.0.0.1:65536",
						 "127.0.0.1:", "127.0.0.1:1x", "[::1]:80" };

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(addresses); i++) {
		struct v2m_http *second = NULL;
		struct v2m_error error = { "" };

		assert_int_equal(start_on(addresses[i], &second, &error), -EINVAL);
		assert_non_null(strstr(error.text, addresses[i]));
	}
}

static void several_addresses_are_served(void **state)
{
	char first[] = "127.0.0.1:0";
	char second[32];
	char *items[] = { first, second };
	const struct v2m_strings listen = { .items = items, .count = 2 };
	const struct v2m_http_options options = {
		.listen = &listen,
		.api_key = "test-key",
		.meter = fake_meter(server.fake),
	};
	struct v2m_http *http = NULL;
	struct v2m_error error;
	struct answer answer;

	(void)state;
	/* The port is free on the whole of 127/8 apart from 127.0.0.1. */
	snprintf(second, sizeof(second), "127.0.0.2:%u", server.port);
	assert_int_equal(v2m_http_start(&options, &http, &error), 0);
	answer = client_request(v2m_http_port(http), "GET", "/api/keys", "");
	assert_int_equal(answer.status, 200);
	answer_free(&answer);
	v2m_http_stop(http);
}

int main(void)
{
#define HTTP_TEST(function) cmocka_unit_test_teardown(function, restore_meter)
	const struct CMUnitTest tests[] = {
		HTTP_TEST(both_headers_authenticate),
		HTTP_TEST(without_the_key_nothing_is_told),
		HTTP_TEST(a_very_long_key_is_only_wrong),
		HTTP_TEST(open_paths_need_no_key),
		HTTP_TEST(health_tells_degraded_and_unavailable),
		HTTP_TEST(paths_that_are_not_ours_are_404),
		HTTP_TEST(a_wrong_method_is_405_and_says_the_right_ones),
		HTTP_TEST(a_preflight_from_another_origin_gets_no_permission),
		HTTP_TEST(a_key_is_found_by_id_and_uuid_in_any_case),
		HTTP_TEST(an_unknown_key_is_not_found),
		HTTP_TEST(a_wrong_encoding_is_refused),
		HTTP_TEST(a_shared_port_is_refused_on_every_key_path),
		HTTP_TEST(an_inactive_key_is_refused_where_the_contract_says),
		HTTP_TEST(counters_that_cannot_be_read_are_503),
		HTTP_TEST(a_reset_that_cannot_be_stored_is_503),
		HTTP_TEST(a_reset_closes_what_was_counted_and_starts_a_window),
		HTTP_TEST(a_reset_without_a_port_says_it_failed),
		HTTP_TEST(two_reads_in_a_window_are_byte_identical),
		HTTP_TEST(a_client_that_has_the_answer_gets_304),
		HTTP_TEST(gzip_carries_the_same_answer_under_another_tag),
		HTTP_TEST(a_small_answer_is_not_compressed),
		HTTP_TEST(head_answers_as_get_without_the_body),
		HTTP_TEST(one_connection_serves_many_requests),
		HTTP_TEST(a_body_that_nobody_wants_is_read_and_dropped),
		HTTP_TEST(a_body_that_is_too_large_is_413),
		HTTP_TEST(headers_that_are_too_large_are_refused),
		HTTP_TEST(what_is_no_http_is_400),
		HTTP_TEST(an_unknown_version_of_http_is_505),
		HTTP_TEST(a_taken_port_is_told_with_its_holder),
		HTTP_TEST(an_address_that_is_none_is_refused),
		HTTP_TEST(several_addresses_are_served),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
