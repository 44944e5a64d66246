// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "json/json_doc.h"
#include "unit/temporary.h"
#include "base/cleanup.h"

static struct v2m_place place_of(const char *text, const struct v2m_json_step *steps, size_t n)
{
	return v2m_text_place(text, strlen(text), v2m_json_find(text, strlen(text), steps, n));
}

static void a_value_is_found_by_its_path(void **state)
{
	static const char text[] = "[\n"
				   "  {\"a\": 1},\n"
				   "  {\"b\": [1, \"]}\\\"\", {\"x\": null}],\n"
				   "   \"port\" : 70000}\n"
				   "]\n";
	const struct v2m_json_step port[] = { { .index = 1 }, { .member = "port" } };
	const struct v2m_json_step x[] = {
		{ .index = 1 }, { .member = "b" }, { .index = 2 }, { .member = "x" }
	};
	struct v2m_place place = place_of(text, port, 2);

	(void)state;
	assert_int_equal(place.line, 4);
	assert_int_equal(place.column, 13);
	place = place_of(text, x, 4);
	assert_int_equal(place.line, 3);
	assert_int_equal(place.column, 27);
	place = place_of(text, NULL, 0);
	assert_int_equal(place.line, 1);
	assert_int_equal(place.column, 1);
}

static void columns_count_characters_not_bytes(void **state)
{
	const struct v2m_json_step port[] = { { .member = "port" } };
	struct v2m_place place =
		place_of("{\"n\": \"\xc3\xa4\xe2\x82\xac\", \"port\": 1}", port, 1);

	(void)state;
	assert_int_equal(place.line, 1);
	assert_int_equal(place.column, 21);
}

static void a_name_written_with_escapes_is_found(void **state)
{
	const struct v2m_json_step port[] = { { .member = "port" } };
	struct v2m_place place = place_of("{\"por\\u0074\": 1}", port, 1);

	(void)state;
	assert_int_equal(place.column, 15);
}

static void a_path_that_leads_nowhere_ends_at_the_last_value_found(void **state)
{
	const struct v2m_json_step steps[] = { { .member = "a" }, { .index = 5 } };
	const struct v2m_json_step empty[] = { { .member = "b" }, { .member = "c" } };
	static const char text[] = "{\"a\": [1, 2], \"b\": {}}";

	(void)state;
	assert_int_equal(place_of(text, steps, 2).column, 7);
	assert_int_equal(place_of(text, empty, 2).column, 20);
	assert_int_equal(place_of("", steps, 2).column, 1);
}

static void check_error(const char *text, const char *expected)
{
	struct v2m_json_doc doc = { .length = 4711 };
	struct v2m_error error;

	assert_int_equal(v2m_json_doc_parse("f", text, strlen(text), V2M_JSON_STRICT, &doc, &error),
			 -EINVAL);
	assert_string_equal(error.text, expected);
	assert_int_equal(doc.length, 4711);
}

static void invalid_json_is_refused_with_its_place(void **state)
{
	(void)state;
	check_error("[\n  {\"a\": 1},\n  {\"port\" 7}\n]", "f:3:11: not JSON: ':' expected");
	check_error("[1, 2", "f:1:6: not JSON: ']' expected, but the file ends here");
	check_error("[1] x", "f:1:5: not JSON: end of file expected");
	check_error("", "f:1:1: not JSON: a value expected, but the file ends here");
	check_error("[\"a\\u0000b\"]", "f:1:2: not JSON: \\u0000 is not allowed");
}

static void a_name_that_occurs_twice_is_refused(void **state)
{
	(void)state;
	check_error("{\"a\": 1,\n \"a\": 2}", "f:2:2: not JSON: duplicate object key");
}

static void a_complaint_about_syntax_does_not_repeat_the_text(void **state)
{
	struct v2m_json_doc doc;
	struct v2m_error error;
	static const char text[] = "[\"e9828d67-08e2\" \"e9828d67-08e2\"]";

	(void)state;
	assert_int_equal(v2m_json_doc_parse("f", text, strlen(text), V2M_JSON_STRICT, &doc, &error),
			 -EINVAL);
	assert_null(strstr(error.text, "e9828d67"));
	assert_non_null(strstr(error.text, "f:1:18: "));
}

