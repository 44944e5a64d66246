// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/proxyapi/grpc_server.h"

#include "base/clock.h"
#include "base/file.h"
#include "proxyapi/grpc.h"

#define METHOD "/a.B/C"

static const uint64_t second_ns = 1000000000;

struct client {
	struct grpc_server *server;
	struct v2m_grpc *grpc;
	struct v2m_grpc_message answer;
	struct v2m_error error;
};

static int start(void **state)
{
	struct client *client = calloc(1, sizeof(*client));

	client->server = server_start();
	server_answer(client->server, METHOD, "hello", 5, 0);
	assert_int_equal(server_client(client->server, &client->grpc), 0);
	*state = client;
	return 0;
}

static int stop(void **state)
{
	struct client *client = *state;

	v2m_grpc_message_clear(&client->answer);
	v2m_grpc_free(client->grpc);
	server_stop(client->server);
	free(client);
	return 0;
}

static int call(struct client *client, uint64_t timeout_ns)
{
	static const struct v2m_grpc_message request = { (uint8_t *)"question", 8 };

	v2m_grpc_message_clear(&client->answer);
	memset(&client->error, 0, sizeof(client->error));
	return v2m_grpc_call(client->grpc, METHOD, &request, v2m_clock_mono_ns() + timeout_ns,
			     &client->answer, &client->error);
}

static void assert_answered(struct client *client)
{
	assert_int_equal(call(client, 5 * second_ns), 0);
	assert_int_equal(client->answer.length, 5);
	assert_memory_equal(client->answer.data, "hello", 5);
}

static void a_call_is_answered_and_the_connection_kept(void **state)
{
	struct client *client = *state;

	for (int i = 0; i < 20; i++)
		assert_answered(client);
	assert_int_equal(server_connections(client->server), 1);
	assert_int_equal(v2m_grpc_connects(client->grpc), 1);
}

static void an_empty_answer_is_no_error(void **state)
{
	struct client *client = *state;

	server_answer(client->server, METHOD, "", 0, 0);
	assert_int_equal(call(client, 5 * second_ns), 0);
	assert_int_equal(client->answer.length, 0);
}

static void a_large_answer_arrives_whole(void **state)
{
	struct client *client = *state;
	size_t length = 900000;
	uint8_t *data = malloc(length);

	for (size_t i = 0; i < length; i++)
		data[i] = (uint8_t)(i * 31 >> 3);
	server_answer(client->server, METHOD, data, length, 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(call(client, 5 * second_ns), 0);
		assert_int_equal(client->answer.length, length);
		assert_memory_equal(client->answer.data, data, length);
	}
	assert_int_equal(server_connections(client->server), 1);
	free(data);
}

static void an_unknown_method_is_told_apart(void **state)
{
	struct client *client = *state;

	server_answer(client->server, METHOD, "", 0, 12);
	assert_int_equal(call(client, 5 * second_ns), -EOPNOTSUPP);
	assert_int_equal(client->error.failure, V2M_FAILURE_NOT_SUPPORTED);
	server_answer(client->server, METHOD, "hello", 5, 0);
	assert_answered(client);
	assert_int_equal(server_connections(client->server), 1);
}

static void an_error_of_the_proxy_is_shown_without_control_characters(void **state)
{
	struct client *client = *state;

	server_answer(client->server, METHOD, "", 0, 2);
	assert_int_equal(call(client, 5 * second_ns), -EREMOTEIO);
	assert_non_null(strstr(client->error.text, "status 2: not this?one"));
	assert_non_null(strstr(client->error.text, client->server->name));
}

static void a_server_that_closed_a_kept_connection_is_asked_again(void **state)
{
	struct client *client = *state;

	client->server->closes = true;
	for (int i = 0; i < 10; i++)
		assert_answered(client);
	assert_int_equal(v2m_grpc_connects(client->grpc), 10);
}

/* The call fails with the result and with a sentence, and the next one succeeds. */
static void assert_survives(struct client *client, enum fault fault, int result,
			    const char *sentence)
{
	uint64_t before_ns;

	server_misbehave(client->server, fault);
	before_ns = v2m_clock_mono_ns();
	assert_int_equal(call(client, second_ns / 4), result);
	assert_true(v2m_clock_mono_ns() - before_ns < 2 * second_ns);
	if (!strstr(client->error.text, sentence))
		fail_msg("fault %d: expected \"%s\" in \"%s\"", fault, sentence,
			 client->error.text);
	assert_non_null(strstr(client->error.text, client->server->name));
	assert_null(client->answer.data);
	server_misbehave(client->server, FAULT_NONE);
	assert_answered(client);
}

