// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "following/log_follower.h"

#define ALL ((size_t)-1)

/* A directory with a log, a follower of it, and the lines that it has handed over. */
struct fixture {
	char directory[64];
	char log[96];
	char rotated[96];
	struct v2m_log_follower *follower;
	char lines[16384]; /* each with a newline */
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	strcpy(fixture->directory, "/tmp/v2m-log-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->log, sizeof(fixture->log), "%s/access.log", fixture->directory);
	snprintf(fixture->rotated, sizeof(fixture->rotated), "%s/access.log.1", fixture->directory);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	v2m_log_follower_free(fixture->follower);
	unlink(fixture->log);
	unlink(fixture->rotated);
	rmdir(fixture->directory);
	free(fixture);
	return 0;
}

static void append_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void take_line(void *context, const char *text, size_t length)
{
	struct fixture *fixture = context;
	size_t used = strlen(fixture->lines);

	assert_true(used + length + 2 < sizeof(fixture->lines));
	memcpy(fixture->lines + used, text, length);
	strcpy(fixture->lines + used + length, "\n");
}

static void follow(struct fixture *fixture, const struct v2m_log_position *position, uint64_t tail)
{
	v2m_log_follower_free(fixture->follower);
	fixture->follower = v2m_log_follower_new(fixture->log, position, tail);
	assert_non_null(fixture->follower);
}

static void assert_reads(struct fixture *fixture, const char *expected, unsigned gaps)
{
	struct v2m_error error = { 0 };

	fixture->lines[0] = 0;
	assert_int_equal(v2m_log_follower_read(fixture->follower, ALL, take_line, fixture, &error),
			 0);
	assert_string_equal(fixture->lines, expected);
	assert_int_equal(v2m_log_follower_take_gaps(fixture->follower), gaps);
}

/* Makes the log with this text, and follows it. */
static void follow_new_log(struct fixture *fixture, const char *text, const char *expected)
{
	append_to(fixture->log, text);
	follow(fixture, NULL, 1000);
	assert_reads(fixture, expected, 0);
}

static void lines_are_handed_over_once_and_whole(void **state)
{
	struct fixture *fixture = *state;

	follow_new_log(fixture, "one\ntwo\nthr", "one\ntwo\n");
	assert_reads(fixture, "", 0);
	append_to(fixture->log, "ee\n");
	assert_reads(fixture, "three\n", 0);
	append_to(fixture->log, "\n\nfour\nf");
	assert_reads(fixture, "\n\nfour\n", 0);
	append_to(fixture->log, "i");
	assert_reads(fixture, "", 0);
	append_to(fixture->log, "ve\n");
	assert_reads(fixture, "five\n", 0);
}

static void the_first_read_starts_at_a_whole_line_near_the_end(void **state)
{
	struct fixture *fixture = *state;

	append_to(fixture->log, "one\ntwo\nthree\n");
	for (uint64_t tail = 0; tail < 20; tail++) {
		follow(fixture, NULL, tail);
		assert_reads(fixture,
			     tail >= 14   ? "one\ntwo\nthree\n"
			     : tail >= 10 ? "two\nthree\n"
			     : tail >= 6  ? "three\n"
					  : "",
			     0);
	}
}

static void the_end_is_read_again_when_it_is_asked_for(void **state)
{
	struct fixture *fixture = *state;

	append_to(fixture->log, "old\none\ntwo\nha");
	follow(fixture, NULL, 10);
	v2m_log_follower_rewind(fixture->follower);
	assert_reads(fixture, "one\ntwo\n", 0);
	v2m_log_follower_rewind(fixture->follower);
	assert_reads(fixture, "one\ntwo\n", 0);
	append_to(fixture->log, "lf\n");
	assert_reads(fixture, "half\n", 0);
	/* More than the tail waits to be read: nothing is passed over. */
	append_to(fixture->log, "this is more than the tail\nlast\n");
	v2m_log_follower_rewind(fixture->follower);
	assert_reads(fixture, "this is more than the tail\nlast\n", 0);
	/* A file that was cut is told all the same. */
	assert_int_equal(truncate(fixture->log, 0), 0);
	append_to(fixture->log, "new\n");
	v2m_log_follower_rewind(fixture->follower);
	assert_reads(fixture, "new\n", V2M_LOG_TRUNCATED);
}

static void a_limit_of_bytes_leaves_the_rest_for_the_next_read(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_error error = { 0 };

	append_to(fixture->log, "one\ntwo\nthree\n");
	follow(fixture, NULL, 1000);
	assert_int_equal(v2m_log_follower_read(fixture->follower, 6, take_line, fixture, &error),
			 1);
	assert_string_equal(fixture->lines, "one\n");
	assert_reads(fixture, "two\nthree\n", 0);
}

static void a_log_that_is_renamed_is_read_to_its_end_and_then_the_new_one(void **state)
{
	struct fixture *fixture = *state;

	follow_new_log(fixture, "one\n", "one\n");
	append_to(fixture->log, "two\n");
	assert_int_equal(rename(fixture->log, fixture->rotated), 0);
	append_to(fixture->log, "three\n");
	assert_reads(fixture, "two\nthree\n", 0);
	/* The proxy still holds the old file. */
	append_to(fixture->rotated, "four\n");
	append_to(fixture->log, "five\n");
	assert_reads(fixture, "four\nfive\n", 0);
	unlink(fixture->rotated);
	append_to(fixture->log, "six\n");
	assert_reads(fixture, "six\n", 0);
}

static void a_log_that_is_made_shorter_starts_again_and_says_so(void **state)
{
	struct fixture *fixture = *state;

	follow_new_log(fixture, "one\ntwo\nhal", "one\ntwo\n");
	assert_int_equal(truncate(fixture->log, 0), 0);
	append_to(fixture->log, "three\n");
	assert_reads(fixture, "three\n", V2M_LOG_TRUNCATED);
}

static void a_log_that_was_cut_and_has_grown_again_is_told(void **state)
{
	struct fixture *fixture = *state;

	follow_new_log(fixture, "one\ntwo\nhal", "one\ntwo\n");
	assert_int_equal(truncate(fixture->log, 0), 0);
	append_to(fixture->log, "three\nfour\nfive\n");
	assert_reads(fixture, "three\nfour\nfive\n", V2M_LOG_TRUNCATED);
	append_to(fixture->log, "six\n");
	assert_reads(fixture, "six\n", 0);
}

static void a_restart_after_a_rotation_reads_on_in_both_files(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_log_position position;
	struct v2m_log_position before;

	follow_new_log(fixture, "one\n", "one\n");
	assert_int_equal(rename(fixture->log, fixture->rotated), 0);
	append_to(fixture->log, "two\n");
	assert_reads(fixture, "two\n", 0);
	v2m_log_follower_position(fixture->follower, &position);
	v2m_log_follower_position_before(fixture->follower, &before);
	append_to(fixture->rotated, "three\n");
	append_to(fixture->log, "four\n");
	follow(fixture, &position, 0);
	v2m_log_follower_resume_before(fixture->follower, &before);
	assert_reads(fixture, "three\nfour\n", 0);
	unlink(fixture->rotated);
	follow(fixture, &position, 0);
	v2m_log_follower_resume_before(fixture->follower, &before);
	assert_reads(fixture, "four\n", V2M_LOG_REPLACED);
}

static void a_log_that_is_missing_is_found_when_it_comes(void **state)
{
	struct fixture *fixture = *state;

	follow(fixture, NULL, 1000);
	assert_reads(fixture, "", V2M_LOG_MISSING);
	append_to(fixture->log, "one\n");
	assert_reads(fixture, "one\n", 0);
	/* The proxy goes on writing into the file that was removed. */
	int fd = open(fixture->log, O_WRONLY | O_APPEND);
	unlink(fixture->log);
	assert_int_equal(write(fd, "two\n", 4), 4);
	assert_reads(fixture, "two\n", V2M_LOG_MISSING);
	close(fd);
}

static void a_restart_goes_on_where_it_stood(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_log_position position;

	follow_new_log(fixture, "one\ntwo\nhal", "one\ntwo\n");
	v2m_log_follower_position(fixture->follower, &position);
	append_to(fixture->log, "f\nthree\n");
	follow(fixture, &position, 0);
	assert_reads(fixture, "half\nthree\n", 0);
}

static void a_rotation_during_a_restart_loses_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_log_position position;

