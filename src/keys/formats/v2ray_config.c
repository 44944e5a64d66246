// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/name_index.h"
#include "base/transport.h"
#include "base/uuid.h"
#include "base/cleanup.h"
#include "keys/formats/v2ray_api.h"
#include "keys/formats/v2ray_fronts.h"
#include "keys/formats/v2ray_identity.h"
#include "keys/formats/v2ray_inbound.h"
#include "keys/formats/v2ray_merge.h"
#include "keys/formats/v2ray_users.h"

/* The state while all inbounds are read. */
struct reader {
	struct v2m_key_list *keys;
	struct v2m_key_notes *notes;
	struct v2m_name_index known; /* the place of the key of an identity, see v2ray_identity.h */
	const struct v2m_v2ray_inbounds *inbounds;
	const struct v2m_v2ray_fronts *fronts;
	size_t n_entries;
	bool has_handler; /* users can be added through the proxy's API */
	struct v2m_error *error;
};

/* The properties that the keys of one inbound share. */
struct inbound {
	const struct v2m_json_node *node;
	const struct v2m_v2ray_reach *reach;
	const char *tag; /* NULL if it has none; at most V2M_V2RAY_MAX_TEXT bytes */
	const char *protocol;
	const char *sni;
	const char *short_id;
	struct v2m_v2ray_spans spans; /* where it is reached; empty: at no port */
	struct v2m_v2ray_users users;
	bool has_active;  /* some user of the inbound is switched on */
	size_t first_key; /* keys from here on are new in this inbound */
	char tag_text[V2M_V2RAY_MAX_TEXT + 1];
};

/* A user of an inbound. */
struct user {
	struct v2m_json_node node;
	struct v2m_v2ray_identity identity;
	const char *email; /* lives as long as the document; NULL if there is none */
	bool is_active;
	struct v2m_key_terms terms;
};

bool v2m_v2ray_is_config(const json_t *root)
{
	static const char *const members[] = { "inbounds", "inbound", "inboundDetour", "outbounds",
					       "outbound", "routing", "dns",           "policy",
					       "log",      "api",     "transport",     "stats" };
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)root, name, value) {
		for (size_t i = 0; i < V2M_ARRAY_LEN(members); i++)
			if (strcasecmp(name, members[i]) == 0)
				return true;
	}
	return false;
}

static int out_of_memory(struct reader *reader)
{
	return v2m_error_set(reader->error, -ENOMEM, "out of memory");
}

static const char *text_or_null(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && *text && strlen(text) <= V2M_V2RAY_MAX_TEXT ? text : NULL;
}

static void find_names(struct inbound *inbound)
{
	static const char *const security[] = { "tlsSettings", "xtlsSettings", "securitySettings" };
	struct v2m_json_node stream = v2m_json_member(inbound->node, "streamSettings");
	struct v2m_json_node reality = v2m_json_member(&stream, "realitySettings");
	struct v2m_json_node names = v2m_json_member(&reality, "serverNames");
	struct v2m_json_node ids = v2m_json_member(&reality, "shortIds");

	for (size_t i = 0; i < V2M_ARRAY_LEN(security) && !inbound->sni; i++) {
		struct v2m_json_node settings = v2m_json_member(&stream, security[i]);
		struct v2m_json_node name = v2m_json_member(&settings, "serverName");

		inbound->sni = text_or_null(name.value);
	}
	if (!inbound->sni)
		inbound->sni = text_or_null(json_array_get(names.value, 0));
	inbound->short_id = text_or_null(json_array_get(ids.value, 0));
}

/* Notes something about an inbound, with its tag. */
static void note(struct reader *reader, const struct inbound *inbound, enum v2m_note_kind kind,
		 const char *reason)
{
	if (inbound->tag)
		v2m_key_note(reader->notes, kind, inbound->node, "tag \"%s\": %s", inbound->tag,
			     reason);
	else
		v2m_key_note(reader->notes, kind, inbound->node, "%s", reason);
}

static int read_user(struct reader *reader, const struct inbound *inbound, size_t place,
		     struct user *user)
{
	struct v2m_v2ray_user found;
	int result;

