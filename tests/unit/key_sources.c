// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/key_memory.h"
#include "core/key_sources.h"
#include "core/string_list.h"
#include "core/uuid.h"
#include "temporary.h"

#define U1     "e9828d67-08e2-4942-815d-61f41b3dacf7"
#define U2     "11461131-0644-438d-9429-cb5e7f60fd80"
#define NOW_US INT64_C(1754307939255792)

#define V2RAY_CLIENT(uuid, port)                                                                   \
	"{\"inbounds\": [{\"tag\": \"t\", \"port\": " port ", \"listen\": \"127.0.0.1\", "         \
	"\"settings\": {\"clients\": [{\"id\": \"" uuid "\", \"email\": \"mail\"}]}}]}"

static struct v2m_source_options options = { .now_us = NOW_US };
static struct v2m_source_report report;
static struct v2m_error error;

static void make_directory(const char *name)
{
	assert_int_equal(mkdir(temporary_path(name), 0700), 0);
}

/* The sources are names in the temporary directory, up to a NULL. */
static int load_into(struct v2m_keyset **keyset, const char *const *names)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings sources = { 0 };

	for (; *names; names++)
		assert_int_equal(v2m_strings_add(&sources, strcmp(*names, "auto") == 0
								   ? *names
								   : temporary_path(*names)),
				 0);
	error.text[0] = 0;
	return v2m_key_sources_load(&sources, &options, keyset, &report, &error);
}

#define LOAD(...)       load((const char *const[]){ __VA_ARGS__, NULL })
#define FAIL(code, ...) fail_to_load(code, (const char *const[]){ __VA_ARGS__, NULL })

static struct v2m_keyset *load(const char *const *names)
{
	struct v2m_keyset *keyset = NULL;

	if (load_into(&keyset, names))
		fail_msg("%s", error.text);
	return keyset;
}

static void fail_to_load(int code, const char *const *names)
{
	struct v2m_keyset *keyset = NULL;

	assert_int_equal(load_into(&keyset, names), code);
	assert_null(keyset);
	assert_null(strstr(error.text, U1));
}

static int clean(void **state)
{
	(void)state;
	v2m_source_report_clear(&report);
	options = (struct v2m_source_options){ .now_us = NOW_US };
	return 0;
}

static int read_no_panel(const char *path, struct v2m_key_list *keys, struct v2m_error *why)
{
	struct v2m_key key = { .uuid = strdup(U2),
			       .id = strdup("panel"),
			       .name = strdup("of the panel"),
			       .source = strdup(path),
			       .port = 7 };

	(void)why;
	return v2m_key_list_add(keys, &key);
}

static void check_source(size_t i, const char *kind, size_t keys)
{
	assert_true(i < report.n_sources);
	assert_string_equal(report.sources[i].kind, kind);
	assert_int_equal(report.sources[i].keys, keys);
}

static void the_kind_of_a_source_is_told_from_its_content(void **state)
{
	struct v2m_keyset *keyset;
	FILE *file;

	(void)state;
	temporary_file("kind1", "[{\"uuid\": \"a\"}]");
	temporary_file("kind2", "{\"port_assignments\": {\"a\": {\"port\": 5}}}");
	temporary_file("kind3", V2RAY_CLIENT("c", "6") " // with a comment");
	file = fopen(temporary_path("kind4"), "w");
	assert_non_null(file);
	fwrite("SQLite format 3\0 and so on", 1, 26, file);
	fclose(file);
	options.read_panel = read_no_panel;
	keyset = LOAD("kind1", "kind2", "kind3", "kind4");
	check_source(0, "key file", 1);
	check_source(1, "port file", 1);
	check_source(2, "V2Ray configuration", 1);
	check_source(3, "panel database", 1);
	assert_null(report.sources[0].error);
	assert_int_equal(keyset->n_keys, 3);
	assert_string_equal(keyset->keys[0].uuid, "a");
	assert_int_equal(keyset->keys[0].port, 5);
	v2m_keyset_unref(keyset);
	options.read_panel = NULL;
	FAIL(-EINVAL, "kind4");
	assert_non_null(strstr(error.text, "a database cannot be read here"));
}

