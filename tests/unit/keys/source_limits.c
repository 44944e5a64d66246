// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sources that would stop the reader, or take too much time or memory, and sources that lost their
 * keys. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit/keys/key_sources_fixture.h"

#define SECOND_NS UINT64_C(1000000000)

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
	uint64_t start_ns = v2m_clock_mono_ns();

	(void)state;
	assert_int_equal(mkfifo(temporary_path("fifo"), 0600), 0);
	FAIL(-EINVAL, "fifo");
	assert_non_null(strstr(error.text, "/fifo: expected a regular file, got a FIFO"));
	assert_int_equal(symlink(temporary_path("fifo"), temporary_path("link.json")), 0);
	FAIL(-EINVAL, "link.json");
	assert_int_equal(symlink("/dev/ptmx", temporary_path("terminal")), 0);
	FAIL(-EINVAL, "terminal");
	assert_non_null(strstr(error.text, "got a device"));
	assert_int_equal(symlink("/proc/kmsg", temporary_path("kernel")), 0);
	FAIL(access("/proc/kmsg", R_OK) ? -EACCES : -EINVAL, "kernel");
	assert_int_equal(symlink("/proc/version", temporary_path("version")), 0);
	FAIL(-EINVAL, "version");
	assert_non_null(strstr(error.text, "got one that the kernel makes up"));
	assert_true(v2m_clock_mono_ns() - start_ns < SECOND_NS);
}

