// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Addresses to listen on, and the beginning and the end of listening. */
#include <poll.h>

#include "base/clock.h"
#include "unit/http/http_fixture.h"

static void a_port_that_is_taken_is_told_with_its_holder(void **state)
{
	struct v2m_http *second = NULL;
	struct v2m_error error = { 0 };
	char address[64];
	char holder[64];

	(void)state;
	snprintf(address, sizeof(address), "127.0.0.1:%u", server.port);
	snprintf(holder, sizeof(holder), "by unit_http_liste (pid %d)", (int)getpid());
	assert_int_equal(start_on(address, &second, &error), -EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(error.text, address));
	assert_non_null(strstr(error.text, holder));
}

static void a_malformed_address_is_refused(void **state)
{
	static const char *const addresses[] = { "127.0.0.1",  "localhost:1",  "127.0.0.1:65536",
						 "127.0.0.1:", "127.0.0.1:1x", "[::1]:80" };

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(addresses); i++) {
		struct v2m_http *second = NULL;
		struct v2m_error error = { 0 };

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
	struct v2m_http *http = NULL;
	struct v2m_error error;
	struct client_answer answer;

	(void)state;
	/* The port is free on every address of 127/8 except 127.0.0.1. */
	snprintf(second, sizeof(second), "127.0.0.2:%u", server.port);
	assert_int_equal(prepare(&listen, &http, &error), 0);
	assert_int_equal(v2m_http_accept(http, &error), 0);
	answer = client_request(v2m_http_port(http), "GET", "/api/keys", "");
	assert_int_equal(answer.status, 200);
	client_answer_free(&answer);
	v2m_http_stop(http);
}

static void before_it_may_accept_the_server_hears_nobody(void **state)
{
	struct v2m_http *http = NULL;
	struct v2m_error error;
	struct pollfd client = { .events = POLLIN };
	char status[16] = "";

	(void)state;
	assert_int_equal(prepare_on("127.0.0.1:0", &http, &error), 0);
	client.fd = client_connect(v2m_http_port(http));
	client_send(client.fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(poll(&client, 1, 300), 0);
	assert_int_equal(v2m_http_accept(http, &error), 0);
	assert_int_equal(recv(client.fd, status, 12, MSG_WAITALL), 12);
	assert_string_equal(status, "HTTP/1.1 200");
	close(client.fd);
	v2m_http_stop(http);
}

/* civetweb alone would wait for the next connection, up to two seconds. */
static void a_stop_does_not_wait_for_a_connection(void **state)
{
	struct v2m_http *http = NULL;
	struct v2m_error error;
	struct client_answer answer;
	uint64_t start_ns;

	(void)state;
	assert_int_equal(start_on("127.0.0.1:0", &http, &error), 0);
	answer = client_request(v2m_http_port(http), "GET", "/health", "");
	client_answer_free(&answer);
	start_ns = v2m_clock_mono_ns();
	v2m_http_stop(http);
	assert_true(v2m_clock_mono_ns() - start_ns < 1000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(a_port_that_is_taken_is_told_with_its_holder),
		HTTP_TEST(a_malformed_address_is_refused),
		HTTP_TEST(several_addresses_are_served),
		HTTP_TEST(before_it_may_accept_the_server_hears_nobody),
		HTTP_TEST(a_stop_does_not_wait_for_a_connection),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