static void what_is_no_source_is_refused(void **state)
{
	(void)state;
	temporary_file("other", "{\"a\": 1}");
	temporary_file("text", "hello");
	FAIL(-EINVAL, "other");
	assert_non_null(strstr(error.text, "/other: expected a key file (a list), a port file"));
	check_source(0, "file", 0);
	assert_string_equal(report.sources[0].error, error.text);
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
	assert_int_equal(report.n_sources, 3);
	assert_non_null(strstr(error.text, "/bad1:1:2: uuid"));
	assert_string_equal(report.sources[0].error, error.text);
	check_source(1, "key file", 1);
	assert_null(report.sources[1].error);
	assert_non_null(strstr(report.sources[2].error, "/bad2:1:2: not JSON"));
}

static void the_key_file_names_and_v2ray_places_the_key(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("k", "[{\"uuid\": \"" U1 "\", \"id\": \"k1\", \"name\": \"Alice\", "
			    "\"port\": 1, \"created_at\": \"2024\", \"is_active\": false}]");
	temporary_file("v", V2RAY_CLIENT("E9828D67-08E2-4942-815D-61F41B3DACF7", "10001"));
	for (int turn = 0; turn < 2; turn++) {
		const struct v2m_key *key;

		keyset = turn ? LOAD("v", "k") : LOAD("k", "v");
		key = &keyset->keys[0];
		assert_int_equal(keyset->n_keys, 1);
		assert_string_equal(key->id, "k1");
		assert_string_equal(key->name, "Alice");
		assert_string_equal(key->uuid, U1);
		assert_string_equal(key->created_at, "2024");
		assert_false(key->is_active);
		assert_int_equal(key->port, 10001);
		assert_int_equal(key->transports, V2M_TCP);
		assert_true(key->loopback);
		v2m_keyset_unref(keyset);
	}
}

static void a_port_file_fills_in_ports_and_overrides_none(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("k", "[{\"uuid\": \"" U1 "\"}, {\"uuid\": \"" U2 "\", \"port\": 2}]");
	temporary_file("p", "{\"port_assignments\": {\"" U1 "\": {\"port\": 11, \"key_id\": \"x\"},"
			    "\"" U2 "\": {\"port\": 12}, \"stranger\": {\"port\": 13}}}");
	keyset = LOAD("p", "k");
	assert_int_equal(keyset->n_keys, 2);
	assert_int_equal(keyset->keys[0].port, 11);
	assert_int_equal(keyset->keys[1].port, 2);
	v2m_keyset_unref(keyset);
}

static void a_customer_on_one_port_of_a_range_is_that_client(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("k", "[{\"uuid\": \"" U1 "\", \"id\": \"k1\", \"port\": 10002}]");
	temporary_file("v", V2RAY_CLIENT(U1, "\"10001-10002\""));
	keyset = LOAD("k", "v");
	assert_int_equal(keyset->n_keys, 2);
	assert_int_equal(keyset->n_ports, 2);
	assert_string_equal(keyset->keys[0].id, "k1");
	assert_int_equal(keyset->keys[0].port, 10002);
	assert_true(keyset->keys[0].loopback);
	assert_int_equal(keyset->keys[1].port, 10001);
	v2m_keyset_unref(keyset);
}

static void the_first_of_two_key_files_decides(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("a", "[{\"uuid\": \"" U1 "\", \"id\": \"a1\", \"name\": \"A\"},"
			    "{\"uuid\": \"x\", \"id\": \"same\"}]");
	temporary_file("b", "[{\"uuid\": \"" U1 "\", \"id\": \"b1\", \"name\": \"B\", \"port\": 9, "
			    "\"sni\": \"s\"}, {\"uuid\": \"y\", \"id\": \"same\"}]");
	keyset = LOAD("a", "b");
	assert_int_equal(keyset->n_keys, 2);
	assert_string_equal(keyset->keys[0].id, "a1");
	assert_string_equal(keyset->keys[0].name, "A");
	assert_int_equal(keyset->keys[0].port, 9);
	assert_string_equal(keyset->keys[0].sni, "s");
	assert_string_equal(keyset->keys[1].uuid, "x");
	v2m_keyset_unref(keyset);
}

static void a_source_named_twice_changes_nothing(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("v", V2RAY_CLIENT(U1, "\"1-3\""));
	keyset = LOAD("v", "v");
	assert_int_equal(keyset->n_keys, 3);
	assert_int_equal(report.n_sources, 2);
	v2m_keyset_unref(keyset);
}

