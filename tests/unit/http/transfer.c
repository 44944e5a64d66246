// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Documents of totals over HTTP: the only request body that is used, and its limits. */
#include <poll.h>

#include "unit/http/http_fixture.h"

#define MIB (1u << 20)

/* Sends the header of an import of that many bytes. more: further header lines. */
static int begin_import(size_t length, const char *more)
{
	int fd = client_connect(server.port);
	char header[512];

	snprintf(header, sizeof(header),
		 "POST /api/meter/import HTTP/1.1\r\nHost: x\r\nX-API-Key: test-key\r\n"
		 "Content-Length: %zu\r\n%s\r\n",
		 length, more);
	client_send(fd, header);
	return fd;
}

static struct client_answer import(size_t length)
{
	int fd = begin_import(length, "");
	char *text = calloc(1, length + 1);
	struct client_answer answer;

	memset(text, 'x', length);
	client_send(fd, text);
	answer = client_read(fd, false);
	close(fd);
	free(text);
	return answer;
}

static void assert_code(struct client_answer *answer, int status, const char *code)
{
	char member[64];

	snprintf(member, sizeof(member), "\"code\":\"%s\"", code);
	assert_int_equal(answer->status, status);
	assert_non_null(strstr(answer->body, member));
	client_answer_free(answer);
}

static void assert_import(enum v2m_verdict verdict, int status, const char *code)
{
	struct client_answer answer;

	fake_meter_set_transfer_verdict(server.fake, verdict);
	answer = import(100);
	assert_code(&answer, status, code);
}

static void an_export_is_json_that_must_not_be_cached(void **state)
{
	struct client_answer answer = get("/api/meter/export", "");

	(void)state;
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, FAKE_DOCUMENT);
	assert_string_equal(client_answer_header(&answer, "Content-Type"), "application/json");
	assert_string_equal(client_answer_header(&answer, "Cache-Control"), "no-store");
	client_answer_free(&answer);
}

static void an_export_that_cannot_be_made_says_why(void **state)
{
	(void)state;
	fake_meter_set_transfer_verdict(server.fake, V2M_NOT_STORED);
	assert_status("GET", "/api/meter/export", 503, "not_stored");
	fake_meter_set_transfer_verdict(server.fake, V2M_UNREADABLE);
	assert_status("GET", "/api/meter/export", 503, "unreadable");
}

static void an_import_tells_its_result(void **state)
{
	struct client_answer answer = import(100);

	(void)state;
	assert_int_equal(answer.status, 200);
	assert_int_equal(fake_meter_imported(server.fake), 100);
	assert_non_null(strstr(answer.body, "\"added\":1,\"known\":2,\"refused\":3"));
	client_answer_free(&answer);
}

static void an_import_that_failed_says_why(void **state)
{
	(void)state;
	assert_import(V2M_BAD_DOCUMENT, 422, "bad_document");
	assert_import(V2M_OWN_DOCUMENT, 409, "own_document");
	assert_import(V2M_NOT_STORED, 503, "not_stored");
	assert_import(V2M_UNREADABLE, 503, "unreadable");
}

static void an_error_in_a_document_is_told_with_its_place(void **state)
{
	struct client_answer answer;

	(void)state;
	fake_meter_set_transfer_verdict(server.fake, V2M_BAD_DOCUMENT);
	answer = import(1);
	assert_non_null(strstr(answer.body, "\"detail\":\"import:1:2: not JSON\""));
	client_answer_free(&answer);
}

static void a_document_of_megabytes_is_read_whole(void **state)
{
	struct client_answer answer = import(9 * MIB + 7);

	(void)state;
	assert_int_equal(answer.status, 200);
	assert_int_equal(fake_meter_imported(server.fake), 9 * MIB + 7);
	client_answer_free(&answer);
}

static void a_document_in_chunks_is_read_whole(void **state)
{
	int fd = client_connect(server.port);
	struct client_answer answer;

	(void)state;
	client_send(fd, "POST /api/meter/import HTTP/1.1\r\nHost: x\r\nX-API-Key: test-key\r\n"
			"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n");
	answer = client_read(fd, false);
	close(fd);
	assert_int_equal(answer.status, 200);
	assert_int_equal(fake_meter_imported(server.fake), 8);
	client_answer_free(&answer);
}

static void an_import_without_a_body_is_an_empty_document(void **state)
{
	struct client_answer answer = client_request(server.port, "POST", "/api/meter/import", "");

	(void)state;
	assert_int_equal(answer.status, 200);
	assert_int_equal(fake_meter_imported(server.fake), 0);
	client_answer_free(&answer);
}

