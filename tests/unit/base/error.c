// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"

static void a_code_has_its_usual_class(void **state)
{
	static const struct {
		int code;
		enum v2m_failure failure;
	} cases[] = {
		{ -EINVAL, V2M_FAILURE_CONFIGURATION },
		{ -ENOENT, V2M_FAILURE_MISSING },
		{ -EADDRINUSE, V2M_FAILURE_BUSY },
		{ -ENOMEM, V2M_FAILURE_PASSING },
		{ -EACCES, V2M_FAILURE_FORBIDDEN },
		{ -EOPNOTSUPP, V2M_FAILURE_NOT_SUPPORTED },
		{ -ENOSPC, V2M_FAILURE_DISK },
		{ -EUCLEAN, V2M_FAILURE_DAMAGED },
		{ -EIO, V2M_FAILURE_OTHER },
		{ 0, V2M_FAILURE_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		struct v2m_error error = { 0 };

		assert_int_equal(v2m_failure_of(cases[i].code), cases[i].failure);
		assert_int_equal(v2m_error_set(&error, cases[i].code, "file %d", 7), cases[i].code);
		assert_int_equal(error.failure, cases[i].failure);
		assert_string_equal(error.text, "file 7");
	}
}

static void a_class_can_be_named_where_the_code_means_something_else(void **state)
{
	struct v2m_error error = { 0 };

	(void)state;
	assert_int_equal(v2m_error_set_class(&error, V2M_FAILURE_NOT_SUPPORTED, -EINVAL, "%s",
					     "this kernel has no tcx"),
			 -EINVAL);
	assert_int_equal(error.failure, V2M_FAILURE_NOT_SUPPORTED);
	assert_string_equal(error.text, "this kernel has no tcx");
}

static void nobody_has_to_ask_for_the_sentence(void **state)
{
	(void)state;
	assert_int_equal(v2m_error_set(NULL, -EIO, "lost"), -EIO);
	assert_int_equal(v2m_error_set_class(NULL, V2M_FAILURE_BUSY, -EIO, "lost"), -EIO);
}

static void a_long_sentence_is_cut_off(void **state)
{
	struct v2m_error error;
	char text[2 * sizeof(error.text)];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	v2m_error_set(&error, -EIO, "%s", text);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_code_has_its_usual_class),
		cmocka_unit_test(a_class_can_be_named_where_the_code_means_something_else),
		cmocka_unit_test(nobody_has_to_ask_for_the_sentence),
		cmocka_unit_test(a_long_sentence_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
