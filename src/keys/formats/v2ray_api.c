// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/name_index.h"
#include "keys/formats/v2ray_inbound.h"
#include "keys/formats/v2ray_ports.h"

static const char *text_of(const struct v2m_json_node *parent, const char *name)
{
	struct v2m_json_node member = v2m_json_member(parent, name);
	const char *text = json_string_value(member.value);

	return text && *text ? text : NULL;
}

static bool is_everywhere(const char *host)
{
	return !*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 ||
	       strcmp(host, "[::]") == 0;
}

/* False: the address is not of this host alone. */
static bool set_address(const char *host, unsigned port, struct v2m_v2ray_api *api)
{
	bool has_colon = strchr(host, ':') && *host != '[';

	if (is_everywhere(host))
		host = "127.0.0.1";
	if (!v2m_v2ray_is_loopback(host) || strlen(host) > 64)
		return false;
	snprintf(api->source, sizeof(api->source),
		 has_colon ? "xray-api://[%s]:%u" : "xray-api://%s:%u", host, port);
	return true;
}

static bool set_socket(const char *path, struct v2m_v2ray_api *api)
{
	/* Xray takes "/path,0666" too. */
	int length = (int)strcspn(path, ",");

	return snprintf(api->source, sizeof(api->source), "xray-api+unix:%.*s", length, path) <
	       (int)sizeof(api->source);
}

/* "HOST:PORT", ":PORT", "/path" or "@name". */
static bool take_listen(const char *listen, struct v2m_v2ray_api *api)
{
	const char *colon = strrchr(listen, ':');
	V2M_FREE char *host = NULL;
	unsigned long port;

	if (*listen == '/' || *listen == '@')
		return set_socket(listen, api);
	port = colon ? strtoul(colon + 1, NULL, 10) : 0;
	if (port < 1 || port > 65535)
		return false;
	host = strndup(listen, (size_t)(colon - listen));
	return host && set_address(host, (unsigned)port, api);
}

static bool take_inbound(const struct v2m_json_node *inbound, struct v2m_v2ray_api *api)
{
	struct v2m_json_node port = v2m_json_member(inbound, "port");
	struct v2m_port_runs runs = { 0 };
	char why[V2M_V2RAY_WHY_LEN];
	const char *address;
	bool found = false;

	if (v2m_v2ray_listens(inbound, &address) == V2M_LISTEN_UNIX)
		return set_socket(address, api);
	if (port.value && v2m_v2ray_ports(&port, &runs, why, NULL) == 0 && runs.count)
		found = set_address(address, runs.items[0].first, api);
	v2m_array_clear(&runs);
	return found;
}

/* Adds the tags of the inbounds from which a rule leads to the API. 0 or -ENOMEM. */
static int add_rule(const struct v2m_json_node *rule, const char *tag, struct v2m_name_index *tags)
{
	struct v2m_json_node from = v2m_json_member(rule, "inboundTag");
	const char *to = text_of(rule, "outboundTag");
	const char *only = json_string_value(from.value);
	int result = 0;

	if (!to || strcmp(to, tag) != 0)
		return 0;
	if (only)
		return v2m_name_index_set(tags, only, 0);
	for (size_t i = 0; i < json_array_size(from.value) && !result; i++) {
		const char *name = json_string_value(json_array_get(from.value, i));

		result = name ? v2m_name_index_set(tags, name, 0) : 0;
	}
	return result;
}

static int add_rules(const struct v2m_json_doc *doc, const char *tag, struct v2m_name_index *tags)
{
	struct v2m_json_node root = v2m_json_root(doc);
	struct v2m_json_node routing = v2m_json_member(&root, "routing");
	struct v2m_json_node rules = v2m_json_member(&routing, "rules");
	int result = 0;

	for (size_t i = 0; i < json_array_size(rules.value) && !result; i++) {
		struct v2m_json_node rule = v2m_json_item(&rules, i);

		result = add_rule(&rule, tag, tags);
	}
	return result;
}

/* Takes the first inbound with one of the tags. */
static bool take_tagged(const struct v2m_json_doc *doc, const struct v2m_name_index *tags,
			struct v2m_v2ray_api *api)
{
	struct v2m_json_node root = v2m_json_root(doc);
	struct v2m_json_node inbounds = v2m_json_member(&root, "inbounds");
	size_t place;

	for (size_t i = 0; i < json_array_size(inbounds.value); i++) {
		struct v2m_json_node inbound = v2m_json_item(&inbounds, i);
		const char *tag = text_of(&inbound, "tag");

		if (tag && v2m_name_index_find(tags, tag, &place))
			return take_inbound(&inbound, api);
	}
	return false;
}

static bool find_inbound(const struct v2m_json_doc *docs, size_t n_docs, const char *tag,
			 struct v2m_v2ray_api *api)
{
	V2M_CLEANUP(v2m_name_index_clear) struct v2m_name_index tags = { 0 };
	bool found = false;

	for (size_t i = 0; i < n_docs; i++)
		if (add_rules(&docs[i], tag, &tags))
			return false;
	for (size_t i = 0; i < n_docs && !found; i++)
		found = take_tagged(&docs[i], &tags, api);
	return found;
}

static void find_services(const struct v2m_json_node *node, struct v2m_v2ray_api *api)
{
	struct v2m_json_node services = v2m_json_member(node, "services");

	for (size_t i = 0; i < json_array_size(services.value); i++) {
		const char *name = json_string_value(json_array_get(services.value, i));

		if (name && strcasecmp(name, "HandlerService") == 0)
			api->has_handler = true;
		if (name && strcasecmp(name, "StatsService") == 0)
			api->has_stats = true;
	}
}

bool v2m_v2ray_api_find(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_v2ray_api *api)
{
	struct v2m_json_node node = { 0 };
	const char *listen;
	const char *tag;

	*api = (struct v2m_v2ray_api){ 0 };
	for (size_t i = 0; i < n_docs; i++) {
		struct v2m_json_node root = v2m_json_root(&docs[i]);
		struct v2m_json_node found = v2m_json_member(&root, "api");

		/* The last file with an "api" decides, as in Xray. */
		if (json_is_object(found.value)) {
			node = found;
			node.parent = NULL;
		}
	}
	if (!node.value)
		return false;
	find_services(&node, api);
	listen = text_of(&node, "listen");
	tag = text_of(&node, "tag");
	if (listen)
		return take_listen(listen, api);
	return tag && find_inbound(docs, n_docs, tag, api);
}
