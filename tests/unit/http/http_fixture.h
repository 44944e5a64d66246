/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The real HTTP server on a fake meter, on a free port, for a whole group of tests. */
#ifndef V2METER_TESTS_HTTP_FIXTURE_H
#define V2METER_TESTS_HTTP_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "fake/fake_meter.h"
#include "http/http.h"
#include "unit/http/http_client.h"

static struct {
	struct fake_meter *fake;
	struct v2m_http *http;
	unsigned port;
} server;

/* The single key, and "KEY-SCOPE" for each scope alone, such as "test-key-read". */
static inline struct v2m_key_ring *test_api_keys(void)
{
	static struct v2m_key_ring ring;
	struct v2m_api_keys keys = { .count = 0 };

	for (unsigned scope = 1; scope <= V2M_SCOPES_ALL; scope <<= 1) {
		struct v2m_api_key *key = &keys.items[keys.count++];
		char text[64];

		snprintf(key->name, sizeof(key->name), "only-%s", v2m_scope_name(scope));
		snprintf(text, sizeof(text), FAKE_API_KEY "-%s", v2m_scope_name(scope));
		key->scopes = scope;
		v2m_sha256(text, strlen(text), key->hash);
	}
	v2m_api_keys_set_single(&keys, FAKE_API_KEY);
	v2m_key_ring_init(&ring, &keys);
	return &ring;
}

static struct v2m_strings test_hosts;

/* Starts the threads. v2m_http_accept() is still to be called. */
static inline int prepare(const struct v2m_strings *listen, struct v2m_http **http,
			  struct v2m_error *error)
{
	V2M_CLEANUP(v2m_listeners_close) struct v2m_listeners listeners = { 0 };
	const struct v2m_http_options options = {
		.listeners = &listeners,
		.api_keys = test_api_keys(),
		.hosts = &test_hosts,
		.meter = fake_meter(server.fake),
	};
	int result = v2m_listen_open(listen, &listeners, error);

	return result ? result : v2m_http_start(&options, http, error);
}

static inline int prepare_on(const char *address, struct v2m_http **http, struct v2m_error *error)
{
	char copy[64];
	char *items[] = { copy };
	const struct v2m_strings listen = { .items = items, .count = 1 };

	strcpy(copy, address);
	return prepare(&listen, http, error);
}

static inline int start_on(const char *address, struct v2m_http **http, struct v2m_error *error)
{
	int result = prepare_on(address, http, error);

	return result ? result : v2m_http_accept(*http, error);
}

static inline int start_server(void **state)
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

static inline int stop_server(void **state)
{
	(void)state;
	v2m_http_stop(server.http);
	fake_meter_free(server.fake);
	return 0;
}

static inline int restore_meter(void **state)
{
	(void)state;
	fake_meter_set_window_verdict(server.fake, V2M_OK);
	fake_meter_set_reset_verdict(server.fake, V2M_OK);
	fake_meter_set_history_verdict(server.fake, V2M_OK);
	fake_meter_set_transfer_verdict(server.fake, V2M_OK);
	fake_meter_set_health(server.fake, true, NULL);
	return 0;
}

static inline struct client_answer get(const char *path, const char *more)
{
	return client_request(server.port, "GET", path, more);
}

static inline void assert_status(const char *method, const char *path, int status, const char *code)
{
	struct client_answer answer = client_request(server.port, method, path, "");
	json_t *read = json_loads(answer.body ? answer.body : "", JSON_DECODE_ANY, NULL);
	const char *said = json_string_value(json_object_get(read, "code"));

	assert_int_equal(answer.status, status);
	assert_string_equal(client_answer_header(&answer, "Content-Type"), "application/json");
	if (code) {
		assert_non_null(said);
		assert_string_equal(said, code);
		assert_true(json_is_string(json_object_get(read, "detail")));
	}
	json_decref(read);
	client_answer_free(&answer);
}

#define HTTP_TEST(function) cmocka_unit_test_teardown(function, restore_meter)

#endif
