// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines come from the following process, whatever happens to it. It is this test program itself:
 * the real one, or one that does what the name of its argument says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "attribution/log_reader.h"
#include "base/clock.h"
#include "base/log.h"
#include "following/following.h"
#include "process/channel.h"
#include "process/child.h"
#include "unit/own_child.h"
#include "unit/temporary.h"

#define LONG_MS     10000
#define PATIENCE_MS 150

struct state {
	struct v2m_log_reader *reader;
	char path[PATH_MAX];
	/* The emails that were taken, each with a blank behind it, and the gaps and last result of
	 * the log. */
	char emails[4096];
	unsigned gaps;
	int result;
};

static void take(void *context, const struct v2m_following_news *news)
{
	struct state *state = context;

	for (size_t i = 0; i < news->records.count; i++) {
		const struct v2m_access_text *email = &news->records.items[i].email;

		strncat(state->emails, email->start, email->length);
		strcat(state->emails, " ");
	}
	for (size_t i = 0; i < news->n_logs; i++)
		state->gaps |= news->logs[i].gaps;
	state->result = news->n_logs ? news->logs[0].result : 0;
}

static void write_line(const struct state *state, const char *email)
{
	FILE *file = fopen(state->path, "a");

	assert_non_null(file);
	fprintf(file, "2026/11/28 00:00:37 192.0.2.2:35390 accepted tcp:a:80 [in] email: %s\n",
		email);
	assert_int_equal(fclose(file), 0);
}

/* Follows the log by a process with that argument. patience_ms: before it is lost. */
static void open_reader(struct state *state, const char *argument, unsigned patience_ms)
{
	const struct v2m_log_reader_options options = { argument, patience_ms, take, state };
	const struct v2m_log_progress nowhere = { 0 };

	assert_int_equal(v2m_log_reader_open(&options, &state->reader), 0);
	assert_int_equal(v2m_log_reader_add(state->reader, state->path, &nowhere), 0);
}

static int setup(void **context)
{
	struct state *state = calloc(1, sizeof(*state));

	v2m_log_set_level(V2M_LOG_ERROR);
	snprintf(state->path, sizeof(state->path), "%s", temporary_path("access.log"));
	*context = state;
	return 0;
}

static int teardown(void **context)
{
	struct state *state = *context;

	v2m_log_reader_close(state->reader);
	unlink(state->path);
	free(state);
	return 0;
}

static enum v2m_log_reading read_log(struct state *state)
{
	return v2m_log_reader_read(state->reader, LONG_MS, true);
}

static void lines_are_taken_once(void **context)
{
	struct state *state = *context;

	write_line(state, "alice");
	open_reader(state, V2M_FOLLOWING_ARGUMENT, LONG_MS);
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	write_line(state, "bob");
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	assert_string_equal(state->emails, "alice bob ");
	assert_int_equal(state->gaps, 0);
}

static void a_process_that_is_killed_loses_no_line_and_doubles_none(void **context)
{
	struct state *state = *context;

	write_line(state, "alice");
	open_reader(state, V2M_FOLLOWING_ARGUMENT, LONG_MS);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(read_log(state), V2M_LOGS_READ);
		write_line(state, "bob");
		assert_int_equal(kill(child(), SIGKILL), 0);
	}
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	assert_string_equal(state->emails, "alice bob bob ");
	assert_int_equal(state->gaps, 0);
}

/* Reads until the next process has answered, or for some seconds. */
static void wait_for_process(struct state *state, pid_t last)
{
	for (int i = 0; (!child() || child() == last) && i < 500; i++) {
		v2m_log_reader_read(state->reader, 0, false);
		usleep(10000);
	}
	assert_int_equal(read_log(state), V2M_LOGS_READ);
}

