// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "api/window.h"
#include "fake/fake_meter.h"

#define READERS 8

static unsigned renderings; /* atomic */
static unsigned compressions;

int __real_v2m_gzip(const char *plain, size_t length, char **packed, size_t *packed_length);
int __wrap_v2m_gzip(const char *plain, size_t length, char **packed, size_t *packed_length);

int __wrap_v2m_gzip(const char *plain, size_t length, char **packed, size_t *packed_length)
{
	compressions++;
	return __real_v2m_gzip(plain, length, packed, packed_length);
}

static int render_text(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		       const void *argument, struct v2m_body *body)
{
	const char *text = argument ? argument : "nothing";

	(void)snapshot;
	(void)unit;
	__atomic_add_fetch(&renderings, 1, __ATOMIC_RELAXED);
	body->status = 200;
	body->data = strdup(text);
	body->length = strlen(text);
	return body->data ? 0 : -ENOMEM;
}

static int render_nothing(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			  const void *argument, struct v2m_body *body)
{
	(void)snapshot;
	(void)unit;
	(void)argument;
	(void)body;
	return -ENOMEM;
}

struct reader {
	struct v2m_window *window;
	pthread_barrier_t *barrier;
	const struct v2m_body *body;
};

static void *read_body(void *argument)
{
	struct reader *reader = argument;

	pthread_barrier_wait(reader->barrier);
	reader->body = v2m_window_body(reader->window, "name", render_text, "text", true);
	return NULL;
}

static int make_window(void **state)
{
	const struct fake_options options = { .n_keys = 2 };
	struct fake_meter *fake = fake_meter_new(&options);

	renderings = 0;
	*state = v2m_window_new(fake_meter_snapshot(fake), V2M_API_BYTES_WIRE);
	fake_meter_free(fake);
	return *state ? 0 : -1;
}

static int drop_window(void **state)
{
	v2m_window_unref(*state);
	return 0;
}

static void a_body_is_rendered_once_for_eight_threads_at_once(void **state)
{
	pthread_barrier_t barrier;
	struct reader readers[READERS];
	pthread_t threads[READERS];

	pthread_barrier_init(&barrier, NULL, READERS);
	for (size_t i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ .window = *state, .barrier = &barrier };
		assert_int_equal(pthread_create(&threads[i], NULL, read_body, &readers[i]), 0);
	}
	for (size_t i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	assert_int_equal(renderings, 1);
	for (size_t i = 0; i < READERS; i++)
		assert_ptr_equal(readers[i].body, readers[0].body);
	assert_string_equal(readers[0].body->data, "text");
}

static void bodies_of_other_names_are_others(void **state)
{
	char name[16];

	/* So many names that the table grows several times. */
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1000; i++) {
			snprintf(name, sizeof(name), "%d", i);
			assert_string_equal(
				v2m_window_body(*state, name, render_text, name, true)->data, name);
		}
	}
	assert_int_equal(renderings, 1000);
}

static void a_body_that_could_not_be_rendered_is_tried_again(void **state)
{
	assert_null(v2m_window_body(*state, "name", render_nothing, NULL, true));
	assert_string_equal(v2m_window_body(*state, "name", render_text, "now", true)->data, "now");
	assert_string_equal(v2m_window_body(*state, "name", render_nothing, NULL, true)->data,
			    "now");
}

static void what_was_asked_for_is_ready_in_the_next_window(void **state)
{
	struct v2m_snapshot *same =
		v2m_snapshot_ref((struct v2m_snapshot *)v2m_window_snapshot(*state));
	struct v2m_window *next = v2m_window_new(same, V2M_API_BYTES_WIRE);

	v2m_window_gzip(*state, "packed", render_text, "text", true);
	v2m_window_body(*state, "once", render_text, "text", false);
	assert_int_equal(renderings, 2);
	v2m_window_warm(next, *state);
	assert_int_equal(renderings, 3);
	assert_non_null(v2m_window_gzip(next, "packed", render_nothing, NULL, true));
	assert_int_equal(renderings, 3);
	v2m_window_body(next, "once", render_text, "text", false);
	assert_int_equal(renderings, 4);
	v2m_window_unref(next);
}

static void expect_renderings(struct v2m_window **window, int more)
{
	struct v2m_snapshot *same =
		v2m_snapshot_ref((struct v2m_snapshot *)v2m_window_snapshot(*window));
	struct v2m_window *next = v2m_window_new(same, V2M_API_BYTES_WIRE);

	renderings = 0;
	v2m_window_warm(next, *window);
	assert_int_equal(renderings, more);
	v2m_window_unref(*window);
	*window = next;
}

static void what_nobody_asks_for_any_more_is_made_in_some_windows(void **state)
{
	struct v2m_window *window = v2m_window_ref(*state);

	v2m_window_body(window, "often", render_text, "text", true);
	v2m_window_body(window, "seldom", render_text, "text", true);
	for (int i = 0; i < V2M_WINDOWS_UNREAD_MAX; i++) {
		expect_renderings(&window, 2);
		v2m_window_body(window, "often", render_text, "text", true);
	}
	expect_renderings(&window, 1);
	v2m_window_unref(window);
}

