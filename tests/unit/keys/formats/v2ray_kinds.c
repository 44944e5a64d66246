// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every kind of inbound that a proxy runs with: which keys it gives, or why it gives none. */
#include "unit/keys/formats/v2ray_fixture.h"
#include "json/yaml_doc.h"

#define UUID_A "a0000000-0000-4000-8000-00000000000a"
#define UUID_B "b0000000-0000-4000-8000-00000000000b"

struct kind {
	const char *text;     /* the inbounds of a file */
	const char *expected; /* NAME@PORTS/TRANSPORTS of each key */
	const char *note;     /* in the first note; NULL: there is none */
	bool is_missing;      /* the kind of that note */
};

static void describe(const struct v2m_key_list *keys, char *text, size_t size)
{
	static const char *const transports[] = { "", "/tcp", "/udp", "/both" };
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < keys->count && used < size; i++) {
		const struct v2m_key *key = &keys->items[i];
		unsigned first = key->n_spans ? key->spans[0].transports : 0;

		used += (size_t)snprintf(text + used, size - used, "%s%s@%s%s", i ? " " : "",
					 key->name, ports_of(key), transports[first]);
	}
}

static void check_kind(const struct kind *kind)
{
	V2M_FREE char *text = NULL;
	struct v2m_key_list keys;
	char found[512];

	assert_true(asprintf(&text, "{\"inbounds\": [%s]}", kind->text) > 0);
	keys = read_text(text);
	describe(&keys, found, sizeof(found));
	if (strcmp(found, kind->expected) != 0)
		fail_msg("%s\ngives     %s\nexpected  %s", kind->text, found, kind->expected);
	if (!kind->note && notes.count)
		fail_msg("%s\nis noted: %s", kind->text, notes.items[0].reason);
	if (kind->note && (!notes.count || !strstr(notes.items[0].reason, kind->note) ||
			   (notes.items[0].kind == V2M_NOTE_MISSING) != kind->is_missing))
		fail_msg("%s\nis noted: %s", kind->text,
			 notes.count ? notes.items[0].reason : "nothing");
	v2m_key_list_clear(&keys);
}

static void check_kinds(const struct kind *kinds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_kind(&kinds[i]);
}

/* Xray 26.5.9 renamed clients and accounts to users. The old names win. */
static void users_are_found_under_every_name_that_xray_has_for_them(void **state)
{
	static const struct kind kinds[] = {
		{ "{\"port\": 1, \"protocol\": \"vless\", \"settings\": {\"users\": [{\"id\": "
		  "\"" UUID_A "\", \"email\": \"a\"}], \"decryption\": \"none\"}}",
		  "a@1/tcp", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"vmess\", \"settings\": {\"users\": [{\"id\": "
		  "\"" UUID_A "\", \"email\": \"new\"}], \"clients\": [{\"id\": \"" UUID_B
		  "\", \"email\": \"old\"}]}}",
		  "old@1/tcp", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"vmess\", \"settings\": {\"users\": [{\"id\": "
		  "\"" UUID_A "\", \"email\": \"new\"}], \"clients\": null}}",
		  "new@1/tcp", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"trojan\", \"settings\": {\"users\": "
		  "[{\"password\": \"x\", \"email\": \"a\"}]}}",
		  "a@1/tcp", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"socks\", \"settings\": {\"auth\": \"password\", "
		  "\"users\": [{\"user\": \"a\", \"pass\": \"x\"}]}}",
		  "a@1/tcp", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"http\", \"settings\": {\"accounts\": "
		  "[{\"user\": \"a\", \"pass\": \"x\"}], \"users\": [{\"user\": \"b\"}]}}",
		  "a@1/tcp", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"hysteria\", \"settings\": {\"version\": 2, "
		  "\"users\": [{\"auth\": \"x\", \"email\": \"a\"}]}}",
		  "a@1/udp", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"mtproto\", \"settings\": {\"users\": "
		  "[{\"secret\": \"x\", \"email\": \"a\"}]}}",
		  "a@1/tcp", NULL, false },
	};

	(void)state;
	check_kinds(kinds, V2M_ARRAY_LEN(kinds));
}

