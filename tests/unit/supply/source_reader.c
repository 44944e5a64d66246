// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The reading process is this test program itself: the real one, or one that does what the name of
 * its argument says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "process/channel.h"
#include "process/child.h"
#include "process/confine.h"
#include "reading/reading.h"
#include "supply/source_reader.h"
#include "unit/temporary.h"

#define WAIT_MS 10000

static void say(uint32_t kind, const void *data, size_t length)
{
	const struct v2m_message message = {
		.kind = kind, .data = data, .length = length, .fd = -1
	};

	while (v2m_channel_send(V2M_CHILD_CHANNEL, &message) == -EAGAIN)
		;
}

/* An order that nobody has read would turn the end of this process into an error for the other
 * side.
 */
static void receive_order(void)
{
	struct pollfd channel = { .fd = V2M_CHILD_CHANNEL, .events = POLLIN };
	uint32_t kind = V2M_READING_WATCH;

	while (kind != V2M_READING_ORDER) {
		struct v2m_message message;

		poll(&channel, 1, WAIT_MS);
		if (v2m_channel_receive(V2M_CHILD_CHANNEL, V2M_READING_ORDER_MAX, &message) != 1)
			_exit(70);
		kind = message.kind;
		v2m_message_clear(&message);
	}
}

static int be_reader(const char *what)
{
	static const char at[] = "/etc/\033x.json";

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(what, V2M_READING_ARGUMENT) == 0)
		v2m_reading_run();
	receive_order();
	say(V2M_READING_AT, at, sizeof(at));
	if (strcmp(what, "crash") == 0)
		raise(SIGKILL);
	if (strcmp(what, "leave") == 0)
		return 7;
	if (strcmp(what, "hang") == 0)
		for (;;)
			pause();
	if (strcmp(what, "nonsense") == 0)
		say(V2M_READING_DONE, at, sizeof(at));
	if (strcmp(what, "nothing") == 0)
		say(V2M_READING_DONE, NULL, 0);
	if (strcmp(what, "unknown") == 0)
		say(99, at, sizeof(at));
	if (strcmp(what, "malformed") == 0)
		write(V2M_CHILD_CHANNEL, at, sizeof(at));
	if (strcmp(what, "chatter") == 0)
		for (;;)
			say(V2M_READING_AT, at, sizeof(at));
	for (;;)
		pause();
}

static struct v2m_reading_outcome outcome;
static struct v2m_source_reader *reader;

/* Has one source read. */
static bool read_with(const char *argument, unsigned deadline_ms, const char *path, bool watches)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings sources = { 0 };
	struct v2m_error error = { 0 };

	assert_int_equal(v2m_source_reader_open(argument, deadline_ms, &reader, &error), 0);
	assert_int_equal(v2m_strings_add(&sources, path), 0);
	assert_int_equal(v2m_source_reader_start(reader, &sources, NULL, NULL, watches, &error), 0);
	assert_true(v2m_source_reader_is_busy(reader));
	return v2m_source_reader_wait(reader, WAIT_MS, -1, &outcome);
}

static int tear_down(void **state)
{
	(void)state;
	v2m_reading_outcome_clear(&outcome);
	v2m_source_reader_close(reader);
	reader = NULL;
	return 0;
}

static void keys_are_read_by_another_process(void **state)
{
	struct v2m_gathered *gathered = &outcome.reading.gathered;

	(void)state;
	setenv("V2M_PORT", "7", 1);
	assert_true(
		read_with(V2M_READING_ARGUMENT, WAIT_MS,
			  temporary_file("c.json", "{\"inbounds\": [{\"port\": \"env:V2M_PORT\", "
						   "\"settings\": {\"clients\": [{\"id\": "
						   "\"u1\", \"email\": \"m\"}]}}]}"),
			  true));
	assert_int_equal(outcome.result, 0);
	assert_int_equal(gathered->sources.count, 1);
	assert_string_equal(gathered->sources.items[0].kind, "V2Ray configuration");
	assert_int_equal(gathered->clients.count, 1);
	assert_string_equal(gathered->clients.items[0].name, "m");
	assert_int_equal(v2m_key_port(&gathered->clients.items[0]), 7);
	assert_true(outcome.inotify_fd >= 0 && outcome.reading.watched.count > 0);
	if (geteuid() == 0)
		assert_int_equal(outcome.reading.unprotected, 0);
}

