// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_inbound.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/transport.h"
#include "keys/formats/v2ray_ports.h"

static bool is_one_of(const char *text, const char *const *names, size_t n_names)
{
	for (size_t i = 0; text && i < n_names; i++)
		if (strcasecmp(text, names[i]) == 0)
			return true;
	return false;
}

static const char *text_of(const struct v2m_json_node *parent, const char *name)
{
	struct v2m_json_node member = v2m_json_member(parent, name);

	return json_string_value(member.value);
}

/* With h3 as the only protocol of TLS, XHTTP serves HTTP/3, over UDP. Settings of TLS that are left
 * over beside another security do not count. */
static bool offers_only_h3(const struct v2m_json_node *stream)
{
	struct v2m_json_node tls = v2m_json_member(stream, "tlsSettings");
	struct v2m_json_node alpn = v2m_json_member(&tls, "alpn");
	const char *security = text_of(stream, "security");
	const char *only = json_string_value(
		json_is_array(alpn.value) ? json_array_get(alpn.value, 0) : alpn.value);

	return security && strcasecmp(security, "tls") == 0 && only && strcmp(only, "h3") == 0 &&
	       (json_is_string(alpn.value) || json_array_size(alpn.value) == 1);
}

/* Xray prefers "method" to "network". V2Ray 5 has "transport". */
static const char *stream_name(const struct v2m_json_node *stream)
{
	static const char *const names[] = { "method", "network", "transport" };
	const char *name = NULL;

	for (size_t i = 0; !name && i < V2M_ARRAY_LEN(names); i++)
		name = text_of(stream, names[i]);
	return name;
}

/* The transport that carries the streams of a proxy. */
static unsigned stream_transport(const struct v2m_json_node *stream)
{
	static const char *const over_udp[] = { "kcp", "mkcp", "quic", "hysteria", "hysteria2" };
	static const char *const over_nothing[] = { "ds", "domainsocket" };
	static const char *const over_either[] = { "xhttp", "splithttp" };
	const char *name = stream_name(stream);

	if (is_one_of(name, over_nothing, V2M_ARRAY_LEN(over_nothing)))
		return 0;
	if (is_one_of(name, over_udp, V2M_ARRAY_LEN(over_udp)))
		return V2M_UDP;
	if (is_one_of(name, over_either, V2M_ARRAY_LEN(over_either)) && offers_only_h3(stream))
		return V2M_UDP;
	return V2M_TCP;
}

/* A name with blanks, as in "tcp, udp", is none that V2Ray or Xray know. */
static unsigned network_bit(const char *name, size_t length)
{
	if (length == 3 && strncasecmp(name, "tcp", 3) == 0)
		return V2M_TCP;
	return length == 3 && strncasecmp(name, "udp", 3) == 0 ? V2M_UDP : 0;
}

static unsigned networks_in(const char *text)
{
	unsigned networks = 0;

	while (text) {
		size_t length = strcspn(text, ",");

		networks |= network_bit(text, length);
		text = text[length] ? text + length + 1 : NULL;
	}
	return networks;
}

/* A member such as "network": a string with commas, or a list. */
static unsigned read_networks(const struct v2m_json_node *node)
{
	/* V2Ray 5: {"network": ["TCP", "UDP"]}. */
	struct v2m_json_node inner = v2m_json_member(node, "network");
	const json_t *list = inner.value ? inner.value : node->value;
	unsigned networks = networks_in(json_string_value(list));

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		networks |= text ? network_bit(text, strlen(text)) : 0;
	}
	return networks;
}

/* The member that names the networks beside the streams; Xray's older names win. */
static struct v2m_json_node find_networks(const struct v2m_json_node *settings)
{
	static const char *const names[] = { "network", "allowedNetwork", "networks" };
	struct v2m_json_node node = v2m_json_member(settings, names[0]);

	for (size_t i = 1; !node.value && i < V2M_ARRAY_LEN(names); i++)
		node = v2m_json_member(settings, names[i]);
	return node;
}

static bool is_socks(const char *protocol)
{
	static const char *const socks[] = { "socks", "mixed" };

	return is_one_of(protocol, socks, V2M_ARRAY_LEN(socks));
}

static bool wants_udp(const struct v2m_json_node *settings)
{
	struct v2m_json_node udp = v2m_json_member(settings, "udp");
	struct v2m_json_node enabled = v2m_json_member(settings, "udpEnabled");

	return json_is_true(udp.value) || json_is_true(enabled.value);
}

bool v2m_v2ray_is_socks_udp(const struct v2m_json_node *inbound)
{
	struct v2m_json_node settings = v2m_json_member(inbound, "settings");

	return is_socks(text_of(inbound, "protocol")) && wants_udp(&settings);
}

