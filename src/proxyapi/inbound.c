// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/inbound.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/name_index.h"
#include "json/json_writer.h"
#include "messages.pb-c.h"
#include "proxyapi/opening.h"

static void clear_user(struct v2m_proxy_user *user)
{
	free(user->id);
	free(user->name);
}

struct users {
	struct v2m_proxy_user *items;
	size_t count;
	size_t capacity;
	struct v2m_name_index known; /* by what tells users apart */
};

static void clear_users(struct users *users)
{
	for (size_t i = 0; i < users->count; i++)
		clear_user(&users->items[i]);
	v2m_array_clear(users);
	v2m_name_index_clear(&users->known);
}

static void clear_inbound(struct v2m_proxy_inbound *inbound)
{
	struct users users = { inbound->users, inbound->n_users, inbound->n_users, { { 0 } } };

	clear_users(&users);
	free(inbound->tag);
	free(inbound->opening);
}

void v2m_proxy_inbounds_clear(struct v2m_proxy_inbounds *inbounds)
{
	for (size_t i = 0; i < inbounds->count; i++)
		clear_inbound(&inbounds->items[i]);
	v2m_array_clear(inbounds);
}

/* The name that tells a user apart: the id, else the email. NULL: he has neither, and is another
 * one each time. */
static char *identify(const struct v2m_proxy_user *user)
{
	char *text = NULL;

	if (!user->id && !user->name)
		return NULL;
	if (asprintf(&text, "%c%s", user->id ? 'i' : 'n', user->id ? user->id : user->name) < 0)
		return NULL;
	return text;
}

/* Whether the user is known. -ENOMEM: out of memory. */
static int is_known(const struct users *users, const struct v2m_proxy_user *user)
{
	V2M_FREE char *identity = identify(user);
	size_t place;

	if (!identity)
		return user->id || user->name ? -ENOMEM : 0;
	return v2m_name_index_find(&users->known, identity, &place);
}

/* Adds the user, unless it is known, and empties *user. 0 or -ENOMEM. */
static int add_user(struct users *users, struct v2m_proxy_user *user)
{
	V2M_FREE char *identity = identify(user);
	int known = is_known(users, user);
	int result = known < 0 ? known : 0;

	if (!known)
		result = v2m_array_add(users, *user);
	if (!known && !result) {
		*user = (struct v2m_proxy_user){ 0 };
		if (identity)
			result = v2m_name_index_set(&users->known, identity, users->count - 1);
	}
	clear_user(user);
	*user = (struct v2m_proxy_user){ 0 };
	return result;
}

/* An empty text counts as none. 0 or -ENOMEM. */
static int copy_user(const char *id, const char *name, uint32_t level, struct v2m_proxy_user *user)
{
	*user = (struct v2m_proxy_user){ .level = level };
	if (id && *id && !(user->id = strdup(id)))
		return -ENOMEM;
	if (name && *name && !(user->name = strdup(name))) {
		free(user->id);
		return -ENOMEM;
	}
	return 0;
}

static int take_user(void *context, const char *id, const char *name, uint32_t level)
{
	struct v2m_proxy_user user;

	return copy_user(id, name, level, &user) ? -ENOMEM : add_user(context, &user);
}

static void give_users(struct users *users, struct v2m_proxy_inbound *inbound)
{
	inbound->users = V2M_TAKE(users->items);
	inbound->n_users = users->count;
	users->count = 0;
	users->capacity = 0;
}

/* A protocol that is not known is named by its type, and may have users. */
static void write_unknown(const char *type, struct v2m_proxy_inbound *inbound,
			  struct v2m_json_writer *json)
{
	const char *proxy = strstr(type, "proxy.");
	const char *name = proxy ? proxy + strlen("proxy.") : type;
	char text[33];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(name, "."), name);
	inbound->asks_users = true;
	v2m_put_string(json, "protocol", text);
	v2m_put_open(json, "settings", '{');
	v2m_put_open(json, "clients", '[');
}

static int write_protocol(const V2mPb__Typed *settings, struct v2m_proxy_inbound *inbound,
			  struct v2m_json_writer *json)
{
	const struct v2m_proxy_protocol *protocol = v2m_proxy_protocol_of(settings->type);
	V2M_CLEANUP(clear_users) struct users users = { 0 };
	int result;

	if (!protocol) {
		write_unknown(settings->type, inbound, json);
		return 0;
	}
	inbound->id_member = protocol->id_member;
	inbound->asks_users = protocol->asks_users;
	inbound->has_manager = protocol->has_manager;
	v2m_put_string(json, "protocol", protocol->name);
	v2m_put_open(json, "settings", '{');
	result = protocol->read(settings, json, take_user, &users);
	v2m_put_open(json, protocol->list, '[');
	give_users(&users, inbound);
	return result;
}

