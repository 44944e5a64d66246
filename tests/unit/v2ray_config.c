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

#include "core/uuid.h"
#include "core/v2ray_config.h"

#define DATA   "../data/v2ray/"
#define BOTH   (V2M_TCP | V2M_UDP)
#define CLIENT "\"settings\": {\"clients\": [{\"id\": \"u1\", \"email\": \"e1\"}]}"

static struct v2m_json_doc parse(const char *text)
{
	struct v2m_json_doc doc = { 0 };
	struct v2m_error error = { "" };

	if (v2m_json_doc_parse("f", text, strlen(text), V2M_JSON_V2RAY, &doc, &error))
		fail_msg("%s", error.text);
	return doc;
}

static struct v2m_json_doc open_data(const char *name)
{
	V2M_FREE char *text = NULL;
	struct v2m_json_doc doc = { 0 };
	struct v2m_error error = { "" };
	char path[256];
	size_t length;

	snprintf(path, sizeof(path), DATA "%s", name);
	if (v2m_json_doc_read(path, &text, &length, &error) ||
	    v2m_json_doc_parse(path, text, length, V2M_JSON_V2RAY, &doc, &error))
		fail_msg("%s", error.text);
	return doc;
}

/* The keys of documents, which are freed. */
static struct v2m_key_list read_docs(struct v2m_json_doc *docs, size_t n)
{
	struct v2m_key_list keys = { 0 };
	struct v2m_error error = { "" };

	if (v2m_v2ray_read(docs, n, &keys, &error))
		fail_msg("%s", error.text);
	for (size_t i = 0; i < n; i++)
		v2m_json_doc_clear(&docs[i]);
	return keys;
}

static struct v2m_key_list read_data(const char *name)
{
	struct v2m_json_doc doc = open_data(name);

	return read_docs(&doc, 1);
}

static struct v2m_key_list read_text(const char *text)
{
	struct v2m_json_doc doc = parse(text);

	return read_docs(&doc, 1);
}

static void check_refused(const char *text, const char *expected)
{
	struct v2m_json_doc doc = parse(text);
	struct v2m_key_list keys = { 0 };
	struct v2m_error error = { "" };

	assert_int_equal(v2m_v2ray_read(&doc, 1, &keys, &error), -EINVAL);
	assert_string_equal(error.text, expected);
	v2m_key_list_clear(&keys);
	v2m_json_doc_clear(&doc);
}

struct expected {
	const char *name;
	const char *uuid; /* NULL: the key's id */
	uint16_t port;
	unsigned transports;
	bool loopback;
};

static void check_keys(struct v2m_key_list *keys, const struct expected *expected, size_t n)
{
	for (size_t i = 0; i < n && i < keys->count; i++) {
		const struct v2m_key *key = &keys->items[i];

		assert_string_equal(key->name, expected[i].name);
		assert_string_equal(key->uuid, expected[i].uuid ? expected[i].uuid : key->id);
		assert_int_equal(key->port, expected[i].port);
		assert_int_equal(key->transports, expected[i].transports);
		assert_int_equal(key->loopback, expected[i].loopback);
		assert_true(key->is_active);
		assert_null(key->created_at);
	}
	assert_int_equal(keys->count, n);
	v2m_key_list_clear(keys);
}

