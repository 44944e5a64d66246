// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>

#include "base/trusted_dir.h"

static int make(void **state)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/v2m-trusted-XXXXXX");
	*state = path;
	return mkdtemp(path) ? 0 : -1;
}

static int drop(void **state)
{
	return rmdir(*state);
}

static void assert_refused(const char *path, const char *because)
{
	struct v2m_error error = { 0 };

	assert_int_equal(v2m_trusted_dir_check("state_dir", path, &error), -EINVAL);
	assert_int_equal(error.failure, V2M_FAILURE_CONFIGURATION);
	assert_non_null(strstr(error.text, "state_dir"));
	assert_non_null(strstr(error.text, path));
	assert_non_null(strstr(error.text, because));
}

static void a_directory_of_our_own_is_taken(void **state)
{
	static const mode_t modes[] = { 0700, 0755, 0500, 02750 };
	struct v2m_error error = { 0 };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(*state, modes[i]), 0);
		assert_int_equal(v2m_trusted_dir_check("state_dir", *state, &error), 0);
	}
}

/* The sticky bit keeps others from removing a file, not from making one. */
static void a_directory_that_others_may_write_to_is_refused(void **state)
{
	assert_int_equal(chmod(*state, 0770), 0);
	assert_refused(*state, "0770");
	assert_int_equal(chmod(*state, 0702), 0);
	assert_refused(*state, "0702");
	assert_int_equal(chmod(*state, 01777), 0);
	assert_refused(*state, "1777");
}

static void a_directory_of_another_user_is_refused(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(*state, 12345, 0), 0);
	assert_refused(*state, "12345");
}

static void a_directory_that_is_missing_is_said_to_be(void **state)
{
	struct v2m_error error = { 0 };

	(void)state;
	assert_int_equal(v2m_trusted_dir_check("pin_dir", "/nowhere/at/all", &error), -ENOENT);
	assert_int_equal(error.failure, V2M_FAILURE_MISSING);
	assert_int_equal(v2m_trusted_dir_check("pin_dir", "/proc/version", &error), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_directory_of_our_own_is_taken, make, drop),
		cmocka_unit_test_setup_teardown(a_directory_that_others_may_write_to_is_refused,
						make, drop),
		cmocka_unit_test_setup_teardown(a_directory_of_another_user_is_refused, make, drop),
		cmocka_unit_test(a_directory_that_is_missing_is_said_to_be),
	};

	return cmocka_run_group_tests_name("trusted_dir", tests, NULL, NULL);
}
