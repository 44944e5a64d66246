// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Caching, encodings, connections and bodies. */
#include <zlib.h>

#include "http/framing.h"
#include "unit/http/http_fixture.h"
#include "base/clock.h"

static void two_reads_in_a_window_are_byte_identical(void **state)
{
	struct client_answer first = get("/api/traffic/simple", "");
	struct client_answer second = get("/api/traffic", "");
	unsigned readings = fake_meter_readings(server.fake);
	struct client_answer fresh = get("/api/traffic/simple", "Cache-Control: no-cache\r\n");

	(void)state;
	assert_string_equal(first.body, second.body);
	assert_string_equal(client_answer_header(&first, "Cache-Control"), "private, no-cache");
	assert_int_equal(fake_meter_readings(server.fake), readings + 1);
	assert_string_not_equal(first.body, fresh.body);
	client_answer_free(&first);
	client_answer_free(&second);
	client_answer_free(&fresh);
}

static void a_client_that_has_the_answer_gets_304(void **state)
{
	struct client_answer first = get("/api/traffic/simple", "");
	struct client_answer again;
	char condition[128];

	(void)state;
	snprintf(condition, sizeof(condition), "If-None-Match: W/%s\r\n",
		 client_answer_header(&first, "ETag"));
	again = get("/api/traffic/simple", condition);
	assert_int_equal(again.status, 304);
	assert_null(client_answer_header(&again, "Content-Length"));
	assert_string_equal(client_answer_header(&again, "Vary"), "Accept-Encoding");
	assert_non_null(strstr(condition, client_answer_header(&again, "ETag")));
	client_answer_free(&again);
	/* A fresh reading is another answer. */
	again = get("/api/traffic/simple", "Cache-Control: no-cache\r\nIf-None-Match: \"x\"\r\n");
	assert_int_equal(again.status, 200);
	assert_null(strstr(condition, client_answer_header(&again, "ETag")));
	client_answer_free(&again);
	again = get("/api/traffic/simple", condition);
	assert_int_equal(again.status, 200);
	client_answer_free(&again);
	client_answer_free(&first);
}

static void gunzip(const struct client_answer *answer, char *text, size_t size)
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
	struct client_answer plain = get("/api/traffic/simple", "");
	struct client_answer packed = get("/api/traffic/simple", "Accept-Encoding: gzip\r\n");
	struct client_answer again = get("/api/traffic/simple", "Accept-Encoding: gzip, br\r\n");
	char tag[128];

	(void)state;
	assert_string_equal(client_answer_header(&packed, "Content-Encoding"), "gzip");
	assert_string_equal(client_answer_header(&packed, "Vary"), "Accept-Encoding");
	gunzip(&packed, unpacked, sizeof(unpacked));
	assert_string_equal(unpacked, plain.body);
	assert_true(packed.length < plain.length / 3);
	assert_int_equal(packed.length, again.length);
	assert_memory_equal(packed.body, again.body, packed.length);
	strcpy(tag, client_answer_header(&plain, "ETag"));
	assert_string_not_equal(tag, client_answer_header(&packed, "ETag"));
	client_answer_free(&plain);
	client_answer_free(&packed);
	client_answer_free(&again);
}

static void a_small_answer_is_not_compressed(void **state)
{
	struct client_answer answer = get("/api/keys/key-1", "Accept-Encoding: gzip\r\n");

	(void)state;
	assert_null(client_answer_header(&answer, "Content-Encoding"));
	assert_int_equal(answer.body[0], '{');
	client_answer_free(&answer);
}

static void head_answers_as_get_without_the_body(void **state)
{
	struct client_answer whole = get("/api/traffic/simple", "");
	struct client_answer head = client_request(server.port, "HEAD", "/api/traffic/simple", "");
	char length[32];

	(void)state;
	assert_int_equal(head.status, 200);
	strcpy(length, client_answer_header(&whole, "Content-Length"));
	assert_string_equal(client_answer_header(&head, "Content-Length"), length);
	client_answer_free(&whole);
	client_answer_free(&head);
}