static void a_port_shared_with_a_reachable_key_is_not_counted_on_loopback(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("k", "[{\"uuid\": \"" U2 "\", \"port\": 10001}]");
	temporary_file("v", V2RAY_CLIENT(U1, "10001"));
	keyset = LOAD("v", "k");
	assert_int_equal(keyset->n_ports, 1);
	assert_true(keyset->ports[0].shared);
	assert_false(keyset->ports[0].loopback);
	v2m_keyset_unref(keyset);
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
	assert_int_equal(report.n_sources, 1);
	assert_int_equal(keyset->n_keys, 1);
	assert_string_equal(keyset->keys[0].name, "Alice");
	assert_int_equal(keyset->keys[0].port, 20);
	v2m_keyset_unref(keyset);
	temporary_file("d/30.json", "{\"inbounds\": [");
	FAIL(-EINVAL, "d");
	assert_non_null(strstr(error.text, "/d/30.json:1:15: not JSON"));
	check_source(0, "directory", 0);
}

static void auto_looks_in_every_place(void **state)
{
	static const char *const directories[] = {
		"r",
		"r/etc",
		"r/etc/v2meter",
		"r/root",
		"r/root/vpn-server",
		"r/root/vpn-server/config",
		"r/root/vpn-server/data",
		"r/usr",
		"r/usr/local",
		"r/usr/local/etc",
		"r/usr/local/etc/xray",
		"r/etc/xray",
		"r/usr/local/x-ui",
		"r/usr/local/x-ui/bin",
		"r/usr/local/etc/v2ray",
		"r/etc/v2ray",
	};
	static const char *const files[] = {
		"r/usr/local/etc/xray/config.json", "r/etc/xray/config.json",
		"r/usr/local/x-ui/bin/config.json", "r/usr/local/etc/v2ray/config.json",
		"r/etc/v2ray/config.json",
	};
	struct v2m_keyset *keyset;

	(void)state;
	options.auto_root = temporary_path("r");
	options.read_panel = read_no_panel;
	keyset = LOAD("auto");
	assert_int_equal(keyset->n_keys, 0);
	assert_int_equal(report.n_sources, 0);
	v2m_keyset_unref(keyset);
	for (size_t i = 0; i < V2M_ARRAY_LEN(directories); i++)
		make_directory(directories[i]);
	temporary_file("r/etc/v2meter/keys.json", "[{\"uuid\": \"k1\"}]");
	temporary_file("r/root/vpn-server/config/keys.json", "[{\"uuid\": \"k2\"}]");
	temporary_file("r/root/vpn-server/config/ports.json",
		       "{\"port_assignments\": {\"k2\": {\"port\": 102}}}");
	temporary_file("r/root/vpn-server/data/vpn.db", "SQLite format 3");
	assert_int_equal(truncate(temporary_path("r/root/vpn-server/data/vpn.db"), 100), 0);
	for (size_t i = 0; i < V2M_ARRAY_LEN(files); i++) {
		char text[256];

		snprintf(text, sizeof(text), V2RAY_CLIENT("c%zu", "%zu"), 200 + i, i);
		temporary_file(files[i], text);
	}
	options.auto_root = temporary_path("r");
	keyset = LOAD("auto");
	assert_int_equal(report.n_sources, 8);
	assert_int_equal(keyset->n_keys, 8);
	assert_int_equal(v2m_keyset_find(keyset, "k2")->port, 102);
	assert_int_equal(v2m_keyset_find(keyset, "c4")->port, 204);
	v2m_keyset_unref(keyset);
}

static void auto_that_finds_nothing_any_more_is_an_error(void **state)
{
	(void)state;
	temporary_file("k", "[{\"uuid\": \"a\"}]");
	struct v2m_keyset *before = LOAD("k");

	options.previous = before;
	options.auto_root = "/nonexistent";
	FAIL(-ENOENT, "auto");
	assert_non_null(strstr(error.text, "the key sources are gone"));
	v2m_keyset_unref(before);
}

static int64_t seen_first(void *context, const char *subject)
{
	return strcmp(subject, U1) == 0 ? *(int64_t *)context : 0;
}

static void a_key_without_a_date_has_that_of_when_it_was_first_seen(void **state)
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

static void ports_beyond_what_can_be_counted_are_refused_and_reported(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("v", V2RAY_CLIENT(U1, "\"1-4099\""));
	keyset = LOAD("v");
	assert_int_equal(keyset->n_keys, 4099);
	assert_int_equal(keyset->n_ports, 4096);
	assert_int_equal(report.refused_ports, 3);
	assert_int_equal(keyset->keys[4095].port, 4096);
	assert_int_equal(keyset->keys[4096].port, 0);
	v2m_keyset_unref(keyset);
}

