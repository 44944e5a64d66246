// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The last good keys are written and read back. */
#include <sys/stat.h>

#include "keys/memory/key_memory.h"
#include "unit/keys/key_sources_fixture.h"

static void assert_same_key(const struct v2m_key *a, const struct v2m_key *b)
{
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->uuid, b->uuid);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->created_at, b->created_at);
	assert_string_equal(a->source, b->source);
	assert_int_equal(v2m_key_port(a), v2m_key_port(b));
	assert_int_equal(a->n_spans, b->n_spans);
	for (size_t i = 0; i < a->n_spans; i++) {
		assert_int_equal(a->spans[i].first_port, b->spans[i].first_port);
		assert_int_equal(a->spans[i].last_port, b->spans[i].last_port);
		assert_int_equal(a->spans[i].transports, b->spans[i].transports);
		assert_int_equal(a->spans[i].loopback, b->spans[i].loopback);
		assert_int_equal(a->spans[i].front_port, b->spans[i].front_port);
		assert_int_equal(a->spans[i].unlisted, b->spans[i].unlisted);
	}
	assert_int_equal(a->is_active, b->is_active);
	assert_int_equal(a->terms.limit_bytes, b->terms.limit_bytes);
	assert_int_equal(a->terms.expires_s, b->terms.expires_s);
}

static void the_last_good_keys_come_back_as_they_were(void **state)
{
	struct v2m_keyset *before;
	struct v2m_keyset *after = NULL;
	struct stat status;
	const char *path;

	(void)state;
	temporary_file("v",
		       "{\"inbounds\": [{\"port\": 5, \"listen\": \"::1\", \"streamSettings\": "
		       "{\"network\": \"kcp\", \"tlsSettings\": {\"serverName\": \"s\"}}, "
		       "\"settings\": {\"clients\": [{\"id\": \"" U1 "\"}, {\"id\": \"" U2
		       "\"}]}}, {\"port\": 6, \"protocol\": \"vmess\", \"settings\": {\"clients\": "
		       "[{\"id\": \"" U1 "\"}]}}]}");
	temporary_file("k", "[{\"uuid\": \"k\", \"is_active\": false, \"short_id\": \"i\", "
			    "\"limit_bytes\": 7, \"expires_at\": 8}]");
	before = LOAD("v", "k");
	path = temporary_path("keys.last.json");
	assert_int_equal(v2m_key_memory_store(path, before, &error), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(v2m_key_memory_load(path, &after, &error), 0);
	assert_int_equal(after->n_keys, 3);
	assert_int_equal(after->slots.count, 2);
	for (size_t i = 0; i < 3; i++)
		assert_same_key(&before->keys[i], &after->keys[i]);
	assert_string_equal(after->keys[1].sni, "s");
	assert_string_equal(after->keys[0].short_id, "i");
	assert_int_equal(after->keys[0].terms.limit_bytes, 7);
	assert_int_equal(after->keys[0].terms.expires_s, 8);
	v2m_keyset_unref(before);
	v2m_keyset_unref(after);
}

/* It did not write whether the list of online users has the clients of a port. */
static void ports_of_an_earlier_version_are_in_no_list_of_users(void **state)
{
	struct v2m_keyset *keyset = NULL;

	(void)state;
	temporary_file("m", "[{\"uuid\": \"a\", \"source\": \"s\", \"spans\": [{\"first\": 5, "
			    "\"last\": 5, \"transport\": \"tcp\", \"loopback\": false, "
			    "\"front\": 0}]}]");
	assert_int_equal(v2m_key_memory_load(temporary_path("m"), &keyset, &error), 0);
	assert_true(keyset->keys[0].spans[0].unlisted);
	v2m_keyset_unref(keyset);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SOURCES_TEST(the_last_good_keys_come_back_as_they_were),
		SOURCES_TEST(ports_of_an_earlier_version_are_in_no_list_of_users),
		SOURCES_TEST(last_keys_that_are_absent_or_damaged_are_refused),
		SOURCES_TEST(last_keys_that_cannot_be_written_are_an_error),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
