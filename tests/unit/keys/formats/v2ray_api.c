// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "keys/formats/v2ray_api.h"

#define SERVICES "\"services\": [\"HandlerService\", \"StatsService\"]"
#define ROUTE                                                                                      \
	", \"routing\": {\"rules\": [{\"inboundTag\": [\"x\", \"in\"], \"outboundTag\": "          \
	"\"api\"}]}"

/* Reads the texts as one configuration. Returns where its API is, or "" if it has none. */
static const char *find(const char *const *texts, size_t n, struct v2m_v2ray_api *api)
{
	struct v2m_json_doc docs[2] = { 0 };
	bool found;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(v2m_json_doc_parse("f", texts[i], strlen(texts[i]), V2M_JSON_V2RAY,
						    &docs[i], NULL),
				 0);
	found = v2m_v2ray_api_find(docs, n, api);
	for (size_t i = 0; i < n; i++)
		v2m_json_doc_clear(&docs[i]);
	return found ? api->source : "";
}

static void the_address_is_that_of_the_inbound_or_of_listen(void **state)
{
	static const struct {
		const char *text;
		const char *source;
	} cases[] = {
		{ "{\"api\": {\"tag\": \"api\"}" ROUTE ", \"inbounds\": [{\"tag\": \"other\", "
		  "\"port\": 1}, {\"tag\": \"in\", \"listen\": \"127.0.0.1\", \"port\": 10085}]}",
		  "xray-api://127.0.0.1:10085" },
		{ "{\"api\": {\"tag\": \"api\"}" ROUTE
		  ", \"inbounds\": [{\"tag\": \"in\", \"listen\": \"::1\", \"port\": \"62789\"}]}",
		  "xray-api://[::1]:62789" },
		{ "{\"api\": {\"tag\": \"api\"}" ROUTE
		  ", \"inbounds\": [{\"tag\": \"in\", \"port\": 10085}]}",
		  "xray-api://127.0.0.1:10085" },
		{ "{\"api\": {\"tag\": \"api\"}" ROUTE
		  ", \"inbounds\": [{\"tag\": \"in\", \"listen\": \"@xtls\"}]}",
		  "xray-api+unix:@xtls" },
		{ "{\"api\": {\"tag\": \"api\"}" ROUTE
		  ", \"inbounds\": [{\"tag\": \"in\", \"listen\": \"/run/x,0666\"}]}",
		  "xray-api+unix:/run/x" },
		{ "{\"API\": {\"tag\": \"api\", \"Listen\": \"127.0.0.1:8080\"}}",
		  "xray-api://127.0.0.1:8080" },
		{ "{\"api\": {\"tag\": \"api\", \"listen\": \":8080\"}}",
		  "xray-api://127.0.0.1:8080" },
		{ "{\"api\": {\"tag\": \"api\", \"listen\": \"[::1]:8080\"}}",
		  "xray-api://[::1]:8080" },
		{ "{\"api\": {\"tag\": \"api\", \"listen\": \"/dev/shm/x.sock\"}}",
		  "xray-api+unix:/dev/shm/x.sock" },
		/* Another address is only asked if somebody names it in key_sources. */
		{ "{\"api\": {\"tag\": \"api\", \"listen\": \"192.0.2.1:8080\"}}", "" },
		{ "{\"api\": {\"tag\": \"api\", \"listen\": \"8080\"}}", "" },
		{ "{\"api\": {\"tag\": \"other\"}" ROUTE
		  ", \"inbounds\": [{\"tag\": \"in\", \"port\": 10085}]}",
		  "" },
		{ "{\"api\": {\"tag\": \"api\"}" ROUTE
		  ", \"inbounds\": [{\"tag\": \"in\", \"port\": true}]}",
		  "" },
		{ "{\"api\": {\"tag\": \"api\"}, \"inbounds\": [{\"tag\": \"in\", \"port\": 1}]}",
		  "" },
		{ "{\"api\": [], \"inbounds\": {}}", "" },
		{ "{\"inbounds\": [{\"tag\": \"in\", \"port\": 1}]}", "" },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		struct v2m_v2ray_api api;

		assert_string_equal(find(&cases[i].text, 1, &api), cases[i].source);
	}
}

static void the_services_are_told_apart(void **state)
{
	const char *both = "{\"api\": {\"listen\": \":1\", " SERVICES "}}";
	const char *one = "{\"api\": {\"listen\": \":1\", \"services\": [\"statsservice\", 1]}}";
	struct v2m_v2ray_api api;

	(void)state;
	find(&both, 1, &api);
	assert_true(api.has_handler && api.has_stats);
	find(&one, 1, &api);
	assert_true(!api.has_handler && api.has_stats);
}

static void files_of_a_directory_are_one_configuration(void **state)
{
	static const char *const texts[] = {
		"{\"api\": {\"tag\": \"api\", " SERVICES "}" ROUTE "}",
		"{\"inbounds\": [{\"tag\": \"in\", \"listen\": \"127.0.0.1\", \"port\": 10085}]}",
	};
	struct v2m_v2ray_api api;

	(void)state;
	assert_string_equal(find(texts, 2, &api), "xray-api://127.0.0.1:10085");
	assert_true(api.has_handler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_address_is_that_of_the_inbound_or_of_listen),
		cmocka_unit_test(the_services_are_told_apart),
		cmocka_unit_test(files_of_a_directory_are_one_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
