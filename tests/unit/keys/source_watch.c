// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "keys/source_watch.h"
#include "base/string_list.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "keys/formats/panel_db.h"
#include "reading/watch_walk.h"
#include "unit/temporary.h"

/* A change has to be reported well before the two seconds in which it takes effect. */
#define PATIENCE_MS 1500
/* Longer than it takes to report a change. */
#define SILENCE_MS 350

static struct v2m_source_watch *watch;

static struct v2m_strings watched;

/* The paths may lead elsewhere after a change. */
static void watch_again(void)
{
	V2M_CLEANUP(v2m_watch_list_clear) struct v2m_watch_list list = { 0 };
	int inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	assert_true(inotify_fd >= 0);
	assert_int_equal(v2m_watch_walk(inotify_fd, &watched, &list), 0);
	assert_int_equal(list.failed, 0);
	assert_int_equal(v2m_source_watch_set(watch, inotify_fd, &list), 0);
}

static void watch_paths(const char *const *paths)
{
	v2m_strings_clear(&watched);
	for (; *paths; paths++)
		assert_int_equal(v2m_strings_add(&watched, *paths), 0);
	watch_again();
}

#define WATCH(...) watch_paths((const char *const[]){ __VA_ARGS__, NULL })

static bool changes_within(int ms)
{
	uint64_t end_ns = v2m_clock_mono_ns() + (uint64_t)ms * 1000000;

	for (;;) {
		struct pollfd poll_fd = { .fd = v2m_source_watch_fd(watch), .events = POLLIN };
		int64_t left_ns = (int64_t)(end_ns - v2m_clock_mono_ns());

		if (left_ns <= 0 || poll(&poll_fd, 1, (int)(left_ns / 1000000) + 1) == 0)
			return false;
		if (v2m_source_watch_drain(watch)) {
			watch_again();
			return true;
		}
	}
}

static void assert_change(void)
{
	assert_true(changes_within(PATIENCE_MS));
}

static void assert_one_change(void)
{
	assert_true(changes_within(PATIENCE_MS));
	assert_false(changes_within(SILENCE_MS));
}

static void make_directory(const char *name)
{
	assert_int_equal(mkdir(temporary_path(name), 0700), 0);
}

static void replace(const char *name, const char *text)
{
	temporary_file("new", text);
	assert_int_equal(rename(temporary_path("new"), temporary_path(name)), 0);
}

static int set_up(void **state)
{
	struct v2m_error error;

	return make_temporary(state) || v2m_source_watch_open(&watch, &error);
}

static int tear_down(void **state)
{
	v2m_source_watch_close(watch);
	v2m_strings_clear(&watched);
	watch = NULL;
	return remove_temporary(state);
}

static void a_file_that_is_written_is_reported_once(void **state)
{
	(void)state;
	WATCH(temporary_file("k.json", "a"));
	assert_false(changes_within(SILENCE_MS));
	for (int i = 0; i < 20; i++)
		temporary_file("k.json", "b");
	assert_one_change();
	temporary_file("k.json", "c");
	assert_one_change();
}

static void a_file_replaced_by_a_rename_is_reported_again_and_again(void **state)
{
	(void)state;
	WATCH(temporary_file("k.json", "a"));
	for (int i = 0; i < 2; i++) {
		replace("k.json", "b");
		assert_one_change();
	}
}

static void a_file_that_goes_and_comes_back_is_reported_both_times(void **state)
{
	(void)state;
	WATCH(temporary_file("k.json", "a"));
	assert_int_equal(unlink(temporary_path("k.json")), 0);
	assert_change();
	temporary_file("k.json", "a");
	assert_change();
}

static void another_file_in_its_directory_is_not_reported(void **state)
{
	(void)state;
	WATCH(temporary_file("k.json", "a"));
	temporary_file("other.json", "b");
	temporary_file("k.json.swp", "b");
	assert_false(changes_within(SILENCE_MS));
}

