// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Single inbounds: the ids and ports of their clients, and errors. */
#include "base/uuid.h"
#include "unit/keys/formats/v2ray_fixture.h"
#include "base/transport.h"

static void an_id_comes_from_the_uuid_and_a_uuid_gets_its_hyphens(void **state)
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

static void an_inbound_whose_variable_is_not_set_is_left_out(void **state)
{
	static const struct expected expected[] = { { "e1", "u1", "2", V2M_TCP, 0 } };
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
		{ "e1", "u1", "5-6, 9", V2M_TCP, 0 },
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

static void every_loopback_address_is_recognised(void **state)
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
		struct expected expected = { "e1", "u1", "1", V2M_TCP, cases[i].loopback };
		struct v2m_key_list keys;
		char text[256];

		snprintf(text, sizeof(text),
			 "{\"inbounds\": [{\"listen\": \"%s\", \"port\": 1, " CLIENT "}]}",
			 cases[i].listen);
		keys = read_text(text);
		check_keys(&keys, &expected, 1);
	}
}

static void a_client_that_may_claim_an_address_is_not_in_the_list_of_online_users(void **state)
{
	static const struct {
		const char *protocol;
		const char *members; /* behind the users */
		const char *user;
		bool unlisted;
	} cases[] = {
		{ "vless", "", "", false },
		{ "vmess", ", \"streamSettings\": {\"network\": \"raw\"}", "", false },
		{ "trojan", ", \"streamSettings\": {\"network\": \"tcp\"}", ", \"level\": 0",
		  false },
		{ "vless", ", \"streamSettings\": {\"network\": \"ws\"}", "", true },
		{ "vless", ", \"streamSettings\": {\"method\": \"xhttp\"}", "", true },
		{ "vless", ", \"streamSettings\": {\"network\": \"kcp\"}", "", true },
		{ "vless", ", \"streamSettings\": {\"sockopt\": {\"acceptProxyProtocol\": true}}",
		  "", true },
		{ "vless",
		  ", \"streamSettings\": {\"tcpSettings\": {\"acceptProxyProtocol\": true}}", "",
		  true },
		{ "vless", ", \"streamSettings\": {\"sockopt\": {\"acceptProxyProtocol\": false}}",
		  "", false },
		{ "vless", "", ", \"level\": 1", true },
		{ "vless", "", ", \"email\": \"bob>>>x\"", true },
		{ "vless", "", ", \"email\": \"bob>>x\"", false },
		{ "socks", "", "", true },
		{ "vless", ", \"listen\": \"127.0.0.1\"", "", true },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		struct v2m_key_list keys;
		char text[512];

		snprintf(text, sizeof(text),
			 "{\"inbounds\": [{\"port\": 443, \"protocol\": \"%s\", \"settings\": "
			 "{\"%s\": [{\"id\": \"a\", \"user\": \"a\"%s}]}%s}]}",
			 cases[i].protocol,
			 strcmp(cases[i].protocol, "socks") == 0 ? "accounts" : "clients",
			 cases[i].user, cases[i].members);
		keys = read_text(text);
		assert_int_equal(keys.count, 1);
		if (keys.items[0].spans[0].unlisted != cases[i].unlisted)
			fail_msg("%s", text);
		v2m_key_list_clear(&keys);
	}
}

static void the_clients_of_an_inbound_behind_another_one_are_not_in_the_list(void **state)
{
	struct v2m_key_list keys =
		read_text("{\"inbounds\": [{\"port\": 443, \"protocol\": \"vless\", \"settings\": "
			  "{\"clients\": [{\"id\": \"a\"}], \"fallbacks\": [{\"dest\": 8080}]}}, "
			  "{\"port\": 8080, \"listen\": \"127.0.0.1\", \"protocol\": \"vless\", "
			  "\"settings\": "
			  "{\"clients\": [{\"id\": \"b\"}]}}]}");

	(void)state;
	assert_int_equal(keys.count, 2);
	assert_false(keys.items[0].spans[0].unlisted);
	assert_int_equal(keys.items[1].spans[0].first_port, 443);
	assert_true(keys.items[1].spans[0].unlisted);
	v2m_key_list_clear(&keys);
}

static void a_fallback_to_a_web_server_brings_visitors(void **state)
{
	struct v2m_key_list keys = read_text(
		"{\"inbounds\": [{\"port\": 443, \"protocol\": \"vless\", \"settings\": "
		"{\"clients\": "
		"[{\"id\": \"alice\"}], \"fallbacks\": [{\"dest\": \"127.0.0.2:8080\"}]}}, "
		"{\"listen\": \"127.0.0.1\", \"port\": 8080, " CLIENT "}]}");

	(void)state;
	assert_true(keys.items[0].spans[0].visited);
	/* Another address than that of the inbound on this port. */
	assert_string_equal(ports_of(&keys.items[1]), "8080");
	assert_int_equal(keys.items[1].spans[0].front_port, 0);
	assert_int_equal(notes.count, 1);
	v2m_key_list_clear(&keys);
}