	user->node = v2m_v2ray_users_item(&inbound->users, place);
	result = v2m_v2ray_user_read(&inbound->users, &user->node, &found, reader->error);
	if (result)
		return result;
	user->email = found.email;
	user->is_active = !found.is_inactive;
	user->terms = found.terms;
	v2m_v2ray_identify(&found, inbound->tag ? inbound->tag : inbound->protocol, place,
			   &user->identity);
	if (found.email && strlen(found.email) > V2M_V2RAY_MAX_TEXT)
		v2m_key_note(reader->notes, V2M_NOTE_REMARK, &user->node,
			     "the email has %zu bytes: the key is named by its first %d",
			     strlen(found.email), V2M_V2RAY_MAX_TEXT);
	return 0;
}

static unsigned first_port(const struct inbound *inbound)
{
	return inbound->spans.count ? inbound->spans.items[0].first_port : 0;
}

/* The key's name for people. */
static char *make_name(const struct inbound *inbound, const struct user *user)
{
	const char *name = *user->identity.name ? user->identity.name : inbound->tag;
	char text[V2M_V2RAY_IDENTITY_LEN];

	if (name)
		return strdup(name);
	snprintf(text, sizeof(text), "%s-%u", inbound->protocol, first_port(inbound));
	return strdup(text);
}

