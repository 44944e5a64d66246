// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The zone of a log's clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <utime.h>
#include <cmocka.h>

#include "following/access_line.h"
#include "following/log_offset.h"
#include "unit/temporary.h"

#define NOW_US  INT64_C(1795824000000000) /* 2026-11-28 00:00:00 UTC */
#define HOUR_US INT64_C(3600000000)

#define LINE(time, name)                                                                           \
	"2026/11/" time " from tcp:192.0.2.2:5000 accepted tcp:a:80 [in] email: " name

static int64_t offset_of(const char *text, int64_t changed_s)
{
	const struct utimbuf times = { changed_s, changed_s };
	const char *path = temporary_file("access.log", text);

	assert_int_equal(utime(path, &times), 0);
	return v2m_log_offset(path);
}

static void the_last_line_tells_the_zone_of_the_log(void **context)
{
	const int64_t now_s = NOW_US / 1000000;

	(void)context;
	assert_int_equal(offset_of(LINE("28 00:00:00", "bob") "\n", now_s), 0);
	assert_int_equal(offset_of(LINE("28 03:29:59", "bob") "\n", now_s), 7 * HOUR_US / 2);
	assert_int_equal(offset_of(LINE("27 17:00:00", "bob") "\n", now_s), -7 * HOUR_US);
	/* Other lines, and the half of a line, do not count. */
	assert_int_equal(
		offset_of(LINE("28 03:00:00", "bob") "\nDNS\n" LINE("28 09", "bob"), now_s),
		3 * HOUR_US);
	/* A customer's text behind a name that the proxy has refused. */
	assert_int_equal(offset_of("2026/11/28 03:00:00 192.0.2.2:1 rejected  x: invalid domain "
				   "name: a\n" LINE("28 04:00:00", "bob") "\n",
				   now_s),
			 3 * HOUR_US);
	assert_int_equal(offset_of("DNS\n", now_s), V2M_NO_LOG_OFFSET);
	assert_int_equal(offset_of("", now_s), V2M_NO_LOG_OFFSET);
	assert_int_equal(v2m_log_offset("/nonexistent"), V2M_NO_LOG_OFFSET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_line_tells_the_zone_of_the_log),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