static void no_misbehaviour_of_the_server_hurts(void **state)
{
	static const struct {
		enum fault fault;
		int result;
		const char *sentence;
	} cases[] = {
		{ FAULT_SILENT, -ETIMEDOUT, "did not answer in time" },
		{ FAULT_DIES, -ECONNRESET, "closed the connection before" },
		{ FAULT_HTTP_1, -EPROTO, "not HTTP/2" },
		{ FAULT_NOISE, -EPROTO, "not HTTP/2" },
		{ FAULT_LONG, -EMSGSIZE, "larger than 33554432 bytes" },
		{ FAULT_TWO, -EPROTO, "incomplete" },
		{ FAULT_COMPRESSED, -EPROTO, "incomplete" },
		{ FAULT_HTML, -EPROTO, "not gRPC" },
		{ FAULT_503, -EPROTO, "got 503" },
		{ FAULT_NO_STATUS, -EPROTO, "incomplete" },
		{ FAULT_RESET, -EPROTO, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_survives(*state, cases[i].fault, cases[i].result, cases[i].sentence);
}

static void an_endless_answer_ends_at_the_limit(void **state)
{
	struct client *client = *state;

	server_misbehave(client->server, FAULT_ENDLESS);
	assert_int_equal(call(client, 20 * second_ns), -EPROTO);
}

static void an_answer_in_single_bytes_arrives(void **state)
{
	struct client *client = *state;

	server_misbehave(client->server, FAULT_SLOW);
	assert_answered(client);
}

static int connect_to_nobody(void *context)
{
	(void)context;
	return -ECONNREFUSED;
}

static void a_socket_that_is_not_there_is_an_error_that_may_pass(void **state)
{
	const struct v2m_grpc_connector nobody = { .connect = connect_to_nobody };
	struct v2m_grpc *grpc;
	const struct v2m_grpc_message request = { 0 };
	struct v2m_grpc_message answer = { 0 };
	struct v2m_error error;

	(void)state;
	assert_int_equal(v2m_grpc_new("there", &nobody, &grpc), 0);
	assert_int_equal(v2m_grpc_call(grpc, METHOD, &request, v2m_clock_mono_ns() + second_ns,
				       &answer, &error),
			 -ECONNREFUSED);
	assert_string_equal(error.text,
			    "there: the proxy's API cannot be reached: Connection refused");
	assert_int_equal(error.failure, V2M_FAILURE_PASSING);
	v2m_grpc_free(grpc);
}

/* As in the fuzz test, which needs seeds that come so far. */
static void an_answer_that_is_there_already_is_taken(void **state)
{
	const struct v2m_grpc_message request = { 0 };
	struct v2m_grpc_message answer = { 0 };
	struct v2m_error error = { 0 };
	struct v2m_grpc *grpc;
	size_t length;
	char *data;
	int ends[2];

	(void)state;
	assert_int_equal(v2m_read_file("../data/proxyapi/answer.http2", 65536, &data, &length), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(send(ends[0], data, length, 0), length);
	assert_int_equal(v2m_grpc_new_on("pair", ends[1], &grpc), 0);
	assert_int_equal(v2m_grpc_call(grpc, METHOD, &request, v2m_clock_mono_ns() + second_ns,
				       &answer, &error),
			 0);
	assert_int_equal(answer.length, 321);
	v2m_grpc_message_clear(&answer);
	v2m_grpc_free(grpc);
	close(ends[0]);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
		WITH_SERVER(a_call_is_answered_and_the_connection_kept),
		WITH_SERVER(an_empty_answer_is_no_error),
		WITH_SERVER(a_large_answer_arrives_whole),
		WITH_SERVER(an_unknown_method_is_told_apart),
		WITH_SERVER(an_error_of_the_proxy_is_shown_without_control_characters),
		WITH_SERVER(a_server_that_closed_a_kept_connection_is_asked_again),
		WITH_SERVER(no_misbehaviour_of_the_server_hurts),
		WITH_SERVER(an_endless_answer_ends_at_the_limit),
		WITH_SERVER(an_answer_in_single_bytes_arrives),
		cmocka_unit_test(an_answer_that_is_there_already_is_taken),
		cmocka_unit_test(a_socket_that_is_not_there_is_an_error_that_may_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