static void one_connection_serves_many_requests(void **state)
{
	int fd = client_connect(server.port);

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct client_answer answer;

		client_send(fd, i % 2 ? "HEAD /api/keys HTTP/1.1\r\nX-API-Key: test-key\r\n\r\n"
				      : "GET /api/keys HTTP/1.1\r\nX-API-Key: test-key\r\n\r\n");
		answer = client_read(fd, i % 2);
		assert_int_equal(answer.status, 200);
		client_answer_free(&answer);
	}
	close(fd);
}

/* Clients of other addresses are to find a worker. docs/api-server.md has the limit. */
static void an_address_keeps_32_connections(void **state)
{
	struct v2m_http *http = NULL;
	struct v2m_error error;
	int fds[33];

	(void)state;
	assert_int_equal(start_on("127.0.0.1:0", &http, &error), 0);
	for (size_t i = 0; i < V2M_ARRAY_LEN(fds); i++) {
		struct client_answer answer;

		fds[i] = client_connect(v2m_http_port(http));
		client_send(fds[i], "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
		answer = client_read(fds[i], false);
		assert_int_equal(answer.status, 200);
		assert_int_equal(client_answer_header(&answer, "Connection") != NULL, i == 32);
		client_answer_free(&answer);
	}
	for (size_t i = 0; i < V2M_ARRAY_LEN(fds); i++)
		close(fds[i]);
	v2m_http_stop(http);
}

static void a_body_that_is_not_needed_is_read_and_dropped(void **state)
{
	static const char request[] = "POST /api/keys/key-3/traffic/simple/reset HTTP/1.1\r\n"
				      "X-API-Key: test-key\r\nContent-Length: 2\r\n\r\n{}"
				      "GET /healthz HTTP/1.1\r\n\r\n";
	int fd = client_connect(server.port);
	struct client_answer answer;

	(void)state;
	client_send(fd, request);
	answer = client_read(fd, false);
	assert_int_equal(answer.status, 200);
	client_answer_free(&answer);
	answer = client_read(fd, false);
	assert_string_equal(answer.body, "{\"status\":\"ok\"}");
	client_answer_free(&answer);
	close(fd);
}

static void a_body_that_is_too_large_is_413(void **state)
{
	char *chunk = malloc(70000 + 1);
	struct client_answer answer;
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
	client_answer_free(&answer);
	close(fd);
	fd = client_connect(server.port);
	client_send(fd, "POST /api/keys/key-3/traffic/reset HTTP/1.1\r\nX-API-Key: test-key\r\n"
			"Transfer-Encoding: chunked\r\n\r\n11170\r\n");
	client_send(fd, chunk);
	client_send(fd, "\r\n0\r\n\r\n");
	answer = client_read(fd, false);
	assert_int_equal(answer.status, 413);
	client_answer_free(&answer);
	close(fd);
	free(chunk);
}

/* The body is announced but not sent, not ended, or too slow. Its client may be gone, and the
 * answer to the reset would get lost. */
static void a_reset_whose_body_is_not_whole_is_not_done(void **state)
{
	static const char *const bodies[] = {
		"Content-Length: 5\r\n\r\nhell",
		"Content-Length: 5\r\n\r\nhell",
		"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"Transfer-Encoding: chunked\r\n\r\nno number\r\nhello\r\n0\r\n\r\n",
	};
	unsigned readings = fake_meter_readings(server.fake);
	struct client_answer answer;

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(bodies); i++) {
		int fd = client_connect(server.port);

		client_send(fd, "POST /api/keys/key-3/traffic/reset HTTP/1.1\r\n"
				"X-API-Key: test-key\r\n");
		client_send(fd, bodies[i]);
		if (i > 0) /* the first one tests the time-out */
			shutdown(fd, SHUT_WR);
		answer = client_read(fd, false);
		if (answer.status != 400)
			fail_msg("%zu: %d %s", i, answer.status, answer.body);
		client_answer_free(&answer);
		close(fd);
	}
	assert_int_equal(fake_meter_readings(server.fake), readings);
}

