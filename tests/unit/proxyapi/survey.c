// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/proxyapi/grpc_server.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/transport.h"
#include "keys/formats/v2ray_config.h"
#include "messages.pb-c.h"
#include "proxyapi/survey.h"

#define LIST  "/xray.app.proxyman.command.HandlerService/ListInbounds"
#define USERS "/xray.app.proxyman.command.HandlerService/GetInboundUsers#"
#define COUNT "/xray.app.proxyman.command.HandlerService/GetInboundUsersCount#"

#define ALICE "11111111-1111-4111-8111-111111111111"
#define BOB   "22222222-2222-4222-8222-222222222222"
#define CAROL "33333333-3333-4333-8333-333333333333"

static const uint64_t second_ns = 1000000000;

struct scene {
	struct grpc_server *server;
	struct v2m_survey *survey;
	struct v2m_error error;
	V2mPb__InboundList list;
	V2mPb__Inbound *inbounds[16];
};

static int start(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	const V2mPb__InboundList none = V2M_PB__INBOUND_LIST__INIT;
	struct v2m_grpc_connector connector;

	v2m_log_set_level(V2M_LOG_ERROR);
	scene->server = server_start();
	connector = server_connector(scene->server);
	scene->list = none;
	scene->list.inbounds = scene->inbounds;
	assert_int_equal(v2m_survey_new(scene->server->name, &connector, &scene->survey), 0);
	*state = scene;
	return 0;
}

static int stop(void **state)
{
	struct scene *scene = *state;

	v2m_survey_free(scene->survey);
	server_stop(scene->server);
	for (size_t i = 0; i < scene->list.n_inbounds; i++)
		v2m_pb__inbound__free_unpacked(scene->inbounds[i], NULL);
	free(scene);
	return 0;
}

/* Encodes the message, and frees nothing. */
static size_t pack(const void *message, uint8_t **data)
{
	size_t length = protobuf_c_message_get_packed_size(message);

	*data = malloc(length + 1);
	return protobuf_c_message_pack(message, *data);
}

static V2mPb__Typed *typed(const char *type, const void *message)
{
	V2mPb__Typed *made = malloc(sizeof(*made));

	v2m_pb__typed__init(made);
	made->type = strdup(type);
	made->value.len = pack(message, &made->value.data);
	return made;
}

/* A user with an account whose first field is the id. */
static V2mPb__User *user_of(const char *id, const char *email)
{
	V2mPb__IdAccount account = V2M_PB__ID_ACCOUNT__INIT;
	V2mPb__User *user = malloc(sizeof(*user));

	v2m_pb__user__init(user);
	account.id = (char *)id;
	user->email = strdup(email);
	user->account = typed("xray.proxy.vless.Account", &account);
	return user;
}

static V2mPb__Typed *receiver_at(unsigned first, unsigned last)
{
	V2mPb__PortRange range = V2M_PB__PORT_RANGE__INIT;
	V2mPb__PortRange *ranges[] = { &range };
	V2mPb__PortList list = V2M_PB__PORT_LIST__INIT;
	V2mPb__Receiver receiver = V2M_PB__RECEIVER__INIT;

	range.first = first;
	range.last = last;
	list.ranges = ranges;
	list.n_ranges = 1;
	receiver.ports = &list;
	return typed("xray.app.proxyman.ReceiverConfig", &receiver);
}

static void add_inbound(struct scene *scene, const char *tag, V2mPb__Typed *receiver,
			V2mPb__Typed *proxy)
{
	V2mPb__Inbound *inbound = malloc(sizeof(*inbound));

	v2m_pb__inbound__init(inbound);
	inbound->tag = strdup(tag);
	inbound->receiver = receiver;
	inbound->proxy = proxy;
	scene->inbounds[scene->list.n_inbounds++] = inbound;
}

/* Frees the users. */
static V2mPb__Typed *vless_with(V2mPb__User **users, size_t n)
{
	V2mPb__FallbackSettings settings = V2M_PB__FALLBACK_SETTINGS__INIT;
	V2mPb__Typed *made;

	settings.users = users;
	settings.n_users = n;
	made = typed("xray.proxy.vless.inbound.Config", &settings);
	for (size_t i = 0; i < n; i++)
		v2m_pb__user__free_unpacked(users[i], NULL);
	return made;
}

static void publish_list(struct scene *scene)
{
	uint8_t *data;
	size_t length = pack(&scene->list, &data);

	server_answer(scene->server, LIST, data, length, 0);
	free(data);
}

struct person {
	const char *id;
	const char *email;
};

static void publish_users(struct scene *scene, const char *tag, const struct person *persons,
			  size_t n)
{
	V2mPb__UserList list = V2M_PB__USER_LIST__INIT;
	V2mPb__User **users = calloc(n + 1, sizeof(*users));
	char path[128];
	uint8_t *data;
	size_t length;

	for (size_t i = 0; i < n; i++)
		users[i] = user_of(persons[i].id, persons[i].email);
	list.users = users;
	list.n_users = n;
	length = pack(&list, &data);
	snprintf(path, sizeof(path), USERS "%s", tag);
	server_answer(scene->server, path, data, length, 0);
	for (size_t i = 0; i < n; i++)
		v2m_pb__user__free_unpacked(users[i], NULL);
	free(users);
	free(data);
}