static void a_configuration_written_by_hand_gives_all_its_keys(void **state)
{
	static const struct expected expected[] = {
		{ "alice@example.com", "E9828D67-08E2-4942-815D-61F41B3DACF7", 10001, V2M_TCP, 0 },
		{ "bob", "11461131-0644-438d-9429-cb5e7f60fd80", 10002, V2M_TCP, 0 },
		{ "carol@example.com", "0f7e9fd1-5c83-4ac0-8d3e-2c4f4a7e6b11", 10003, V2M_UDP, 0 },
		{ "dave@example.com:10010", NULL, 10010, V2M_TCP, 0 },
		{ "dave@example.com:10011", NULL, 10011, V2M_TCP, 0 },
		{ "dave@example.com:10012", NULL, 10012, V2M_TCP, 0 },
		{ "erin@example.com", "6d3c8a7e-11ab-4b6e-9c53-0a9f5f1d7c22", 10015, V2M_TCP, 0 },
		{ "frank@example.com", "7a1f0c55-6f0b-4d0d-9a44-3f1b1c2d3e44", 10020, V2M_TCP, 1 },
		{ "grace@example.com", "8b2f1d66-7f1c-4e1e-8b55-4f2c2d3e4f55", 10030, V2M_TCP, 0 },
		{ "heidi@example.com", "9c3f2e77-8f2d-4f2f-9c66-5f3d3e4f5a66", 10030, V2M_TCP, 0 },
		{ "ivan@example.com", NULL, 10040, V2M_TCP, 0 },
		{ "trojan", NULL, 10040, V2M_TCP, 0 },
		{ "shadow", NULL, 10050, BOTH, 0 },
	};
	struct v2m_key_list keys;

	(void)state;
	setenv("V2M_TEST_PORT", "10015", 1);
	keys = read_data("written_by_hand.json");
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

/* A real 4.34.0 that runs this file listens on exactly these (h2 aside: it has no certificate). */
static void every_transport_is_told(void **state)
{
	static const struct expected expected[] = {
		{ "tcp", "00000000-0000-4000-8000-000000000001", 20001, V2M_TCP, 0 },
		{ "h2", "00000000-0000-4000-8000-000000000002", 20002, V2M_TCP, 0 },
		{ "mkcp", "00000000-0000-4000-8000-000000000003", 20003, V2M_UDP, 0 },
		{ "quic", "00000000-0000-4000-8000-000000000004", 20004, V2M_UDP, 0 },
		{ "ss-udp", NULL, 20006, V2M_UDP, 0 },
		{ "ss-default", NULL, 20007, V2M_TCP, 0 },
		{ "ss-list", NULL, 20008, BOTH, 0 },
		{ "ss-old", NULL, 20009, BOTH, 0 },
		{ "judy", NULL, 20010, BOTH, 0 },
		{ "kim", NULL, 20011, V2M_TCP, 0 },
	};
	struct v2m_key_list keys = read_data("transports.json");

	(void)state;
	assert_string_equal(keys.items[1].sni, "h2.example.com");
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

static void an_xray_panels_configuration_gives_all_its_keys(void **state)
{
	static const struct expected expected[] = {
		{ "one@panel", "a0000000-0000-4000-8000-000000000001", 443, V2M_TCP, 0 },
		{ "two@panel", "a0000000-0000-4000-8000-000000000002", 443, V2M_TCP, 0 },
		{ "four@panel", "a0000000-0000-4000-8000-000000000004", 2053, V2M_TCP, 1 },
		{ "five@panel:8443", NULL, 8443, V2M_TCP, 0 },
		{ "five@panel:9443", NULL, 9443, V2M_TCP, 0 },
		{ "five@panel:9444", NULL, 9444, V2M_TCP, 0 },
		{ "six@panel", NULL, 8388, BOTH, 0 },
		{ "seven@panel", "a0000000-0000-4000-8000-000000000007", 4443, V2M_UDP, 0 },
		{ "eight@panel", NULL, 4444, V2M_UDP, 0 },
	};
	struct v2m_key_list keys = read_data("xray_panel.json");

	(void)state;
	assert_string_equal(keys.items[0].sni, "www.example.com");
	assert_string_equal(keys.items[0].short_id, "6ba85179e30d4fc2");
	assert_string_equal(keys.items[3].sni, "trojan.example.com");
	assert_null(keys.items[3].short_id);
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

static void the_files_that_v2ray_installs_are_read(void **state)
{
	static const struct expected vmess[] = {
		{ "vmess-10086", "23ad6b10-8d1a-40f7-8ad0-e3e35cd38297", 10086, V2M_TCP, 0 },
	};
	static const char *const with_key[] = { "debian/config_vmess.json",
						"debian/vpoint_vmess_freedom.json" };
	static const char *const without[] = { "debian/config.json",
					       "debian/vpoint_socks_vmess.json" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct v2m_key_list keys = read_data(with_key[i]);

		check_keys(&keys, vmess, 1);
		keys = read_data(without[i]);
		check_keys(&keys, NULL, 0);
	}
}

static void a_configuration_of_v2ray_3_is_read(void **state)
{
	static const struct expected expected[] = {
		{ "main@example.com", "c0000000-0000-4000-8000-000000000001", 40001, V2M_TCP, 0 },
		{ "detour:40010", NULL, 40010, V2M_TCP, 0 },
		{ "detour:40011", NULL, 40011, V2M_TCP, 0 },
	};
	struct v2m_key_list keys = read_data("old_style.json");

	(void)state;
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

static void later_files_add_inbounds_and_replace_those_of_the_same_tag(void **state)
{
	static const struct expected expected[] = {
		{ "first@example.com", "b0000000-0000-4000-8000-000000000001", 30001, V2M_TCP, 0 },
		{ "second@example.com", "b0000000-0000-4000-8000-000000000002", 30022, V2M_TCP, 0 },
		{ "third@example.com", "b0000000-0000-4000-8000-000000000003", 30003, V2M_TCP, 0 },
	};
	struct v2m_json_doc docs[] = {
		open_data("confdir/00_log.json"),       open_data("confdir/10_inbounds.json"),
		open_data("confdir/20_override.json"),  open_data("confdir/30_third.json"),
		open_data("confdir/90_outbounds.json"),
	};
	struct v2m_key_list keys = read_docs(docs, V2M_ARRAY_LEN(docs));

	(void)state;
	assert_string_equal(keys.items[1].source, DATA "confdir/20_override.json");
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

static void an_inbound_without_a_tag_replaces_nothing(void **state)
{
	static const struct expected expected[] = {
		{ "e1", "u1", 1, V2M_TCP, 0 },
		{ "inbound-2", "u2", 2, V2M_TCP, 0 },
	};
	struct v2m_json_doc docs[] = {
		parse("{\"inbounds\": [{\"port\": 1, " CLIENT "}]}"),
		parse("{\"inbounds\": [{\"port\": 2, \"settings\": {\"clients\": [{\"id\": "
		      "\"u2\"}]}}]}"),
	};
	struct v2m_key_list keys = read_docs(docs, 2);

	(void)state;
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

static void the_id_is_made_of_the_uuid_and_a_uuid_without_hyphens_gets_them(void **state)
{
	struct v2m_key_list keys =
		read_text("{\"inbounds\": [{\"port\": 1, \"settings\": {\"clients\": ["
			  "{\"id\": \"E9828D6708E24942815D61F41B3DACF7\"}]}}]}");
	char id[V2M_UUID_LEN];

	(void)state;
	v2m_uuid_key_id("e9828d67-08e2-4942-815d-61f41b3dacf7", id);
	assert_string_equal(keys.items[0].uuid, "e9828d67-08e2-4942-815d-61f41b3dacf7");
	assert_string_equal(keys.items[0].id, id);
	v2m_key_list_clear(&keys);
}

static void a_key_without_uuid_has_an_id_made_of_its_email_or_tag(void **state)
{
	struct v2m_key_list keys = read_text(
		"{\"inbounds\": [{\"tag\": \"t\", \"port\": 1, \"settings\": {\"clients\": ["
		"{\"password\": \"p\", \"email\": \"e\"}, {\"password\": \"q\"},"
		"{\"password\": \"r\"}]}}]}");
	static const char *const made_of[] = { "e", "t#2", "t#3" };

	(void)state;
	assert_int_equal(keys.count, 3);
	for (size_t i = 0; i < 3; i++) {
		char id[V2M_UUID_LEN];

		v2m_uuid5(made_of[i], id);
		assert_string_equal(keys.items[i].id, id);
		assert_string_equal(keys.items[i].uuid, id);
	}
	assert_string_equal(keys.items[1].name, "t");
	v2m_key_list_clear(&keys);
}

static void a_port_that_the_environment_does_not_have_leaves_the_inbound_out(void **state)
{
	static const struct expected expected[] = { { "e1", "u1", 2, V2M_TCP, 0 } };
	struct v2m_key_list keys;

	(void)state;
	unsetenv("V2M_TEST_PORT");
	keys = read_text(
		"{\"inbounds\": [{\"port\": \"env:V2M_TEST_PORT\", \"settings\": {\"clients\": "
		"[{\"id\": \"u0\"}]}}, {\"port\": 2, " CLIENT "}]}");
	check_keys(&keys, expected, 1);
}

static void an_environment_variable_may_hold_a_range(void **state)
{
	static const struct expected expected[] = {
		{ "e1:5", NULL, 5, V2M_TCP, 0 },
		{ "e1:6", NULL, 6, V2M_TCP, 0 },
		{ "e1:9", NULL, 9, V2M_TCP, 0 },
	};
	struct v2m_key_list keys;

	(void)state;
	setenv("V2M_TEST_PORT", "5-6", 1);
	keys = read_text("{\"inbounds\": [{\"port\": \"9, env:V2M_TEST_PORT\", " CLIENT "}]}");
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
	setenv("V2M_TEST_PORT", "http", 1);
	check_refused("{\"inbounds\": [{\"port\": \"env:V2M_TEST_PORT\", " CLIENT "}]}",
		      "f:1:24: inbounds[0].port: expected a port or a range in the environment "
		      "variable V2M_TEST_PORT");
}

static void every_loopback_address_is_told_from_others(void **state)
{
	static const struct {
		const char *listen;
		bool loopback;
	} cases[] = {
		{ "127.0.0.1", true },    { "127.9.9.9", true }, { "::1", true },
		{ "[::1]", true },        { "localhost", true }, { "::ffff:127.0.0.1", true },
		{ "0.0.0.0", false },     { "::", false },       { "128.0.0.1", false },
		{ "example.com", false }, { "", false },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		struct expected expected = { "e1", "u1", 1, V2M_TCP, cases[i].loopback };
		struct v2m_key_list keys;
		char text[256];

		snprintf(text, sizeof(text),
			 "{\"inbounds\": [{\"listen\": \"%s\", \"port\": 1, " CLIENT "}]}",
			 cases[i].listen);
		keys = read_text(text);
		check_keys(&keys, &expected, 1);
	}
}

static void a_client_on_a_second_port_gets_a_key_of_its_own(void **state)
{
	static const struct expected expected[] = {
		{ "e1", "u1", 1, V2M_TCP, 0 },
		{ "e1:2", NULL, 2, V2M_TCP, 0 },
	};
	struct v2m_key_list keys = read_text("{\"inbounds\": [{\"port\": 1, " CLIENT "},"
					     "{\"port\": 2, " CLIENT "}]}");

	(void)state;
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

static void a_client_on_the_same_port_of_another_inbound_is_the_same_key(void **state)
{
	static const struct expected expected[] = { { "e1", "u1", 1, BOTH, 0 } };
	struct v2m_key_list keys = read_text(
		"{\"inbounds\": [{\"port\": 1, \"listen\": \"127.0.0.1\", " CLIENT "},"
		"{\"port\": 1, \"streamSettings\": {\"network\": \"kcp\"}, " CLIENT "}]}");

	(void)state;
	check_keys(&keys, expected, 1);
	keys = read_text("{\"inbounds\": [{\"port\": \"1-2\", " CLIENT "},"
			 "{\"port\": \"1-2\", " CLIENT "}]}");
	assert_int_equal(keys.count, 2);
	v2m_key_list_clear(&keys);
}

static void a_client_that_stands_twice_in_an_inbound_is_refused(void **state)
{
	(void)state;
	check_refused(
		"{\"inbounds\": [{\"port\": 1, \"settings\": {\"clients\": [{\"id\": \"u1\"},\n"
		" {\"id\": \"U1\"}]}}]}",
		"f:2:2: inbounds[0].settings.clients[1]: a client with this id stands in the "
		"inbound already");
	check_refused("{\"inbounds\": [{\"port\": \"1-2\", \"settings\": {\"clients\": ["
		      "{\"email\": \"e\"},\n {\"email\": \"e\"}]}}]}",
		      "f:2:2: inbounds[0].settings.clients[1]: a client with this email stands in "
		      "the inbound already");
}

static void a_port_that_is_none_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *port;
		const char *got;
	} cases[] = {
		{ "0", "0" },
		{ "65536", "65536" },
		{ "-1", "-1" },
		{ "1.5", "a fraction" },
		{ "[1]", "a list" },
		{ "null", "nothing" },
		{ "\"\"", "an empty string" },
		{ "\",\"", "a string of 1 bytes" },
		{ "\"65536\"", "a string of 5 bytes" },
		{ "\"99999999999999999999\"", "a string of 20 bytes" },
		{ "\"10-9\"", "a string of 4 bytes" },
		{ "\"1-\"", "a string of 2 bytes" },
		{ "\"-9\"", "a string of 2 bytes" },
		{ "\"443;\"", "a string of 4 bytes" },
		{ "\"443,http\"", "a string of 8 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		char text[256];
		char expected[256];

		snprintf(text, sizeof(text),
			 "// x\n{\"inbounds\": [{/**/ \"port\": %s, " CLIENT "}]}", cases[i].port);
		snprintf(expected, sizeof(expected),
			 "f:2:29: inbounds[0].port: expected a port from 1 to 65535, a range "
			 "\"10001-10010\", a list of them, or \"env:NAME\", got %s",
			 cases[i].got);
		check_refused(text, expected);
	}
}

static void a_member_of_the_wrong_type_is_refused_with_its_place(void **state)
{
	char text[512];

	(void)state;
	check_refused("[]", "f:1:1: expected an object, got a list");
	check_refused("{\"inbounds\": {}}", "f:1:14: inbounds: expected a list, got an object");
	check_refused("{\"inbounds\": [7]}", "f:1:15: inbounds[0]: expected an object, got 7");
	check_refused("{\"inbound\": 7}", "f:1:13: inbound: expected an object, got 7");
	check_refused("{\"inbounds\": [{\"settings\": {\"clients\": {}}}]}",
		      "f:1:40: inbounds[0].settings.clients: expected a list, got an object");
	check_refused("{\"inbounds\": [{\"port\": 1, \"settings\": {\"clients\": [7]}}]}",
		      "f:1:52: inbounds[0].settings.clients[0]: expected an object, got 7");
	check_refused(
		"{\"inbounds\": [{\"port\": 1, \"settings\": {\"clients\": [{\"id\": 7}]}}]}",
		"f:1:59: inbounds[0].settings.clients[0].id: expected a string of at most 247 "
		"bytes, got 7");
	check_refused("{\"inbounds\": [{\"port\": 1, \"tag\": 7, " CLIENT "}]}",
		      "f:1:34: inbounds[0].tag: expected a string of at most 247 bytes, got 7");
	check_refused(
		"{\"inbounds\": [{\"port\": 1, \"protocol\": 7, " CLIENT "}]}",
		"f:1:39: inbounds[0].protocol: expected a string of at most 247 bytes, got 7");
	snprintf(text, sizeof(text),
		 "{\"inbounds\": [{\"port\": 1, \"settings\": {\"clients\": [{\"email\": "
		 "\"%0248d\"}]}}]}",
		 7);
	check_refused(text,
		      "f:1:62: inbounds[0].settings.clients[0].email: expected a string of at "
		      "most 247 bytes, got a string of 248 bytes");
}

static void more_keys_than_a_server_can_have_are_refused(void **state)
{
	(void)state;
	check_refused("{\"inbounds\": [{\"port\": \"1-65535\", \"settings\": {\"clients\": ["
		      "{\"id\": \"a\"}, {\"id\": \"b\"}, {\"id\": \"c\"}, {\"id\": \"d\"}, "
		      "{\"id\": \"e\"}]}}]}",
		      "f:1:15: inbounds[0]: expected at most 262144 keys, one a client and port");
}

static void a_configuration_is_told_by_its_members(void **state)
{
	struct v2m_json_doc config = parse("{\"outbounds\": []}");
	struct v2m_json_doc other = parse("{\"port_assignments\": {}}");
	struct v2m_json_doc list = parse("[]");

	(void)state;
	assert_true(v2m_v2ray_is_config(config.root));
	assert_false(v2m_v2ray_is_config(other.root));
	assert_false(v2m_v2ray_is_config(list.root));
	v2m_json_doc_clear(&config);
	v2m_json_doc_clear(&other);
	v2m_json_doc_clear(&list);
}

static void no_password_is_in_any_key(void **state)
{
	static const char *const files[] = { "written_by_hand.json", "xray_panel.json" };

	(void)state;
	setenv("V2M_TEST_PORT", "10015", 1);
	for (size_t i = 0; i < 2; i++) {
		struct v2m_key_list keys = read_data(files[i]);

		for (size_t j = 0; j < keys.count; j++) {
			assert_null(strstr(keys.items[j].name, "secret"));
			assert_null(strstr(keys.items[j].uuid, "secret"));
		}
		v2m_key_list_clear(&keys);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration_written_by_hand_gives_all_its_keys),
		cmocka_unit_test(every_transport_is_told),
		cmocka_unit_test(an_xray_panels_configuration_gives_all_its_keys),
		cmocka_unit_test(the_files_that_v2ray_installs_are_read),
		cmocka_unit_test(a_configuration_of_v2ray_3_is_read),
		cmocka_unit_test(later_files_add_inbounds_and_replace_those_of_the_same_tag),
		cmocka_unit_test(an_inbound_without_a_tag_replaces_nothing),
		cmocka_unit_test(the_id_is_made_of_the_uuid_and_a_uuid_without_hyphens_gets_them),
		cmocka_unit_test(a_key_without_uuid_has_an_id_made_of_its_email_or_tag),
		cmocka_unit_test(a_port_that_the_environment_does_not_have_leaves_the_inbound_out),
		cmocka_unit_test(an_environment_variable_may_hold_a_range),
		cmocka_unit_test(every_loopback_address_is_told_from_others),
		cmocka_unit_test(a_client_on_a_second_port_gets_a_key_of_its_own),
		cmocka_unit_test(a_client_on_the_same_port_of_another_inbound_is_the_same_key),
		cmocka_unit_test(a_client_that_stands_twice_in_an_inbound_is_refused),
		cmocka_unit_test(a_port_that_is_none_is_refused_with_its_place),
		cmocka_unit_test(a_member_of_the_wrong_type_is_refused_with_its_place),
		cmocka_unit_test(more_keys_than_a_server_can_have_are_refused),
		cmocka_unit_test(a_configuration_is_told_by_its_members),
		cmocka_unit_test(no_password_is_in_any_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