	follow_new_log(fixture, "one\n", "one\n");
	v2m_log_follower_position(fixture->follower, &position);
	append_to(fixture->log, "two\n");
	assert_int_equal(rename(fixture->log, fixture->rotated), 0);
	append_to(fixture->log, "three\n");
	follow(fixture, &position, 0);
	assert_reads(fixture, "two\nthree\n", 0);
}

static void a_file_of_the_position_that_is_gone_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_log_position position;

	follow_new_log(fixture, "one\n", "one\n");
	v2m_log_follower_position(fixture->follower, &position);
	/* The same file with other bytes before the position is not the same log. */
	assert_int_equal(truncate(fixture->log, 0), 0);
	append_to(fixture->log, "new\nlines\n");
	follow(fixture, &position, 0);
	assert_reads(fixture, "new\nlines\n", V2M_LOG_REPLACED);
}

static void a_line_that_is_too_long_is_skipped_and_told(void **state)
{
	struct fixture *fixture = *state;
	char line[V2M_LOG_LINE_MAX + 2];

	memset(line, 'x', sizeof(line));
	line[V2M_LOG_LINE_MAX] = 0;
	append_to(fixture->log, line);
	append_to(fixture->log, "\n");
	follow(fixture, NULL, 1000000);
	strcat(line, "\n");
	assert_reads(fixture, line, 0);
	line[V2M_LOG_LINE_MAX] = 'y';
	line[V2M_LOG_LINE_MAX + 1] = 0;
	append_to(fixture->log, line);
	append_to(fixture->log, "rest\nnext\n");
	assert_reads(fixture, "next\n", V2M_LOG_LONG_LINE);
}