static void a_file_that_is_not_there_or_too_large_is_refused(void **state)
{
	struct v2m_json_doc doc;
	struct v2m_error error;
	const char *path = temporary_path("large.json");
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), V2M_JSON_MAX_BYTES + 1), 0);
	fclose(file);
	assert_int_equal(v2m_json_doc_load(path, &doc, &error), -EFBIG);
	assert_non_null(strstr(error.text, "at most 32 MiB"));
	assert_int_equal(v2m_json_doc_load(temporary_path("none"), &doc, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/none: cannot read it: No such file"));
	assert_int_equal(v2m_json_doc_load(temporary_directory, &doc, &error), -EISDIR);
}

static void a_complaint_names_the_member_with_its_path(void **state)
{
	static const char text[] = "{\"inbounds\": [{}, {\"port\": true}]}";
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	struct v2m_error error;
	struct v2m_json_node root;
	struct v2m_json_node inbounds;
	struct v2m_json_node second;
	struct v2m_json_node port;
	long long value = 4711;

	(void)state;
	assert_int_equal(v2m_json_doc_parse("f", text, strlen(text), V2M_JSON_STRICT, &doc, &error),
			 0);
	root = v2m_json_root(&doc);
	inbounds = v2m_json_member(&root, "inbounds");
	second = v2m_json_item(&inbounds, 1);
	port = v2m_json_member(&second, "port");
	assert_int_equal(v2m_json_integer(&port, 1, 9, &value, &error), -EINVAL);
	assert_string_equal(error.text, "f:1:28: inbounds[1].port: expected an integer from 1 to "
					"9, got true");
	assert_int_equal(value, 4711);
	port = v2m_json_member(&second, "absent");
	assert_int_equal(v2m_json_expected(&port, &error, "a port"), -EINVAL);
	assert_string_equal(error.text, "f:1:19: inbounds[1].absent: expected a port, got nothing");
}

static void comments_are_blanked_out_and_strings_are_not(void **state)
{
	static const struct {
		const char *text;
		const char *blanked;
	} cases[] = {
		{ "{} // x\n[]", "{}     \n[]" },
		{ "{} # \"x\n[]", "{}     \n[]" },
		{ "/* a\n * b */ 1 /**/", "    \n        1     " },
		{ "[\"http://x#y/*z*/\", 1]//", "[\"http://x#y/*z*/\", 1]  " },
		{ "[\"\\\"//\", 1]#", "[\"\\\"//\", 1] " },
		{ "1 /* open", "1        " },
		{ "1 /", "1 /" },
		{ "1 /*/ 2", "1      " },
		{ "\"open", "\"open" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		char *text = strdup(cases[i].text);

		v2m_json_blank_comments(text, strlen(text));
		assert_string_equal(text, cases[i].blanked);
		free(text);
	}
}

static void places_are_those_of_the_text_with_its_comments(void **state)
{
	static const char text[] = "// caf\xc3\xa9\n{ /* \xc3\xa9\xc3\xa9 */ \"port\": 0 }";
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	struct v2m_error error;
	struct v2m_json_node root;
	struct v2m_json_node port;

	(void)state;
	assert_int_equal(v2m_json_doc_parse("f", text, strlen(text), V2M_JSON_V2RAY, &doc, &error),
			 0);
	root = v2m_json_root(&doc);
	port = v2m_json_member(&root, "port");
	assert_int_equal(v2m_json_expected(&port, &error, "a port"), -EINVAL);
	assert_string_equal(error.text, "f:2:20: port: expected a port, got 0");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_found_by_its_path),
		cmocka_unit_test(columns_count_characters_not_bytes),
		cmocka_unit_test(a_name_written_with_escapes_is_found),
		cmocka_unit_test(a_path_that_leads_nowhere_ends_at_the_last_value_found),
		cmocka_unit_test(invalid_json_is_refused_with_its_place),
		cmocka_unit_test(a_name_that_occurs_twice_is_refused),
		cmocka_unit_test(a_complaint_about_syntax_does_not_repeat_the_text),
		cmocka_unit_test(a_file_that_is_not_there_or_too_large_is_refused),
		cmocka_unit_test(comments_are_blanked_out_and_strings_are_not),
		cmocka_unit_test(places_are_those_of_the_text_with_its_comments),
		cmocka_unit_test(a_complaint_names_the_member_with_its_path),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