static void a_wrong_source_is_told_with_its_place(void **state)
{
	const struct v2m_gathered_source *source;

	(void)state;
	assert_true(
		read_with(V2M_READING_ARGUMENT, WAIT_MS, temporary_file("w.json", "{\n]"), false));
	assert_int_equal(outcome.result, 0);
	source = &outcome.reading.gathered.sources.items[0];
	assert_int_equal(source->result, -EINVAL);
	assert_non_null(strstr(source->error, "w.json:2:1: not JSON"));
	assert_int_equal(source->failure, V2M_FAILURE_CONFIGURATION);
	assert_int_equal(outcome.inotify_fd, -1);
}

static void fail_with(const char *argument, const char *sentence)
{
	assert_true(read_with(argument, WAIT_MS, "/none", true));
	assert_int_equal(outcome.result, -EIO);
	assert_false(outcome.is_late);
	assert_int_equal(outcome.error.failure, V2M_FAILURE_PASSING);
	if (!strstr(outcome.error.text, sentence) ||
	    !strstr(outcome.error.text, " while it read /etc/ x.json"))
		fail_msg("%s", outcome.error.text);
	assert_int_equal(outcome.inotify_fd, -1);
	tear_down(NULL);
}

static void the_end_of_the_process_is_told_with_its_source(void **state)
{
	(void)state;
	fail_with("crash", "the reading process has ended (signal 9 (Killed))");
	fail_with("leave", "the reading process has ended (status 7)");
}

static void nonsense_is_refused_and_its_process_killed(void **state)
{
	(void)state;
	fail_with("nonsense", "the reading process handed over nonsense");
	fail_with("nothing", "the reading process handed over nonsense");
	fail_with("unknown", "the reading process handed over nonsense");
	fail_with("malformed", "what the reading process says cannot be read");
}

static void expect_late(const char *argument)
{
	uint64_t start_ns = v2m_clock_mono_ns();

	assert_true(read_with(argument, 300, "/none", true));
	assert_int_equal(outcome.result, -ETIMEDOUT);
	assert_true(outcome.is_late);
	assert_non_null(strstr(outcome.error.text, "it took longer than 300 ms"));
	assert_true(v2m_clock_mono_ns() - start_ns < UINT64_C(2000000000));
	tear_down(NULL);
}

static void a_process_that_takes_too_long_is_killed(void **state)
{
	(void)state;
	expect_late("hang");
	expect_late("chatter");
}

static void the_next_process_waits_for_the_end_of_this_one(void **state)
{
	struct v2m_strings none = { 0 };
	struct v2m_error error = { 0 };

	(void)state;
	read_with("crash", WAIT_MS, "/none", false);
	assert_false(v2m_source_reader_is_busy(reader));
	assert_int_equal(v2m_source_reader_start(reader, &none, NULL, NULL, false, &error), 0);
	assert_int_equal(v2m_source_reader_start(reader, &none, NULL, NULL, false, &error), -EBUSY);
}

static void nobody_waits_longer_than_wanted(void **state)
{
	struct v2m_strings none = { 0 };
	struct v2m_error error = { 0 };
	int stop_fd = eventfd(1, 0);

	(void)state;
	assert_int_equal(v2m_source_reader_open("hang", WAIT_MS, &reader, &error), 0);
	assert_int_equal(v2m_source_reader_start(reader, &none, NULL, NULL, false, &error), 0);
	assert_false(v2m_source_reader_wait(reader, 50, -1, &outcome));
	assert_false(v2m_source_reader_wait(reader, WAIT_MS, stop_fd, &outcome));
	close(stop_fd);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(keys_are_read_by_another_process),
		TEST(a_wrong_source_is_told_with_its_place),
		TEST(the_end_of_the_process_is_told_with_its_source),
		TEST(nonsense_is_refused_and_its_process_killed),
		TEST(a_process_that_takes_too_long_is_killed),
		TEST(the_next_process_waits_for_the_end_of_this_one),
		TEST(nobody_waits_longer_than_wanted),
	};

	if (argc > 1)
		return be_reader(argv[1]);
	outcome.inotify_fd = -1;
	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
