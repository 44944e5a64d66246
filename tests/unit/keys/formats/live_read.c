// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/uuid.h"
#include "keys/formats/live_read.h"
#include "keys/formats/v2ray_config.h"

#define ALICE "11111111-1111-4111-8111-111111111111"
#define API   "\"api\": {\"tag\": \"a\", \"listen\": \":1\", \"services\": [\"HandlerService\"]}"

#define SOURCE "xray-api://127.0.0.1:1"

/* Reads a configuration, and the running proxy in its place, which said this text. */
static int read_proxy(const char *file, const char *said, int result, struct v2m_gathered *gathered,
		      struct v2m_error *error)
{
	struct v2m_live_source source = {
		.source = (char *)SOURCE,
		.text = (char *)said,
		.length = said ? strlen(said) : 0,
		.result = result,
		.error = { .text = "no answer" },
	};
	const struct v2m_live_sources live = { &source, 1, 1 };
	struct v2m_json_doc doc = { 0 };

	assert_int_equal(v2m_json_doc_parse("f", file, strlen(file), V2M_JSON_V2RAY, &doc, error),
			 0);
	result = v2m_live_read_proxy("f", &doc, 1, &live, gathered, error);
	v2m_json_doc_clear(&doc);
	return result;
}

static const char of_file[] =
	"{" API ", \"inbounds\": [{\"port\": 443, \"protocol\": \"vless\", "
	"\"settings\": {\"clients\": [{\"id\": \"short\", \"email\": \"s\"}]}}]}";

/* "short" is this UUID to Xray. */
static const char of_proxy[] =
	"{\"inbounds\": [{\"port\": 443, \"protocol\": \"vless\", \"settings\": {\"clients\": "
	"[{\"id\": \"%s\", \"email\": \"s\"}, {\"id\": \"" ALICE "\", \"email\": \"alice\"}]}}]}";

static void the_running_proxy_counts_in_place_of_the_file(void **state)
{
	struct v2m_gathered gathered = { 0 };
	struct v2m_error error = { 0 };
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), of_proxy, ALICE "0");
	assert_int_equal(read_proxy(of_file, text, 0, &gathered, &error), 0);
	assert_int_equal(gathered.clients.count, 2);
	assert_string_equal(gathered.clients.items[1].name, "alice");
	assert_string_equal(gathered.clients.items[1].source, "xray-api://127.0.0.1:1");
	assert_int_equal(gathered.notes.count, 1);
	v2m_gathered_clear(&gathered);
}

/* A user whose id is no UUID keeps the id that the file gives. */
static void an_id_that_is_no_uuid_stays_as_in_the_file(void **state)
{
	struct v2m_gathered gathered = { 0 };
	struct v2m_gathered again = { 0 };
	struct v2m_json_doc doc = { 0 };
	struct v2m_error error = { 0 };
	char mapped[V2M_UUID_LEN];
	char text[512];

	(void)state;
	assert_true(v2m_uuid_of_v2ray_id("short", mapped));
	snprintf(text, sizeof(text), of_proxy, mapped);
	assert_int_equal(read_proxy(of_file, text, 0, &gathered, &error), 0);
	assert_int_equal(
		v2m_json_doc_parse("f", of_file, strlen(of_file), V2M_JSON_V2RAY, &doc, &error), 0);
	assert_int_equal(v2m_v2ray_read(&doc, 1, &again.clients, &again.notes, &error), 0);
	assert_int_equal(gathered.clients.count, 2);
	assert_string_equal(gathered.clients.items[0].id, again.clients.items[0].id);
	assert_string_equal(gathered.clients.items[0].uuid, "short");
	assert_string_equal(gathered.clients.items[1].uuid, ALICE);
	v2m_json_doc_clear(&doc);
	v2m_gathered_clear(&gathered);
	v2m_gathered_clear(&again);
}

static void a_silent_proxy_leaves_the_users_to_the_file_or_to_its_last_answer(void **state)
{
	struct v2m_gathered gathered = { 0 };
	struct v2m_error error = { 0 };
	char text[512];

	(void)state;
	assert_int_equal(read_proxy(of_file, NULL, -ECONNREFUSED, &gathered, &error), 1);
	assert_int_equal(gathered.clients.count, 0);
	assert_string_equal(gathered.notes.items[0].reason,
			    "no answer: the users of the file are used");
	assert_int_equal(gathered.notes.n_missing, 0);
	snprintf(text, sizeof(text), of_proxy, ALICE "0");
	assert_int_equal(read_proxy(of_file, text, -ETIMEDOUT, &gathered, &error), 0);
	assert_int_equal(gathered.clients.count, 2);
	assert_string_equal(gathered.notes.items[1].reason,
			    "no answer: the users that it had last are used");
	assert_int_equal(gathered.notes.n_missing, 1);
	v2m_gathered_clear(&gathered);
}

