// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The formats of sources, and broken sources. */
#include <stdio.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <time.h>

#include "unit/keys/key_sources_fixture.h"

static void make_directory(const char *name)
{
	assert_int_equal(mkdir(temporary_path(name), 0700), 0);
}

/* Makes a panel's database with one key, at a path in the temporary directory. */
static void make_panel(const char *name)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(temporary_path(name), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				      "CREATE TABLE keys (id TEXT, uuid TEXT, port INTEGER);"
				      "INSERT INTO keys VALUES ('panel', '" U2 "', 7)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
}

static void check_source(size_t i, const char *kind, size_t keys)
{
	assert_true(i < report.count);
	assert_string_equal(report.items[i].kind, kind);
	assert_int_equal(report.items[i].keys, keys);
}

static void a_source_is_recognised_by_its_content(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("kind1", "[{\"uuid\": \"a\"}]");
	temporary_file("kind2", "{\"port_assignments\": {\"a\": {\"port\": 5}}}");
	temporary_file("kind3", V2RAY_CLIENT("c", "6") " // with a comment");
	make_panel("kind4");
	keyset = LOAD("kind1", "kind2", "kind3", "kind4");
	check_source(0, "key file", 1);
	check_source(1, "port file", 1);
	check_source(2, "V2Ray configuration", 1);
	check_source(3, "panel database", 1);
	assert_null(report.items[0].error);
	assert_int_equal(keyset->n_keys, 3);
	assert_string_equal(keyset->keys[0].uuid, "a");
	assert_int_equal(v2m_key_port(&keyset->keys[0]), 5);
	v2m_keyset_unref(keyset);
}

static void a_file_of_no_known_format_is_refused(void **state)
{
	(void)state;
	temporary_file("other", "{\"a\": 1}");
	temporary_file("text", "hello");
	FAIL(-EINVAL, "other");
	assert_non_null(strstr(error.text, "/other: expected a key file (a list), a port file"));
	check_source(0, "file", 0);
	assert_string_equal(report.items[0].error, error.text);
	FAIL(-EINVAL, "text");
	assert_non_null(strstr(error.text, "/text:1:1: not JSON"));
	FAIL(-ENOENT, "absent");
	assert_non_null(strstr(error.text, "/absent: cannot read it: No such file"));
}

static void our_own_files_are_read_strictly(void **state)
{
	(void)state;
	temporary_file("twice.json", "[{\"uuid\": \"a\", \"uuid\": \"b\"}]");
	FAIL(-EINVAL, "twice.json");
	assert_non_null(strstr(error.text, "duplicate object key"));
	temporary_file("comment.json", "[] // none");
	FAIL(-EINVAL, "comment.json");
}

static void every_broken_source_is_reported_and_the_first_is_the_error(void **state)
{
	(void)state;
	temporary_file("good", "[{\"uuid\": \"a\"}]");
	temporary_file("bad1", "[{}]");
	temporary_file("bad2", "{");
	FAIL(-EINVAL, "bad1", "good", "bad2");
	assert_int_equal(report.count, 3);
	assert_non_null(strstr(error.text, "/bad1:1:2: uuid"));
	assert_string_equal(report.items[0].error, error.text);
	check_source(1, "key file", 1);
	assert_null(report.items[1].error);
	assert_non_null(strstr(report.items[2].error, "/bad2:1:2: not JSON"));
}

static void a_directory_is_read_in_the_order_of_its_names(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	make_directory("d");
	make_directory("d/sub.json");
	temporary_file("d/20.json", V2RAY_CLIENT(U1, "20"));
	temporary_file("d/10.json", V2RAY_CLIENT(U1, "10"));
	temporary_file("d/keys.json", "[{\"uuid\": \"" U1 "\", \"name\": \"Alice\"}]");
	temporary_file("d/other.json", "{\"nothing\": \"of ours\"}");
	temporary_file("d/README", "no JSON");
	temporary_file("d/.hidden", "{");
	keyset = LOAD("d");
	check_source(0, "directory", 2);
	assert_int_equal(report.count, 1);
	assert_int_equal(keyset->n_keys, 1);
	assert_string_equal(keyset->keys[0].name, "Alice");
	assert_int_equal(v2m_key_port(&keyset->keys[0]), 20);
	v2m_keyset_unref(keyset);
	temporary_file("d/30.json", "{\"inbounds\": [");
	FAIL(-EINVAL, "d");
	assert_non_null(strstr(error.text, "/d/30.json:1:15: not JSON"));
	check_source(0, "directory", 0);
}

/* Writes a file and makes the directories above it that are missing. */
static void file_in_directories(const char *name, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", name);
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (access(temporary_path(path), F_OK))
			make_directory(path);
		*slash = '/';
	}
	temporary_file(name, text);
}