static void a_database_has_only_regular_files_beside_it(void **state)
{
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(temporary_path("panel.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE keys (uuid TEXT)", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(mkfifo(temporary_path("panel.db-journal"), 0600), 0);
	FAIL(-EINVAL, "panel.db");
	assert_non_null(strstr(error.text, "panel.db-journal: expected a regular file"));
}

static void make_view(const char *name, const char *view)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(temporary_path(name), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, view, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void a_view_that_never_ends_is_given_up(void **state)
{
	uint64_t start_ns = v2m_clock_mono_ns();

	(void)state;
	make_view("endless.db", "CREATE VIEW keys AS WITH RECURSIVE c(uuid) AS (SELECT 1 UNION ALL "
				"SELECT uuid + 1 FROM c) SELECT uuid FROM c WHERE uuid < 0");
	FAIL(-EINVAL, "endless.db");
	assert_non_null(strstr(error.text, "expected tables that can be read within 2 seconds"));
	assert_true(v2m_clock_mono_ns() - start_ns < 5 * SECOND_NS);
}

static void a_database_with_too_many_rows_is_refused(void **state)
{
	(void)state;
	make_view("rows.db", "CREATE VIEW port_assignments AS WITH RECURSIVE c(uuid) AS (SELECT 1 "
			     "UNION ALL SELECT uuid + 1 FROM c) SELECT uuid, NULL AS port FROM c;"
			     "CREATE TABLE keys (uuid TEXT)");
	FAIL(-EINVAL, "rows.db");
	assert_non_null(strstr(error.text, "table port_assignments: expected at most 32768 rows"));
}

/* A file of count items between the texts, with their number in place of #. */
static void make_file(const char *name, const char *start, const char *item, size_t count,
		      const char *end)
{
	FILE *file = fopen(temporary_path(name), "we");

	assert_non_null(file);
	fputs(start, file);
	for (size_t i = 0; i < count; i++) {
		if (i)
			fputc(',', file);
		for (const char *at = item; *at; at++)
			if (*at == '#')
				fprintf(file, "%zu", i);
			else
				fputc(*at, file);
	}
	fputs(end, file);
	assert_int_equal(fclose(file), 0);
}

static void a_file_of_too_many_small_values_is_refused_before_it_takes_memory(void **state)
{
	(void)state;
	make_file("small.json", "[", "{}", 2200000, "]");
	FAIL(-EINVAL, "small.json");
	assert_non_null(strstr(error.text, "expected at most 2097152 values"));
	make_file("keys.json", "[", "{\"uuid\":\"#\"}", 32769, "]");
	FAIL(-EINVAL, "keys.json");
	assert_non_null(strstr(error.text, "expected at most 32768 keys"));
}

static double cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* Each of these was quadratic or worse, and took minutes at ten times the number, which
 * V2M_LONG_TESTS asks for. */
static void many_entries_take_time_in_proportion(void **state)
{
	static const struct {
		const char *item;
		size_t count;
	} files[] = {
		{ "{\"port\": \"env:V2M_NOT_SET\", \"settings\": {\"clients\": [{\"id\": "
		  "\"u#\"}]}}",
		  30000 },
		{ "{\"tag\": \"t#\", \"port\": 1}", 20000 },
		{ "{\"listen\": \"@s#\", \"settings\": {\"clients\": [{\"id\": \"u#\"}], "
		  "\"fallbacks\": [{\"dest\": \"@s1\"}]}}",
		  10000 },
		{ "{\"port\": \"1-65535\", \"settings\": {\"clients\": [{\"id\": \"u#\"}]}}",
		  10000 },
		{ "{\"port\": \"#-65535\", \"settings\": {\"clients\": [{\"id\": \"u\"}]}}", 3000 },
	};
	size_t factor = getenv("V2M_LONG_TESTS") ? 10 : 1;

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(files); i++) {
		double start_s = cpu_s();

		make_file("many.json", "{\"inbounds\": [", files[i].item, factor * files[i].count,
			  "]}");
		v2m_keyset_unref(LOAD("many.json"));
		if (cpu_s() - start_s > (double)(4 * factor))
			fail_msg("%zu times %s took %.1f s", factor * files[i].count, files[i].item,
				 cpu_s() - start_s);
		v2m_source_report_clear(&report);
	}
}

static void a_source_that_lost_its_keys_is_an_error_until_it_has_some(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("lost.json", V2RAY_CLIENT(U1, "1"));
	temporary_file("stays.json", V2RAY_CLIENT(U2, "2"));
	v2m_keyset_unref(LOAD("lost.json", "stays.json"));
	temporary_file("lost.json", "{\"inbounds\": []}");
	for (int i = 0; i < 2; i++) {
		FAIL(-ENODATA, "lost.json", "stays.json");
		assert_non_null(strstr(error.text, "/lost.json: it has no keys any more, of 1"));
		assert_int_equal(error.failure, V2M_FAILURE_CONFIGURATION);
	}
	temporary_file("lost.json", V2RAY_CLIENT(U1, "3"));
	keyset = LOAD("lost.json", "stays.json");
	assert_int_equal(keyset->n_keys, 2);
	v2m_keyset_unref(keyset);
}

static void a_directory_that_became_empty_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(mkdir(temporary_path("d"), 0700), 0);
	temporary_file("d/a.json", V2RAY_CLIENT(U1, "1"));
	v2m_keyset_unref(LOAD("d"));
	assert_int_equal(unlink(temporary_path("d/a.json")), 0);
	FAIL(-ENODATA, "d");
	v2m_source_report_clear(&report);
	v2m_keyset_unref(LOAD("d"));
}

static void files_in_a_directory_that_are_not_meant_for_us_are_passed_over(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	assert_int_equal(mkdir(temporary_path("e"), 0700), 0);
	temporary_file("e/a.json", V2RAY_CLIENT(U1, "1"));
	temporary_file("e/b.json", "[1, {\"name\": \"x\"}]");
	temporary_file("e/c.yaml", "a: [unclosed");
	temporary_file("e/d.toml", "[inbounds]");
	temporary_file("e/f.yml", "inbounds: [{port: 7, protocol: trojan, settings: {clients: "
				  "[{email: yaml}]}}]");
	keyset = LOAD("e");
	assert_int_equal(keyset->n_keys, 2);
	assert_string_equal(keyset->keys[1].name, "yaml");
	v2m_keyset_unref(keyset);
	assert_int_equal(report.notes.count, 3);
	assert_int_equal(report.notes.n_missing, 2);
	assert_non_null(strstr(report.notes.items[0].reason, "has no keys"));
	assert_non_null(strstr(report.notes.items[1].reason, ": not YAML: "));
	assert_non_null(strstr(report.notes.items[2].reason, "TOML is not read"));
	FAIL(-EINVAL, "e/d.toml");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SOURCES_TEST(what_is_no_regular_file_is_refused_at_once),
		SOURCES_TEST(a_database_has_only_regular_files_beside_it),
		SOURCES_TEST(a_view_that_never_ends_is_given_up),
		SOURCES_TEST(a_database_with_too_many_rows_is_refused),
		SOURCES_TEST(a_file_of_too_many_small_values_is_refused_before_it_takes_memory),
		SOURCES_TEST(many_entries_take_time_in_proportion),
		SOURCES_TEST(a_source_that_lost_its_keys_is_an_error_until_it_has_some),
		SOURCES_TEST(a_directory_that_became_empty_is_an_error),
		SOURCES_TEST(files_in_a_directory_that_are_not_meant_for_us_are_passed_over),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
