// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "keys/formats/key_file.h"
#include "base/uuid.h"
#include "unit/temporary.h"
#include "base/transport.h"
#include "base/cleanup.h"

#define UUID "e9828d67-08e2-4942-815d-61f41b3dacf7"

static int load_file(const char *path, struct v2m_keyset **keyset, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };
	int result = v2m_json_doc_load(path, &doc, error);

	if (!result)
		result = v2m_key_file_read(&doc, &keys, error);
	return result ? result : v2m_key_list_seal(&keys, keyset);
}

static struct v2m_keyset *load(const char *text)
{
	struct v2m_keyset *keyset = NULL;
	struct v2m_error error = { 0 };
	int result = load_file(temporary_file("keys.json", text), &keyset, &error);

	if (result)
		fail_msg("%s", error.text);
	return keyset;
}

/* expected follows the name of the file. */
static void check_refused(const char *text, const char *expected)
{
	const char *path = temporary_file("keys.json", text);
	struct v2m_keyset *keyset = NULL;
	struct v2m_error error = { 0 };
	char whole[600];

	assert_int_equal(load_file(path, &keyset, &error), -EINVAL);
	assert_null(keyset);
	snprintf(whole, sizeof(whole), "%s%s", path, expected);
	assert_string_equal(error.text, whole);
	assert_null(strcasestr(error.text, UUID));
}

static void a_key_is_read_with_all_its_members(void **state)
{
	struct v2m_keyset *keyset =
		load("[{\"id\": \"one\", \"name\": \"user@example.com\", \"uuid\": \"" UUID "\","
		     "\"created_at\": \"2025-08-04T14:34:13.878594\", \"is_active\": false,"
		     "\"port\": 10001, \"short_id\": \"ab12\", \"sni\": \"example.com\","
		     "\"transport\": \"tcp\", \"limit\": {\"gb\": 5}}]");
	const struct v2m_key *key = &keyset->keys[0];

	(void)state;
	assert_int_equal(keyset->n_keys, 1);
	assert_string_equal(key->id, "one");
	assert_string_equal(key->name, "user@example.com");
	assert_string_equal(key->uuid, UUID);
	assert_string_equal(key->created_at, "2025-08-04T14:34:13.878594");
	assert_false(key->is_active);
	assert_int_equal(v2m_key_port(key), 10001);
	assert_string_equal(key->short_id, "ab12");
	assert_string_equal(key->sni, "example.com");
	assert_int_equal(key->spans[0].transports, V2M_TCP);
	assert_false(key->spans[0].loopback);
	assert_non_null(strstr(key->source, "keys.json"));
	v2m_keyset_unref(keyset);
}

/* Our own answers name the first port twice. */
static void the_first_port_may_stand_in_ports_again(void **state)
{
	static const struct {
		const char *members;
		uint16_t first;
		size_t n_spans;
	} cases[] = {
		{ "\"port\": 20000, \"ports\": [\"20000-50000\"]", 20000, 1 },
		{ "\"port\": 443, \"ports\": [443, \"20000-50000\"]", 443, 2 },
		{ "\"port\": 443, \"ports\": [\"20000-50000\", \"443/tcp\"]", 443, 2 },
		{ "\"port\": 443, \"ports\": [\"20000-50000\"]", 443, 2 },
		{ "\"ports\": [\"20000-50000\", 443]", 20000, 2 },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		char text[256];
		struct v2m_keyset *keyset;

		snprintf(text, sizeof(text), "[{\"uuid\": \"" UUID "\", %s}]", cases[i].members);
		keyset = load(text);
		assert_int_equal(v2m_key_port(&keyset->keys[0]), cases[i].first);
		assert_int_equal(keyset->keys[0].n_spans, cases[i].n_spans);
		v2m_keyset_unref(keyset);
	}
}

static void a_key_needs_no_more_than_a_uuid(void **state)
{
	struct v2m_keyset *keyset = load("[{\"uuid\": \"" UUID "\"}]");
	const struct v2m_key *key = &keyset->keys[0];
	char id[V2M_UUID_LEN];

	(void)state;
	v2m_uuid_key_id(UUID, id);
	assert_string_equal(key->id, id);
	assert_string_equal(key->name, id);
	assert_null(key->created_at);
	assert_null(key->short_id);
	assert_null(key->sni);
	assert_true(key->is_active);
	assert_int_equal(v2m_key_port(key), 0);
	assert_int_equal(key->transports, V2M_TCP | V2M_UDP);
	assert_int_equal(keyset->slots.count, 0);
	v2m_keyset_unref(keyset);
}