static void auto_looks_in_every_place(void **state)
{
	static const char *const configurations[] = {
		"r/usr/local/etc/xray/config.json", "r/etc/xray/config.json",
		"r/usr/local/x-ui/bin/config.json", "r/usr/local/etc/v2ray/config.json",
		"r/etc/v2ray/config.json",
	};
	struct v2m_keyset *keyset;
	char root[PATH_MAX];

	(void)state;
	snprintf(root, sizeof(root), "%s", temporary_path("r"));
	gather_options.auto_root = root;
	keyset = LOAD("auto");
	assert_int_equal(keyset->n_keys, 0);
	assert_int_equal(report.count, 0);
	v2m_keyset_unref(keyset);
	file_in_directories("r/etc/v2meter/keys.json", "[{\"uuid\": \"k1\"}]");
	file_in_directories("r/root/vpn-server/config/keys.json", "[{\"uuid\": \"k2\"}]");
	file_in_directories("r/root/vpn-server/config/ports.json",
			    "{\"port_assignments\": {\"k2\": {\"port\": 102}}}");
	file_in_directories("r/root/vpn-server/data/vpn.db", "");
	make_panel("r/root/vpn-server/data/vpn.db");
	for (size_t i = 0; i < V2M_ARRAY_LEN(configurations); i++) {
		char text[256];

		snprintf(text, sizeof(text), V2RAY_CLIENT("c%zu", "%zu"), 200 + i, i);
		file_in_directories(configurations[i], text);
	}
	keyset = LOAD("auto");
	assert_int_equal(report.count, 8);
	assert_int_equal(keyset->n_keys, 8);
	assert_int_equal(v2m_key_port(v2m_keyset_find(keyset, "k2")), 102);
	assert_int_equal(v2m_key_port(v2m_keyset_find(keyset, "c4")), 204);
	v2m_keyset_unref(keyset);
}

/* With "auto", what was found of running proxies is as good as a place. */
static void what_was_found_counts_and_one_that_cannot_be_read_costs_nothing(void **state)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings found = { 0 };
	struct v2m_keyset *previous;
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("running.json", V2RAY_CLIENT(U1, "1"));
	temporary_file("broken.json", "{");
	v2m_strings_add(&found, temporary_path("running.json"));
	v2m_strings_add(&found, temporary_path("broken.json"));
	v2m_strings_add(&found, temporary_path("running.json"));
	gather_options.auto_root = "/nonexistent";
	gather_options.found = &found;
	previous = LOAD("auto");
	assert_int_equal(previous->n_keys, 1);
	options.previous = previous;
	keyset = LOAD("auto");
	assert_int_equal(keyset->n_keys, 1);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.notes.n_missing, 0);
	assert_int_equal(report.notes.count, 2);
	v2m_keyset_unref(keyset);
	v2m_keyset_unref(previous);
}

static void auto_whose_places_have_all_gone_is_an_error(void **state)
{
	(void)state;
	temporary_file("k", "[{\"uuid\": \"a\"}]");
	struct v2m_keyset *before = LOAD("k");

	options.previous = before;
	gather_options.auto_root = "/nonexistent";
	FAIL(-ENOENT, "auto");
	assert_non_null(strstr(error.text, "the key sources are gone"));
	v2m_keyset_unref(before);
}

static int64_t seen_first(void *context, const char *subject)
{
	return strcmp(subject, U1) == 0 ? *(int64_t *)context : 0;
}

static void a_key_without_a_date_gets_that_of_its_first_sight(void **state)
{
	int64_t seen_us = NOW_US - 1000000;
	struct v2m_keyset *first;
	struct v2m_keyset *second;

	(void)state;
	setenv("TZ", "UTC-3", 1);
	tzset();
	temporary_file("v", V2RAY_CLIENT(U1, "1"));
	first = LOAD("v");
	assert_string_equal(first->keys[0].created_at, "2025-08-04T14:45:39.255792");
	options.first_seen_us = seen_first;
	options.context = &seen_us;
	second = LOAD("v");
	assert_string_equal(second->keys[0].created_at, "2025-08-04T14:45:38.255792");
	v2m_keyset_unref(second);
	options.previous = first;
	second = LOAD("v");
	assert_string_equal(second->keys[0].created_at, "2025-08-04T14:45:39.255792");
	v2m_keyset_unref(second);
	v2m_keyset_unref(first);
}

static void ports_beyond_the_limit_are_refused_and_reported(void **state)
{
	struct v2m_keyset *keyset;

	char *text = malloc(1 << 20);
	size_t length = 0;

	(void)state;
	assert_non_null(text);
	for (int i = 1; i <= V2M_MAX_SLOTS + 3; i++)
		length += (size_t)sprintf(text + length, "%s{\"uuid\": \"u%d\", \"port\": %d}",
					  i > 1 ? "," : "[", i, i);
	strcpy(text + length, "]");
	temporary_file("k", text);
	free(text);
	keyset = LOAD("k");
	assert_int_equal(keyset->n_keys, V2M_MAX_SLOTS + 3);
	assert_int_equal(report.refused_ports, 3);
	assert_false(v2m_slots_at(&keyset->slots, V2M_MAX_SLOTS, V2M_TCP)->refused);
	assert_true(v2m_slots_at(&keyset->slots, V2M_MAX_SLOTS + 1, V2M_TCP)->refused);
	v2m_keyset_unref(keyset);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SOURCES_TEST(a_source_is_recognised_by_its_content),
		SOURCES_TEST(a_file_of_no_known_format_is_refused),
		SOURCES_TEST(our_own_files_are_read_strictly),
		SOURCES_TEST(every_broken_source_is_reported_and_the_first_is_the_error),
		SOURCES_TEST(a_directory_is_read_in_the_order_of_its_names),
		SOURCES_TEST(auto_looks_in_every_place),
		SOURCES_TEST(what_was_found_counts_and_one_that_cannot_be_read_costs_nothing),
		SOURCES_TEST(auto_whose_places_have_all_gone_is_an_error),
		SOURCES_TEST(a_key_without_a_date_gets_that_of_its_first_sight),
		SOURCES_TEST(ports_beyond_the_limit_are_refused_and_reported),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