static void inbounds_in_a_row_lead_to_the_first_one(void **state)
{
	struct v2m_key_list keys = read_text(
		"{\"inbounds\": [{\"port\": \"443,8443\", \"settings\": {\"clients\": [{\"id\": "
		"\"a\"}], \"fallbacks\": [{\"dest\": \"@one\"}]}}, {\"listen\": \"@one\", "
		"\"settings\": {\"clients\": [{\"id\": \"b\"}], \"fallbacks\": [{\"dest\": "
		"\"/run/two\"}, {\"dest\": \"@one\"}]}}, {\"listen\": \"/run/two,0666\", "
		"\"settings\": "
		"{\"clients\": [{\"id\": \"c\"}]}}, {\"port\": 2053, \"protocol\": "
		"\"dokodemo-door\", "
		"\"settings\": {\"address\": \"127.0.0.1\", \"port\": 443}}]}");

	(void)state;
	assert_int_equal(keys.count, 3);
	assert_string_equal(ports_of(&keys.items[0]), "443, 8443, 2053");
	assert_string_equal(ports_of(&keys.items[1]), "443, 8443, 2053");
	assert_string_equal(ports_of(&keys.items[2]), "443, 8443, 2053");
	v2m_key_list_clear(&keys);
}

static void the_target_of_reality_may_be_an_inbound(void **state)
{
	struct v2m_key_list keys = read_text(
		"{\"inbounds\": [{\"port\": 443, \"settings\": {\"clients\": [{\"id\": \"a\"}]}, "
		"\"streamSettings\": {\"security\": \"reality\", \"realitySettings\": {\"target\": "
		"\"localhost:8443\"}}}, {\"listen\": \"127.0.0.1\", \"port\": 8443, \"settings\": "
		"{\"clients\": [{\"id\": \"b\"}]}}, {\"port\": 9443, \"settings\": {\"clients\": "
		"[{\"id\": \"c\"}], \"fallbacks\": [{\"dest\": 443}]}}]}");

	(void)state;
	assert_string_equal(ports_of(&keys.items[1]), "443, 9443, 8443");
	/* Reached directly as well, so its own port stays in the sums. */
	assert_string_equal(ports_of(&keys.items[0]), "443, 9443");
	assert_int_equal(keys.items[0].spans[0].front_port, 0);
	v2m_key_list_clear(&keys);
}

static void a_client_of_two_inbounds_is_one_key_with_both_ports(void **state)
{
	static const struct expected expected[] = {
		{ "e1", "u1", "1, 2", V2M_TCP, 0 },
	};
	struct v2m_key_list keys = read_text("{\"inbounds\": [{\"port\": 1, " CLIENT "},"
					     "{\"port\": 2, " CLIENT "}]}");

	(void)state;
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

static void a_client_on_the_same_port_of_another_inbound_is_the_same_key(void **state)
{
	static const struct expected expected[] = { { "e1", "u1", "1, 1", V2M_TCP, 1 } };
	struct v2m_key_list keys = read_text(
		"{\"inbounds\": [{\"port\": 1, \"listen\": \"127.0.0.1\", " CLIENT "},"
		"{\"port\": 1, \"streamSettings\": {\"network\": \"kcp\"}, " CLIENT "}]}");

	(void)state;
	check_keys(&keys, expected, 1);
	keys = read_text("{\"inbounds\": [{\"port\": \"1-2\", " CLIENT "},"
			 "{\"port\": \"1-2\", " CLIENT "}]}");
	assert_int_equal(keys.count, 1);
	assert_string_equal(ports_of(&keys.items[0]), "1-2");
	v2m_key_list_clear(&keys);
}

static void an_invalid_port_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *port;
		const char *got;
	} cases[] = {
		{ "65536", "65536" },
		{ "-1", "-1" },
		{ "1.5", "a fraction" },
		{ "[1]", "a list" },
		{ "null", "nothing" },
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
	check_refused("[]", "f:1:1: expected an object, got an empty list");
	check_refused("{\"inbounds\": {}}", "f:1:14: inbounds: expected a list, got an object");
	check_refused("{\"inbounds\": [7]}", "f:1:15: inbounds[0]: expected an object, got 7");
	check_refused("{\"inbound\": 7}", "f:1:13: inbound: expected an object, got 7");
	check_refused("{\"inbounds\": [{\"settings\": {\"clients\": {}}}]}",
		      "f:1:40: inbounds[0].settings.clients: expected a list, got an object");
	check_refused("{\"inbounds\": [{\"port\": 1, \"settings\": {\"clients\": [7]}}]}",
		      "f:1:52: inbounds[0].settings.clients[0]: expected an object, got 7");
	check_refused("{\"inbounds\": [{\"port\": 1, \"settings\": {\"clients\": [{\"id\": 7}]}}]}",
		      "f:1:59: inbounds[0].settings.clients[0].id: expected a string, got 7");
	check_refused("{\"inbounds\": [{\"port\": 1, \"tag\": 7, " CLIENT "}]}",
		      "f:1:34: inbounds[0].tag: expected a string, got 7");
	check_refused("{\"inbounds\": [{\"port\": 1, \"protocol\": 7, " CLIENT "}]}",
		      "f:1:39: inbounds[0].protocol: expected a string, got 7");
	snprintf(text, sizeof(text),
		 "{\"inbounds\": [{\"port\": 1, \"settings\": {\"clients\": [{\"id\": "
		 "\"%0248d\"}]}}]}",
		 7);
	check_refused(text, "f:1:59: inbounds[0].settings.clients[0].id: expected a string of at "
			    "most 247 bytes, got a string of 248 bytes");
}