/* Some proxies also serve networks beside the streams of stream_transport(). */
unsigned v2m_v2ray_transports(const struct v2m_json_node *inbound)
{
	static const char *const lists_networks[] = { "shadowsocks", "dokodemo-door", "tunnel" };
	static const char *const datagrams[] = { "hysteria", "hysteria2", "wireguard", "tuic" };
	const char *protocol = text_of(inbound, "protocol");
	bool has_list = is_one_of(protocol, lists_networks, V2M_ARRAY_LEN(lists_networks));
	struct v2m_json_node settings = v2m_json_member(inbound, "settings");
	struct v2m_json_node networks = find_networks(&settings);
	struct v2m_json_node stream_settings = v2m_json_member(inbound, "streamSettings");
	unsigned stream = stream_transport(&stream_settings);
	unsigned named;

	if (is_one_of(protocol, datagrams, V2M_ARRAY_LEN(datagrams)))
		return V2M_UDP;
	/* Older files have "udp" in place of "network". */
	if ((is_socks(protocol) || has_list) && wants_udp(&settings))
		return stream | V2M_UDP;
	if (!has_list || !networks.value)
		return stream;
	named = read_networks(&networks);
	return (named & V2M_TCP ? stream : 0) | (named & V2M_UDP);
}

static bool accepts_proxy_protocol(const struct v2m_json_node *stream)
{
	static const char *const members[] = { "sockopt", "tcpSettings", "rawSettings" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(members); i++) {
		struct v2m_json_node settings = v2m_json_member(stream, members[i]);
		struct v2m_json_node accepts = v2m_json_member(&settings, "acceptProxyProtocol");

		if (accepts.value && !json_is_false(accepts.value))
			return true;
	}
	return false;
}

/* Users without the member have level 0. */
static bool has_level(const json_t *user)
{
	const json_t *level = json_object_get(user, "level");

	return level && !(json_is_integer(level) && json_integer_value(level) == 0);
}

/* Xray cuts such a name where it lists users. */
static bool has_cut_email(const json_t *user)
{
	const char *email = json_string_value(json_object_get(user, "email"));

	return email && strstr(email, ">>>");
}

static bool has_unlisted_user(const struct v2m_json_node *settings)
{
	static const char *const lists[] = { "clients", "users" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(lists); i++) {
		struct v2m_json_node list = v2m_json_member(settings, lists[i]);

		for (size_t k = 0; k < json_array_size(list.value); k++)
			if (has_level(json_array_get(list.value, k)) ||
			    has_cut_email(json_array_get(list.value, k)))
				return true;
	}
	return has_level(settings->value) || has_cut_email(settings->value);
}

bool v2m_v2ray_lists_clients(const struct v2m_json_node *inbound)
{
	static const char *const protocols[] = { "vmess", "vless", "trojan", "shadowsocks" };
	static const char *const streams[] = { "tcp", "raw" };
	struct v2m_json_node stream = v2m_json_member(inbound, "streamSettings");
	struct v2m_json_node settings = v2m_json_member(inbound, "settings");
	const char *name = stream_name(&stream);

	return is_one_of(text_of(inbound, "protocol"), protocols, V2M_ARRAY_LEN(protocols)) &&
	       (!name || is_one_of(name, streams, V2M_ARRAY_LEN(streams))) &&
	       !accepts_proxy_protocol(&stream) && !has_unlisted_user(&settings);
}

bool v2m_v2ray_is_loopback(const char *address)
{
	char bare[INET6_ADDRSTRLEN + 2];
	struct in6_addr six;
	struct in_addr four;
	size_t length = strlen(address);

	if (strcasecmp(address, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, address, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	/* V2Ray takes IPv6 addresses with brackets and without. */
	if (length > 2 && length < sizeof(bare) && address[0] == '[') {
		snprintf(bare, sizeof(bare), "%.*s", (int)length - 2, address + 1);
		address = bare;
	}
	if (inet_pton(AF_INET6, address, &six) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}

enum v2m_v2ray_listen v2m_v2ray_listens(const struct v2m_json_node *inbound, const char **address)
{
	const char *listen = text_of(inbound, "listen");

	if (listen && strncmp(listen, "env:", 4) == 0)
		listen = v2m_v2ray_variable(listen + 4);
	*address = listen ? listen : "";
	if (**address == '/' || **address == '@')
		return V2M_LISTEN_UNIX;
	return v2m_v2ray_is_loopback(*address) ? V2M_LISTEN_LOOPBACK : V2M_LISTEN_ANY;
}