static void null_is_the_same_as_absent(void **state)
{
	struct v2m_keyset *keyset =
		load("[{\"uuid\": \"" UUID "\", \"id\": \"i\", \"name\": null, \"port\": null,"
		     "\"is_active\": null, \"transport\": null, \"sni\": null, \"short_id\": \"\","
		     "\"created_at\": null}]");

	(void)state;
	assert_string_equal(keyset->keys[0].name, "i");
	assert_int_equal(v2m_key_port(&keyset->keys[0]), 0);
	assert_true(keyset->keys[0].is_active);
	assert_null(keyset->keys[0].short_id);
	v2m_keyset_unref(keyset);
}

static void several_keys_without_a_port_are_no_clash(void **state)
{
	struct v2m_keyset *keyset =
		load("[{\"uuid\": \"a\"}, {\"uuid\": \"b\", \"port\": 7}, {\"uuid\": \"c\"}]");

	(void)state;
	assert_int_equal(keyset->n_keys, 3);
	assert_int_equal(keyset->slots.count, 1);
	v2m_keyset_unref(keyset);
}

static void an_empty_list_is_a_key_file(void **state)
{
	struct v2m_keyset *keyset = load("[]");

	(void)state;
	assert_int_equal(keyset->n_keys, 0);
	v2m_keyset_unref(keyset);
}

static void a_port_out_of_range_is_refused(void **state)
{
	(void)state;
	check_refused("[\n  {\n    \"uuid\": \"" UUID "\",\n    \"port\": 70000\n  }\n]",
		      ":4:13: port: expected an integer from 1 to 65535, got 70000");
	check_refused("[{\"uuid\": \"u\", \"port\": 0}]",
		      ":1:24: port: expected an integer from 1 to 65535, got 0");
	check_refused("[{\"uuid\": \"u\", \"port\": -1}]",
		      ":1:24: port: expected an integer from 1 to 65535, got -1");
}

static void a_value_of_the_wrong_type_is_refused(void **state)
{
	(void)state;
	check_refused("[{\"uuid\": \"u\", \"port\": \"10001\"}]",
		      ":1:24: port: expected an integer from 1 to 65535, got a string of 5 bytes");
	check_refused("[{\"uuid\": \"u\", \"port\": 1.5}]",
		      ":1:24: port: expected an integer from 1 to 65535, got a fraction");
	check_refused("[{\"uuid\": \"u\", \"is_active\": 1}]",
		      ":1:29: is_active: expected true or false, got 1");
	check_refused("[{\"uuid\": \"u\", \"name\": []}]",
		      ":1:24: name: expected a string of 1 to 255 bytes, got an empty list");
	check_refused("[{\"uuid\": \"u\", \"id\": 7}]",
		      ":1:22: id: expected a string of 1 to 255 bytes, got 7");
	check_refused("[{\"uuid\": \"u\", \"sni\": {}}]",
		      ":1:23: sni: expected a string of 1 to 255 bytes, got an object");
	check_refused("[{\"uuid\": \"u\", \"short_id\": true}]",
		      ":1:28: short_id: expected a string of 1 to 255 bytes, got true");
	check_refused("[{\"uuid\": \"u\", \"created_at\": 5}]",
		      ":1:30: created_at: expected a string of 1 to 255 bytes, got 5");
	check_refused("[{\"uuid\": \"u\", \"transport\": \"kcp\"}]",
		      ":1:29: transport: expected \"tcp\", \"udp\" or \"both\", got a string of 3 "
		      "bytes");
	check_refused("[{\"uuid\": 1}]", ":1:11: uuid: expected a string of 1 to 255 bytes, got 1");
	check_refused("[7]", ":1:2: [0]: expected an object, got 7");
	check_refused("{\"keys\": []}", ":1:1: expected a list of keys, got an object");
}

static void a_key_without_uuid_is_refused(void **state)
{
	(void)state;
	check_refused("[\n {\"id\": \"x\"}]",
		      ":2:2: uuid: expected a string of 1 to 255 bytes, got nothing");
}

static void empty_and_overlong_strings_are_refused(void **state)
{
	char text[400];

	(void)state;
	check_refused("[{\"uuid\": \"\"}]",
		      ":1:11: uuid: expected a string of 1 to 255 bytes, got an empty string");
	check_refused("[{\"uuid\": \"u\", \"id\": \"\"}]",
		      ":1:22: id: expected a string of 1 to 255 bytes, got an empty string");
	check_refused("[{\"uuid\": \"u\", \"name\": \"\"}]",
		      ":1:24: name: expected a string of 1 to 255 bytes, got an empty string");
	snprintf(text, sizeof(text), "[{\"uuid\": \"%0256d\"}]", 7);
	check_refused(text, ":1:11: uuid: expected a string of 1 to 255 bytes, got a string of "
			    "256 bytes");
	snprintf(text, sizeof(text), "[{\"uuid\": \"%0255d\"}]", 7);
	v2m_keyset_unref(load(text));
}