/* Otherwise some hundred such clients would hold all workers. */
static void the_body_of_a_client_without_a_key_is_not_waited_for(void **state)
{
	static const char *const bodies[] = {
		"Content-Length: 5\r\n\r\n",
		"Content-Length: 50000\r\n\r\n",
		"X-API-Key: wrong\r\nTransfer-Encoding: chunked\r\n\r\n",
	};
	uint64_t start_ns = v2m_clock_mono_ns();

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(bodies); i++) {
		int fd = client_connect(server.port);
		struct client_answer answer;

		client_send(fd, "GET /healthz HTTP/1.1\r\n");
		client_send(fd, bodies[i]);
		answer = client_read(fd, false);
		assert_int_equal(answer.status, 200);
		assert_string_equal(client_answer_header(&answer, "Connection"), "close");
		client_answer_free(&answer);
		close(fd);
	}
	assert_true(v2m_clock_mono_ns() - start_ns < 2000000000);
}

static void headers_that_are_too_large_are_refused(void **state)
{
	char *request = malloc(20001);
	struct client_answer answer;

	(void)state;
	memset(request, 'x', 20000);
	request[20000] = 0;
	memcpy(request, "GET / HTTP/1.1\r\nX: ", 19);
	answer = client_ask(server.port, request);
	assert_int_equal(answer.status, 400);
	assert_non_null(strstr(answer.body, "\"code\":\"bad_request\""));
	client_answer_free(&answer);
	free(request);
}

/* The Content-Length stands behind the headers that civetweb keeps. */
static void no_body_hides_behind_many_headers(void **state)
{
	char request[1024] = "GET / HTTP/1.1\r\n";
	struct client_answer answer;

	(void)state;
	for (int i = 0; i < 64; i++)
		strcat(request, "A: b\r\n");
	strcat(request, "Content-Length: 28\r\n\r\nGET /healthz HTTP/1.1\r\nX: y\r\n\r\n");
	answer = client_ask(server.port, request);
	assert_int_equal(answer.status, 400);
	assert_string_equal(client_answer_header(&answer, "Connection"), "close");
	client_answer_free(&answer);
}

static void a_malformed_request_is_400(void **state)
{
	static const char *const requests[] = {
		"\x16\x03\x01\x02 TLS hello\r\n\r\n",
		"GET\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 5x\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: "
		"chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
		"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
		"identity\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\nhello",
		"GET nothing HTTP/1.1\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(requests); i++) {
		struct client_answer answer = client_ask(server.port, requests[i]);

		if (answer.status != 400)
			fail_msg("%zu: %d", i, answer.status);
		assert_non_null(strstr(answer.body, "\"code\":\"bad_request\""));
		client_answer_free(&answer);
	}
}

/* civetweb would end the headers at the malformed line or skip it, and so see no body. The bytes
 * that a proxy sees as the body would be answered as the next request. */
