// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/online.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "keys/keys.h"
#include "messages.pb-c.h"

#define SERVICE   "/xray.app.stats.command.StatsService/"
#define ALL       SERVICE "GetUsersStats"
#define NAMES     SERVICE "GetAllOnlineUsers"
#define ADDRESSES SERVICE "GetStatsOnlineIpList"

/* "user>>>EMAIL>>>online". An email may hold anything, also ">>>". */
#define PREFIX "user>>>"
#define SUFFIX ">>>online"

static int malformed(struct v2m_error *error)
{
	return v2m_error_set_class(error, V2M_FAILURE_PASSING, -EPROTO,
				   "the list of users who are online is malformed");
}

/* Reads an IPv4 or IPv6 address; the proxy writes the latter in brackets. */
static bool read_address(const char *text, uint8_t address[static 16])
{
	static const uint8_t mapped[12] = { [10] = 255, [11] = 255 };
	char plain[INET6_ADDRSTRLEN];
	size_t length = strlen(text);

	if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	if (length >= sizeof(plain))
		return false;
	memcpy(plain, text, length);
	plain[length] = 0;
	if (inet_pton(AF_INET6, plain, address) == 1)
		return true;
	memcpy(address, mapped, sizeof(mapped));
	return inet_pton(AF_INET, plain, address + sizeof(mapped)) == 1;
}

/* If no key can have the name, it becomes "": somebody is at the address, and is no key's user. */
static char *copy_name(const char *name, size_t length)
{
	char *copy = strndup(name, length);

	if (copy && (length >= V2M_SUBJECT_LEN || !v2m_is_utf8(copy)))
		copy[0] = 0;
	return copy;
}

/* An address that is none, such as the name of a unix socket, is passed over. 0 or -ENOMEM. */
static int add_user(const char *name, size_t name_length, const V2mPb__OnlineAddress *seen,
		    struct v2m_online_users *users)
{
	struct v2m_online_user user = { .seen_s = seen->seen };

	if (!read_address(seen->address, user.address))
		return 0;
	user.name = copy_name(name, name_length);
	if (user.name && !v2m_array_add(users, user))
		return 0;
	free(user.name);
	return -ENOMEM;
}

static int ask_for_all(struct v2m_grpc *grpc, uint64_t deadline_ns, struct v2m_online_users *users,
		       struct v2m_error *error)
{
	V2M_CLEANUP(v2m_grpc_message_clear) struct v2m_grpc_message answer = { 0 };
	const struct v2m_grpc_message nothing = { 0 };
	V2mPb__OnlineUserList *list;
	int result = v2m_grpc_call(grpc, ALL, &nothing, deadline_ns, &answer, error);

	if (result)
		return result;
	list = v2m_pb__online_user_list__unpack(NULL, answer.length, answer.data);
	if (!list)
		return malformed(error);
	for (size_t i = 0; i < list->n_users && !result; i++) {
		const V2mPb__OnlineUser *user = list->users[i];

		for (size_t j = 0; j < user->n_addresses && !result; j++)
			result = add_user(user->email, strlen(user->email), user->addresses[j],
					  users);
	}
	v2m_pb__online_user_list__free_unpacked(list, NULL);
	return result ? v2m_error_set(error, result, "out of memory") : 0;
}

/* 0, -EREMOTEIO if the user has just left, or another -errno. */
static int ask_for_one(struct v2m_grpc *grpc, char *name, uint64_t deadline_ns,
		       struct v2m_grpc_message *answer, struct v2m_error *error)
{
	V2mPb__OnlineRequest request = V2M_PB__ONLINE_REQUEST__INIT;
	V2M_CLEANUP(v2m_grpc_message_clear) struct v2m_grpc_message packed = { 0 };

	request.name = name;
	packed.length = v2m_pb__online_request__get_packed_size(&request);
	packed.data = malloc(packed.length + 1);
	if (!packed.data)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	v2m_pb__online_request__pack(&request, packed.data);
	return v2m_grpc_call(grpc, ADDRESSES, &packed, deadline_ns, answer, error);
}

static int add_one(struct v2m_grpc *grpc, char *name, uint64_t deadline_ns,
		   struct v2m_online_users *users, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_grpc_message_clear) struct v2m_grpc_message answer = { 0 };
	size_t around = strlen(PREFIX) + strlen(SUFFIX);
	V2mPb__OnlineAddressList *list;
	size_t length = strlen(name);
	int result;

	if (length < around || strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
	    strcmp(name + length - strlen(SUFFIX), SUFFIX) != 0)
		return 0;
	result = ask_for_one(grpc, name, deadline_ns, &answer, error);
	if (result)
		return result == -EREMOTEIO ? 0 : result;
	list = v2m_pb__online_address_list__unpack(NULL, answer.length, answer.data);
	if (!list)
		return malformed(error);
	for (size_t i = 0; i < list->n_addresses && !result; i++)
		result =
			add_user(name + strlen(PREFIX), length - around, list->addresses[i], users);
	v2m_pb__online_address_list__free_unpacked(list, NULL);
	return result ? v2m_error_set(error, result, "out of memory") : 0;
}

static int ask_for_each(struct v2m_grpc *grpc, uint64_t deadline_ns, struct v2m_online_users *users,
			struct v2m_error *error)
{
	V2M_CLEANUP(v2m_grpc_message_clear) struct v2m_grpc_message answer = { 0 };
	const struct v2m_grpc_message nothing = { 0 };
	V2mPb__OnlineNames *list;
	int result = v2m_grpc_call(grpc, NAMES, &nothing, deadline_ns, &answer, error);

	if (result)
		return result;
	list = v2m_pb__online_names__unpack(NULL, answer.length, answer.data);
	if (!list)
		return malformed(error);
	if (list->n_names > V2M_ONLINE_ASKED_MAX)
		result = v2m_error_set(error, -E2BIG,
				       "more than %d users are online, and the proxy tells the "
				       "addresses of one at a time only",
				       V2M_ONLINE_ASKED_MAX);
	for (size_t i = 0; i < list->n_names && !result; i++)
		result = add_one(grpc, list->names[i], deadline_ns, users, error);
	v2m_pb__online_names__free_unpacked(list, NULL);
	return result;
}

int v2m_online_users_ask(struct v2m_grpc *grpc, uint64_t deadline_ns,
			 struct v2m_online_users *users, struct v2m_error *error)
{
	int result = ask_for_all(grpc, deadline_ns, users, error);

	if (result == -EOPNOTSUPP)
		result = ask_for_each(grpc, deadline_ns, users, error);
	v2m_online_users_sort(users);
	return result;
}