static int read_inbound(const V2mPb__Inbound *inbound, struct v2m_proxy_inbound *made)
{
	struct v2m_json_writer json = { 0 };
	size_t length;
	int result = 0;

	made->tag = strdup(inbound->tag);
	v2m_write_open(&json, '{');
	if (*inbound->tag)
		v2m_put_string(&json, "tag", inbound->tag);
	if (inbound->receiver)
		result = v2m_proxy_write_receiver(inbound->receiver, &json);
	if (!result && inbound->proxy)
		result = write_protocol(inbound->proxy, made, &json);
	/* The API cannot be asked about an inbound without a tag. */
	made->asks_users = made->asks_users && *inbound->tag;
	if (v2m_write_take(&json, &made->opening, &length) || !made->tag)
		result = -ENOMEM;
	return result;
}

static int compare_tags(const void *a, const void *b)
{
	const struct v2m_proxy_inbound *left = a;
	const struct v2m_proxy_inbound *right = b;
	int order = strcmp(left->tag, right->tag);

	return order ? order : strcmp(left->opening, right->opening);
}

static void sort_inbounds(struct v2m_proxy_inbounds *inbounds)
{
	if (inbounds->count)
		qsort(inbounds->items, inbounds->count, sizeof(*inbounds->items), compare_tags);
}

int v2m_proxy_inbounds_read(const struct v2m_grpc_message *answer,
			    struct v2m_proxy_inbounds *inbounds, struct v2m_error *error)
{
	V2mPb__InboundList *list = v2m_pb__inbound_list__unpack(NULL, answer->length, answer->data);
	int result = 0;

	if (!list)
		return v2m_error_set(error, -EPROTO, "the list of inbounds is malformed");
	for (size_t i = 0; i < list->n_inbounds && !result; i++) {
		struct v2m_proxy_inbound inbound = { 0 };

		/* A handler without settings is no listener. */
		if (!list->inbounds[i]->receiver || !list->inbounds[i]->proxy)
			continue;
		result = read_inbound(list->inbounds[i], &inbound);
		if (!result)
			result = v2m_array_add(inbounds, inbound);
		if (result == -EPROTO)
			v2m_error_set(error, result,
				      "the settings of the inbound \"%.64s\" are malformed",
				      list->inbounds[i]->tag);
		if (result)
			clear_inbound(&inbound);
	}
	v2m_pb__inbound_list__free_unpacked(list, NULL);
	sort_inbounds(inbounds);
	return result;
}

static int compare_users(const void *a, const void *b)
{
	const struct v2m_proxy_user *left = a;
	const struct v2m_proxy_user *right = b;
	int order = strcmp(left->name ? left->name : "", right->name ? right->name : "");

	return order ? order : strcmp(left->id ? left->id : "", right->id ? right->id : "");
}

/* Reads the users of an answer. 0, -EPROTO or -ENOMEM. */
static int read_users(const struct v2m_proxy_inbound *inbound,
		      const struct v2m_grpc_message *answer, struct users *users)
{
	V2mPb__UserList *list = v2m_pb__user_list__unpack(NULL, answer->length, answer->data);
	int result = list ? 0 : -EPROTO;

	for (size_t i = 0; list && i < list->n_users && !result; i++) {
		const V2mPb__User *user = list->users[i];
		V2M_FREE char *id = inbound->id_member ? v2m_proxy_account_id(user->account) : NULL;

		result = inbound->id_member && !id ? -EPROTO
						   : take_user(users, id, user->email, user->level);
	}
	if (list)
		v2m_pb__user_list__free_unpacked(list, NULL);
	return result;
}

/* Moves those users of the inbound that are still there into kept, in their order. 0 or -ENOMEM. */
static int keep_users(struct v2m_proxy_inbound *inbound, const struct users *found,
		      struct users *kept)
{
	int result = 0;

	for (size_t i = 0; i < inbound->n_users && result >= 0; i++) {
		struct v2m_proxy_user *user = &inbound->users[i];

		result = user->name ? is_known(found, user) : 1;
		if (result > 0)
			result = add_user(kept, user);
	}
	return result < 0 ? result : 0;
}

