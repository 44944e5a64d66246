// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "following/log_round.h"

static char path[] = "/tmp/v2m-round-XXXXXX";

static int make_log(void **state)
{
	struct v2m_log_round *round = v2m_log_round_new();
	struct v2m_following_order order = { .path = path };
	int fd = mkstemp(path);

	if (!round || fd < 0 || v2m_log_round_add(round, &order))
		return -1;
	close(fd);
	*state = round;
	return 0;
}

static int remove_log(void **state)
{
	v2m_log_round_free(*state);
	return unlink(path);
}

/* Writes lines of that second, and reads the log. Returns its gaps. */
static unsigned gaps_after(struct v2m_log_round *round, const char *time, int lines,
			   const char *rest)
{
	const struct v2m_following_question question = { 0 };
	struct v2m_following_news *news;
	FILE *log = fopen(path, "a");

	assert_non_null(log);
	for (int i = 0; i < lines; i++)
		fprintf(log, "2026/11/28 00:00:%s 192.0.2.2:%d %s\n", time, 40000 + i, rest);
	assert_int_equal(fclose(log), 0);
	assert_int_equal(v2m_log_round_read(round, &question, &news), 0);
	return news->logs[0].gaps;
}

#define ACCEPTED "accepted tcp:203.0.113.7:80 [direct] email: alice"
#define REFUSED  "rejected  proxy/vless/encoding: invalid request user id"

/* The queue of the proxy has room for 16 lines. */
static void sixteen_lines_that_come_at_once_are_a_rush(void **state)
{
	assert_int_equal(gaps_after(*state, "01", 7, ACCEPTED), 0);
	assert_int_equal(gaps_after(*state, "02.100000", 4, ACCEPTED), 0);
	assert_int_equal(gaps_after(*state, "02.900000", 3, REFUSED), 0);
	assert_int_equal(gaps_after(*state, "02.950000", 1, REFUSED), V2M_LOG_RUSH);
	assert_int_equal(gaps_after(*state, "03", 1, ACCEPTED), 0);
	/* Half of them in each of two seconds. */
	assert_int_equal(gaps_after(*state, "10", 8, ACCEPTED), V2M_LOG_RUSH);
	assert_int_equal(gaps_after(*state, "11", 8, ACCEPTED), V2M_LOG_RUSH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sixteen_lines_that_come_at_once_are_a_rush,
						make_log, remove_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
