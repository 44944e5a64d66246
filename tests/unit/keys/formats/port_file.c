// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/transport.h"
#include "keys/formats/port_file.h"
#include "base/cleanup.h"

#define UUID "e9828d67-08e2-4942-815d-61f41b3dacf7"

static int read_text(const char *text, struct v2m_key_list *assignments, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };

	assert_int_equal(v2m_json_doc_parse("f", text, strlen(text), V2M_JSON_STRICT, &doc, error),
			 0);
	return v2m_port_file_read(&doc, assignments, error);
}

static void check_refused(const char *text, const char *expected)
{
	struct v2m_key_list assignments = { 0 };
	struct v2m_error error;

	assert_int_equal(read_text(text, &assignments, &error), -EINVAL);
	assert_string_equal(error.text, expected);
	v2m_key_list_clear(&assignments);
}

static void assignments_are_read_by_uuid(void **state)
{
	struct v2m_key_list assignments = { 0 };
	struct v2m_error error;

	(void)state;
	assert_int_equal(read_text("{\"used_ports\": [10001], \"port_assignments\": {\"" UUID
				   "\": {\"port\": 10001, \"key_id\": \"k\", \"key_name\": \"n\", "
				   "\"assigned_at\": \"2025\"}, \"other\": {\"port\": null}}}",
				   &assignments, &error),
			 0);
	assert_int_equal(assignments.count, 1);
	assert_string_equal(assignments.items[0].uuid, UUID);
	assert_int_equal(v2m_key_port(&assignments.items[0]), 10001);
	assert_int_equal(assignments.items[0].spans[0].transports, V2M_TCP | V2M_UDP);
	assert_null(assignments.items[0].id);
	assert_string_equal(assignments.items[0].source, "f");
	v2m_key_list_clear(&assignments);
}

static void a_wrong_assignment_is_refused_without_showing_its_uuid(void **state)
{
	(void)state;
	check_refused("{\"port_assignments\": []}",
		      "f:1:22: port_assignments: expected an object, got an empty list");
	check_refused("{\"port_assignments\": {\"" UUID "\": 7}}",
		      "f:1:63: port_assignments.*: expected an object, got 7");
	check_refused("{\"port_assignments\": {\"" UUID "\": {\"port\": 65536}}}",
		      "f:1:72: port_assignments.*.port: expected an integer from 1 to 65535, got "
		      "65536");
	check_refused("{\"port_assignments\": {\"\": {\"port\": 1}}}",
		      "f:1:27: port_assignments.*: expected a uuid of 1 to 255 bytes as the name");
}

static void a_uuid_that_occurs_twice_is_refused(void **state)
{
	(void)state;
	check_refused("{\"port_assignments\": {\"a\": {\"port\": 1},\n\"A\": {\"port\": 2}}}",
		      "f:2:6: port_assignments.*: this uuid is already on line 1");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(assignments_are_read_by_uuid),
		cmocka_unit_test(a_wrong_assignment_is_refused_without_showing_its_uuid),
		cmocka_unit_test(a_uuid_that_occurs_twice_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
