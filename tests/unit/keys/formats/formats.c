// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "keys/formats/formats.h"

#define MANUAL "../../docs/man/v2meter.json.5"

static void a_row_has_one_way_to_be_recognised_and_one_to_be_read(void **state)
{
	size_t n;
	const struct v2m_key_format *formats = v2m_key_formats(&n);
	size_t together = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		bool is_json = formats[i].is_document != NULL;

		assert_int_equal(is_json, formats[i].magic == NULL);
		assert_int_equal(is_json, formats[i].read_file == NULL);
		assert_int_equal(is_json, formats[i].read_document || formats[i].read_documents);
		assert_false(formats[i].read_document && formats[i].read_documents);
		assert_true(formats[i].magic_length <= V2M_KEY_FORMAT_MAGIC_MAX);
		together += formats[i].read_documents != NULL;
	}
	/* The documents of a directory are collected in one list, so only one format may read them
	 * together. */
	assert_int_equal(together, 1);
}

static const char *kind_of(const char *json)
{
	json_t *root = json_loads(json, JSON_DECODE_ANY, NULL);
	const struct v2m_key_format *format = v2m_key_format_of_document(root);

	assert_non_null(root);
	json_decref(root);
	return format ? format->kind : "none";
}

static void a_document_has_the_format_of_its_members(void **state)
{
	(void)state;
	assert_string_equal(kind_of("[]"), "key file");
	assert_string_equal(kind_of("{\"port_assignments\": {}}"), "port file");
	assert_string_equal(kind_of("{\"inbounds\": []}"), "V2Ray configuration");
	assert_string_equal(kind_of("{\"port_assignments\": {}, \"log\": {}}"), "port file");
	assert_string_equal(kind_of("{\"keys\": []}"), "none");
	assert_string_equal(kind_of("7"), "none");
}

static void a_file_has_the_format_of_its_first_bytes(void **state)
{
	(void)state;
	assert_string_equal(v2m_key_format_of_bytes("SQLite format 3\0", 16)->kind,
			    "panel database");
	assert_null(v2m_key_format_of_bytes("SQLite format 3", 15));
	assert_null(v2m_key_format_of_bytes("SQLite format 4\0", 16));
	assert_null(v2m_key_format_of_bytes("", 0));
}

static void a_directory_is_searched_for_the_endings_of_all_formats(void **state)
{
	(void)state;
	assert_true(v2m_key_format_has_ending("keys.json"));
	assert_true(v2m_key_format_has_ending("10_inbounds.jsonc"));
	assert_true(v2m_key_format_has_ending("vpn.db"));
	assert_false(v2m_key_format_has_ending("vpn.db-wal"));
	assert_false(v2m_key_format_has_ending(".json"));
	assert_false(v2m_key_format_has_ending("json"));
	assert_false(v2m_key_format_has_ending("keys.json~"));
}

static void an_error_names_all_formats(void **state)
{
	char text[V2M_KEY_FORMAT_DESCRIPTIONS_LEN];

	(void)state;
	v2m_key_format_descriptions(text);
	assert_string_equal(text, "a key file (a list), a port file (port_assignments), a V2Ray or "
				  "Xray configuration (inbounds), or a panel's database");
}

/* The entry of key_sources names the places in their order, one in each line: ".Pa /etc/v2ray". */
static void the_manual_lists_every_place_of_auto(void **state)
{
	V2M_FREE char *manual = NULL;
	size_t n;
	const struct v2m_key_format *formats = v2m_key_formats(&n);
	const char *at;
	const char *end;
	size_t length;

	(void)state;
	assert_int_equal(v2m_read_file(MANUAL, 1 << 20, &manual, &length), 0);
	at = strstr(manual, "\n.It Cm key_sources\n");
	assert_non_null(at);
	end = strstr(at + 1, "\n.It ");
	for (size_t i = 0; i < n; i++) {
		for (const char *const *place = formats[i].places; *place; place++) {
			at = strstr(at, "\n.Pa ");
			assert_true(at && at < end);
			at += strlen("\n.Pa ");
			assert_int_equal(strcspn(at, " \n"), strlen(*place));
			assert_memory_equal(at, *place, strlen(*place));
		}
	}
	at = strstr(at, "\n.Pa ");
	assert_true(!at || at > end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_has_one_way_to_be_recognised_and_one_to_be_read),
		cmocka_unit_test(a_document_has_the_format_of_its_members),
		cmocka_unit_test(a_file_has_the_format_of_its_first_bytes),
		cmocka_unit_test(a_directory_is_searched_for_the_endings_of_all_formats),
		cmocka_unit_test(an_error_names_all_formats),
		cmocka_unit_test(the_manual_lists_every_place_of_auto),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
