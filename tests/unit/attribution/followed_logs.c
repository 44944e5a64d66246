// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The logs of the settings and of the proxies' configurations are followed, and remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "attribution/followed_logs.h"
#include "base/log.h"
#include "following/following.h"
#include "unit/temporary.h"

struct state {
	struct v2m_config config;
	struct v2m_attributor *attributor;
	struct v2m_followed_logs *logs;
	char path[PATH_MAX]; /* of the log */
};

static void start(struct state *state)
{
	v2m_followed_logs_free(state->logs);
	v2m_attributor_free(state->attributor);
	state->attributor = v2m_attributor_new();
	state->logs = v2m_followed_logs_new(&state->config, state->attributor);
	assert_non_null(state->logs);
}

static int setup(void **context)
{
	struct state *state = calloc(1, sizeof(*state));

	v2m_log_set_level(V2M_LOG_ERROR);
	state->config.state_dir = temporary_directory;
	assert_int_equal(v2m_strings_add(&state->config.access_logs, "auto"), 0);
	snprintf(state->path, sizeof(state->path), "%s", temporary_file("access.log", "one\n"));
	start(state);
	*context = state;
	return 0;
}

static int teardown(void **context)
{
	struct state *state = *context;

	v2m_followed_logs_free(state->logs);
	v2m_attributor_free(state->attributor);
	v2m_strings_clear(&state->config.access_logs);
	unlink(temporary_path("attribution"));
	free(state);
	return 0;
}

static void learn(struct state *state, const char *path, enum v2m_access_log_kind kind,
		  bool is_fresh)
{
	struct v2m_access_log log = { .source = (char *)"config",
				      .path = (char *)path,
				      .kind = kind };
	const struct v2m_access_logs found = { &log, path || kind != V2M_ACCESS_LOG_FILE, 1 };

	assert_int_equal(v2m_followed_logs_learn(state->logs, &found, is_fresh), 0);
}

/* A round. Returns when there was such a gap last; 0: never. */
static int64_t gap(struct state *state, enum v2m_attribution_gap gap)
{
	assert_int_equal(v2m_followed_logs_read(state->logs, 10000, true), V2M_LOGS_READ);
	v2m_followed_logs_save(state->logs);
	return v2m_followed_logs_memory(state->logs)->gap_us[gap];
}

static void a_log_of_a_configuration_is_followed_and_remembered(void **context)
{
	struct state *state = *context;

	assert_int_equal(v2m_followed_logs_count(state->logs), 0);
	learn(state, state->path, V2M_ACCESS_LOG_FILE, false);
	assert_true(gap(state, V2M_GAP_BEGAN) > 0);
	assert_string_equal(v2m_followed_logs_problem(state->logs, 0), "");
	/* Another process knows it before the configurations are read. */
	start(state);
	assert_int_equal(v2m_followed_logs_count(state->logs), 1);
	assert_string_equal(v2m_followed_logs_path(state->logs, 0), state->path);
	assert_true(v2m_followed_logs_memory(state->logs)->gap_us[V2M_GAP_BEGAN] > 0);
}

static void a_log_that_is_as_new_as_its_port_begins_no_gap(void **context)
{
	struct state *state = *context;

	learn(state, state->path, V2M_ACCESS_LOG_FILE, true);
	assert_int_equal(gap(state, V2M_GAP_BEGAN), 0);
	assert_int_equal(gap(state, V2M_GAP_NO_LOG), 0);
}

static void a_log_that_is_switched_off_stays_and_is_a_gap(void **context)
{
	struct state *state = *context;

	learn(state, NULL, V2M_ACCESS_LOG_OFF, true);
	assert_int_equal(v2m_followed_logs_count(state->logs), 0);
	learn(state, state->path, V2M_ACCESS_LOG_FILE, true);
	assert_int_equal(gap(state, V2M_GAP_NO_LOG), 0);
	learn(state, NULL, V2M_ACCESS_LOG_OFF, true);
	assert_int_equal(v2m_followed_logs_count(state->logs), 1);
	assert_string_equal(v2m_followed_logs_problem(state->logs, 0),
			    "no configuration of a proxy names it any more");
	assert_true(gap(state, V2M_GAP_NO_LOG) > 0);
}

static void logs_without_a_known_place_are_passed_over(void **context)
{
	struct state *state = *context;

	learn(state, NULL, V2M_ACCESS_LOG_STDOUT, false);
	learn(state, "access.log", V2M_ACCESS_LOG_RELATIVE, false);
	assert_int_equal(v2m_followed_logs_count(state->logs), 0);
	assert_int_equal(gap(state, V2M_GAP_BEGAN), 0);
}

