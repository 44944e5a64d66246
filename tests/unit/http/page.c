// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The page and its files, over HTTP. */
#include "unit/http/http_fixture.h"

static void the_page_needs_no_api_key_and_may_load_only_its_own(void **state)
{
	struct client_answer answer =
		client_ask(server.port, "GET /ui HTTP/1.1\r\nHost: localhost\r\n\r\n");
	const char *policy;

	(void)state;
	assert_int_equal(answer.status, 200);
	assert_string_equal(client_answer_header(&answer, "Content-Type"),
			    "text/html; charset=utf-8");
	policy = client_answer_header(&answer, "Content-Security-Policy");
	assert_non_null(strstr(policy, "default-src 'none'"));
	assert_non_null(strstr(policy, "script-src 'self';"));
	assert_non_null(strstr(policy, "style-src 'self';"));
	assert_null(strstr(policy, "unsafe"));
	assert_null(strstr(answer.body, "http://"));
	assert_null(strstr(answer.body, "https://"));
	client_answer_free(&answer);
}

/* Behind a proxy the page may have any path: a name must not begin with a slash. */
static void the_page_names_its_files_relative_to_itself(void **state)
{
	struct client_answer answer = get("/ui", "");

	(void)state;
	assert_non_null(strstr(answer.body, "src=\"ui/app.js\""));
	assert_null(strstr(answer.body, "=\"/"));
	client_answer_free(&answer);
	answer = get("/ui/", "");
	assert_int_equal(answer.status, 308);
	assert_string_equal(client_answer_header(&answer, "Location"), "../ui");
	client_answer_free(&answer);
}

static void a_file_is_kept_by_its_tag_and_is_the_same_compressed(void **state)
{
	struct client_answer plain = get("/ui/app.js", "");
	struct client_answer packed = get("/ui/app.js", "Accept-Encoding: gzip\r\n");
	char request[128];
	char tag[64];
	struct client_answer again;

	(void)state;
	assert_int_equal(plain.status, 200);
	assert_string_equal(client_answer_header(&plain, "Content-Type"),
			    "text/javascript; charset=utf-8");
	assert_null(client_answer_header(&plain, "Content-Encoding"));
	assert_string_equal(client_answer_header(&packed, "Content-Encoding"), "gzip");
	assert_string_equal(client_answer_header(&packed, "Vary"), "Accept-Encoding");
	assert_true(packed.length < plain.length / 2);
	snprintf(tag, sizeof(tag), "%s", client_answer_header(&plain, "ETag"));
	snprintf(request, sizeof(request), "If-None-Match: %s\r\n", tag);
	again = get("/ui/app.js", request);
	assert_int_equal(again.status, 304);
	assert_int_equal(again.length, 0);
	client_answer_free(&again);
	/* The tag of the plain body is not that of the compressed one. */
	assert_string_not_equal(client_answer_header(&packed, "ETag"), tag);
	client_answer_free(&plain);
	client_answer_free(&packed);
}

static void a_file_that_is_not_there_is_404(void **state)
{
	static const char *const paths[] = { "/ui/nothing.js", "/ui/..%2fkeys.json",
					     "/ui/package.json", "/ui/CMakeLists.txt" };

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(paths); i++) {
		struct client_answer answer = get(paths[i], "");

		assert_int_equal(answer.status, 404);
		client_answer_free(&answer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_needs_no_api_key_and_may_load_only_its_own),
		cmocka_unit_test(the_page_names_its_files_relative_to_itself),
		cmocka_unit_test(a_file_is_kept_by_its_tag_and_is_the_same_compressed),
		cmocka_unit_test(a_file_that_is_not_there_is_404),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
