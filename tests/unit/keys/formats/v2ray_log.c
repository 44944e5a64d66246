// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where the proxies write their access logs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "keys/formats/v2ray_log.h"

static struct v2m_access_log find(const char *first, const char *second)
{
	static char path[64];
	struct v2m_json_doc docs[2] = { 0 };
	struct v2m_access_logs logs = { 0 };
	struct v2m_access_log found;
	size_t n = second ? 2 : 1;

	assert_int_equal(
		v2m_json_doc_parse("a", first, strlen(first), V2M_JSON_V2RAY, &docs[0], NULL), 0);
	if (second)
		assert_int_equal(v2m_json_doc_parse("b", second, strlen(second), V2M_JSON_V2RAY,
						    &docs[1], NULL),
				 0);
	assert_int_equal(v2m_v2ray_log_find("/etc/xray", docs, n, &logs), 0);
	assert_int_equal(logs.count, 1);
	assert_string_equal(logs.items[0].source, "/etc/xray");
	found = logs.items[0];
	found.source = NULL;
	if (found.path) {
		strncpy(path, found.path, sizeof(path) - 1);
		found.path = path;
	}
	v2m_access_logs_clear(&logs);
	for (size_t i = 0; i < n; i++)
		v2m_json_doc_clear(&docs[i]);
	return found;
}

static void the_log_is_where_the_proxy_writes_it(void **state)
{
	static const struct {
		const char *text;
		enum v2m_access_log_kind kind;
		const char *path;
		bool masked;
	} cases[] = {
		{ "{\"inbounds\": []}", V2M_ACCESS_LOG_OFF, NULL, false },
		{ "{\"log\": null}", V2M_ACCESS_LOG_OFF, NULL, false },
		{ "{\"log\": {}}", V2M_ACCESS_LOG_STDOUT, NULL, false },
		{ "{\"log\": {\"access\": \"\"}}", V2M_ACCESS_LOG_STDOUT, NULL, false },
		{ "{\"log\": {\"access\": \"none\"}}", V2M_ACCESS_LOG_OFF, NULL, false },
		{ "{\"log\": {\"access\": \"/a b/log\"}}", V2M_ACCESS_LOG_FILE, "/a b/log", false },
		{ "{\"Log\": {\"Access\": \"/a\"}}", V2M_ACCESS_LOG_FILE, "/a", false },
		{ "{\"log\": {\"access\": \"./a\"}}", V2M_ACCESS_LOG_RELATIVE, "./a", false },
		{ "{\"log\": {\"access\": \"/a\", \"loglevel\": \"None\"}}", V2M_ACCESS_LOG_OFF,
		  NULL, false },
		{ "{\"log\": {\"access\": \"/a\", \"maskAddress\": \"half\"}}", V2M_ACCESS_LOG_FILE,
		  "/a", true },
		{ "{\"log\": {\"access\": {\"type\": \"File\", \"path\": \"/a\"}}}",
		  V2M_ACCESS_LOG_FILE, "/a", false },
		{ "{\"log\": {\"access\": {\"type\": \"Console\"}}}", V2M_ACCESS_LOG_STDOUT, NULL,
		  false },
		{ "{\"log\": {\"access\": {\"type\": \"None\", \"path\": \"/a\"}}}",
		  V2M_ACCESS_LOG_OFF, NULL, false },
		{ "{\"log\": {\"access\": 7}}", V2M_ACCESS_LOG_STDOUT, NULL, false },
		{ "{\"log\": 7}", V2M_ACCESS_LOG_OFF, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		struct v2m_access_log found = find(cases[i].text, NULL);

		assert_int_equal(found.kind, cases[i].kind);
		assert_int_equal(found.masked, cases[i].masked);
		assert_string_equal(found.path ? found.path : "",
				    cases[i].path ? cases[i].path : "");
	}
}

static void the_last_file_with_a_log_counts_alone(void **state)
{
	static const char file[] = "{\"log\": {\"access\": \"/a\"}}";

	(void)state;
	assert_string_equal(find(file, "{\"inbounds\": []}").path, "/a");
	assert_string_equal(find(file, "{\"log\": {\"access\": \"/b\"}}").path, "/b");
	assert_int_equal(find(file, "{\"log\": {\"access\": \"none\"}}").kind, V2M_ACCESS_LOG_OFF);
	assert_int_equal(find(file, "{\"log\": {}}").kind, V2M_ACCESS_LOG_STDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_log_is_where_the_proxy_writes_it),
		cmocka_unit_test(the_last_file_with_a_log_counts_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