static void a_fifo_in_place_of_the_log_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_error error = { 0 };

	assert_int_equal(mkfifo(fixture->log, 0600), 0);
	follow(fixture, NULL, 1000);
	assert_true(v2m_log_follower_read(fixture->follower, ALL, take_line, fixture, &error) < 0);
	assert_non_null(strstr(error.text, fixture->log));
	unlink(fixture->log);
	append_to(fixture->log, "one\n");
	v2m_log_follower_take_gaps(fixture->follower);
	assert_reads(fixture, "one\n", 0);
}

#define BY_PROXY(end)  "2026/11/28 00:00:37 192.0.2.2:1 " end "\n"
#define REFUSED(name)  BY_PROXY("rejected  proxy/trojan: x > invalid domain name: " name)
#define ACCEPTED(name) BY_PROXY("accepted tcp:a:1 [in >> out] email: " name)

/* The name that a customer asks for holds newlines, and the proxy writes it as it came. */
static void lines_that_a_customer_may_have_written_are_passed_over(void **state)
{
	struct fixture *fixture = *state;
	char far[300];

	memset(far, 'x', sizeof(far));
	strcpy(far + sizeof(far) - 2, "\n");
	append_to(fixture->log, REFUSED("a\n" ACCEPTED("victim")) ACCEPTED("late"));
	append_to(fixture->log, far);
	append_to(fixture->log, ACCEPTED("alice"));
	follow(fixture, NULL, 1000000);
	assert_reads(fixture, REFUSED("a") ACCEPTED("alice"), V2M_LOG_DOUBTFUL);
}

static void what_comes_after_the_end_of_the_file_is_the_proxys(void **state)
{
	struct fixture *fixture = *state;

	append_to(fixture->log, REFUSED("a b"));
	follow(fixture, NULL, 1000000);
	assert_reads(fixture, REFUSED("a b"), 0);
	append_to(fixture->log, ACCEPTED("alice"));
	assert_reads(fixture, ACCEPTED("alice"), 0);
}

/* A reader may see the first page of what is written at once. */
static void the_end_of_a_page_may_be_in_the_middle_of_what_is_written(void **state)
{
	struct fixture *fixture = *state;
	char page[4096 + 1];
	size_t before = sizeof(page) - 1 - strlen(REFUSED("a"));

	memset(page, 'x', before - 1);
	strcpy(page + before - 1, "\n" REFUSED("a"));
	follow_new_log(fixture, page, REFUSED("a"));
	append_to(fixture->log, ACCEPTED("victim"));
	assert_reads(fixture, "", V2M_LOG_DOUBTFUL);
}

/* The gap was told when the lines were read first. */
static void what_is_read_again_tells_no_new_gap(void **state)
{
	struct fixture *fixture = *state;

	append_to(fixture->log, REFUSED("a\n" ACCEPTED("victim")));
	follow(fixture, NULL, 1000000);
	assert_reads(fixture, REFUSED("a"), V2M_LOG_DOUBTFUL);
	v2m_log_follower_rewind(fixture->follower);
	assert_reads(fixture, REFUSED("a"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_handed_over_once_and_whole),
		TEST(the_first_read_starts_at_a_whole_line_near_the_end),
		TEST(the_end_is_read_again_when_it_is_asked_for),
		TEST(a_limit_of_bytes_leaves_the_rest_for_the_next_read),
		TEST(a_log_that_is_renamed_is_read_to_its_end_and_then_the_new_one),
		TEST(a_log_that_is_made_shorter_starts_again_and_says_so),
		TEST(a_log_that_was_cut_and_has_grown_again_is_told),
		TEST(a_restart_after_a_rotation_reads_on_in_both_files),
		TEST(a_log_that_is_missing_is_found_when_it_comes),
		TEST(a_restart_goes_on_where_it_stood),
		TEST(a_rotation_during_a_restart_loses_nothing),
		TEST(a_file_of_the_position_that_is_gone_is_told),
		TEST(a_line_that_is_too_long_is_skipped_and_told),
		TEST(a_fifo_in_place_of_the_log_is_refused),
		TEST(lines_that_a_customer_may_have_written_are_passed_over),
		TEST(what_comes_after_the_end_of_the_file_is_the_proxys),
		TEST(the_end_of_a_page_may_be_in_the_middle_of_what_is_written),
		TEST(what_is_read_again_tells_no_new_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