static void the_form_of_v2ray_5_is_read(void **state)
{
	static const struct kind kinds[] = {
		{ "{\"port\": 1, \"protocol\": \"vmess\", \"settings\": {\"users\": [\"" UUID_A
		  "\", \"" UUID_B "\"]}, \"tag\": \"t\", \"streamSettings\": {\"transport\": "
		  "\"kcp\"}}",
		  "t@1/udp t@1/udp", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"trojan\", \"settings\": {\"users\": "
		  "[\"secret\"]}, "
		  "\"tag\": \"t\"}",
		  "t@1/tcp", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"shadowsocks\", \"tag\": \"t\", \"settings\": "
		  "{\"password\": \"x\", \"networks\": {\"network\": [\"TCP\", \"UDP\"]}}}",
		  "t@1/both", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"hysteria2\", \"tag\": \"t\", \"streamSettings\": "
		  "{\"transport\": \"hysteria2\", \"transportSettings\": {\"password\": \"x\"}}}",
		  "t@1/udp", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"vless\", \"settings\": {\"users\": [\"" UUID_A
		  "\"]}, \"streamSettings\": {\"transport\": \"ws\"}}",
		  "vless-1@1/tcp", NULL, false },
	};

	(void)state;
	check_kinds(kinds, V2M_ARRAY_LEN(kinds));
}

/* Go's encoding/json: an exact name and one in another case are the same, the last one counts. */
static void the_case_of_names_does_not_matter(void **state)
{
	static const struct kind kinds[] = {
		{ "{\"Port\": 1, \"PROTOCOL\": \"VLess\", \"Settings\": {\"Clients\": [{\"ID\": "
		  "\"" UUID_A "\", \"Email\": \"a\"}]}, \"streamsettings\": {\"Network\": "
		  "\"KCP\"}}",
		  "a@1/udp", NULL, false },
		{ "{\"port\": 1, \"Port\": 2, \"protocol\": \"vless\", \"settings\": "
		  "{\"clients\": [{\"id\": \"" UUID_A "\", \"email\": \"a\"}]}}",
		  "a@2/tcp", NULL, false },
		{ "{\"Port\": 2, \"port\": 1, \"protocol\": \"vless\", \"settings\": "
		  "{\"clients\": [{\"id\": \"" UUID_A "\", \"email\": \"a\"}]}}",
		  "a@1/tcp", NULL, false },
	};
	struct v2m_key_list keys =
		read_text("{\"Inbounds\": [{\"port\": 1, \"protocol\": \"vless\", " CLIENT "}]}");

	(void)state;
	assert_int_equal(keys.count, 1);
	v2m_key_list_clear(&keys);
	check_kinds(kinds, V2M_ARRAY_LEN(kinds));
}

#define SS2022                                                                                     \
	"\"protocol\": \"shadowsocks\", \"tag\": \"t\", \"port\": 1, \"settings\": {"              \
	"\"method\": \"2022-blake3-aes-128-gcm\", \"password\": \"x\""

static void shadowsocks_2022_gives_one_key_or_those_of_its_users(void **state)
{
	static const struct kind kinds[] = {
		{ "{" SS2022 ", \"clients\": []}}", "t@1/tcp", NULL, false },
		{ "{" SS2022 "}}", "t@1/tcp", NULL, false },
		{ "{" SS2022 ", \"network\": \"tcp,udp\", \"users\": [{\"password\": \"y\", "
		  "\"email\": \"a\"}, {\"password\": \"z\", \"email\": \"b\"}]}}",
		  "a@1/both b@1/both", NULL, false },
		/* A relay of Shadowsocks 2022. */
		{ "{" SS2022 ", \"clients\": [{\"password\": \"y\", \"email\": \"a\", "
		  "\"address\": \"192.0.2.1\", \"port\": 9}]}}",
		  "a@1/tcp", NULL, false },
	};

	(void)state;
	check_kinds(kinds, V2M_ARRAY_LEN(kinds));
}

static void wireguard_and_hysteria_give_their_users(void **state)
{
	static const struct kind kinds[] = {
		{ "{\"port\": 51820, \"protocol\": \"wireguard\", \"tag\": \"wg\", \"settings\": "
		  "{\"secretKey\": \"s\", \"peers\": [{\"publicKey\": \"k1\", \"email\": \"a\"}, "
		  "{\"publicKey\": \"k2\"}, {\"publicKey\": \"k3\"}]}}",
		  "a@51820/udp wg@51820/udp wg@51820/udp", NULL, false },
		{ "{\"port\": 443, \"protocol\": \"hysteria\", \"tag\": \"hy\", \"settings\": "
		  "{\"version\": 2}, \"streamSettings\": {\"network\": \"hysteria\", "
		  "\"hysteriaSettings\": {\"version\": 2, \"auth\": \"x\"}}}",
		  "hy@443/udp", NULL, false },
	};

	(void)state;
	check_kinds(kinds, V2M_ARRAY_LEN(kinds));
}

