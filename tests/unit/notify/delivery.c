// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The queue of alerts when the disk is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "notify/delivery.h"
#include "unit/temporary.h"

static struct v2m_notify_settings settings;
static struct v2m_store *store;
static struct v2m_delivery *delivery;
static struct v2m_error error;

/* Each command makes a directory for each alert, because the limit below lets nothing grow. */
static void begin(void)
{
	char text[1024];

	assert_int_equal(remove_temporary(NULL), 0);
	assert_int_equal(make_temporary(NULL), 0);
	snprintf(text, sizeof(text),
		 "{\"retry_first_s\": 1, \"retry_max_s\": 1, \"channels\": ["
		 "{\"name\": \"a\", \"command\": [\"/usr/bin/mktemp\", \"-d\", \"%s/a.XXXXXX\"]},"
		 "{\"name\": \"b\", \"command\": [\"/usr/bin/mktemp\", \"-d\", \"%s/b.XXXXXX\"]}]}",
		 temporary_directory, temporary_directory);
	if (v2m_notify_settings_load(temporary_file("c", text), &settings, &error) ||
	    v2m_store_open(temporary_path("state"), &store, &error) ||
	    v2m_delivery_open(&settings, store, "s", &delivery, &error))
		fail_msg("%s", error.text);
}

static void end(void)
{
	v2m_delivery_closep(&delivery);
	v2m_store_closep(&store);
	v2m_notify_settings_clear(&settings);
}

/* How many alerts the channel was given. */
static int count_given(char channel)
{
	DIR *directory = opendir(temporary_directory);
	const struct dirent *entry;
	int count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		count += entry->d_name[0] == channel && entry->d_name[1] == '.';
	closedir(directory);
	return count;
}

static void let_files_grow(bool may)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = may ? limit.rlim_max : 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void queue(const char *channel)
{
	if (v2m_store_queue(store, channel, "{}", INT64_MAX / 2, &error))
		fail_msg("%s", error.text);
}

static void an_alert_that_cannot_leave_the_queue_is_not_sent_again(void **state)
{
	(void)state;
	begin();
	queue("a");
	queue("a");
	queue("b");
	let_files_grow(false);
	for (int i = 0; i < 3; i++)
		assert_true(v2m_delivery_run(delivery, &error) < 0);
	let_files_grow(true);
	/* One of each channel was sent, and the other channel had its turn. */
	assert_int_equal(count_given('a'), 1);
	assert_int_equal(count_given('b'), 1);
	assert_int_equal(v2m_store_count(store, &error), 3);
	assert_int_equal(v2m_delivery_run(delivery, &error), 0);
	assert_int_equal(count_given('a'), 2);
	assert_int_equal(count_given('b'), 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_that_cannot_leave_the_queue_is_not_sent_again),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