static void a_connection_goes_on_after_an_import(void **state)
{
	int fd = begin_import(3, "");
	struct client_answer answer;

	(void)state;
	client_send(fd, "abc");
	answer = client_read(fd, false);
	assert_int_equal(answer.status, 200);
	client_answer_free(&answer);
	client_send(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	answer = client_read(fd, false);
	assert_int_equal(answer.status, 200);
	client_answer_free(&answer);
	close(fd);
}

static void a_document_that_is_too_large_is_refused_unread(void **state)
{
	int fd = begin_import(64 * MIB + 1, "Expect: 100-continue\r\n");
	struct client_answer answer = client_read(fd, false);

	(void)state;
	close(fd);
	assert_code(&answer, 413, "body_too_large");
}

static void a_client_that_waits_for_100_continue_gets_it(void **state)
{
	int fd = begin_import(3, "Expect: 100-continue\r\n");
	struct client_answer answer = client_read(fd, false);

	(void)state;
	assert_int_equal(answer.status, 100);
	client_answer_free(&answer);
	client_send(fd, "abc");
	answer = client_read(fd, false);
	assert_int_equal(answer.status, 200);
	client_answer_free(&answer);
	close(fd);
}

static void a_document_that_ends_early_is_not_imported(void **state)
{
	struct client_answer answer = import(10);
	int fd = begin_import(1000, "");

	(void)state;
	client_answer_free(&answer);
	client_send(fd, "abc");
	shutdown(fd, SHUT_WR);
	answer = client_read(fd, false);
	close(fd);
	assert_code(&answer, 400, "bad_request");
	assert_int_equal(fake_meter_imported(server.fake), 10);
}

/* The first import gets its "100 Continue" when it begins, so the second one comes too early. */
static void a_second_import_at_the_same_time_is_refused(void **state)
{
	int first = begin_import(3, "Expect: 100-continue\r\n");
	struct client_answer answer = client_read(first, false);

	(void)state;
	client_answer_free(&answer);
	answer = import(10);
	assert_code(&answer, 503, "import_running");
	client_send(first, "abc");
	answer = client_read(first, false);
	assert_int_equal(answer.status, 200);
	client_answer_free(&answer);
	close(first);
	answer = import(10);
	assert_int_equal(answer.status, 200);
	client_answer_free(&answer);
}

static void without_the_key_no_document_is_read(void **state)
{
	struct client_answer answer =
		client_ask(server.port, "POST /api/meter/import HTTP/1.1\r\nHost: x\r\n"
					"Content-Length: 10000000\r\nX-API-Key: wrong\r\n"
					"Expect: 100-continue\r\n\r\n");

	(void)state;
	assert_code(&answer, 401, "unauthorized");
}

/* If some of the document were left unread, the kernel would reset the connection, and the client
 * might never see the answer. */
static void without_the_scope_the_document_is_dropped_and_the_answer_arrives(void **state)
{
	int fd = client_connect(server.port);
	char document[100000 + 1] = "";
	struct pollfd reset = { .fd = fd };
	struct client_answer answer;

	(void)state;
	client_send(fd, "POST /api/meter/import HTTP/1.1\r\nHost: x\r\nX-API-Key: " FAKE_API_KEY
			"-read\r\nContent-Length: 100000\r\n\r\n");
	memset(document, 'x', sizeof(document) - 1);
	client_send(fd, document);
	answer = client_read(fd, false);
	assert_code(&answer, 403, "forbidden");
	/* The end of the connection is no event here, but a reset is. */
	assert_int_equal(poll(&reset, 1, 100), 0);
	close(fd);
}

static void other_paths_keep_their_small_limit(void **state)
{
	int fd = client_connect(server.port);
	struct client_answer answer;

	(void)state;
	client_send(fd, "POST /api/keys/key-1/traffic/reset HTTP/1.1\r\nHost: x\r\n"
			"X-API-Key: test-key\r\nContent-Length: 100000\r\n\r\n");
	answer = client_read(fd, false);
	close(fd);
	assert_code(&answer, 413, "body_too_large");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(an_export_is_json_that_must_not_be_cached),
		HTTP_TEST(an_export_that_cannot_be_made_says_why),
		HTTP_TEST(an_import_tells_its_result),
		HTTP_TEST(an_import_that_failed_says_why),
		HTTP_TEST(an_error_in_a_document_is_told_with_its_place),
		HTTP_TEST(a_document_of_megabytes_is_read_whole),
		HTTP_TEST(a_document_in_chunks_is_read_whole),
		HTTP_TEST(an_import_without_a_body_is_an_empty_document),
		HTTP_TEST(a_connection_goes_on_after_an_import),
		HTTP_TEST(a_document_that_is_too_large_is_refused_unread),
		HTTP_TEST(a_client_that_waits_for_100_continue_gets_it),
		HTTP_TEST(a_document_that_ends_early_is_not_imported),
		HTTP_TEST(a_second_import_at_the_same_time_is_refused),
		HTTP_TEST(without_the_key_no_document_is_read),
		HTTP_TEST(without_the_scope_the_document_is_dropped_and_the_answer_arrives),
		HTTP_TEST(other_paths_keep_their_small_limit),
	};

	return cmocka_run_group_tests_name("http_transfer", tests, start_server, stop_server);
}