static void a_silent_proxy_that_was_found_keeps_its_users_with_a_note(void **state)
{
	struct v2m_live_source source = { .source = (char *)SOURCE };
	const struct v2m_live_sources live = { &source, 1, 1 };
	struct v2m_gathered gathered = { 0 };
	struct v2m_error error = { 0 };
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), of_proxy, ALICE "0");
	source.text = text;
	source.length = strlen(text);
	assert_int_equal(v2m_live_read(SOURCE, &live, &gathered, &error), 0);
	assert_int_equal(gathered.notes.count, 0);
	v2m_gathered_clear(&gathered);
	memset(&gathered, 0, sizeof(gathered));
	strcpy(source.error.text, "no answer");
	assert_int_equal(v2m_live_read(SOURCE, &live, &gathered, &error), 0);
	assert_int_equal(gathered.clients.count, 2);
	assert_int_equal(gathered.notes.n_missing, 1);
	assert_string_equal(gathered.notes.items[0].reason,
			    "no answer: the users that it had last are used");
	v2m_gathered_clear(&gathered);
}

static void an_api_that_nobody_has_asked_is_named(void **state)
{
	const struct v2m_live_sources nobody = { 0 };
	struct v2m_gathered gathered = { 0 };
	struct v2m_json_doc doc = { 0 };
	struct v2m_error error = { 0 };

	(void)state;
	assert_int_equal(
		v2m_json_doc_parse("f", of_file, strlen(of_file), V2M_JSON_V2RAY, &doc, &error), 0);
	assert_int_equal(v2m_live_read_proxy("f", &doc, 1, &nobody, &gathered, &error), 1);
	assert_int_equal(gathered.apis.count, 1);
	assert_string_equal(gathered.apis.items[0], SOURCE);
	assert_int_equal(v2m_live_read(SOURCE, &nobody, &gathered, &error), -EAGAIN);
	v2m_json_doc_clear(&doc);
	v2m_gathered_clear(&gathered);
}

static void a_configuration_without_an_api_asks_nobody(void **state)
{
	static const char stats_only[] =
		"{\"api\": {\"listen\": \":1\", \"services\": [\"StatsService\"]}}";
	struct v2m_gathered gathered = { 0 };
	struct v2m_error error = { 0 };

	(void)state;
	assert_int_equal(read_proxy("{\"inbounds\": []}", "{}", 0, &gathered, &error), 1);
	assert_int_equal(read_proxy(stats_only, "{}", 0, &gathered, &error), 1);
	assert_int_equal(gathered.apis.count + gathered.notes.count, 0);
	v2m_gathered_clear(&gathered);
}

static void a_source_of_its_own_fails_if_nobody_answers(void **state)
{
	struct v2m_live_source said = { .source = (char *)SOURCE };
	const struct v2m_live_sources live = { &said, 1, 1 };
	struct v2m_gathered gathered = { 0 };
	struct v2m_error error = { 0 };

	(void)state;
	said.text = (char *)"{\"inbounds\": []}";
	said.length = strlen(said.text);
	assert_int_equal(v2m_live_read(SOURCE, &live, &gathered, &error), 0);
	said.result = v2m_error_set(&said.error, -ECONNREFUSED, "no answer");
	assert_int_equal(v2m_live_read(SOURCE, &live, &gathered, &error), -ECONNREFUSED);
	assert_string_equal(error.text, "no answer");
	said.result = 0;
	said.text = (char *)"{\"inbounds\": 1}";
	said.length = strlen(said.text);
	assert_int_equal(v2m_live_read(SOURCE, &live, &gathered, &error), -EINVAL);
	assert_non_null(strstr(error.text, SOURCE ":1:14: inbounds: expected"));
	v2m_gathered_clear(&gathered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_running_proxy_counts_in_place_of_the_file),
		cmocka_unit_test(an_id_that_is_no_uuid_stays_as_in_the_file),
		cmocka_unit_test(a_silent_proxy_leaves_the_users_to_the_file_or_to_its_last_answer),
		cmocka_unit_test(a_silent_proxy_that_was_found_keeps_its_users_with_a_note),
		cmocka_unit_test(an_api_that_nobody_has_asked_is_named),
		cmocka_unit_test(a_configuration_without_an_api_asks_nobody),
		cmocka_unit_test(a_source_of_its_own_fails_if_nobody_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