static void what_gives_no_key_is_noted(void **state)
{
	static const struct kind kinds[] = {
		{ "{\"listen\": \"/run/x.sock,0666\", \"protocol\": \"vless\", \"settings\": "
		  "{\"clients\": [{\"id\": \"" UUID_A "\", \"email\": \"a\"}]}}",
		  "a@", "listens on no port, and no inbound leads there", true },
		{ "{\"port\": 1, \"protocol\": \"socks\", \"settings\": {\"auth\": \"noauth\"}}",
		  "", "open to everybody", false },
		{ "{\"port\": 1, \"protocol\": \"dokodemo-door\", \"tag\": \"api\", \"settings\": "
		  "{\"address\": \"127.0.0.1\"}}",
		  "", "tag \"api\": a relay has no users", false },
		{ "{\"port\": 1, \"protocol\": \"snell\", \"settings\": {\"people\": []}}", "",
		  "its protocol is not known", true },
		{ "{\"port\": 1, \"protocol\": \"snell\", \"settings\": {\"users\": "
		  "[{\"email\": \"a\"}]}}",
		  "a@1/tcp", NULL, false },
		{ "{\"port\": 1, \"protocol\": \"vmess\", \"settings\": {\"clients\": []}}", "",
		  "it has no users", false },
		{ "{\"port\": 0, \"protocol\": \"vmess\", \"settings\": {\"clients\": [{\"id\": "
		  "\"" UUID_A "\"}]}}",
		  "", "it names no port from 1 to 65535", true },
		{ "{\"port\": \"env:V2M_TEST_PORT\", \"protocol\": \"vmess\", \"settings\": "
		  "{\"clients\": [{\"id\": \"" UUID_A "\"}]}}",
		  "", "the environment variable V2M_TEST_PORT is not set", true },
		{ "{\"port\": 1, \"protocol\": \"shadowsocks\", \"tag\": \"t\", \"settings\": "
		  "{\"password\": \"x\", \"network\": \"quic\"}}",
		  "t@", "listens on no port", true },
		{ "{\"port\": 1, \"protocol\": \"socks\", \"settings\": {\"udp\": true, "
		  "\"accounts\": [{\"user\": \"a\"}]}}",
		  "a@1/both", "on random ports", false },
	};

	(void)state;
	unsetenv("V2M_TEST_PORT");
	check_kinds(kinds, V2M_ARRAY_LEN(kinds));
}

static void users_that_the_proxys_api_adds_are_noted(void **state)
{
	struct v2m_key_list keys = read_text(
		"{\"api\": {\"tag\": \"api\", \"services\": [\"HandlerService\"]}, \"inbounds\": "
		"[\n{\"port\": 1, \"protocol\": \"vless\", \"settings\": {\"clients\": []}}]}");

	(void)state;
	assert_int_equal(keys.count, 0);
	assert_int_equal(notes.n_missing, 1);
	assert_int_equal(notes.items[0].line, 2);
	assert_int_equal(notes.items[0].column, 1);
	assert_string_equal(notes.items[0].member, "inbounds[0]");
}

#define VLESS(stream)                                                                              \
	"{\"port\": 1, \"protocol\": \"vless\", \"settings\": {\"clients\": [{\"id\": \"" UUID_A   \
	"\", \"email\": \"a\"}]}, \"streamSettings\": {" stream "}}"
#define SHADOWSOCKS(network)                                                                       \
	"{\"port\": 1, \"protocol\": \"shadowsocks\", \"tag\": \"t\", \"settings\": {"             \
	"\"password\": \"x\", \"network\": " network "}}"

