// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/name_index.h"

static unsigned until_failure; /* 0: never */

static bool fails_now(void)
{
	return until_failure && --until_failure == 0;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now() ? NULL : __real_strdup(text);
}

static void a_name_has_the_number_it_was_given_last(void **state)
{
	V2M_CLEANUP(v2m_name_index_clear) struct v2m_name_index index = { 0 };
	char name[16];
	size_t number = 4711;

	(void)state;
	assert_false(v2m_name_index_find(&index, "absent", &number));
	assert_int_equal(number, 4711);
	for (size_t i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "name-%zu", i);
		assert_int_equal(v2m_name_index_set(&index, name, i), 0);
	}
	assert_int_equal(v2m_name_index_set(&index, "name-7", 8), 0);
	assert_int_equal(index.table.count, 1000);
	assert_true(v2m_name_index_find(&index, "name-7", &number));
	assert_int_equal(number, 8);
	assert_true(v2m_name_index_find(&index, "name-999", &number));
	assert_int_equal(number, 999);
	assert_false(v2m_name_index_find(&index, "name-1000", &number));
}

static void without_memory_the_index_is_unchanged(void **state)
{
	V2M_CLEANUP(v2m_name_index_clear) struct v2m_name_index index = { 0 };
	size_t number;

	(void)state;
	for (unsigned failure = 1; failure <= 3; failure++) {
		until_failure = failure;
		assert_int_equal(v2m_name_index_set(&index, "name", 1), -ENOMEM);
		assert_false(v2m_name_index_find(&index, "name", &number));
	}
	until_failure = 0;
	assert_int_equal(v2m_name_index_set(&index, "name", 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_has_the_number_it_was_given_last),
		cmocka_unit_test(without_memory_the_index_is_unchanged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