#define PUBLISH(scene, tag, ...)                                                                   \
	publish_users(scene, tag, (const struct person[]){ __VA_ARGS__ },                          \
		      V2M_ARRAY_LEN(((const struct person[]){ __VA_ARGS__ })))

static int ask(struct scene *scene)
{
	return v2m_survey_ask(scene->survey, v2m_clock_mono_ns() + 5 * second_ns, &scene->error);
}

/* The keys of what was found last, as "NAME@PORT NAME@PORT", in their order. */
static void assert_keys(struct scene *scene, const char *expected)
{
	struct v2m_json_doc doc = { 0 };
	struct v2m_key_list keys = { 0 };
	struct v2m_key_notes notes = { 0 };
	char text[512] = "";
	size_t used = 0;
	size_t length;
	const char *found = v2m_survey_text(scene->survey, &length);

	assert_non_null(found);
	assert_int_equal(
		v2m_json_doc_parse("api", found, length, V2M_JSON_V2RAY, &doc, &scene->error), 0);
	assert_int_equal(v2m_v2ray_read(&doc, 1, &keys, &notes, &scene->error), 0);
	for (size_t i = 0; i < keys.count; i++)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%s@%u%s", i ? " " : "",
			keys.items[i].name, v2m_key_port(&keys.items[i]),
			keys.items[i].n_spans && keys.items[i].spans[0].transports == V2M_UDP
				? "/udp"
				: "");
	assert_string_equal(text, expected);
	v2m_key_list_clear(&keys);
	v2m_key_notes_clear(&notes);
	v2m_json_doc_clear(&doc);
}

/* An inbound "in" on port 443 whose settings have Alice. */
static void publish_one_inbound(struct scene *scene)
{
	V2mPb__User *users[] = { user_of(ALICE, "alice") };

	add_inbound(scene, "in", receiver_at(443, 443), vless_with(users, 1));
	publish_list(scene);
	PUBLISH(scene, "in", { ALICE, "alice" });
}

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

static void publish_count(struct scene *scene, char count)
{
	const char message[] = { 8, count };

	server_answer(scene->server, COUNT "in", message, sizeof(message), 0);
}

static void all_users_are_asked_for_if_their_number_changes_or_after_some_time(void **state)
{
	struct scene *scene = *state;

	publish_one_inbound(scene);
	publish_count(scene, 1);
	assert_int_equal(ask(scene), 1);
	/* The number was not known at the first question. */
	assert_int_equal(ask(scene), 0);
	PUBLISH(scene, "in", { BOB, "bob" });
	assert_int_equal(ask(scene), 0);
	assert_keys(scene, "alice@443");
	publish_count(scene, 2);
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "bob@443");
	PUBLISH(scene, "in", { ALICE, "alice" }, { BOB, "bob" });
	assert_int_equal(ask(scene), 0);
	v2m_survey_set_max_age(scene->survey, 0);
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "alice@443 bob@443");
}

static void an_inbound_that_is_new_or_gone_is_seen_at_once(void **state)
{
	struct scene *scene = *state;
	V2mPb__User *users[] = { user_of(BOB, "bob") };

	publish_one_inbound(scene);
	publish_count(scene, 1);
	assert_int_equal(ask(scene), 1);
	assert_int_equal(ask(scene), 0);
	add_inbound(scene, "two", receiver_at(8443, 8443), vless_with(users, 1));
	publish_list(scene);
	PUBLISH(scene, "two", { BOB, "bob" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "alice@443 bob@8443");
}

/* A proxy that was restarted may have other users in the same number. */
static void a_restart_is_a_reason_to_ask_for_all_users(void **state)
{
	struct scene *scene = *state;

	v2m_survey_set_grace(scene->survey, 0);
	publish_one_inbound(scene);
	publish_count(scene, 1);
	assert_int_equal(ask(scene), 1);
	assert_int_equal(ask(scene), 0);
	server_misbehave(scene->server, FAULT_DIES);
	assert_true(ask(scene) < 0);
	server_misbehave(scene->server, FAULT_NONE);
	PUBLISH(scene, "in", { BOB, "bob" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "bob@443");
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
		WITH_SERVER(all_users_are_asked_for_if_their_number_changes_or_after_some_time),
		WITH_SERVER(an_inbound_that_is_new_or_gone_is_seen_at_once),
		WITH_SERVER(a_restart_is_a_reason_to_ask_for_all_users),
		WITH_SERVER(the_order_of_users_means_nothing),
		WITH_SERVER(users_without_an_email_stay_as_the_settings_have_them),
		WITH_SERVER(a_port_that_changes_changes_the_keys),
		WITH_SERVER(every_protocol_gives_its_users_and_no_passwords),
		WITH_SERVER(messages_that_were_encoded_elsewhere_are_read),
		WITH_SERVER(a_restart_of_the_proxy_is_no_change),
		WITH_SERVER(users_that_do_not_come_back_go_after_the_grace_time),
		WITH_SERVER(what_was_found_stays_if_the_proxy_fails),
		WITH_SERVER(a_server_that_cannot_list_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
