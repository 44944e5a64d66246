// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Several sources at once: each decides about its part of a key. */
#include <sqlite3.h>
#include <unistd.h>

#include "base/uuid.h"
#include "unit/keys/key_sources_fixture.h"
#include "base/transport.h"

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
		assert_int_equal(v2m_key_port(key), 10001);
		assert_int_equal(key->spans[0].transports, V2M_TCP);
		assert_true(key->spans[0].loopback);
		v2m_keyset_unref(keyset);
	}
}

/* The configuration that the panel wrote for the proxy still has the user. */
static void a_panels_database_tells_who_is_switched_off(void **state)
{
	static const char sql[] =
		"CREATE TABLE inbounds (id, enable, listen, port, protocol, settings, "
		"stream_settings, tag); INSERT INTO inbounds VALUES (1, 1, '', 10001, 'vmess', "
		"'{\"clients\": [{\"id\": \"" U1 "\", \"enable\": false}, {\"id\": \"" U2
		"\"}]}', '', 't')";

	(void)state;
	temporary_file("v", V2RAY_CLIENT(U1, "10001"));
	for (int turn = 0; turn < 2; turn++) {
		struct v2m_keyset *keyset;
		sqlite3 *db;

		unlink(temporary_path("x.db"));
		assert_int_equal(sqlite3_open(temporary_path("x.db"), &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		keyset = turn ? LOAD("v", "x.db") : LOAD("x.db", "v");
		assert_int_equal(keyset->n_keys, 2);
		assert_string_equal(keyset->keys[0].uuid, U1);
		assert_false(keyset->keys[0].is_active);
		assert_true(keyset->keys[1].is_active);
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
	assert_int_equal(v2m_key_port(&keyset->keys[0]), 11);
	assert_int_equal(v2m_key_port(&keyset->keys[1]), 2);
	v2m_keyset_unref(keyset);
}

static void a_customer_on_one_port_of_a_range_is_that_client(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("k", "[{\"uuid\": \"" U1 "\", \"id\": \"k1\", \"port\": 10002}]");
	temporary_file("v", V2RAY_CLIENT(U1, "\"10001-10002\""));
	keyset = LOAD("k", "v");
	assert_int_equal(keyset->n_keys, 1);
	assert_int_equal(keyset->slots.count, 1);
	assert_string_equal(keyset->keys[0].id, "k1");
	assert_int_equal(keyset->keys[0].spans[0].first_port, 10001);
	assert_int_equal(keyset->keys[0].spans[0].last_port, 10002);
	assert_true(keyset->keys[0].spans[0].loopback);
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
	assert_int_equal(v2m_key_port(&keyset->keys[0]), 9);
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
	assert_int_equal(keyset->n_keys, 1);
	assert_int_equal(keyset->keys[0].n_spans, 1);
	assert_int_equal(report.count, 2);
	v2m_keyset_unref(keyset);
}

static void a_port_shared_with_a_reachable_key_is_not_counted_on_loopback(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("k", "[{\"uuid\": \"" U2 "\", \"port\": 10001}]");
	temporary_file("v", V2RAY_CLIENT(U1, "10001"));
	keyset = LOAD("v", "k");
	assert_int_equal(v2m_slots_at(&keyset->slots, 10001, V2M_TCP)->n_keys, 2);
	assert_false(v2m_slots_at(&keyset->slots, 10001, V2M_TCP)->loopback);
	v2m_keyset_unref(keyset);
}

static void a_port_file_may_give_one_port_to_two_keys_by_transport(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("p", "{\"port_assignments\": {\"" U1 "\": {\"port\": 443},"
			    "\"" U2 "\": {\"port\": 443}}}");
	temporary_file("k", "[{\"uuid\": \"" U1 "\", \"transport\": \"tcp\"},"
			    "{\"uuid\": \"" U2 "\", \"transport\": \"udp\"}]");
	keyset = LOAD("p", "k");
	assert_int_equal(keyset->slots.count, 2);
	assert_int_equal(v2m_slots_at(&keyset->slots, 443, V2M_UDP)->keys[0], 1);
	v2m_keyset_unref(keyset);
	temporary_file("k", "[{\"uuid\": \"" U1 "\", \"id\": \"a\", \"transport\": \"tcp\"},"
			    "{\"uuid\": \"" U2 "\", \"id\": \"b\"}]");
	FAIL(-EINVAL, "p", "k");
	assert_non_null(strstr(error.text, "port 443 belongs to key a and to key b"));
}

static bool knows_all(void *context, const char *subject)
{
	(void)context;
	(void)subject;
	return true;
}

static void ids_of_an_earlier_version_become_aliases(void **state)
{
	struct v2m_keyset *keyset;
	char id[V2M_UUID_LEN];

	(void)state;
	options.knows_subject = knows_all;
	temporary_file("v", V2RAY_CLIENT(U1, "\"443,8443\""));
	keyset = LOAD("v");
	v2m_uuid5(U1 ":8443", id);
	assert_int_equal(keyset->keys[0].aliases.count, 2);
	assert_ptr_equal(v2m_keyset_find(keyset, id), &keyset->keys[0]);
	v2m_keyset_unref(keyset);
	options.knows_subject = NULL;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SOURCES_TEST(the_key_file_names_and_v2ray_places_the_key),
		SOURCES_TEST(a_panels_database_tells_who_is_switched_off),
		SOURCES_TEST(a_port_file_fills_in_ports_and_overrides_none),
		SOURCES_TEST(a_customer_on_one_port_of_a_range_is_that_client),
		SOURCES_TEST(the_first_of_two_key_files_decides),
		SOURCES_TEST(a_source_named_twice_changes_nothing),
		SOURCES_TEST(a_port_file_may_give_one_port_to_two_keys_by_transport),
		SOURCES_TEST(ids_of_an_earlier_version_become_aliases),
		SOURCES_TEST(a_port_shared_with_a_reachable_key_is_not_counted_on_loopback),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