static void transports_are_those_of_the_proxy(void **state)
{
	static const struct kind kinds[] = {
		{ VLESS("\"method\": \"kcp\", \"network\": \"tcp\""), "a@1/udp", NULL, false },
		{ VLESS("\"network\": \"kcp\", \"method\": \"raw\""), "a@1/tcp", NULL, false },
		{ VLESS("\"network\": \"xhttp\", \"security\": \"reality\", \"tlsSettings\": "
			"{\"alpn\": [\"h3\"]}"),
		  "a@1/tcp", NULL, false },
		{ VLESS("\"network\": \"xhttp\", \"security\": \"none\", \"tlsSettings\": "
			"{\"alpn\": [\"h3\"]}"),
		  "a@1/tcp", NULL, false },
		{ VLESS("\"network\": \"xhttp\", \"security\": \"tls\", \"tlsSettings\": "
			"{\"alpn\": [\"h3\"]}"),
		  "a@1/udp", NULL, false },
		{ VLESS("\"network\": \"xhttp\", \"security\": \"tls\", \"tlsSettings\": "
			"{\"alpn\": [\"h2\", \"h3\"]}"),
		  "a@1/tcp", NULL, false },
		{ SHADOWSOCKS("\"tcp,udp\""), "t@1/both", NULL, false },
		{ SHADOWSOCKS("\"tcp, udp\""), "t@1/tcp", NULL, false },
		{ SHADOWSOCKS("[\"tcp\", \"UDP\"]"), "t@1/both", NULL, false },
	};

	(void)state;
	check_kinds(kinds, V2M_ARRAY_LEN(kinds));
}

static void one_odd_entry_does_not_refuse_the_others(void **state)
{
	char text[1024];
	struct kind cut = { .text = text, .is_missing = false };
	char expected[512];
	static const struct kind kinds[] = {
		{ "{\"port\": 1, \"protocol\": \"vless\", \"settings\": {\"clients\": [{\"id\": "
		  "\"" UUID_A "\", \"email\": \"a\"}, {\"id\": \"" UUID_A
		  "\", \"email\": \"b\"}, {\"id\": \"" UUID_B "\", \"email\": \"c\"}]}}",
		  "a@1/tcp c@1/tcp", "has a user with this id already", false },
		{ "{\"port\": 1, \"protocol\": \"vless\", \"settings\": {\"clients\": [{\"id\": "
		  "\"" UUID_A "\"}, {\"id\": \"" UUID_A "\"}]}}",
		  "vless-1@1/tcp", "has a user with this id already", false },
		{ "{\"port\": 1, \"protocol\": \"http\", \"settings\": {\"accounts\": [{\"user\": "
		  "\"a\"}, {\"user\": \"a\"}]}}",
		  "a@1/tcp", "has a user with this name already", false },
		{ "{\"port\": 0, \"protocol\": \"vless\", " CLIENT "},"
		  "{\"port\": 2, \"protocol\": \"vless\", " CLIENT "}",
		  "e1@2/tcp", "it names no port", true },
		{ "{\"port\": 2, \"protocol\": \"vless\", \"limit\": 18446744073709551616, "
		  "\"huge\": 1e999, \"low\": -9223372036854775809, " CLIENT "}",
		  "e1@2/tcp", NULL, false },
	};

	(void)state;
	check_kinds(kinds, V2M_ARRAY_LEN(kinds));
	snprintf(text, sizeof(text),
		 "{\"port\": 1, \"protocol\": \"trojan\", \"settings\": {\"clients\": "
		 "[{\"email\": \"%0246d\u00e9x\"}, {\"email\": \"%0246d\u00e9y\"}]}}",
		 1, 1);
	/* The second byte of the last character does not fit, so the name ends before it. */
	snprintf(expected, sizeof(expected), "%0246d@1/tcp %0246d@1/tcp", 1, 1);
	cut.expected = expected;
	cut.note = "the email has 249 bytes";
	check_kind(&cut);
}

static void text_behind_the_last_brace_is_ignored_and_noted(void **state)
{
	static const struct expected expected[] = { { "e1", "u1", "2", V2M_TCP, 0 } };
	struct v2m_key_list keys =
		read_text("{\"inbounds\": [{\"port\": 2, " CLIENT "}]}\n// a comment\n}} rest");

	(void)state;
	assert_int_equal(notes.count, 1);
	assert_non_null(strstr(notes.items[0].reason, "ignore the text behind"));
	check_keys(&keys, expected, 1);
	keys = read_text("{\"inbounds\": [{\"port\": 2, " CLIENT "}]}\n// a comment\n");
	assert_int_equal(notes.count, 0);
	v2m_key_list_clear(&keys);
}

