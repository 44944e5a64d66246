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

/* What the API of the test says. */
struct said {
	const char *text;
	int result;
	unsigned n_questions;
};

static int say(void *context, const char *source, char **text, size_t *length,
	       struct v2m_error *error)
{
	struct said *said = context;

	assert_string_equal(source, "xray-api://127.0.0.1:1");
	said->n_questions++;
	*text = said->text ? strdup(said->text) : NULL;
	*length = said->text ? strlen(said->text) : 0;
	return said->result ? v2m_error_set(error, said->result, "no answer") : 0;
}

/* Reads a configuration, and the running proxy in its place. */
static int read_proxy(const char *file, struct said *said, struct v2m_gathered *gathered,
		      struct v2m_error *error)
{
	const struct v2m_live_sources live = { say, said };
	struct v2m_json_doc doc = { 0 };
	int result;

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
	struct said said = { .text = text };

	(void)state;
	snprintf(text, sizeof(text), of_proxy, ALICE "0");
	assert_int_equal(read_proxy(of_file, &said, &gathered, &error), 0);
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
	struct said said = { .text = text };

	(void)state;
	assert_true(v2m_uuid_of_v2ray_id("short", mapped));
	snprintf(text, sizeof(text), of_proxy, mapped);
	assert_int_equal(read_proxy(of_file, &said, &gathered, &error), 0);
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
	struct said said = { .result = -ECONNREFUSED };

	(void)state;
	assert_int_equal(read_proxy(of_file, &said, &gathered, &error), 1);
	assert_int_equal(gathered.clients.count, 0);
	assert_string_equal(gathered.notes.items[0].reason,
			    "no answer: the users of the file are used");
	assert_int_equal(gathered.notes.n_missing, 0);
	snprintf(text, sizeof(text), of_proxy, ALICE "0");
	said = (struct said){ .text = text, .result = -ETIMEDOUT };
	assert_int_equal(read_proxy(of_file, &said, &gathered, &error), 0);
	assert_int_equal(gathered.clients.count, 2);
	assert_string_equal(gathered.notes.items[1].reason,
			    "no answer: the users that it had last are used");
	assert_int_equal(gathered.notes.n_missing, 1);
	v2m_gathered_clear(&gathered);
}

static void a_configuration_without_an_api_asks_nobody(void **state)
{
	struct v2m_gathered gathered = { 0 };
	struct v2m_error error = { 0 };
	struct said said = { 0 };

	(void)state;
	assert_int_equal(read_proxy("{\"inbounds\": []}", &said, &gathered, &error), 1);
	assert_int_equal(read_proxy("{\"api\": {\"listen\": \":1\", \"services\": "
				    "[\"StatsService\"]}}",
				    &said, &gathered, &error),
			 1);
	assert_int_equal(said.n_questions, 0);
	assert_int_equal(v2m_live_read("xray-api://127.0.0.1:1", NULL, &gathered, &error), -EINVAL);
	v2m_gathered_clear(&gathered);
}

static void a_source_of_its_own_fails_if_nobody_answers(void **state)
{
	struct said said = { .text = "{\"inbounds\": []}" };
	const struct v2m_live_sources live = { say, &said };
	struct v2m_gathered gathered = { 0 };
	struct v2m_error error = { 0 };

	(void)state;
	assert_int_equal(v2m_live_read("xray-api://127.0.0.1:1", &live, &gathered, &error), 0);
	said.result = -ECONNREFUSED;
	assert_int_equal(v2m_live_read("xray-api://127.0.0.1:1", &live, &gathered, &error),
			 -ECONNREFUSED);
	said = (struct said){ .text = "{\"inbounds\": 1}" };
	assert_int_equal(v2m_live_read("xray-api://127.0.0.1:1", &live, &gathered, &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "xray-api://127.0.0.1:1:1:14: inbounds: expected"));
	v2m_gathered_clear(&gathered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_running_proxy_counts_in_place_of_the_file),
		cmocka_unit_test(an_id_that_is_no_uuid_stays_as_in_the_file),
		cmocka_unit_test(a_silent_proxy_leaves_the_users_to_the_file_or_to_its_last_answer),
		cmocka_unit_test(a_configuration_without_an_api_asks_nobody),
		cmocka_unit_test(a_source_of_its_own_fails_if_nobody_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
