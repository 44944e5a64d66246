// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keys whose names meet: derived ids, ids that are uuids of others, ids that the proxy maps. */
#include "base/uuid.h"
#include "unit/keys/key_sources_fixture.h"

#define TROJAN(email, port)                                                                        \
	"{\"protocol\": \"trojan\", \"port\": " port ", \"settings\": {\"clients\": [{\"email\": " \
	"\"" email "\"}]}}"
#define VMESS(id, port)                                                                            \
	"{\"protocol\": \"vmess\", \"port\": " port                                                \
	", \"settings\": {\"clients\": [{\"id\": \"" id "\", \"email\": \"" port "\"}]}}"
#define FILE_WITH(inbounds) "{\"inbounds\": [" inbounds "]}"

/* The UUIDv5 of "eve@example.com" in our namespace, which anyone can compute. */
#define EVE "53a2c04d-0a4c-5fba-b6a2-b8a30b9e2a70"

static void check_names(const struct v2m_keyset *keyset, const char *expected)
{
	char names[256] = "";

	for (size_t i = 0; i < keyset->n_keys; i++) {
		size_t used = strlen(names);

		snprintf(names + used, sizeof(names) - used, "%s%s:%u", i ? " " : "",
			 keyset->keys[i].name, v2m_key_port(&keyset->keys[i]));
	}
	assert_string_equal(names, expected);
}

static const char *eve(void)
{
	static char id[V2M_UUID_LEN];

	v2m_uuid5("eve@example.com", id);
	return id;
}

/* The text with the id of eve in place of its EVE. */
static void make_file(const char *name, const char *text)
{
	char copy[1024];
	char *at;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((at = strstr(copy, EVE)))
		memcpy(at, eve(), V2M_UUID_LEN - 1);
	temporary_file(name, copy);
}

static void the_id_of_a_client_that_equals_a_derived_one_is_left_out(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	make_file("one", FILE_WITH(TROJAN("eve@example.com", "1") "," VMESS(EVE, "2")));
	keyset = LOAD("one");
	check_names(keyset, "eve@example.com:1");
	v2m_keyset_unref(keyset);
	assert_int_equal(report.notes.n_missing, 1);
	assert_non_null(strstr(report.notes.items[0].reason, "key \"2\" is left out"));
}

static void the_newcomer_of_two_keys_with_one_id_is_left_out(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	make_file("old", FILE_WITH(VMESS(EVE, "2")));
	make_file("both", FILE_WITH(TROJAN("eve@example.com", "1") "," VMESS(EVE, "2")));
	options.previous = LOAD("old");
	keyset = LOAD("both");
	check_names(keyset, "2:2");
	v2m_keyset_unref(keyset);
	v2m_keyset_unref((struct v2m_keyset *)options.previous);
}

static void a_key_file_may_name_a_derived_key_by_its_uuid(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	make_file("trojan", FILE_WITH(TROJAN("eve@example.com", "1")));
	make_file("names", "[{\"id\": \"k1\", \"name\": \"Eve\", \"uuid\": \"" EVE "\"}]");
	keyset = LOAD("names", "trojan");
	check_names(keyset, "Eve:1");
	assert_string_equal(keyset->keys[0].id, "k1");
	v2m_keyset_unref(keyset);
}

static void an_id_that_is_a_uuid_of_the_same_file_is_refused(void **state)
{
	(void)state;
	temporary_file("k",
		       "[{\"id\": \"a\", \"uuid\": \"b\"},\n {\"id\": \"c\", \"uuid\": \"A\"}]");
	FAIL(-EINVAL, "k");
	assert_non_null(strstr(error.text,
			       "/k:2:2: [1]: the id of this key is the uuid of the key on line 1"));
	temporary_file("k", "[{\"id\": \"a\", \"uuid\": \"a\"}, {\"id\": \"c\", \"uuid\": \"d\"}]");
	v2m_keyset_unref(LOAD("k"));
}

static void an_id_that_is_a_uuid_of_another_file_finds_neither_key(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("k", "[{\"id\": \"a\", \"uuid\": \"b\"}]");
	temporary_file("l", "[{\"id\": \"c\", \"uuid\": \"A\"}]");
	keyset = LOAD("k", "l");
	assert_int_equal(keyset->n_keys, 2);
	assert_null(v2m_keyset_find(keyset, "a"));
	assert_ptr_equal(v2m_keyset_find(keyset, "b"), &keyset->keys[0]);
	assert_ptr_equal(v2m_keyset_find(keyset, "c"), &keyset->keys[1]);
	v2m_keyset_unref(keyset);
}

static bool knows_example(void *context, const char *subject)
{
	(void)context;
	return strcmp(subject, "example") == 0;
}

/* "example" is feb54431-301b-52bb-a6dd-e1e93e81bb9e in V2Ray and Xray. */
static void a_key_file_with_the_uuid_that_the_proxy_makes_of_an_id_is_the_same_key(void **state)
{
	struct v2m_keyset *keyset;

	(void)state;
	temporary_file("v", FILE_WITH(VMESS("example", "5")));
	temporary_file("k", "[{\"name\": \"Ann\", \"uuid\": "
			    "\"FEB54431-301b-52bb-a6dd-e1e93e81bb9e\"}]");
	options.knows_subject = knows_example;
	keyset = LOAD("k", "v");
	check_names(keyset, "Ann:5");
	/* What was counted before the key file was there goes on. */
	assert_int_equal(keyset->keys[0].aliases.count, 1);
	assert_string_equal(keyset->keys[0].aliases.items[0], "example");
	v2m_keyset_unref(keyset);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SOURCES_TEST(the_id_of_a_client_that_equals_a_derived_one_is_left_out),
		SOURCES_TEST(the_newcomer_of_two_keys_with_one_id_is_left_out),
		SOURCES_TEST(a_key_file_may_name_a_derived_key_by_its_uuid),
		SOURCES_TEST(an_id_that_is_a_uuid_of_the_same_file_is_refused),
		SOURCES_TEST(an_id_that_is_a_uuid_of_another_file_finds_neither_key),
		SOURCES_TEST(
			a_key_file_with_the_uuid_that_the_proxy_makes_of_an_id_is_the_same_key),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
