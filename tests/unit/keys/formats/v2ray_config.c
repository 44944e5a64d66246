// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whole files of real servers, and several files together. */
#include "unit/keys/formats/v2ray_fixture.h"
#include "base/transport.h"

static void a_configuration_written_by_hand_gives_all_its_keys(void **state)
{
	static const struct expected expected[] = {
		{ "alice@example.com", "E9828D67-08E2-4942-815D-61F41B3DACF7", "10001", V2M_TCP,
		  0 },
		{ "bob", "11461131-0644-438d-9429-cb5e7f60fd80", "10002", V2M_TCP, 0 },
		{ "carol@example.com", "0f7e9fd1-5c83-4ac0-8d3e-2c4f4a7e6b11", "10003", V2M_UDP,
		  0 },
		{ "dave@example.com", "5783a3e7-e373-51cd-8642-c83782b807c5", "10010-10012",
		  V2M_TCP, 0 },
		{ "erin@example.com", "6d3c8a7e-11ab-4b6e-9c53-0a9f5f1d7c22", "10015", V2M_TCP, 0 },
		{ "frank@example.com", "7a1f0c55-6f0b-4d0d-9a44-3f1b1c2d3e44", "10020", V2M_TCP,
		  1 },
		{ "grace@example.com", "8b2f1d66-7f1c-4e1e-8b55-4f2c2d3e4f55", "10030", V2M_TCP,
		  0 },
		{ "heidi@example.com", "9c3f2e77-8f2d-4f2f-9c66-5f3d3e4f5a66", "10030", V2M_TCP,
		  0 },
		{ "ivan@example.com", NULL, "10040", V2M_TCP, 0 },
		{ "trojan", NULL, "10040", V2M_TCP, 0 },
		{ "shadow", NULL, "10050", BOTH, 0 },
	};
	struct v2m_key_list keys;

	(void)state;
	setenv("V2M_TEST_PORT", "10015", 1);
	keys = read_data("written_by_hand.json");
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

/* V2Ray 4.34.0 listens on exactly these ports if it runs this file, except h2, for which it has no
 * certificate. */
static void every_transport_is_recognised(void **state)
{
	static const struct expected expected[] = {
		{ "tcp", "00000000-0000-4000-8000-000000000001", "20001", V2M_TCP, 0 },
		{ "h2", "00000000-0000-4000-8000-000000000002", "20002", V2M_TCP, 0 },
		{ "mkcp", "00000000-0000-4000-8000-000000000003", "20003", V2M_UDP, 0 },
		{ "quic", "00000000-0000-4000-8000-000000000004", "20004", V2M_UDP, 0 },
		{ "ds", "00000000-0000-4000-8000-000000000005", "", 0, 0 },
		{ "ss-udp", NULL, "20006", V2M_UDP, 0 },
		{ "ss-default", NULL, "20007", V2M_TCP, 0 },
		{ "ss-list", NULL, "20008", BOTH, 0 },
		{ "ss-old", NULL, "20009", BOTH, 0 },
		{ "judy", NULL, "20010", BOTH, 0 },
		{ "kim", NULL, "20011", V2M_TCP, 0 },
		{ "unix", "00000000-0000-4000-8000-000000000012", "", 0, 0 },
	};
	struct v2m_key_list keys = read_data("transports.json");

	(void)state;
	assert_string_equal(keys.items[1].sni, "h2.example.com");
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

static void an_xray_panels_configuration_gives_all_its_keys(void **state)
{
	static const struct expected expected[] = {
		{ "one@panel", "a0000000-0000-4000-8000-000000000001", "443", V2M_TCP, 0 },
		{ "two@panel", "a0000000-0000-4000-8000-000000000002", "443", V2M_TCP, 0 },
		{ "three@panel", "a0000000-0000-4000-8000-000000000003", "443", V2M_TCP, 0 },
		{ "four@panel", "a0000000-0000-4000-8000-000000000004", "2053", V2M_TCP, 1 },
		{ "five@panel", NULL, "8443, 9443-9444", V2M_TCP, 0 },
		{ "six@panel", NULL, "8388", BOTH, 0 },
		{ "seven@panel", "a0000000-0000-4000-8000-000000000007", "4443", V2M_UDP, 0 },
		{ "eight@panel", NULL, "4444", V2M_UDP, 0 },
	};
	struct v2m_key_list keys = read_data("xray_panel.json");

	(void)state;
	assert_string_equal(keys.items[0].sni, "www.example.com");
	assert_string_equal(keys.items[0].short_id, "6ba85179e30d4fc2");
	assert_string_equal(keys.items[4].sni, "trojan.example.com");
	assert_null(keys.items[4].short_id);
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

static void the_files_that_v2ray_installs_are_read(void **state)
{
	static const struct expected vmess[] = {
		{ "vmess-10086", "23ad6b10-8d1a-40f7-8ad0-e3e35cd38297", "10086", V2M_TCP, 0 },
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
		{ "main@example.com", "c0000000-0000-4000-8000-000000000001", "40001", V2M_TCP, 0 },
		{ "detour", "c0000000-0000-4000-8000-000000000002", "40010-40011", V2M_TCP, 0 },
	};
	struct v2m_key_list keys = read_data("old_style.json");

	(void)state;
	check_keys(&keys, expected, V2M_ARRAY_LEN(expected));
}

static void later_files_add_inbounds_and_replace_those_of_the_same_tag(void **state)
{
	static const struct expected expected[] = {
		{ "first@example.com", "b0000000-0000-4000-8000-000000000001", "30001", V2M_TCP,
		  0 },
		{ "second@example.com", "b0000000-0000-4000-8000-000000000002", "30022", V2M_TCP,
		  0 },
		{ "third@example.com", "b0000000-0000-4000-8000-000000000003", "30003", V2M_TCP,
		  0 },
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

/* A text with one inbound that has the tag, if it is not "", and one user named like its port. */
static struct v2m_json_doc part(const char *path, const char *inbounds)
{
	struct v2m_json_doc doc = parse(inbounds);

	free(doc.path);
	doc.path = strdup(path);
	return doc;
}

#define INBOUND(tag, port)                                                                         \
	"{\"tag\": \"" tag "\", \"port\": " #port                                                  \
	", \"settings\": {\"clients\": [{\"id\": \"u" #port "\", \"email\": \"" #port "\"}]}}"
#define FILE_WITH(inbounds) "{\"inbounds\": [" inbounds "]}"

static void check_merged(struct v2m_json_doc *docs, size_t n, const char *expected)
{
	struct v2m_key_list keys = read_docs(docs, n);
	char names[256] = "";

	for (size_t i = 0; i < keys.count; i++)
		strcat(strcat(names, i ? " " : ""), keys.items[i].name);
	assert_string_equal(names, expected);
	v2m_key_list_clear(&keys);
}

/* As Xray 26.7 does (Config.Override): the last one stays, and no tag counts as a tag. */
static void files_are_merged_as_xray_merges_them(void **state)
{
	struct v2m_json_doc untagged[] = {
		part("d/1.json", FILE_WITH(INBOUND("", 1) "," INBOUND("a", 2))),
		part("d/2.json", FILE_WITH(INBOUND("", 3))),
	};
	struct v2m_json_doc twice[] = {
		part("d/1.json", FILE_WITH(INBOUND("a", 1) "," INBOUND("a", 2))),
		part("d/2.json", FILE_WITH(INBOUND("b", 3) "," INBOUND("b", 4))),
	};
	struct v2m_json_doc several[] = {
		part("d/1.json", FILE_WITH(INBOUND("a", 1))),
		part("d/2.json", FILE_WITH(INBOUND("b", 2) "," INBOUND("c", 3))),
	};

	(void)state;
	check_merged(untagged, 2, "2 3");
	assert_string_equal(notes.items[0].file, "d/1.json");
	assert_string_equal(notes.items[0].member, "inbounds[0]");
	assert_int_equal(notes.items[0].kind, V2M_NOTE_REMARK);
	/* Within the first file both stay. */
	check_merged(twice, 2, "1 2 4");
	check_merged(several, 2, "1 2 3");
	assert_int_equal(notes.count, 0);
}

static void files_of_v2ray_4_replace_all_inbounds_if_they_have_several(void **state)
{
	struct v2m_json_doc several[] = {
		part("/etc/v2ray/1.json", FILE_WITH(INBOUND("a", 1))),
		part("/etc/v2ray/2.json", FILE_WITH(INBOUND("b", 2) "," INBOUND("c", 3))),
		part("/etc/v2ray/3.json", FILE_WITH(INBOUND("d", 4))),
	};

	(void)state;
	check_merged(several, 3, "2 3 4");
	assert_int_equal(notes.count, 1);
	assert_non_null(strstr(notes.items[0].reason, "/etc/v2ray/2.json has several inbounds"));
}

#define FIVE(tag, port, user)                                                                      \
	"{\"tag\": \"" tag "\", \"protocol\": \"vmess\", " port                                    \
	"\"settings\": {\"users\": [\"" user "\"]}}"

/* As in infra/conf/merge of V2Ray 5: members that only one file has stay, lists are joined, and of
 * two ports the later one counts. Other inbounds stay, also several of a later file. */
static void files_of_v2ray_5_make_one_inbound_of_those_with_one_tag(void **state)
{
	struct v2m_json_doc docs[] = {
		part("/etc/v2ray/1.json", FILE_WITH(FIVE("a", "\"port\": 1, ", "u1") "," FIVE(
						  "", "\"port\": 5, ", "u5"))),
		part("/etc/v2ray/2.json",
		     FILE_WITH(FIVE("a", "", "u2") "," FIVE("b", "\"port\": 3, ", "u3"))),
		part("/etc/v2ray/3.json", FILE_WITH(FIVE("b", "\"port\": 4, ", "u4"))),
	};
	struct v2m_key_list keys = read_docs(docs, 3);
	static const char *const expected[] = { "a 1", "a 1", "vmess-5 5", "b 4", "b 4" };

	(void)state;
	assert_int_equal(keys.count, V2M_ARRAY_LEN(expected));
	for (size_t i = 0; i < keys.count; i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s %s", keys.items[i].name, ports_of(&keys.items[i]));
		assert_string_equal(text, expected[i]);
	}
	assert_int_equal(notes.count, 2);
	assert_string_equal(notes.items[0].file, "/etc/v2ray/2.json");
	v2m_key_list_clear(&keys);
}

static void files_that_v2ray_5_cannot_merge_are_refused(void **state)
{
	struct v2m_json_doc docs[] = {
		part("1.json", FILE_WITH(FIVE("a", "\"port\": 1, ", "u1"))),
		part("2.json", FILE_WITH("{\"tag\": \"a\", \"port\": \"2\"}")),
	};
	struct v2m_key_list keys = { 0 };
	struct v2m_error error = { 0 };

	(void)state;
	assert_int_equal(v2m_v2ray_read(docs, 2, &keys, &notes, &error), -EINVAL);
	assert_string_equal(error.text, "2.json:1:15: inbounds[0]: V2Ray 5 merges it with the "
					"inbound of 1.json that has the same tag, but a member has "
					"another type there");
	v2m_key_list_clear(&keys);
	v2m_json_doc_clear(&docs[0]);
	v2m_json_doc_clear(&docs[1]);
}

static void a_configuration_is_recognised_by_its_members(void **state)
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
		cmocka_unit_test(every_transport_is_recognised),
		cmocka_unit_test(an_xray_panels_configuration_gives_all_its_keys),
		cmocka_unit_test(the_files_that_v2ray_installs_are_read),
		cmocka_unit_test(a_configuration_of_v2ray_3_is_read),
		cmocka_unit_test(later_files_add_inbounds_and_replace_those_of_the_same_tag),
		cmocka_unit_test(files_are_merged_as_xray_merges_them),
		cmocka_unit_test(files_of_v2ray_4_replace_all_inbounds_if_they_have_several),
		cmocka_unit_test(files_of_v2ray_5_make_one_inbound_of_those_with_one_tag),
		cmocka_unit_test(files_that_v2ray_5_cannot_merge_are_refused),
		cmocka_unit_test(a_configuration_is_recognised_by_its_members),
		cmocka_unit_test(no_password_is_in_any_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
