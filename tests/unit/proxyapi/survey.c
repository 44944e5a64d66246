// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/proxyapi/survey_fixture.h"

static void users_that_were_added_or_removed_change_the_keys(void **state)
{
	struct scene *scene = *state;

	publish_one_inbound(scene);
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "alice@443");
	assert_int_equal(ask(scene), 0);
	PUBLISH(scene, "in", { ALICE, "alice" }, { BOB, "bob" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "alice@443 bob@443");
	PUBLISH(scene, "in", { BOB, "bob" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "bob@443");
	server_answer(scene->server, USERS "in", "", 0, 0);
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "");
}

static void the_order_of_users_means_nothing(void **state)
{
	struct scene *scene = *state;

	publish_one_inbound(scene);
	PUBLISH(scene, "in", { CAROL, "carol" }, { BOB, "bob" }, { ALICE, "alice" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "alice@443 bob@443 carol@443");
	PUBLISH(scene, "in", { BOB, "bob" }, { ALICE, "alice" }, { CAROL, "carol" });
	assert_int_equal(ask(scene), 0);
	PUBLISH(scene, "in", { BOB, "bob" }, { ALICE, "alice" }, { CAROL, "carl" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "alice@443 bob@443 carl@443");
}

static void users_without_an_email_stay_as_the_settings_have_them(void **state)
{
	struct scene *scene = *state;
	V2mPb__User *users[] = { user_of(ALICE, ""), user_of(BOB, "bob") };

	add_inbound(scene, "in", receiver_at(443, 443), vless_with(users, 2));
	publish_list(scene);
	PUBLISH(scene, "in", { CAROL, "carol" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "in@443 carol@443");
}

static void a_port_that_changes_changes_the_keys(void **state)
{
	struct scene *scene = *state;

	publish_one_inbound(scene);
	assert_int_equal(ask(scene), 1);
	v2m_pb__typed__free_unpacked(scene->inbounds[0]->receiver, NULL);
	scene->inbounds[0]->receiver = receiver_at(8443, 8450);
	publish_list(scene);
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "alice@8443");
}

static V2mPb__Typed *socks_of(const char *name)
{
	V2mPb__NamedAccount account = V2M_PB__NAMED_ACCOUNT__INIT;
	V2mPb__NamedAccount *accounts[] = { &account };
	V2mPb__AccountsSettings settings = V2M_PB__ACCOUNTS_SETTINGS__INIT;

	account.name = (char *)name;
	settings.accounts = accounts;
	settings.n_accounts = 1;
	return typed("xray.proxy.socks.ServerConfig", &settings);
}

static V2mPb__Typed *shadowsocks_2022_of(const char *email)
{
	V2mPb__Shadowsocks2022Settings settings = V2M_PB__SHADOWSOCKS2022_SETTINGS__INIT;
	uint32_t udp = 3;

	settings.email = (char *)email;
	settings.networks = &udp;
	settings.n_networks = 1;
	return typed("xray.proxy.shadowsocks_2022.ServerConfig", &settings);
}

static V2mPb__Typed *trojan_of(const char *email)
{
	V2mPb__FallbackSettings settings = V2M_PB__FALLBACK_SETTINGS__INIT;
	V2mPb__User *user = user_of("a password", email);
	V2mPb__Typed *made;

	settings.users = &user;
	settings.n_users = 1;
	made = typed("xray.proxy.trojan.ServerConfig", &settings);
	v2m_pb__user__free_unpacked(user, NULL);
	return made;
}

static V2mPb__Typed *mkcp_at(unsigned port)
{
	V2mPb__PortRange range = V2M_PB__PORT_RANGE__INIT;
	V2mPb__PortRange *ranges[] = { &range };
	V2mPb__PortList list = V2M_PB__PORT_LIST__INIT;
	V2mPb__Stream stream = V2M_PB__STREAM__INIT;
	V2mPb__Receiver receiver = V2M_PB__RECEIVER__INIT;

	range.first = range.last = port;
	list.ranges = ranges;
	list.n_ranges = 1;
	stream.protocol = (char *)"mkcp";
	receiver.ports = &list;
	receiver.stream = &stream;
	return typed("xray.app.proxyman.ReceiverConfig", &receiver);
}

static void every_protocol_gives_its_users_and_no_passwords(void **state)
{
	struct scene *scene = *state;
	size_t length;

	publish_one_inbound(scene);
	add_inbound(scene, "so", receiver_at(1080, 1080), socks_of("sam"));
	add_inbound(scene, "s2", receiver_at(8388, 8388), shadowsocks_2022_of("sue"));
	add_inbound(scene, "tr", mkcp_at(8443), trojan_of("tom"));
	publish_list(scene);
	PUBLISH(scene, "tr", { "another password", "tim" }, { "a password", "tom" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "alice@443 sue@8388/udp sam@1080 tom@8443/udp tim@8443/udp");
	assert_null(strstr(v2m_survey_text(scene->survey, &length), "password"));
}

/* The proxy of the test restarts without the users that were added to it. */
static void restart(struct scene *scene)
{
	scene->server->closes = true;
	ask(scene);
	scene->server->closes = false;
}

static void a_restart_of_the_proxy_is_no_change(void **state)
{
	struct scene *scene = *state;

	publish_one_inbound(scene);
	PUBLISH(scene, "in", { ALICE, "alice" }, { BOB, "bob" });
	assert_int_equal(ask(scene), 1);
	restart(scene);
	PUBLISH(scene, "in", { ALICE, "alice" });
	assert_int_equal(ask(scene), 0);
	assert_int_equal(ask(scene), 0);
	PUBLISH(scene, "in", { ALICE, "alice" }, { CAROL, "carol" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "alice@443 carol@443 bob@443");
	PUBLISH(scene, "in", { BOB, "bob" }, { ALICE, "alice" }, { CAROL, "carol" });
	ask(scene);
	assert_int_equal(ask(scene), 0);
}

static void users_that_do_not_come_back_go_after_the_grace_time(void **state)
{
	struct scene *scene = *state;

	v2m_survey_set_grace(scene->survey, second_ns / 5);
	publish_one_inbound(scene);
	PUBLISH(scene, "in", { ALICE, "alice" }, { BOB, "bob" });
	assert_int_equal(ask(scene), 1);
	restart(scene);
	PUBLISH(scene, "in", { ALICE, "alice" });
	assert_int_equal(ask(scene), 0);
	for (int i = 0; i < 1000 && ask(scene) == 0; i++)
		usleep(5000);
	assert_keys(scene, "alice@443");
	assert_int_equal(ask(scene), 0);
}

static void what_was_found_stays_if_the_proxy_fails(void **state)
{
	struct scene *scene = *state;

	publish_one_inbound(scene);
	assert_int_equal(ask(scene), 1);
	server_misbehave(scene->server, FAULT_DIES);
	assert_int_equal(ask(scene), -ECONNRESET);
	assert_keys(scene, "alice@443");
	server_misbehave(scene->server, FAULT_NONE);
	assert_int_equal(ask(scene), 0);
	server_answer(scene->server, LIST, "\x0a\xff\xff", 3, 0);
	assert_int_equal(ask(scene), -EPROTO);
	assert_non_null(strstr(scene->error.text, "the list of inbounds is malformed"));
	server_answer(scene->server, USERS "in", "\x0a\x05zzzzz", 7, 0);
	publish_list(scene);
	assert_int_equal(ask(scene), -EPROTO);
	assert_non_null(strstr(scene->error.text, "the users of the inbound \"in\""));
	server_answer(scene->server, USERS "in", "", 0, 2);
	assert_int_equal(ask(scene), -EREMOTEIO);
	assert_keys(scene, "alice@443");
}

static void a_server_that_cannot_list_is_told_apart(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(ask(scene), -EOPNOTSUPP);
	assert_non_null(strstr(scene->error.text, "cannot list its inbounds"));
}

static void answer_with_file(struct scene *scene, const char *path, const char *file)
{
	char *data;
	size_t length;

	assert_int_equal(v2m_read_file(file, 65536, &data, &length), 0);
	server_answer(scene->server, path, data, length, 0);
	free(data);
}

/* The files were encoded without src/proxyapi/messages.proto, from Xray's own field numbers. */
static void a_server_with_tls_is_told_apart(void **state)
{
	struct scene *scene = *state;

	server_misbehave(scene->server, FAULT_TLS);
	assert_int_equal(ask(scene), -EPROTONOSUPPORT);
	assert_non_null(strstr(scene->error.text, "it has TLS, so it cannot be asked"));
	server_misbehave(scene->server, FAULT_HTTP_1);
	assert_int_equal(ask(scene), -EPROTO);
	server_misbehave(scene->server, FAULT_DIES);
	assert_int_equal(ask(scene), -ECONNRESET);
	/* One that has answered is not suspected. */
	server_misbehave(scene->server, FAULT_NONE);
	publish_one_inbound(scene);
	assert_int_equal(ask(scene), 1);
	server_misbehave(scene->server, FAULT_TLS);
	assert_int_equal(ask(scene), -ECONNRESET);
}

static void messages_that_were_encoded_elsewhere_are_read(void **state)
{
	struct scene *scene = *state;
	size_t length;

	answer_with_file(scene, LIST, "../data/proxyapi/inbounds.bin");
	answer_with_file(scene, USERS "vless", "../data/proxyapi/users.bin");
	server_answer(scene->server, USERS "vmess", "", 0, 0);
	server_answer(scene->server, USERS "trojan", "", 0, 0);
	server_answer(scene->server, USERS "tun", "", 0, 2);
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "sam@1080 s@example.com@8388 user0@example.com@443 "
			   "user1@example.com@443 user2@example.com@443 vmess@8443/udp");
	assert_non_null(strstr(v2m_survey_text(scene->survey, &length), "20000-20010"));
	assert_non_null(strstr(v2m_survey_text(scene->survey, &length), "\"abcd\""));
	assert_null(strstr(v2m_survey_text(scene->survey, &length), "secret"));
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(users_that_were_added_or_removed_change_the_keys),
		WITH_SERVER(the_order_of_users_means_nothing),
		WITH_SERVER(users_without_an_email_stay_as_the_settings_have_them),
		WITH_SERVER(a_port_that_changes_changes_the_keys),
		WITH_SERVER(every_protocol_gives_its_users_and_no_passwords),
		WITH_SERVER(a_server_with_tls_is_told_apart),
		WITH_SERVER(messages_that_were_encoded_elsewhere_are_read),
		WITH_SERVER(a_restart_of_the_proxy_is_no_change),
		WITH_SERVER(users_that_do_not_come_back_go_after_the_grace_time),
		WITH_SERVER(what_was_found_stays_if_the_proxy_fails),
		WITH_SERVER(a_server_that_cannot_list_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