static void more_keys_than_a_server_can_have_are_refused(void **state)
{
	size_t size = 32 * (V2M_MAX_KEYS + 3);
	char *text = malloc(size);
	size_t length;

	(void)state;
	assert_non_null(text);
	length = (size_t)snprintf(text, size,
				  "{\"inbounds\": [{\"port\": 1, \"settings\": "
				  "{\"clients\": [{\"id\": \"first\"}");
	for (unsigned i = 0; i < V2M_MAX_KEYS; i++)
		length += (size_t)snprintf(text + length, size - length, ",{\"id\": \"u%u\"}", i);
	snprintf(text + length, size - length, "]}}]}");
	check_refused(text, "f:1:15: inbounds[0]: expected at most 32768 keys");
	free(text);
}

static void an_inbound_behind_a_fallback_names_the_port_in_front(void **state)
{
	struct v2m_key_list keys = read_text(
		"{\"inbounds\": ["
		"{\"port\": 443, \"settings\": {\"clients\": [{\"id\": \"alice\"}], "
		"\"fallbacks\": [{\"path\": \"/ws\", \"dest\": \"@ws\"}, {\"dest\": 8080}, "
		"{\"dest\": \"127.0.0.1:9090\"}]}},"
		"{\"listen\": \"@ws\", \"settings\": {\"clients\": [{\"id\": \"bob\"}]}},"
		"{\"listen\": \"@other\", \"settings\": {\"clients\": [{\"id\": \"nobody\"}]}},"
		"{\"listen\": \"127.0.0.1\", \"port\": 8080, \"settings\": {\"clients\": "
		"[{\"id\": \"carol\"}]}},"
		"{\"listen\": \"127.0.0.1\", \"port\": 9090, \"settings\": {\"clients\": "
		"[{\"id\": \"dave\"}]}}]}");

	(void)state;
	assert_int_equal(keys.count, 5);
	assert_string_equal(keys.items[1].uuid, "bob");
	assert_string_equal(ports_of(&keys.items[1]), "443");
	assert_int_equal(keys.items[1].spans[0].front_port, 0);
	assert_string_equal(ports_of(&keys.items[2]), "");
	assert_string_equal(ports_of(&keys.items[3]), "443, 8080");
	assert_int_equal(keys.items[3].spans[0].front_port, 0);
	assert_int_equal(keys.items[3].spans[1].front_port, 443);
	assert_int_equal(keys.items[4].spans[1].front_port, 443);
	assert_false(keys.items[0].spans[0].visited);
	v2m_key_list_clear(&keys);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_comes_from_the_uuid_and_a_uuid_gets_its_hyphens),
		cmocka_unit_test(a_key_without_uuid_has_an_id_made_of_its_email_or_tag),
		cmocka_unit_test(an_inbound_whose_variable_is_not_set_is_left_out),
		cmocka_unit_test(an_environment_variable_may_hold_a_range),
		cmocka_unit_test(every_loopback_address_is_recognised),
		cmocka_unit_test(an_inbound_behind_a_fallback_names_the_port_in_front),
		cmocka_unit_test(
			a_client_that_may_claim_an_address_is_not_in_the_list_of_online_users),
		cmocka_unit_test(the_clients_of_an_inbound_behind_another_one_are_not_in_the_list),
		cmocka_unit_test(a_fallback_to_a_web_server_brings_visitors),
		cmocka_unit_test(inbounds_in_a_row_lead_to_the_first_one),
		cmocka_unit_test(the_target_of_reality_may_be_an_inbound),
		cmocka_unit_test(a_client_of_two_inbounds_is_one_key_with_both_ports),
		cmocka_unit_test(a_client_on_the_same_port_of_another_inbound_is_the_same_key),
		cmocka_unit_test(an_invalid_port_is_refused_with_its_place),
		cmocka_unit_test(a_member_of_the_wrong_type_is_refused_with_its_place),
		cmocka_unit_test(more_keys_than_a_server_can_have_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