/* Makes the next window, and expects that the body is rendered and compressed so often. */
static void expect_compressions(struct v2m_window **window, unsigned more)
{
	compressions = 0;
	expect_renderings(window, 1);
	assert_int_equal(compressions, more);
}

static void what_is_asked_for_compressed_is_compressed_ahead(void **state)
{
	struct v2m_window *window = v2m_window_ref(*state);

	v2m_window_gzip(window, "packed", render_text, "text", true);
	for (int i = 0; i < 2 * V2M_WINDOWS_UNREAD_MAX; i++) {
		expect_compressions(&window, 1);
		v2m_window_gzip(window, "packed", render_text, "text", true);
	}
	for (int i = 0; i < V2M_WINDOWS_UNREAD_MAX; i++) {
		expect_compressions(&window, 1);
		v2m_window_body(window, "packed", render_text, "text", true);
	}
	expect_compressions(&window, 0);
	v2m_window_unref(window);
}

static void with_another_key_set_only_what_has_no_argument_is_made(void **state)
{
	void *next = NULL;

	assert_int_equal(make_window(&next), 0);
	v2m_window_body(*state, "of a key", render_text, "text", true);
	v2m_window_body(*state, "of all", render_text, NULL, true);
	renderings = 0;
	v2m_window_warm(next, *state);
	assert_int_equal(renderings, 1);
	v2m_window_unref(next);
}

static pthread_barrier_t reached;
static pthread_barrier_t go_on;

/* Waits for another thread, which may be warming the window, as a renderer that asks the collector
 * does. */
static int render_slowly(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			 const void *argument, struct v2m_body *body)
{
	pthread_barrier_wait(&reached);
	pthread_barrier_wait(&go_on);
	return render_text(snapshot, unit, argument, body);
}

static void *ask_slowly(void *window)
{
	v2m_window_body(window, "slow", render_slowly, "text", false);
	return NULL;
}

static void warming_does_not_wait_for_one_who_renders(void **state)
{
	struct v2m_snapshot *same =
		v2m_snapshot_ref((struct v2m_snapshot *)v2m_window_snapshot(*state));
	struct v2m_window *next = v2m_window_new(same, V2M_API_BYTES_WIRE);
	pthread_t thread;

	pthread_barrier_init(&reached, NULL, 2);
	pthread_barrier_init(&go_on, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, ask_slowly, *state), 0);
	pthread_barrier_wait(&reached);
	v2m_window_warm(next, *state);
	pthread_barrier_wait(&go_on);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&reached);
	pthread_barrier_destroy(&go_on);
	v2m_window_unref(next);
}

static void a_window_does_not_grow_without_end(void **state)
{
	char name[16];
	int i = 0;

	for (; i < 100000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		if (!v2m_window_body(*state, name, render_text, "", false))
			break;
	}
	assert_int_equal(i, 32768);
	assert_non_null(v2m_window_body(*state, "1", render_text, "", false));
}

static int render_large(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body)
{
	(void)snapshot;
	(void)unit;
	(void)argument;
	*body = (struct v2m_body){ .status = 200, .data = calloc(1, 2 << 20), .length = 2 << 20 };
	return body->data ? 0 : -ENOMEM;
}

/* Anybody who has the API key may ask for any range of dates. */
static void bodies_that_are_not_made_ahead_take_a_limited_memory(void **state)
{
	char name[16];

	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(!v2m_window_body(*state, name, render_large, "", false), i >= 8);
	}
	assert_non_null(v2m_window_body(*state, "7", render_large, "", false));
	assert_non_null(v2m_window_body(*state, "all", render_large, "", true));
}

static void a_body_lives_as_long_as_somebody_holds_the_window(void **state)
{
	struct v2m_window *mine = v2m_window_ref(*state);
	const struct v2m_body *body = v2m_window_body(mine, "name", render_text, "text", true);

	v2m_window_unref(*state);
	assert_string_equal(body->data, "text");
	*state = mine;
}

int main(void)
{
#define WINDOW_TEST(function) cmocka_unit_test_setup_teardown(function, make_window, drop_window)
	const struct CMUnitTest tests[] = {
		WINDOW_TEST(a_body_is_rendered_once_for_eight_threads_at_once),
		WINDOW_TEST(bodies_of_other_names_are_others),
		WINDOW_TEST(a_body_that_could_not_be_rendered_is_tried_again),
		WINDOW_TEST(what_was_asked_for_is_ready_in_the_next_window),
		WINDOW_TEST(what_nobody_asks_for_any_more_is_made_in_some_windows),
		WINDOW_TEST(what_is_asked_for_compressed_is_compressed_ahead),
		WINDOW_TEST(with_another_key_set_only_what_has_no_argument_is_made),
		WINDOW_TEST(warming_does_not_wait_for_one_who_renders),
		WINDOW_TEST(a_window_does_not_grow_without_end),
		WINDOW_TEST(bodies_that_are_not_made_ahead_take_a_limited_memory),
		WINDOW_TEST(a_body_lives_as_long_as_somebody_holds_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