static void a_file_is_not_reported_before_it_is_written(void **state)
{
	int fd;

	(void)state;
	WATCH(temporary_path("k.json"));
	fd = open(temporary_path("k.json"), O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_false(changes_within(SILENCE_MS));
	assert_int_equal(write(fd, "a", 1), 1);
	close(fd);
	assert_change();
}

static void changes_without_a_pause_are_reported_too(void **state)
{
	uint64_t start_ns = v2m_clock_mono_ns();
	bool reported = false;

	(void)state;
	WATCH(temporary_file("k.json", "a"));
	while (!reported && v2m_clock_mono_ns() - start_ns < 4000 * UINT64_C(1000000)) {
		temporary_file("k.json", "b");
		reported = changes_within(50);
	}
	assert_true(reported);
}

static void every_directory_on_the_way_may_appear_later(void **state)
{
	(void)state;
	WATCH(temporary_path("a/b/c.json"));
	make_directory("a");
	assert_change();
	make_directory("a/b");
	assert_change();
	temporary_file("a/b/c.json", "x");
	assert_change();
	temporary_file("a/b/c.json", "y");
	assert_change();
}

static void a_directory_that_is_made_again_is_watched_again(void **state)
{
	(void)state;
	make_directory("d");
	temporary_file("d/c.json", "x");
	WATCH(temporary_path("d"));
	assert_int_equal(unlink(temporary_path("d/c.json")), 0);
	assert_int_equal(rmdir(temporary_path("d")), 0);
	assert_change();
	make_directory("d");
	temporary_file("d/c.json", "y");
	assert_change();
	temporary_file("d/c.json", "z");
	assert_change();
}

static void files_that_may_be_sources_are_reported_in_a_directory(void **state)
{
	(void)state;
	make_directory("d");
	WATCH(temporary_path("d/"));
	temporary_file("d/access.log", "x");
	assert_false(changes_within(SILENCE_MS));
	temporary_file("d/10.json", "x");
	assert_change();
	assert_int_equal(unlink(temporary_path("d/10.json")), 0);
	assert_change();
}

static void a_symbolic_link_is_watched_at_both_ends(void **state)
{
	(void)state;
	make_directory("real");
	make_directory("links");
	temporary_file("real/k.json", "x");
	temporary_file("real/other.json", "x");
	assert_int_equal(symlink("../real/k.json", temporary_path("links/k.json")), 0);
	WATCH(temporary_path("links/k.json"));
	temporary_file("real/k.json", "y");
	assert_change();
	assert_int_equal(symlink("../real/other.json", temporary_path("links/new")), 0);
	assert_int_equal(rename(temporary_path("links/new"), temporary_path("links/k.json")), 0);
	assert_change();
	temporary_file("real/other.json", "z");
	assert_change();
	temporary_file("real/k.json", "z");
	assert_false(changes_within(SILENCE_MS));
}

static void a_link_to_a_directory_and_links_in_it_are_followed(void **state)
{
	(void)state;
	make_directory("v1");
	make_directory("v2");
	make_directory("d");
	temporary_file("v1/k.json", "x");
	temporary_file("v2/k.json", "x");
	assert_int_equal(symlink("../v1", temporary_path("d/..data")), 0);
	assert_int_equal(symlink("..data/k.json", temporary_path("d/k.json")), 0);
	assert_int_equal(symlink(temporary_path("d"), temporary_path("e")), 0);
	WATCH(temporary_path("e"));
	temporary_file("v1/k.json", "y");
	assert_change();
	assert_int_equal(symlink("../v2", temporary_path("d/new")), 0);
	assert_int_equal(rename(temporary_path("d/new"), temporary_path("d/..data")), 0);
	assert_change();
	temporary_file("v2/k.json", "y");
	assert_change();
}

static void a_loop_of_links_ends(void **state)
{
	(void)state;
	assert_int_equal(symlink("b.json", temporary_path("a.json")), 0);
	assert_int_equal(symlink("a.json", temporary_path("b.json")), 0);
	WATCH(temporary_path("a.json"));
	replace("b.json", "x");
	assert_change();
}

static int read_tables(struct v2m_database *database, void *keys)
{
	return v2m_panel_db_read(database, keys, NULL);
}

static void a_panels_database_is_reported_when_a_row_changes(void **state)
{
	struct v2m_key_list keys = { 0 };
	struct v2m_error error;
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(temporary_path("vpn.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL; CREATE TABLE keys (uuid)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	WATCH(temporary_path("vpn.db"));
	assert_int_equal(sqlite3_exec(db, "INSERT INTO keys VALUES ('a')", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_one_change();
	/* Reading the database must not count as a change, or the daemon would read it for ever. */
	assert_int_equal(v2m_database_read(temporary_path("vpn.db"), read_tables, &keys, &error),
			 0);
	assert_int_equal(keys.count, 1);
	v2m_key_list_clear(&keys);
	assert_false(changes_within(SILENCE_MS));
	sqlite3_close(db);
	assert_int_equal(v2m_database_read(temporary_path("vpn.db"), read_tables, &keys, &error),
			 0);
	v2m_key_list_clear(&keys);
	changes_within(SILENCE_MS);
	assert_int_equal(v2m_database_read(temporary_path("vpn.db"), read_tables, &keys, &error),
			 0);
	v2m_key_list_clear(&keys);
	assert_false(changes_within(SILENCE_MS));
}

static void paths_that_are_no_longer_sources_are_not_watched(void **state)
{
	(void)state;
	make_directory("d");
	WATCH(temporary_path("d"));
	WATCH(temporary_path("other.json"));
	temporary_file("d/10.json", "x");
	assert_false(changes_within(SILENCE_MS));
	temporary_file("other.json", "x");
	assert_change();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_file_that_is_written_is_reported_once),
		TEST(a_file_replaced_by_a_rename_is_reported_again_and_again),
		TEST(a_file_that_goes_and_comes_back_is_reported_both_times),
		TEST(another_file_in_its_directory_is_not_reported),
		TEST(a_file_is_not_reported_before_it_is_written),
		TEST(changes_without_a_pause_are_reported_too),
		TEST(every_directory_on_the_way_may_appear_later),
		TEST(a_directory_that_is_made_again_is_watched_again),
		TEST(files_that_may_be_sources_are_reported_in_a_directory),
		TEST(a_symbolic_link_is_watched_at_both_ends),
		TEST(a_link_to_a_directory_and_links_in_it_are_followed),
		TEST(a_loop_of_links_ends),
		TEST(a_panels_database_is_reported_when_a_row_changes),
		TEST(paths_that_are_no_longer_sources_are_not_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
