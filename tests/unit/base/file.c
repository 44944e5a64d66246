// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "unit/temporary.h"

static unsigned mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

static void a_written_file_is_read_back(void **state)
{
	const char *path = temporary_path("file");
	V2M_FREE char *text = NULL;
	size_t length;

	(void)state;
	assert_int_equal(v2m_write_file(path, "one\0two", 7, 0600), 0);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(v2m_read_file(path, 7, &text, &length), 0);
	assert_int_equal(length, 7);
	assert_memory_equal(text, "one\0two", 8);
}

static void a_file_that_is_too_large_or_absent_is_told_apart(void **state)
{
	const char *path = temporary_file("large", "12345678");
	char *text = NULL;
	size_t length;

	(void)state;
	assert_int_equal(v2m_read_file(path, 7, &text, &length), -EFBIG);
	assert_int_equal(v2m_read_file(temporary_path("absent"), 7, &text, &length), -ENOENT);
	assert_null(text);
}

static void a_file_that_cannot_be_replaced_stays(void **state)
{
	const char *path = temporary_file("kept", "old");
	const char *in_the_way = temporary_path("kept.new");
	V2M_FREE char *text = NULL;
	size_t length;

	(void)state;
	assert_int_equal(mkdir(in_the_way, 0700), 0);
	assert_int_not_equal(v2m_write_file(path, "new", 3, 0600), 0);
	assert_int_equal(v2m_read_file(path, 100, &text, &length), 0);
	assert_string_equal(text, "old");
}

static void directories_are_made_with_their_parents(void **state)
{
	const char *path = temporary_path("a/b/c");

	(void)state;
	assert_int_equal(v2m_make_directories(path, 0755, 0700), 0);
	assert_int_equal(mode_of(path), 0700);
	assert_int_equal(mode_of(temporary_path("a/b")), 0755);
	/* A directory that exists keeps its mode. */
	assert_int_equal(v2m_make_directories(temporary_path("a/b"), 0700, 0700), 0);
	assert_int_equal(mode_of(temporary_path("a/b")), 0755);
}

static void a_file_among_the_parents_is_an_error(void **state)
{
	(void)state;
	temporary_file("plain", "");
	assert_int_equal(v2m_make_directories(temporary_path("plain/a"), 0755, 0700), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_written_file_is_read_back),
		cmocka_unit_test(a_file_that_is_too_large_or_absent_is_told_apart),
		cmocka_unit_test(a_file_that_cannot_be_replaced_stays),
		cmocka_unit_test(directories_are_made_with_their_parents),
		cmocka_unit_test(a_file_among_the_parents_is_an_error),
	};

	umask(022);
	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