/* V2Ray maps an id of at most 30 bytes that is no UUID to the UUIDv5 in the namespace of zeros. */
static void an_id_and_the_uuid_that_the_proxy_makes_of_it_are_one_user(void **state)
{
	static const struct kind kinds[] = {
		{ "{\"port\": 1, \"protocol\": \"vless\", \"settings\": {\"clients\": [{\"id\": "
		  "\"example\", \"email\": \"a\"}]}}, {\"port\": 2, \"protocol\": \"vless\", "
		  "\"settings\": {\"clients\": [{\"id\": "
		  "\"feb54431-301b-52bb-a6dd-e1e93e81bb9e\"}]}}",
		  "a@1, 2/tcp", NULL, false },
	};

	(void)state;
	check_kinds(kinds, V2M_ARRAY_LEN(kinds));
}

static void an_email_that_looks_like_an_id_is_another_user(void **state)
{
	static const struct kind kinds[] = {
		{ "{\"port\": 1, \"protocol\": \"vless\", \"settings\": {\"clients\": [{\"id\": "
		  "\"" UUID_A "\", \"email\": \"a\"}]}}, {\"port\": 2, \"protocol\": \"trojan\", "
		  "\"settings\": {\"clients\": [{\"email\": \"" UUID_A "\"}]}}",
		  "a@1/tcp " UUID_A "@2/tcp", NULL, false },
	};

	(void)state;
	check_kinds(kinds, V2M_ARRAY_LEN(kinds));
}

static void a_variable_has_two_names(void **state)
{
	static const struct kind kinds[] = {
		{ "{\"port\": \"env:v2m.test_port\", \"protocol\": \"vless\", " CLIENT "}",
		  "e1@77/tcp", NULL, false },
	};

	(void)state;
	setenv("V2M_TEST_PORT", "77", 1);
	check_kinds(kinds, V2M_ARRAY_LEN(kinds));
	unsetenv("V2M_TEST_PORT");
}

static void yaml_gives_the_same_keys(void **state)
{
	static const char text[] = "# comment\n"
				   "shared: &stream {network: kcp}\n"
				   "inbounds:\n"
				   "  - port: 0x1BB\n"
				   "    protocol: vless\n"
				   "    settings:\n"
				   "      clients:\n"
				   "        - {id: " UUID_A ", email: a}\n"
				   "    streamSettings: *stream\n"
				   "  - port: '8443'\n"
				   "    protocol: trojan\n"
				   "    settings:\n"
				   "      clients: [{password: x, email: b}]\n"
				   "  - port: 9\n"
				   "    protocol: dokodemo-door\n";
	struct v2m_json_doc doc = { 0 };
	struct v2m_error error = { 0 };
	struct v2m_key_list keys;
	char found[128];

	(void)state;
	assert_int_equal(v2m_yaml_doc_parse("f.yaml", text, strlen(text), &doc, &error), 0);
	keys = read_docs(&doc, 1);
	describe(&keys, found, sizeof(found));
	assert_string_equal(found, "a@443/udp b@8443/tcp");
	assert_int_equal(notes.items[0].line, 14);
	assert_int_equal(notes.items[0].column, 5);
	v2m_key_list_clear(&keys);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_found_under_every_name_that_xray_has_for_them),
		cmocka_unit_test(the_form_of_v2ray_5_is_read),
		cmocka_unit_test(the_case_of_names_does_not_matter),
		cmocka_unit_test(shadowsocks_2022_gives_one_key_or_those_of_its_users),
		cmocka_unit_test(wireguard_and_hysteria_give_their_users),
		cmocka_unit_test(what_gives_no_key_is_noted),
		cmocka_unit_test(users_that_the_proxys_api_adds_are_noted),
		cmocka_unit_test(transports_are_those_of_the_proxy),
		cmocka_unit_test(one_odd_entry_does_not_refuse_the_others),
		cmocka_unit_test(text_behind_the_last_brace_is_ignored_and_noted),
		cmocka_unit_test(an_id_and_the_uuid_that_the_proxy_makes_of_it_are_one_user),
		cmocka_unit_test(an_email_that_looks_like_an_id_is_another_user),
		cmocka_unit_test(a_variable_has_two_names),
		cmocka_unit_test(yaml_gives_the_same_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