static void processes_that_end_again_and_again_are_trouble(void **context)
{
	struct state *state = *context;

	write_line(state, "alice");
	open_reader(state, V2M_FOLLOWING_ARGUMENT, 2000);
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	for (int i = 0; i < 3; i++) {
		pid_t last = child();

		assert_string_equal(v2m_log_reader_trouble(state->reader), "");
		assert_int_equal(kill(last, SIGKILL), 0);
		wait_for_process(state, last);
	}
	assert_string_equal(v2m_log_reader_trouble(state->reader),
			    "the process that follows access logs has ended (signal 9 (Killed)), "
			    "and so have 2 processes before it");
	/* The next one works. */
	for (int i = 0; *v2m_log_reader_trouble(state->reader) && i < 100; i++) {
		usleep(100000);
		assert_int_equal(read_log(state), V2M_LOGS_READ);
	}
	assert_string_equal(v2m_log_reader_trouble(state->reader), "");
	assert_string_equal(state->emails, "alice ");
}

static void the_ends_of_the_logs_are_read_again_if_wanted(void **context)
{
	struct state *state = *context;

	write_line(state, "alice");
	open_reader(state, V2M_FOLLOWING_ARGUMENT, LONG_MS);
	v2m_log_reader_rewind(state->reader);
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	assert_string_equal(state->emails, "alice ");
	v2m_log_reader_rewind(state->reader);
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	assert_string_equal(state->emails, "alice alice ");
	/* A new process first goes on where the last one was. */
	v2m_log_reader_rewind(state->reader);
	assert_int_equal(kill(child(), SIGKILL), 0);
	assert_int_equal(read_log(state), V2M_LOGS_HAVE_MORE);
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	assert_string_equal(state->emails, "alice alice alice ");
}

static void a_log_that_is_added_later_is_followed_too(void **context)
{
	const struct v2m_log_progress nowhere = { 0 };
	struct state *state = *context;
	const char *other = temporary_file("other.log", "2026/11/28 00:00:37 192.0.2.2:1 accepted "
							"tcp:a:80 [in] email: carol\n");

	write_line(state, "alice");
	open_reader(state, V2M_FOLLOWING_ARGUMENT, LONG_MS);
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	assert_int_equal(v2m_log_reader_add(state->reader, other, &nowhere), 0);
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	assert_string_equal(state->emails, "alice carol ");
	assert_true(v2m_log_reader_progress(state->reader, 1)->now.offset > 0);
}

static void a_fifo_in_place_of_a_log_delays_nobody(void **context)
{
	struct state *state = *context;
	uint64_t begun_ns = v2m_clock_mono_ns();

	assert_int_equal(mkfifo(state->path, 0600), 0);
	open_reader(state, V2M_FOLLOWING_ARGUMENT, LONG_MS);
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	assert_int_equal(state->result, -EINVAL);
	assert_true(v2m_clock_mono_ns() - begun_ns < UINT64_C(5000000000));
}

static void without_a_log_there_is_no_process(void **context)
{
	struct state *state = *context;
	const struct v2m_log_reader_options options = { V2M_FOLLOWING_ARGUMENT, LONG_MS, take,
							state };

	assert_int_equal(v2m_log_reader_open(&options, &state->reader), 0);
	assert_int_equal(read_log(state), V2M_LOGS_READ);
	assert_int_equal(child(), 0);
}

static void a_process_that_hangs_is_waited_for_once_then_lost_then_killed(void **context)
{
	struct state *state = *context;
	uint64_t begun_ns;
	pid_t first;

	open_reader(state, "hang", PATIENCE_MS);
	assert_int_equal(v2m_log_reader_read(state->reader, 50, false), V2M_LOGS_LATE);
	first = child();
	begun_ns = v2m_clock_mono_ns();
	assert_int_equal(v2m_log_reader_read(state->reader, LONG_MS, false), V2M_LOGS_LATE);
	assert_true(v2m_clock_mono_ns() - begun_ns < UINT64_C(5000000000));
	/* A reset waits, unless there is no hope. */
	assert_int_equal(v2m_log_reader_read(state->reader, PATIENCE_MS + 1, true), V2M_LOGS_LOST);
	begun_ns = v2m_clock_mono_ns();
	assert_int_equal(read_log(state), V2M_LOGS_LOST);
	assert_true(v2m_clock_mono_ns() - begun_ns < UINT64_C(5000000000));
	for (int i = 0; child() == first && i < 200; i++) {
		v2m_log_reader_read(state->reader, 0, false);
		usleep(10000);
	}
	assert_int_not_equal(child(), first);
}