static void a_missing_log_is_a_gap_of_its_own(void **context)
{
	struct state *state = *context;

	learn(state, "/nonexistent/log", V2M_ACCESS_LOG_FILE, true);
	assert_true(gap(state, V2M_GAP_NO_LOG) > 0);
	assert_string_equal(v2m_followed_logs_problem(state->logs, 0), "it is not there");
	learn(state, temporary_directory, V2M_ACCESS_LOG_FILE, true);
	assert_true(gap(state, V2M_GAP_NO_LOG) > 0);
	assert_non_null(strstr(v2m_followed_logs_problem(state->logs, 1), "directory"));
}

static void a_masked_address_is_a_gap(void **context)
{
	struct state *state = *context;

	temporary_file("access.log",
		       "2026/11/28 00:00:37 192.0.*.*:5 accepted tcp:a:80 [in] email: bob\n");
	learn(state, state->path, V2M_ACCESS_LOG_FILE, true);
	assert_true(gap(state, V2M_GAP_MASKED) > 0);
}

static void an_empty_setting_follows_nothing_and_forgets(void **context)
{
	struct state *state = *context;

	learn(state, state->path, V2M_ACCESS_LOG_FILE, false);
	assert_true(gap(state, V2M_GAP_BEGAN) > 0);
	v2m_strings_clear(&state->config.access_logs);
	start(state);
	learn(state, state->path, V2M_ACCESS_LOG_FILE, false);
	assert_int_equal(v2m_followed_logs_count(state->logs), 0);
	assert_int_not_equal(access(temporary_path("attribution"), F_OK), 0);
}

static void the_list_of_online_users_is_remembered_without_a_log(void **context)
{
	struct state *state = *context;

	v2m_strings_clear(&state->config.access_logs);
	start(state);
	v2m_attributor_note_gap(state->attributor, V2M_GAP_SHARED_ADDRESS);
	v2m_followed_logs_note_online(state->logs, true);
	assert_true(gap(state, V2M_GAP_SHARED_ADDRESS) > 0);
	start(state);
	assert_true(v2m_followed_logs_memory(state->logs)->by_online);
	assert_true(v2m_followed_logs_memory(state->logs)->gap_us[V2M_GAP_SHARED_ADDRESS] > 0);
	v2m_followed_logs_note_online(state->logs, false);
	v2m_followed_logs_save(state->logs);
	start(state);
	assert_false(v2m_followed_logs_memory(state->logs)->by_online);
	assert_int_not_equal(access(temporary_path("attribution"), F_OK), 0);
}

static void a_damaged_memory_is_a_gap(void **context)
{
	struct state *state = *context;

	temporary_file("attribution", "what is this\n");
	start(state);
	assert_true(gap(state, V2M_GAP_LOG_CUT) > 0);
}

static void the_wrong_line_of_a_memory_is_named(void **context)
{
	struct v2m_attribution_memory memory;
	struct v2m_error error;
	const char *path;

	(void)context;
	path = temporary_file("attribution", "what is this\n");
	assert_int_equal(v2m_attribution_memory_load(path, &memory, &error), -EPROTO);
	assert_non_null(strstr(error.text, "/attribution:1: expected a line that v2meterd"));
	path = temporary_file("attribution", "v2meter attribution 1\nonline\nwhat is this\n");
	assert_int_equal(v2m_attribution_memory_load(path, &memory, &error), -EPROTO);
	assert_non_null(strstr(error.text, "/attribution:3: expected a line that v2meterd"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* The following process is this program itself. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_log_of_a_configuration_is_followed_and_remembered),
		TEST(a_log_that_is_as_new_as_its_port_begins_no_gap),
		TEST(a_log_that_is_switched_off_stays_and_is_a_gap),
		TEST(logs_without_a_known_place_are_passed_over),
		TEST(a_missing_log_is_a_gap_of_its_own),
		TEST(a_masked_address_is_a_gap),
		TEST(an_empty_setting_follows_nothing_and_forgets),
		TEST(the_list_of_online_users_is_remembered_without_a_log),
		TEST(a_damaged_memory_is_a_gap),
		TEST(the_wrong_line_of_a_memory_is_named),
	};

	if (argc == 2 && strcmp(argv[1], V2M_FOLLOWING_ARGUMENT) == 0)
		v2m_following_run();
	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
