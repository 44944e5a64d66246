// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "json/json_writer.h"

static char *taken(struct v2m_json_writer *json)
{
	char *text = NULL;
	size_t length = 0;

	assert_int_equal(v2m_write_take(json, &text, &length), 0);
	assert_int_equal(strlen(text), length);
	return text;
}

static void assert_written(struct v2m_json_writer *json, const char *expected)
{
	char *text = taken(json);

	assert_string_equal(text, expected);
	free(text);
}

static void values_are_separated_by_commas(void **state)
{
	struct v2m_json_writer json = { 0 };

	(void)state;
	v2m_write_open(&json, '{');
	v2m_put_open(&json, "empty", '[');
	v2m_write_close(&json, ']');
	v2m_put_open(&json, "list", '[');
	v2m_write_u64(&json, 1);
	v2m_write_bool(&json, true);
	v2m_write_string(&json, NULL);
	v2m_write_open(&json, '{');
	v2m_write_close(&json, '}');
	v2m_write_close(&json, ']');
	v2m_put_string(&json, "s", "t");
	v2m_write_close(&json, '}');
	assert_written(&json, "{\"empty\":[],\"list\":[1,true,null,{}],\"s\":\"t\"}");
}

static void counters_beyond_63_bits_stay_positive_and_exact(void **state)
{
	struct v2m_json_writer json = { 0 };

	(void)state;
	v2m_write_open(&json, '[');
	v2m_write_u64(&json, UINT64_MAX);
	v2m_write_u64(&json, (uint64_t)INT64_MAX + 1);
	v2m_write_u64(&json, 0);
	v2m_write_close(&json, ']');
	assert_written(&json, "[18446744073709551615,9223372036854775808,0]");
}

static void times_keep_their_microseconds(void **state)
{
	struct v2m_json_writer json = { 0 };

	(void)state;
	v2m_write_open(&json, '[');
	v2m_write_seconds(&json, 1754307939255796);
	v2m_write_seconds(&json, 1000001);
	v2m_write_seconds(&json, -1500000);
	v2m_write_close(&json, ']');
	assert_written(&json, "[1754307939.255796,1.000001,-1.500000]");
}

static void infinities_and_nan_become_zero(void **state)
{
	struct v2m_json_writer json = { 0 };

	(void)state;
	v2m_write_open(&json, '[');
	v2m_write_fixed(&json, NAN, 2);
	v2m_write_fixed(&json, INFINITY, 2);
	v2m_write_fixed(&json, 134128.736, 2);
	v2m_write_close(&json, ']');
	assert_written(&json, "[0.00,0.00,134128.74]");
}

/* Reads a written string back with jansson. */
static void assert_reads_back(const char *value, const char *expected)
{
	struct v2m_json_writer json = { 0 };
	char *text;
	json_t *read;

	v2m_write_open(&json, '[');
	v2m_write_string(&json, value);
	v2m_write_close(&json, ']');
	text = taken(&json);
	read = json_loads(text, 0, NULL);
	assert_non_null(read);
	assert_string_equal(json_string_value(json_array_get(read, 0)), expected);
	json_decref(read);
	free(text);
}

static void strings_read_back_as_they_were(void **state)
{
	char controls[0x7f];

	(void)state;
	for (int i = 0; i < 0x7f; i++)
		controls[i] = (char)(i + 1);
	controls[sizeof(controls) - 1] = 0;
	assert_reads_back(controls, controls);
	assert_reads_back("\"\\/", "\"\\/");
	assert_reads_back("\xd0\xaf \xe2\x82\xac \xf0\x9f\x98\x80",
			  "\xd0\xaf \xe2\x82\xac \xf0\x9f\x98\x80");
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
	(void)state;
	assert_reads_back("a\xff"
			  "b",
			  "a\xef\xbf\xbd"
			  "b");
	assert_reads_back("\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd");
	assert_reads_back("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_reads_back("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd");
	assert_reads_back("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void a_text_takes_no_more_memory_than_it_needs(void **state)
{
	struct v2m_json_writer json = { 0 };
	char *text;

	(void)state;
	v2m_write_open(&json, '[');
	v2m_write_close(&json, ']');
	text = taken(&json);
	assert_string_equal(text, "[]");
	assert_true(malloc_usable_size(text) < 64);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_separated_by_commas),
		cmocka_unit_test(counters_beyond_63_bits_stay_positive_and_exact),
		cmocka_unit_test(times_keep_their_microseconds),
		cmocka_unit_test(infinities_and_nan_become_zero),
		cmocka_unit_test(a_text_takes_no_more_memory_than_it_needs),
		cmocka_unit_test(strings_read_back_as_they_were),
		cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