/* A process that was taken over, or is broken, is killed. Nothing of what it says is used. */
static void what_a_process_must_not_say_is_its_end(void **context)
{
	static const char *const ways[] = { "crash",   "nonsense",  "protections",
					    "unasked", "other id",  "no log",
					    "unknown", "malformed", "descriptor" };
	struct state *state = *context;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		pid_t first;
		int n_ms = 0;

		open_reader(state, ways[i], LONG_MS);
		v2m_log_reader_read(state->reader, 0, false);
		first = child();
		for (; child() && child() == first && n_ms < LONG_MS; n_ms += 10) {
			v2m_log_reader_read(state->reader, 0, false);
			usleep(10000);
		}
		assert_true(n_ms < LONG_MS);
		assert_string_equal(state->emails, "");
		v2m_log_reader_close(state->reader);
	}
	state->reader = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int follow_logs(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_taken_once),
		TEST(a_process_that_is_killed_loses_no_line_and_doubles_none),
		TEST(processes_that_end_again_and_again_are_trouble),
		TEST(the_ends_of_the_logs_are_read_again_if_wanted),
		TEST(a_log_that_is_added_later_is_followed_too),
		TEST(a_fifo_in_place_of_a_log_delays_nobody),
		TEST(without_a_log_there_is_no_process),
		TEST(a_process_that_hangs_is_waited_for_once_then_lost_then_killed),
		TEST(what_a_process_must_not_say_is_its_end),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}

/* fd goes along; -1: none. */
static void say_with(uint32_t kind, uint64_t id, const void *data, size_t length, int fd)
{
	const struct v2m_message message = {
		.kind = kind, .id = id, .data = data, .length = length, .fd = fd
	};

	while (v2m_channel_send(V2M_CHILD_CHANNEL, &message) == -EAGAIN)
		usleep(1000);
}

static void say(uint32_t kind, uint64_t id, const void *data, size_t length)
{
	say_with(kind, id, data, length, -1);
}

/* An answer about one log, with a line. n_logs: that it claims to be about. fd: as of say_with().
 */
static void say_news(uint64_t id, size_t n_logs, int fd)
{
	struct v2m_access_record record = { .email = { "mallory", 7 } };
	struct v2m_following_news news = { .n_logs = n_logs, .records = { &record, 1, 1 } };
	struct v2m_wire wire = { 0 };

	v2m_put_following_news(&wire, &news);
	say_with(V2M_FOLLOWING_NEWS, id, wire.items, wire.length, fd);
}

/* Waits for the first question and returns its id. */
static uint64_t wait_for_question(void)
{
	for (;;) {
		struct v2m_message message;

		if (v2m_channel_receive(V2M_CHILD_CHANNEL, V2M_FOLLOWING_ORDER_MAX, &message) ==
			    1 &&
		    message.kind == V2M_FOLLOWING_READ)
			return message.id;
		usleep(1000);
	}
}

static int misbehave(const char *what)
{
	const uint32_t protections = UINT32_MAX;

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(what, V2M_FOLLOWING_ARGUMENT) == 0)
		v2m_following_run();
	if (strcmp(what, "crash") == 0)
		raise(SIGKILL);
	if (strcmp(what, "unasked") == 0)
		say_news(0, 1, -1);
	if (strcmp(what, "hang") == 0)
		for (;;)
			pause();
	if (strcmp(what, "nonsense") == 0)
		say(V2M_FOLLOWING_NEWS, wait_for_question(), "nonsense", 8);
	if (strcmp(what, "other id") == 0)
		say_news(wait_for_question() + 1, 1, -1);
	if (strcmp(what, "no log") == 0)
		say_news(wait_for_question(), 0, -1);
	if (strcmp(what, "descriptor") == 0)
		say_news(wait_for_question(), 1, STDERR_FILENO);
	if (strcmp(what, "protections") == 0)
		say(V2M_FOLLOWING_READY, 0, &protections, sizeof(protections));
	if (strcmp(what, "unknown") == 0)
		say(99, 0, NULL, 0);
	if (strcmp(what, "malformed") == 0 && write(V2M_CHILD_CHANNEL, "x", 1) != 1)
		return 1;
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	return argc > 1 ? misbehave(argv[1]) : follow_logs();
}
