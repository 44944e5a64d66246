// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/find.h"

#include <string.h>
#include <strings.h>

#include "ctl/ports.h"
#include "ctl/text.h"
#include "base/cleanup.h"

#define KEYS_PATH "/api/keys"

static const char *text_member(const json_t *key, const char *name)
{
	const char *text = json_string_value(json_object_get(key, name));

	return text ? text : "";
}

static bool is_id(const json_t *key, const char *wanted)
{
	return strcmp(text_member(key, "id"), wanted) == 0;
}

static bool is_uuid(const json_t *key, const char *wanted)
{
	return strcasecmp(text_member(key, "uuid"), wanted) == 0;
}

static bool is_name_or_port(const json_t *key, const char *wanted)
{
	return strcmp(text_member(key, "name"), wanted) == 0 || v2m_ctl_has_port(key, wanted);
}

static size_t count_matches(const json_t *keys, bool (*matches)(const json_t *, const char *),
			    const char *wanted, const json_t **last)
{
	size_t n = 0;
	size_t i;
	json_t *key;

	json_array_foreach (keys, i, key) {
		if (!matches(key, wanted))
			continue;
		*last = key;
		n++;
	}
	return n;
}

static void list_matches(const json_t *keys, const char *wanted)
{
	size_t i;
	json_t *key;

	v2m_note("\"%s\" is the name or port of several keys; name one by its id:", wanted);
	json_array_foreach (keys, i, key) {
		char ports[V2M_CTL_PORTS_LEN];

		if (is_name_or_port(key, wanted))
			v2m_note("  %s  %s, port %s", text_member(key, "id"),
				 text_member(key, "name"), v2m_ctl_ports(key, ports));
	}
}

/* A key may be known by an id that an earlier version gave it: the list does not have these. NULL:
 * the server does not know it. The caller frees the result. */
static char *find_former_id(struct v2m_client *client, const char *wanted)
{
	V2M_CLEANUP(v2m_client_reply_clear) struct v2m_client_reply reply = { 0 };
	V2M_FREE char *segment = v2m_client_escape(wanted);
	V2M_FREE char *path = NULL;

	if (!segment || asprintf(&path, KEYS_PATH "/%s", segment) < 0)
		return NULL;
	v2m_client_request(client, "GET", path, &reply);
	return reply.status == 200 && *text_member(reply.json, "id")
		       ? strdup(text_member(reply.json, "id"))
		       : NULL;
}

static enum v2m_outcome choose_key(struct v2m_client *client, const json_t *keys,
				   const char *wanted, char **id)
{
	const json_t *key = NULL;
	size_t n = count_matches(keys, is_id, wanted, &key)
			   ?: count_matches(keys, is_uuid, wanted, &key);

	if (n == 0)
		n = count_matches(keys, is_name_or_port, wanted, &key);
	if (n > 1) {
		list_matches(keys, wanted);
		return V2M_USAGE;
	}
	if (n == 0 && (*id = find_former_id(client, wanted)))
		return V2M_DONE;
	if (n == 0) {
		v2m_note("Key not found: no id, uuid, name or port is \"%s\"", wanted);
		return V2M_REFUSED;
	}
	*id = strdup(text_member(key, "id"));
	return *id ? V2M_DONE : V2M_REFUSED;
}

enum v2m_outcome v2m_find_key(struct v2m_client *client, const char *wanted, char **id)
{
	V2M_CLEANUP(v2m_client_reply_clear) struct v2m_client_reply reply = { 0 };
	enum v2m_outcome outcome = v2m_fallback_get(client, KEYS_PATH, &reply);

	if (outcome == V2M_DONE && json_is_array(reply.json))
		return choose_key(client, reply.json, wanted, id);
	if (reply.status == 401 || !reply.sent)
		return v2m_fallback_fail(client, KEYS_PATH, &reply);
	v2m_note("there is no list of keys (%s), so \"%s\" is used as a key's id",
		 v2m_client_reply_text(&reply), wanted);
	*id = strdup(wanted);
	return *id ? V2M_DONE : V2M_REFUSED;
}