int v2m_proxy_inbound_set_users(struct v2m_proxy_inbound *inbound,
				const struct v2m_grpc_message *answer, struct v2m_error *error)
{
	V2M_CLEANUP(clear_users) struct users found = { 0 };
	V2M_CLEANUP(clear_users) struct users users = { 0 };
	struct v2m_proxy_inbound old = *inbound;
	int result = read_users(inbound, answer, &found);

	if (result == -EPROTO)
		return v2m_error_set(error, result,
				     "the users of the inbound \"%.64s\" are malformed",
				     inbound->tag);
	if (!result)
		result = keep_users(inbound, &found, &users);
	/* The proxy lists users in no order. */
	if (found.count)
		qsort(found.items, found.count, sizeof(*found.items), compare_users);
	for (size_t i = 0; i < found.count && !result; i++)
		result = add_user(&users, &found.items[i]);
	if (result)
		return result;
	give_users(&users, inbound);
	old.tag = NULL;
	old.opening = NULL;
	clear_inbound(&old);
	return 0;
}

/* 0 or -ENOMEM. */
static int add_copies(const struct v2m_proxy_inbound *from, struct users *users)
{
	int result = 0;

	for (size_t i = 0; i < from->n_users && !result; i++)
		result = take_user(users, from->users[i].id, from->users[i].name,
				   from->users[i].level);
	return result;
}

/* Adds the users that only the earlier inbound has. 0 or -ENOMEM. */
static int keep_earlier_users(struct v2m_proxy_inbound *inbound,
			      const struct v2m_proxy_inbound *earlier)
{
	V2M_CLEANUP(clear_users) struct users users = { 0 };
	struct users old = { inbound->users, inbound->n_users, 0, { { 0 } } };
	int result = add_copies(inbound, &users);

	if (!result)
		result = add_copies(earlier, &users);
	if (result)
		return result;
	clear_users(&old);
	give_users(&users, inbound);
	return 0;
}

static int add_copy(struct v2m_proxy_inbounds *inbounds, const struct v2m_proxy_inbound *earlier)
{
	struct v2m_proxy_inbound *copy = v2m_array_append(inbounds);

	if (!copy)
		return -ENOMEM;
	*copy = *earlier;
	copy->users = NULL;
	copy->n_users = 0;
	copy->tag = strdup(earlier->tag);
	copy->opening = strdup(earlier->opening);
	if (!copy->tag || !copy->opening)
		return -ENOMEM;
	return keep_earlier_users(copy, earlier);
}

static struct v2m_proxy_inbound *find_inbound(const struct v2m_proxy_inbounds *inbounds,
					      size_t count, const struct v2m_proxy_inbound *like)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(inbounds->items[i].tag, like->tag) == 0 &&
		    (*like->tag || strcmp(inbounds->items[i].opening, like->opening) == 0))
			return &inbounds->items[i];
	return NULL;
}

int v2m_proxy_inbounds_keep(struct v2m_proxy_inbounds *inbounds,
			    const struct v2m_proxy_inbounds *earlier)
{
	size_t count = inbounds->count;
	int result = 0;

	for (size_t i = 0; i < earlier->count && !result; i++) {
		struct v2m_proxy_inbound *same = find_inbound(inbounds, count, &earlier->items[i]);

		result = same ? keep_earlier_users(same, &earlier->items[i])
			      : add_copy(inbounds, &earlier->items[i]);
	}
	sort_inbounds(inbounds);
	return result;
}

static void write_user(const struct v2m_proxy_inbound *inbound, const struct v2m_proxy_user *user,
		       struct v2m_json_writer *json)
{
	v2m_write_open(json, '{');
	if (user->id && inbound->id_member)
		v2m_put_string(json, inbound->id_member, user->id);
	if (user->name)
		v2m_put_string(json, "email", user->name);
	if (user->level)
		v2m_put_u64(json, "level", user->level);
	v2m_write_close(json, '}');
}

/* Each user on a line of its own, so that errors and notes name a line. */
int v2m_proxy_inbounds_write(const struct v2m_proxy_inbounds *inbounds, char **text, size_t *length)
{
	V2M_FREE char *made = NULL;
	FILE *out = open_memstream(&made, length);
	int result = 0;

	if (!out)
		return -ENOMEM;
	fprintf(out, "{\"inbounds\": [");
	for (size_t i = 0; i < inbounds->count; i++) {
		const struct v2m_proxy_inbound *inbound = &inbounds->items[i];

		fprintf(out, "%s\n%s", i ? "," : "", inbound->opening);
		for (size_t k = 0; k < inbound->n_users && !result; k++) {
			struct v2m_json_writer json = { 0 };
			V2M_FREE char *user = NULL;
			size_t user_length;

			write_user(inbound, &inbound->users[k], &json);
			result = v2m_write_take(&json, &user, &user_length);
			if (!result)
				fprintf(out, "%s\n%s", k ? "," : "", user);
		}
		fprintf(out, "]}}");
	}
	fprintf(out, "\n]}\n");
	if (fclose(out) || result)
		return -ENOMEM;
	*text = V2M_TAKE(made);
	return 0;
}