static char *copy_or_null(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int add_key(struct reader *reader, const struct inbound *inbound, const struct user *user)
{
	V2M_CLEANUP(v2m_key_clear)
	struct v2m_key key = { .is_active = user->is_active,
			       .terms = user->terms,
			       .transports = V2M_TCP | V2M_UDP };
	char id[V2M_UUID_LEN];

	if (reader->keys->count >= V2M_MAX_KEYS)
		return v2m_json_fail(inbound->node, reader->error, "expected at most %u keys",
				     V2M_MAX_KEYS);
	v2m_uuid5(user->identity.text, id);
	key.id = strdup(id);
	key.uuid = strdup(*user->identity.uuid ? user->identity.uuid : id);
	key.name = make_name(inbound, user);
	key.identity = strdup(user->identity.text);
	key.sni = copy_or_null(inbound->sni);
	key.short_id = copy_or_null(inbound->short_id);
	key.source = strdup(inbound->node->doc->path);
	if (v2m_key_add_email(&key, user->email))
		return out_of_memory(reader);
	if (!key.id || !key.uuid || !key.name || !key.identity || !key.source ||
	    v2m_v2ray_identity_add(&reader->known, &user->identity, reader->keys->count) ||
	    v2m_key_list_add(reader->keys, &key))
		return out_of_memory(reader);
	return 0;
}

/* The key is served on all ports of the inbound. 0 or -ENOMEM. */
static int add_spans(struct reader *reader, struct v2m_key *key, const struct inbound *inbound)
{
	int result = 0;

	for (size_t i = 0; i < inbound->spans.count && !result; i++)
		result = v2m_key_add_span(key, &inbound->spans.items[i]);
	if (result == -ENOSPC)
		v2m_key_note(reader->notes, V2M_NOTE_MISSING, inbound->node,
			     "a user has %d ports and ranges already: further ones are not counted",
			     V2M_MAX_KEY_SPANS);
	return result == -ENOMEM ? out_of_memory(reader) : 0;
}

static bool is_nameless(const struct inbound *inbound, const struct user *user)
{
	return !*user->identity.uuid && !*user->identity.name && !inbound->tag;
}

/* Nothing says that users without a name in two inbounds are the same one: the port tells them
 * apart. */
static void tell_apart(const struct reader *reader, const struct inbound *inbound,
		       struct user *user)
{
	char *text = user->identity.text;
	size_t length = strlen(text);
	size_t index;

	if (!v2m_v2ray_identity_find(&reader->known, &user->identity, &index) ||
	    index >= inbound->first_key)
		return;
	snprintf(text + length, sizeof(user->identity.text) - length, ":%u", first_port(inbound));
}

/* The proxies run with a user that stands twice in an inbound. */
static void note_twice(struct reader *reader, const struct user *user)
{
	v2m_key_note(reader->notes, V2M_NOTE_REMARK, &user->node,
		     "the inbound has a user with this %s already: both are one key, with the "
		     "first name",
		     *user->identity.uuid ? "id" : "name");
}

/* A user that stands in another inbound too is one key with the ports of both. */
static int take_user(struct reader *reader, const struct inbound *inbound, size_t place)
{
	struct user user;
	size_t index;
	int result = read_user(reader, inbound, place, &user);

	if (result)
		return result;
	if (++reader->n_entries > V2M_MAX_KEY_ENTRIES)
		return v2m_json_fail(inbound->node, reader->error,
				     "expected at most %u users in all inbounds together",
				     V2M_MAX_KEY_ENTRIES);
	if (is_nameless(inbound, &user))
		tell_apart(reader, inbound, &user);
	if (!v2m_v2ray_identity_find(&reader->known, &user.identity, &index)) {
		index = reader->keys->count;
		result = add_key(reader, inbound, &user);
	} else if (index >= inbound->first_key) {
		note_twice(reader, &user);
		return v2m_key_add_email(&reader->keys->items[index], user.email)
			       ? out_of_memory(reader)
			       : 0;
	} else if (v2m_key_add_email(&reader->keys->items[index], user.email)) {
		result = out_of_memory(reader);
	}
	if (result)
		return result;
	if (user.is_active)
		reader->keys->items[index].is_active = true;
	/* A user who is switched off does not share the port with active ones. */
	if (!user.is_active && inbound->has_active)
		return 0;
	return add_spans(reader, &reader->keys->items[index], inbound);
}

/* The inbound's own ports. Behind another one, their bytes are counted there. */
static int append_runs(struct inbound *inbound, uint16_t front_port)
{
	const struct v2m_v2ray_reach *reach = inbound->reach;

	for (size_t i = 0; i < reach->runs.count; i++) {
		const struct v2m_span span = {
			.first_port = reach->runs.items[i].first,
			.last_port = reach->runs.items[i].last,
			.transports = reach->transports,
			.loopback = reach->listens == V2M_LISTEN_LOOPBACK,
			.front_port = front_port,
			.visited = reach->leads_out,
			.unlisted = reach->unlisted,
		};

		if (v2m_array_add(&inbound->spans, span))
			return -ENOMEM;
	}
	return 0;
}

/* Where its users arrive. The ports of inbounds that lead to one on a loopback address come first:
 * they are those that users know. 0 or -ENOMEM. */
static int find_spans(const struct reader *reader, size_t index, struct inbound *inbound)
{
	bool is_hidden = inbound->reach->listens == V2M_LISTEN_LOOPBACK;
	int result = 0;

	if (!inbound->reach->transports)
		return 0;
	if (!is_hidden)
		result = append_runs(inbound, 0);
	if (!result)
		result = v2m_v2ray_entrances(reader->fronts, index, &inbound->spans);
	if (!result && is_hidden)
		result = append_runs(inbound, (uint16_t)first_port(inbound));
	return result;
}

/* Why the inbound has no port. 0: it has, or its users become keys without one; 1: it is passed
 * over; -EINVAL or -ENOMEM. */
static int explain_no_port(struct reader *reader, const struct v2m_json_node *port,
			   const struct inbound *inbound)
{
	struct v2m_port_runs runs = { 0 };
	char why[V2M_V2RAY_WHY_LEN];
	char reason[V2M_V2RAY_WHY_LEN + 64];
	int result;

	if (inbound->reach->listens == V2M_LISTEN_UNIX || !inbound->reach->transports) {
		if (!inbound->spans.count)
			note(reader, inbound, V2M_NOTE_MISSING,
			     "it listens on no port, and no inbound leads there: its users are not "
			     "counted");
		return 0;
	}
	if (!inbound->reach->ports_result)
		return 0;
	result = v2m_v2ray_ports(port, &runs, why, reader->error);
	v2m_array_clear(&runs);
	if (result <= 0)
		return result;
	snprintf(reason, sizeof(reason), "its users are not counted: %s", why);
	note(reader, inbound, V2M_NOTE_MISSING, reason);
	return 1;
}

static void clear_inbound(struct inbound *inbound)
{
	v2m_array_clear(&inbound->spans);
}

/* Reads what names the inbound. 0 or -EINVAL. */
static int name_inbound(struct reader *reader, struct inbound *inbound)
{
	const char *tag;
	int result = v2m_v2ray_text(inbound->node, "tag", &tag, reader->error);

	if (!result)
		result = v2m_v2ray_text(inbound->node, "protocol", &inbound->protocol,
					reader->error);
	if (result)
		return result;
	if (tag) {
		v2m_v2ray_shorten(tag, inbound->tag_text, sizeof(inbound->tag_text));
		inbound->tag = inbound->tag_text;
	}
	if (!inbound->protocol || strlen(inbound->protocol) > 32)
		inbound->protocol = "inbound";
	return 0;
}

/* An inbound without users may still lead to those of another one. */
static void note_no_users(struct reader *reader, const struct inbound *inbound)
{
	if (inbound->reach->leads_on)
		return;
	if (inbound->users.is_unknown)
		note(reader, inbound, V2M_NOTE_MISSING,
		     "its protocol is not known: users are not counted, if it has any");
	else if (reader->has_handler && inbound->users.has_ids)
		note(reader, inbound, V2M_NOTE_MISSING,
		     "it has no users in the file: those that are added through the proxy's API "
		     "are not counted");
	else
		note(reader, inbound, V2M_NOTE_REMARK, inbound->users.none);
}

static int take_users(struct reader *reader, struct inbound *inbound)
{
	size_t count = v2m_v2ray_users_count(&inbound->users);
	int result = 0;

	for (size_t i = 0; i < count && !inbound->has_active; i++) {
		struct v2m_json_node node = v2m_v2ray_users_item(&inbound->users, i);

		inbound->has_active = !v2m_v2ray_user_is_inactive(&node);
	}
	for (size_t i = 0; i < count && !result; i++)
		result = take_user(reader, inbound, i);
	return result;
}

static int take_inbound(struct reader *reader, size_t index)
{
	const struct v2m_v2ray_inbound *merged = &reader->inbounds->items[index];
	V2M_CLEANUP(clear_inbound)
	struct inbound inbound = {
		.node = &merged->node,
		.reach = &reader->fronts->reaches[index],
		.first_key = reader->keys->count,
	};
	int result = v2m_v2ray_users_find(&merged->node, &inbound.users, reader->error);

	if (!result)
		result = name_inbound(reader, &inbound);
	if (result)
		return result;
	if (inbound.users.none) {
		note_no_users(reader, &inbound);
		return 0;
	}
	if (find_spans(reader, index, &inbound))
		return out_of_memory(reader);
	result = explain_no_port(reader, &merged->port, &inbound);
	if (result)
		return result < 0 ? result : 0;
	if (v2m_v2ray_is_socks_udp(&merged->node))
		note(reader, &inbound, V2M_NOTE_REMARK,
		     "Xray from 26.6.1 on relays UDP of SOCKS on random ports: there, only TCP is "
		     "counted");
	if (inbound.reach->leads_out)
		note(reader, &inbound, V2M_NOTE_REMARK,
		     "a fallback leads to what is no inbound: the bytes of its visitors are "
		     "counted for the users of the port");
	find_names(&inbound);
	return take_users(reader, &inbound);
}

int v2m_v2ray_read(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_key_list *keys,
		   struct v2m_key_notes *notes, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_v2ray_inbounds_clear) struct v2m_v2ray_inbounds inbounds = { 0 };
	V2M_CLEANUP(v2m_v2ray_fronts_clear) struct v2m_v2ray_fronts fronts = { 0 };
	struct reader reader = {
		.keys = keys,
		.notes = notes,
		.inbounds = &inbounds,
		.fronts = &fronts,
		.error = error,
	};
	struct v2m_v2ray_api api;
	int result = v2m_v2ray_merge(docs, n_docs, &inbounds, notes, error);

	if (!result)
		result = v2m_v2ray_fronts_find(&inbounds, &fronts, error);
	v2m_v2ray_api_find(docs, n_docs, &api);
	reader.has_handler = api.has_handler;
	for (size_t i = 0; i < inbounds.count && !result; i++)
		if (!inbounds.items[i].replaced)
			result = take_inbound(&reader, i);
	v2m_name_index_clear(&reader.known);
	return result;
}