static void no_body_hides_behind_a_line_that_is_not_a_header(void **state)
{
	static const char *const starts[] = {
		"GET / HTTP/1.1\r\nA: b\r\n x\r\n",
		"GET / HTTP/1.1\r\nA: b\r\n: x\r\n",
		"GET / HTTP/1.1\r\nA: b\r\n\xff: x\r\n",
		"GET / HTTP/1.1\r\nA: b\r\n\rx\r\n",
		"GET / HTTP/1.1\r\nA: b\n\r\n",
		"GET / HTTP/1.1\r\nA:\r\n : x\r\n",
		"GET / HTTP/1.1\r\n x: y\r\n",
		"GET / HTTP/1.1\n\r\nA: b\r\n",
		"GET / HTTP/1.1\r\nA: b\n",
		"GET / HTTP/1.1\nA: b\r\n",
		"GET / HTTP/1.1\r\nA : b\r\n",
		"GET / HTTP/1.1\r\nA :\r\n",
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(starts); i++) {
		char request[256];
		struct client_answer answer;

		snprintf(request, sizeof(request),
			 "%sContent-Length: 28\r\n\r\nGET /healthz HTTP/1.1\r\nX: y\r\n\r\n",
			 starts[i]);
		answer = client_ask(server.port, request);
		if (answer.status != 400)
			fail_msg("%zu: %d", i, answer.status);
		assert_string_equal(client_answer_header(&answer, "Connection"), "close");
		client_answer_free(&answer);
	}
}

static void a_request_without_headers_is_the_last_of_its_connection(void **state)
{
	struct client_answer answer =
		client_ask(server.port, "GET /healthz HTTP/1.1\r\n: x\r\n"
					"Content-Length: 28\r\n\r\n"
					"GET /healthz HTTP/1.1\r\nX: y\r\n\r\n");

	(void)state;
	assert_string_equal(client_answer_header(&answer, "Connection"), "close");
	client_answer_free(&answer);
}

/* framing.c reads up to two bytes behind the request; they must belong to the same block of memory.
 */
static void a_request_that_fills_the_buffer_is_answered(void **state)
{
	static const char line[] = "GET /healthz HTTP/1.1\r\nA: ";
	const size_t size = strtoul(V2M_REQUEST_HEADER_MAX, NULL, 10);
	char *request = malloc(size + 1);

	(void)state;
	for (size_t blanks = 0; blanks < 40; blanks += 13) {
		struct client_answer answer;

		memset(request, 'x', size + 1);
		memset(request, ' ', blanks);
		memcpy(request + blanks, line, sizeof(line) - 1);
		strcpy(request + size - 4, "\r\n\r\n");
		answer = client_ask(server.port, request);
		assert_int_equal(answer.status, 200);
		client_answer_free(&answer);
		strcpy(request + size - 4, "xx\n\n");
		answer = client_ask(server.port, request);
		assert_true(answer.status == 200 || answer.status == 400);
		client_answer_free(&answer);
	}
	free(request);
}

static void an_unknown_version_of_http_is_505(void **state)
{
	struct client_answer answer = client_ask(server.port, "GET / HTTP/3.7\r\n\r\n");

	(void)state;
	assert_int_equal(answer.status, 505);
	assert_non_null(strstr(answer.body, "\"code\":\"http_version\""));
	client_answer_free(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(two_reads_in_a_window_are_byte_identical),
		HTTP_TEST(a_client_that_has_the_answer_gets_304),
		HTTP_TEST(gzip_carries_the_same_answer_under_another_tag),
		HTTP_TEST(a_small_answer_is_not_compressed),
		HTTP_TEST(head_answers_as_get_without_the_body),
		HTTP_TEST(one_connection_serves_many_requests),
		HTTP_TEST(an_address_keeps_32_connections),
		HTTP_TEST(a_body_that_is_not_needed_is_read_and_dropped),
		HTTP_TEST(a_body_that_is_too_large_is_413),
		HTTP_TEST(a_reset_whose_body_is_not_whole_is_not_done),
		HTTP_TEST(the_body_of_a_client_without_a_key_is_not_waited_for),
		HTTP_TEST(headers_that_are_too_large_are_refused),
		HTTP_TEST(no_body_hides_behind_many_headers),
		HTTP_TEST(no_body_hides_behind_a_line_that_is_not_a_header),
		HTTP_TEST(a_request_without_headers_is_the_last_of_its_connection),
		HTTP_TEST(a_request_that_fills_the_buffer_is_answered),
		HTTP_TEST(a_malformed_request_is_400),
		HTTP_TEST(an_unknown_version_of_http_is_505),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
