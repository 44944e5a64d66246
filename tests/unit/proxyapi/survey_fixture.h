/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A survey of a server whose inbounds and users the test makes. */
#ifndef V2METER_TESTS_SURVEY_FIXTURE_H
#define V2METER_TESTS_SURVEY_FIXTURE_H

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

static inline int start(void **state)
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

static inline int stop(void **state)
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
static inline size_t pack(const void *message, uint8_t **data)
{
	size_t length = protobuf_c_message_get_packed_size(message);

	*data = malloc(length + 1);
	return protobuf_c_message_pack(message, *data);
}

static inline V2mPb__Typed *typed(const char *type, const void *message)
{
	V2mPb__Typed *made = malloc(sizeof(*made));

	v2m_pb__typed__init(made);
	made->type = strdup(type);
	made->value.len = pack(message, &made->value.data);
	return made;
}

/* A user with an account whose first field is the id. */
static inline V2mPb__User *user_of(const char *id, const char *email)
{
	V2mPb__IdAccount account = V2M_PB__ID_ACCOUNT__INIT;
	V2mPb__User *user = malloc(sizeof(*user));

	v2m_pb__user__init(user);
	account.id = (char *)id;
	user->email = strdup(email);
	user->account = typed("xray.proxy.vless.Account", &account);
	return user;
}

static inline V2mPb__Typed *receiver_at(unsigned first, unsigned last)
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

static inline void add_inbound(struct scene *scene, const char *tag, V2mPb__Typed *receiver,
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
static inline V2mPb__Typed *vless_with(V2mPb__User **users, size_t n)
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

static inline void publish_list(struct scene *scene)
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

static inline void publish_users(struct scene *scene, const char *tag, const struct person *persons,
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

static inline int ask(struct scene *scene)
{
	return v2m_survey_ask(scene->survey, v2m_clock_mono_ns() + 5 * second_ns, &scene->error);
}

/* The keys of what was found last, as "NAME@PORT NAME@PORT", in their order. */
static inline void assert_keys(struct scene *scene, const char *expected)
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
static inline void publish_one_inbound(struct scene *scene)
{
	V2mPb__User *users[] = { user_of(ALICE, "alice") };

	add_inbound(scene, "in", receiver_at(443, 443), vless_with(users, 1));
	publish_list(scene);
	PUBLISH(scene, "in", { ALICE, "alice" });
}

#endif
