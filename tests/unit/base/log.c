// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static struct v2m_log_memory memory;

/* Logs that many different lines in a round. Returns how many were written, and the last one. */
static size_t log_round(unsigned count, char last[static 256])
{
	FILE *file = fdopen(memfd_create("log", MFD_CLOEXEC), "r+");
	int standard = dup(STDERR_FILENO);
	size_t lines = 0;

	assert_non_null(file);
	dup2(fileno(file), STDERR_FILENO);
	v2m_log_begin(&memory);
	for (unsigned i = 0; i < count; i++)
		v2m_log_warning("line %u", i);
	v2m_log_end();
	dup2(standard, STDERR_FILENO);
	close(standard);
	rewind(file);
	while (fgets(last, 256, file))
		lines++;
	fclose(file);
	return lines;
}

static void a_round_that_repeats_is_logged_once(void **state)
{
	char last[256] = "";

	(void)state;
	memset(&memory, 0, sizeof(memory));
	assert_int_equal(log_round(20, last), 20);
	assert_int_equal(log_round(20, last), 0);
	assert_int_equal(log_round(21, last), 1);
	assert_non_null(strstr(last, "line 20"));
}

static void a_round_writes_a_limited_number_of_lines(void **state)
{
	char last[256] = "";

	(void)state;
	memset(&memory, 0, sizeof(memory));
	assert_int_equal(log_round(V2M_LOG_MEMORY + 44, last), V2M_LOG_MEMORY + 1);
	assert_non_null(strstr(last, "44 more lines"));
	assert_int_equal(log_round(V2M_LOG_MEMORY + 44, last), 0);
	assert_int_equal(log_round(V2M_LOG_MEMORY + 45, last), 1);
	assert_non_null(strstr(last, "45 more lines"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_round_that_repeats_is_logged_once),
		cmocka_unit_test(a_round_writes_a_limited_number_of_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
