// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_dest.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"

static void clear_dest(struct v2m_v2ray_dest *dest)
{
	free(dest->socket);
	free(dest->host);
}

void v2m_v2ray_dests_clear(struct v2m_v2ray_dests *dests)
{
	for (size_t i = 0; i < dests->count; i++)
		clear_dest(&dests->items[i]);
	v2m_array_clear(dests);
}

/* Takes over what dest holds. 0 or -ENOMEM. */
static int add(struct v2m_v2ray_dests *dests, struct v2m_v2ray_dest dest)
{
	if ((!dest.socket && !dest.host) || v2m_array_add(dests, dest)) {
		clear_dest(&dest);
		return -ENOMEM;
	}
	return 0;
}

/* 0: the text is no port. */
static uint16_t port_of(const char *digits)
{
	unsigned long port = strtoul(digits, NULL, 10);

	for (const char *at = digits; *at; at++)
		if (!isdigit((unsigned char)*at))
			return 0;
	return port <= 65535 ? (uint16_t)port : 0;
}

/* Xray reads "8080", "127.0.0.1:8080", "[::1]:8080", "/run/x.sock" and "@name". */
static int add_text(struct v2m_v2ray_dests *dests, struct v2m_v2ray_dest dest, const char *text)
{
	const char *colon = strrchr(text, ':');

	if (*text == '/' || *text == '@') {
		dest.socket = strdup(text);
		return add(dests, dest);
	}
	dest.port = port_of(colon ? colon + 1 : text);
	if (!dest.port)
		return 0;
	dest.host = colon ? strndup(text, (size_t)(colon - text)) : strdup("localhost");
	return add(dests, dest);
}

static int add_value(struct v2m_v2ray_dests *dests, struct v2m_v2ray_dest dest, const json_t *value)
{
	long long number = json_integer_value(value);
	const char *text = json_string_value(value);

	if (text)
		return add_text(dests, dest, text);
	if (!json_is_integer(value) || number < 1 || number > 65535)
		return 0;
	dest.port = (uint16_t)number;
	dest.host = strdup("localhost");
	return add(dests, dest);
}

static int add_fallbacks(struct v2m_v2ray_dests *dests, size_t inbound,
			 const struct v2m_json_node *settings)
{
	struct v2m_json_node list = v2m_json_member(settings, "fallbacks");
	const struct v2m_v2ray_dest dest = { .inbound = inbound, .is_fallback = true };

	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);
		struct v2m_json_node to = v2m_json_member(&item, "dest");

		if (add_value(dests, dest, to.value))
			return -ENOMEM;
	}
	return 0;
}

/* The target of REALITY gets the connections that do not authenticate. */
static int add_target(struct v2m_v2ray_dests *dests, size_t inbound,
		      const struct v2m_json_node *node)
{
	struct v2m_json_node stream = v2m_json_member(node, "streamSettings");
	struct v2m_json_node reality = v2m_json_member(&stream, "realitySettings");
	struct v2m_json_node security = v2m_json_member(&stream, "security");
	struct v2m_json_node to = v2m_json_member(&reality, "target");
	const char *name = json_string_value(security.value);

	if (!name || strcasecmp(name, "reality") != 0)
		return 0;
	if (!to.value)
		to = v2m_json_member(&reality, "dest");
	return add_value(dests, (struct v2m_v2ray_dest){ .inbound = inbound }, to.value);
}

static struct v2m_json_node either(const struct v2m_json_node *settings, const char *first,
				   const char *second)
{
	struct v2m_json_node node = v2m_json_member(settings, first);

	return node.value ? node : v2m_json_member(settings, second);
}

static int add_relay(struct v2m_v2ray_dests *dests, size_t inbound,
		     const struct v2m_json_node *node, const struct v2m_json_node *settings)
{
	struct v2m_json_node protocol = v2m_json_member(node, "protocol");
	struct v2m_json_node address = either(settings, "address", "rewriteAddress");
	struct v2m_json_node port = either(settings, "port", "rewritePort");
	const char *name = json_string_value(protocol.value);
	const char *host = json_string_value(address.value);
	long long number = json_integer_value(port.value);
	struct v2m_v2ray_dest dest = { .inbound = inbound, .is_relay = true };

	if (!name || (strcasecmp(name, "dokodemo-door") != 0 && strcasecmp(name, "tunnel") != 0))
		return 0;
	if (number < 1 || number > 65535)
		return 0;
	dest.host = strdup(host ? host : "localhost");
	dest.port = (uint16_t)number;
	return add(dests, dest);
}

int v2m_v2ray_dests_add(struct v2m_v2ray_dests *dests, size_t inbound,
			const struct v2m_json_node *node)
{
	struct v2m_json_node settings = v2m_json_member(node, "settings");
	int result = add_fallbacks(dests, inbound, &settings);

	if (!result)
		result = add_target(dests, inbound, node);
	return result ? result : add_relay(dests, inbound, node, &settings);
}

/* The host without the brackets of an IPv6 address. */
static const char *bare(const char *host, size_t *length)
{
	*length = strlen(host);
	if (*length < 2 || host[0] != '[' || host[*length - 1] != ']')
		return host;
	*length -= 2;
	return host + 1;
}

static bool is_text(const char *host, const char *text)
{
	size_t length;
	const char *start = bare(host, &length);

	return length == strlen(text) && strncasecmp(start, text, length) == 0;
}

static bool is_wildcard(const char *host)
{
	return is_text(host, "") || is_text(host, "0.0.0.0") || is_text(host, "::");
}

/* The name "localhost" stands for both. */
static bool is_localhost(const char *host)
{
	return is_text(host, "localhost") || is_text(host, "127.0.0.1") || is_text(host, "::1");
}

static bool same_host(const char *a, const char *b)
{
	size_t length_a;
	size_t length_b;

	a = bare(a, &length_a);
	b = bare(b, &length_b);
	return length_a == length_b && strncasecmp(a, b, length_a) == 0;
}

bool v2m_v2ray_dest_is_at(const struct v2m_v2ray_dest *dest, enum v2m_v2ray_listen listens,
			  const char *address)
{
	if (listens == V2M_LISTEN_ANY && is_wildcard(address))
		return v2m_v2ray_is_loopback(dest->host) || is_wildcard(dest->host);
	if (is_wildcard(dest->host))
		return is_localhost(address);
	if (is_text(dest->host, "localhost") || is_text(address, "localhost"))
		return is_localhost(dest->host) && is_localhost(address);
	return same_host(dest->host, address);
}
