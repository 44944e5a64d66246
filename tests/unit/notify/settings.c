// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/macros.h"
#include "notify/delivery.h"
#include "notify/settings.h"
#include "unit/temporary.h"

#define CHANNELS "\"channels\": [{\"name\": \"a\", \"url\": \"http://h/secret\"}]"

static void defaults_are_those_of_the_manual(void **state)
{
	struct v2m_notify_settings settings = { 0 };
	struct v2m_error error = { 0 };

	(void)state;
	if (v2m_notify_settings_load(temporary_file("c", "{" CHANNELS "}"), &settings, &error))
		fail_msg("%s", error.text);
	assert_string_equal(settings.daemon, "http://127.0.0.1:9469");
	assert_int_equal(settings.poll_interval_s, 30);
	assert_int_equal(settings.key_limit_bytes, 0);
	assert_int_equal(settings.key_percents.count, 2);
	assert_int_equal(settings.budget_percents.items[2], 95);
	assert_true(v2m_channel_takes(&settings.channels.items[0], "degraded"));
	v2m_notify_settings_clear(&settings);
}

/* Every setting has an entry in the manual, which says the default of a number. */
static void the_manual_has_every_setting_and_the_example_is_valid(void **state)
{
	struct v2m_notify_settings settings = { 0 };
	struct v2m_error error = { 0 };
	V2M_FREE char *manual = NULL;
	V2M_FREE char *dump = NULL;
	json_t *members;
	json_t *value;
	const char *name;
	size_t length;

	(void)state;
	assert_int_equal(
		v2m_read_file("../../docs/man/v2meter-notify.8", 1 << 20, &manual, &length), 0);
	assert_int_equal(
		v2m_notify_settings_load(temporary_file("c", "{" CHANNELS "}"), &settings, &error),
		0);
	dump = v2m_notify_settings_dump(&settings);
	v2m_notify_settings_clear(&settings);
	members = json_loads(dump, 0, NULL);
	assert_non_null(members);
	json_object_foreach (members, name, value) {
		char entry[80];
		char wanted[80];
		const char *found;
		const char *end;

		snprintf(entry, sizeof(entry), "\n.It Cm %s\n", name);
		found = strstr(manual, entry);
		if (!found)
			fail_msg("the manual has no entry %s", name);
		end = strstr(found + 1, "\n.It Cm ");
		snprintf(wanted, sizeof(wanted), "default %lld",
			 (long long)json_integer_value(value));
		found = strstr(found, wanted);
		if (json_is_integer(value) && (!found || (end && found > end)))
			fail_msg("the manual does not say of %s: %s", name, wanted);
	}
	json_decref(members);
	if (v2m_notify_settings_load("../../packaging/examples/notify.json", &settings, &error))
		fail_msg("%s", error.text);
	v2m_notify_settings_clear(&settings);
}

static void numbers_are_sorted_and_a_channel_may_choose_events(void **state)
{
	struct v2m_notify_settings settings = { 0 };
	struct v2m_error error = { 0 };
	V2M_FREE char *dump = NULL;

	(void)state;
	if (v2m_notify_settings_load(
		    temporary_file("c", "{\"key_percents\": [100, 50, 100], \"key_limit_bytes\": "
					"20000000000, \"key_period\": \"month\", \"channels\": "
					"[{\"name\": \"t\", \"url\": \"https://h/bot1:token\", "
					"\"body\": \"telegram\", \"chat_id\": \"1\", \"events\": "
					"[\"silent\"]}, {\"name\": \"c\", \"command\": "
					"[\"/bin/cat\", \"token\"]}]}"),
		    &settings, &error))
		fail_msg("%s", error.text);
	assert_int_equal(settings.key_percents.count, 2);
	assert_int_equal(settings.key_percents.items[0], 50);
	assert_int_equal(settings.key_limit_bytes, 20000000000);
	assert_true(v2m_channel_takes(&settings.channels.items[0], "silent"));
	assert_false(v2m_channel_takes(&settings.channels.items[0], "budget"));
	dump = v2m_notify_settings_dump(&settings);
	assert_non_null(dump);
	assert_null(strstr(dump, "token"));
	assert_non_null(strstr(dump, "/bin/cat"));
	v2m_notify_settings_clear(&settings);
}

static void an_error_names_place_and_member_and_no_secret(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} bad[] = {
		{ "{}", ":1:1: expected at least one channel in \"channels\"" },
		{ "{\"pol\": 1}", "pol" },
		{ "{\"poll_interval_s\": 0, " CHANNELS "}",
		  ":1:21: poll_interval_s: expected an integer from 1 to 3600, got 0" },
		{ "{\"key_percents\": [1, \"x\"], " CHANNELS "}",
		  ":1:22: key_percents[1]: expected an integer from 1 to 1000, got a string" },
		{ "{\"channels\": [{\"name\": \"a\", \"url\": \"ftp://secret\"}]}",
		  "channels[0].url: expected an http:// or https:// URL" },
		{ "{\"channels\": [{\"url\": \"http://secret\"}]}",
		  ":1:15: channels[0]: expected a member \"name\"" },
		{ "{\"channels\": [{\"name\": \"a\"}]}",
		  "channels[0]: expected either \"url\" or \"command\" in a channel" },
		{ "{\"channels\": [{\"name\": \"a\", \"command\": [\"mail\"]}]}",
		  "channels[0].command: expected the absolute path of a program" },
		{ "{\"channels\": [{\"name\": \"a\", \"url\": \"http://secret\", \"body\": "
		  "\"telegram\"}]}",
		  "channels[0]: expected \"chat_id\", which Telegram needs" },
		{ "{\"channels\": [{\"name\": \"a\", \"url\": \"http://secret\", \"events\": "
		  "[\"flood\"]}]}",
		  "channels[0].events[0]: expected one of the events" },
		{ "{\"channels\": [{\"name\": \"a\", \"url\": \"http://h\"}, {\"name\": \"a\", "
		  "\"url\": \"http://h\"}]}",
		  "channels[1].name: another channel has this name" },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(bad); i++) {
		struct v2m_notify_settings settings = { 0 };
		struct v2m_error error = { 0 };

		assert_int_not_equal(v2m_notify_settings_load(temporary_file("c", bad[i].text),
							      &settings, &error),
				     0);
		if (!strstr(error.text, bad[i].expected) || strstr(error.text, "secret"))
			fail_msg("%s, not %s", error.text, bad[i].expected);
	}
}

static void pauses_double_up_to_the_longest(void **state)
{
	const struct v2m_notify_settings settings = { .retry_first_s = 5, .retry_max_s = 900 };

	(void)state;
	assert_int_equal(v2m_delivery_pause(&settings, 1), 5);
	assert_int_equal(v2m_delivery_pause(&settings, 2), 10);
	assert_int_equal(v2m_delivery_pause(&settings, 8), 640);
	assert_int_equal(v2m_delivery_pause(&settings, 9), 900);
	assert_int_equal(v2m_delivery_pause(&settings, 4000000000u), 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_manual),
		cmocka_unit_test(the_manual_has_every_setting_and_the_example_is_valid),
		cmocka_unit_test(numbers_are_sorted_and_a_channel_may_choose_events),
		cmocka_unit_test(an_error_names_place_and_member_and_no_secret),
		cmocka_unit_test(pauses_double_up_to_the_longest),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