static void two_keys_on_one_port_are_refused(void **state)
{
	(void)state;
	check_refused("[\n{\"uuid\": \"a\", \"port\": 5},\n{\"uuid\": \"b\"},\n"
		      "{\"uuid\": \"c\", \"port\": 5}]",
		      ":4:23: port: port 5 already belongs to the key on line 2");
}

static void a_duplicate_id_is_refused(void **state)
{
	(void)state;
	check_refused("[{\"uuid\": \"a\", \"id\": \"k\"},\n{\"uuid\": \"b\", \"id\": \"k\"}]",
		      ":2:21: id: the id k already belongs to the key on line 1");
}

static void a_duplicate_uuid_is_refused_in_any_case(void **state)
{
	(void)state;
	check_refused("[{\"uuid\": \"" UUID "\"},\n"
		      "{\"uuid\": \"E9828D67-08E2-4942-815D-61F41B3DACF7\"}]",
		      ":2:10: uuid: this uuid already belongs to the key on line 1");
}

static void a_key_may_have_a_limit_and_an_expiry(void **state)
{
	struct v2m_keyset *keyset =
		load("[{\"uuid\": \"a\", \"limit_bytes\": 9000000000000000000, "
		     "\"expires_at\": 1800000000},"
		     "{\"uuid\": \"b\", \"limit_bytes\": 0, \"expires_at\": "
		     "\"2027-01-15T08:00:00Z\"},"
		     "{\"uuid\": \"c\", \"limit_bytes\": null, \"expires_at\": \"\"}]");

	(void)state;
	assert_int_equal(keyset->keys[0].terms.limit_bytes, 9000000000000000000);
	assert_int_equal(keyset->keys[0].terms.expires_s, 1800000000);
	assert_int_equal(keyset->keys[1].terms.limit_bytes, 0);
	assert_int_equal(keyset->keys[1].terms.expires_s, 1800000000);
	assert_int_equal(keyset->keys[2].terms.expires_s, 0);
	v2m_keyset_unref(keyset);
	/* Another form of these members costs the alerts, never the key. */
	keyset = load("[{\"uuid\": \"a\", \"limit_bytes\": -1, \"expires_at\": \"soon\"}]");
	assert_int_equal(keyset->n_keys, 1);
	assert_int_equal(keyset->keys[0].terms.limit_bytes, 0);
	assert_int_equal(keyset->keys[0].terms.expires_s, 0);
	v2m_keyset_unref(keyset);
}

static void a_broken_file_leaves_the_key_set_untouched(void **state)
{
	struct v2m_keyset *before = load("[]");
	struct v2m_keyset *keyset = before;
	struct v2m_error error;

	(void)state;
	assert_int_equal(load_file(temporary_file("k", "[{}"), &keyset, &error), -EINVAL);
	assert_ptr_equal(keyset, before);
	assert_int_equal(load_file(temporary_path("none"), &keyset, &error), -ENOENT);
	assert_ptr_equal(keyset, before);
	v2m_keyset_unref(before);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_read_with_all_its_members),
		cmocka_unit_test(the_first_port_may_stand_in_ports_again),
		cmocka_unit_test(a_key_needs_no_more_than_a_uuid),
		cmocka_unit_test(null_is_the_same_as_absent),
		cmocka_unit_test(several_keys_without_a_port_are_no_clash),
		cmocka_unit_test(an_empty_list_is_a_key_file),
		cmocka_unit_test(a_port_out_of_range_is_refused),
		cmocka_unit_test(a_value_of_the_wrong_type_is_refused),
		cmocka_unit_test(a_key_without_uuid_is_refused),
		cmocka_unit_test(empty_and_overlong_strings_are_refused),
		cmocka_unit_test(two_keys_on_one_port_are_refused),
		cmocka_unit_test(a_duplicate_id_is_refused),
		cmocka_unit_test(a_duplicate_uuid_is_refused_in_any_case),
		cmocka_unit_test(a_key_may_have_a_limit_and_an_expiry),
		cmocka_unit_test(a_broken_file_leaves_the_key_set_untouched),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