static void the_last_good_keys_come_back_as_they_were(void **state)
{
	const char *path = temporary_path("keys.last.json");
	struct v2m_keyset *before;
	struct v2m_keyset *after = NULL;
	struct stat status;

	(void)state;
	temporary_file("v",
		       "{\"inbounds\": [{\"port\": 5, \"listen\": \"::1\", \"streamSettings\": "
		       "{\"network\": \"kcp\", \"tlsSettings\": {\"serverName\": \"s\"}}, "
		       "\"settings\": {\"clients\": [{\"id\": \"" U1 "\"}, {\"id\": \"" U2
		       "\"}]}}]}");
	temporary_file("k", "[{\"uuid\": \"k\", \"is_active\": false, \"short_id\": \"i\"}]");
	before = LOAD("v", "k");
	assert_int_equal(v2m_key_memory_store(path, before, &error), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(v2m_key_memory_load(path, &after, &error), 0);
	assert_int_equal(after->n_keys, 3);
	assert_int_equal(after->n_ports, 1);
	for (size_t i = 0; i < 3; i++) {
		const struct v2m_key *a = &before->keys[i];
		const struct v2m_key *b = &after->keys[i];

		assert_string_equal(a->id, b->id);
		assert_string_equal(a->uuid, b->uuid);
		assert_string_equal(a->name, b->name);
		assert_string_equal(a->created_at, b->created_at);
		assert_string_equal(a->source, b->source);
		assert_int_equal(a->port, b->port);
		assert_int_equal(a->transports, b->transports);
		assert_int_equal(a->loopback, b->loopback);
		assert_int_equal(a->is_active, b->is_active);
	}
	assert_string_equal(after->keys[1].sni, "s");
	assert_string_equal(after->keys[0].short_id, "i");
	v2m_keyset_unref(before);
	v2m_keyset_unref(after);
}

static void last_keys_that_are_absent_or_damaged_are_refused(void **state)
{
	struct v2m_keyset *keyset = NULL;

	(void)state;
	assert_int_equal(v2m_key_memory_load(temporary_path("no"), &keyset, &error), -ENOENT);
	assert_int_equal(
		v2m_key_memory_load(temporary_file("m", "[{\"uuid\": \"a\"}]"), &keyset, &error),
		-EINVAL);
	assert_int_equal(v2m_key_memory_load(temporary_file("m", "{}"), &keyset, &error), -EINVAL);
	assert_int_equal(
		v2m_key_memory_load(
			temporary_file("m", "[{\"uuid\": \"a\", \"loopback\": false, \"source\": "
					    "\"s\"}, {\"uuid\": \"A\", \"loopback\": false, "
					    "\"source\": \"s\"}]"),
			&keyset, &error),
		-EINVAL);
	assert_null(keyset);
}

static void last_keys_that_cannot_be_written_are_an_error(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("k", "[]");
	keyset = LOAD("k");
	assert_int_equal(v2m_key_memory_store(temporary_path("no/such/place"), keyset, &error),
			 -ENOENT);
	assert_non_null(strstr(error.text, "cannot write it"));
	v2m_keyset_unref(keyset);
}

#define TEST(name) cmocka_unit_test_teardown(name, clean)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_kind_of_a_source_is_told_from_its_content),
		TEST(what_is_no_source_is_refused),
		TEST(our_own_files_are_read_strictly),
		TEST(every_broken_source_is_reported_and_the_first_is_the_error),
		TEST(the_key_file_names_and_v2ray_places_the_key),
		TEST(a_port_file_fills_in_ports_and_overrides_none),
		TEST(a_customer_on_one_port_of_a_range_is_that_client),
		TEST(the_first_of_two_key_files_decides),
		TEST(a_source_named_twice_changes_nothing),
		TEST(a_port_shared_with_a_reachable_key_is_not_counted_on_loopback),
		TEST(a_directory_is_read_in_the_order_of_its_names),
		TEST(auto_looks_in_every_place),
		TEST(auto_that_finds_nothing_any_more_is_an_error),
		TEST(a_key_without_a_date_has_that_of_when_it_was_first_seen),
		TEST(ports_beyond_what_can_be_counted_are_refused_and_reported),
		TEST(the_last_good_keys_come_back_as_they_were),
		TEST(last_keys_that_are_absent_or_damaged_are_refused),
		TEST(last_keys_that_cannot_be_written_are_an_error),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
