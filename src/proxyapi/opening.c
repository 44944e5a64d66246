// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/opening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/macros.h"

/* Unpacks the message in a variable, which is freed when its block ends. The macros only shorten
 * the names that protoc-c makes. */
#define UNPACK(kind, typed) v2m_pb__##kind##__unpack(NULL, (typed)->value.len, (typed)->value.data)
#define FREE_MESSAGE        V2M_CLEANUP(free_message)

static void free_message(void *pointer_to_message)
{
	ProtobufCMessage *message = *(ProtobufCMessage **)pointer_to_message;

	if (message)
		protobuf_c_message_free_unpacked(message, NULL);
}

/* The first field of the accounts of VMess and VLESS is their id, that of WireGuard's is the public
 * key. */
char *v2m_proxy_account_id(const V2mPb__Typed *account)
{
	FREE_MESSAGE V2mPb__IdAccount *found = account ? UNPACK(id_account, account) : NULL;

	return found ? strdup(found->id) : NULL;
}

static int add_users(V2mPb__User **users, size_t n_users, bool has_ids, v2m_proxy_add_user *add,
		     void *context)
{
	int result = 0;

	for (size_t i = 0; i < n_users && !result; i++) {
		V2M_FREE char *id = has_ids ? v2m_proxy_account_id(users[i]->account) : NULL;

		if (has_ids && !id)
			return -EPROTO;
		result = add(context, id, users[i]->email, users[i]->level);
	}
	return result;
}

/* The numbers of the networks in the API. */
static void write_networks(const uint32_t *networks, size_t n_networks,
			   struct v2m_json_writer *json)
{
	v2m_put_open(json, "network", '[');
	for (size_t i = 0; i < n_networks; i++)
		if (networks[i] == 2 || networks[i] == 3)
			v2m_write_string(json, networks[i] == 2 ? "tcp" : "udp");
	v2m_write_close(json, ']');
}

static int read_vmess(const V2mPb__Typed *typed, struct v2m_json_writer *json,
		      v2m_proxy_add_user *add, void *context)
{
	FREE_MESSAGE V2mPb__VmessSettings *settings = UNPACK(vmess_settings, typed);

	(void)json;
	if (!settings)
		return -EPROTO;
	return add_users(settings->users, settings->n_users, true, add, context);
}

static void write_fallbacks(const V2mPb__FallbackSettings *settings, struct v2m_json_writer *json)
{
	v2m_put_open(json, "fallbacks", '[');
	for (size_t i = 0; i < settings->n_fallbacks; i++) {
		v2m_write_open(json, '{');
		v2m_put_string(json, "dest", settings->fallbacks[i]->dest);
		v2m_write_close(json, '}');
	}
	v2m_write_close(json, ']');
}

static int read_with_fallbacks(const V2mPb__Typed *typed, bool has_ids,
			       struct v2m_json_writer *json, v2m_proxy_add_user *add, void *context)
{
	FREE_MESSAGE V2mPb__FallbackSettings *settings = UNPACK(fallback_settings, typed);

	if (!settings)
		return -EPROTO;
	write_fallbacks(settings, json);
	return add_users(settings->users, settings->n_users, has_ids, add, context);
}

static int read_vless(const V2mPb__Typed *typed, struct v2m_json_writer *json,
		      v2m_proxy_add_user *add, void *context)
{
	return read_with_fallbacks(typed, true, json, add, context);
}

static int read_trojan(const V2mPb__Typed *typed, struct v2m_json_writer *json,
		       v2m_proxy_add_user *add, void *context)
{
	return read_with_fallbacks(typed, false, json, add, context);
}

static int read_shadowsocks(const V2mPb__Typed *typed, struct v2m_json_writer *json,
			    v2m_proxy_add_user *add, void *context)
{
	FREE_MESSAGE V2mPb__ShadowsocksSettings *settings = UNPACK(shadowsocks_settings, typed);

	if (!settings)
		return -EPROTO;
	write_networks(settings->networks, settings->n_networks, json);
	return add_users(settings->users, settings->n_users, false, add, context);
}

static int read_shadowsocks_2022(const V2mPb__Typed *typed, struct v2m_json_writer *json,
				 v2m_proxy_add_user *add, void *context)
{
	FREE_MESSAGE V2mPb__Shadowsocks2022Settings *settings =
		UNPACK(shadowsocks2022_settings, typed);

	if (!settings)
		return -EPROTO;
	write_networks(settings->networks, settings->n_networks, json);
	return add(context, NULL, settings->email, 0);
}

static int read_shadowsocks_2022_users(const V2mPb__Typed *typed, struct v2m_json_writer *json,
				       v2m_proxy_add_user *add, void *context)
{
	FREE_MESSAGE V2mPb__Shadowsocks2022UsersSettings *settings =
		UNPACK(shadowsocks2022_users_settings, typed);

	if (!settings)
		return -EPROTO;
	write_networks(settings->networks, settings->n_networks, json);
	return add_users(settings->users, settings->n_users, false, add, context);
}

/* SOCKS and HTTP. */
static int read_accounts(const V2mPb__Typed *typed, struct v2m_json_writer *json,
			 v2m_proxy_add_user *add, void *context)
{
	FREE_MESSAGE V2mPb__AccountsSettings *settings = UNPACK(accounts_settings, typed);
	int result = 0;

	if (!settings)
		return -EPROTO;
	v2m_put_bool(json, "udp", settings->udp);
	for (size_t i = 0; i < settings->n_accounts && !result; i++)
		result = add(context, NULL, settings->accounts[i]->name, 0);
	return result;
}

static int read_hysteria(const V2mPb__Typed *typed, struct v2m_json_writer *json,
			 v2m_proxy_add_user *add, void *context)
{
	FREE_MESSAGE V2mPb__VmessSettings *settings = UNPACK(vmess_settings, typed);

	(void)json;
	if (!settings)
		return -EPROTO;
	return add_users(settings->users, settings->n_users, false, add, context);
}

static int read_wireguard(const V2mPb__Typed *typed, struct v2m_json_writer *json,
			  v2m_proxy_add_user *add, void *context)
{
	FREE_MESSAGE V2mPb__WireguardSettings *settings = UNPACK(wireguard_settings, typed);
	int result = 0;

	(void)json;
	if (!settings)
		return -EPROTO;
	for (size_t i = 0; i < settings->n_peers && !result; i++)
		result = add(context, settings->peers[i]->public_key, "", 0);
	if (!result)
		result = add_users(settings->users, settings->n_users, true, add, context);
	return result;
}

/* 0 or -EPROTO: it is no address. */
static int write_address(const char *name, const V2mPb__Address *address,
			 struct v2m_json_writer *json)
{
	char text[INET6_ADDRSTRLEN];

	if (*address->domain) {
		v2m_put_string(json, name, address->domain);
		return 0;
	}
	if (address->ip.len != 4 && address->ip.len != 16)
		return -EPROTO;
	inet_ntop(address->ip.len == 4 ? AF_INET : AF_INET6, address->ip.data, text, sizeof(text));
	v2m_put_string(json, name, text);
	return 0;
}

static int read_relay(const V2mPb__Typed *typed, struct v2m_json_writer *json,
		      v2m_proxy_add_user *add, void *context)
{
	FREE_MESSAGE V2mPb__RelaySettings *settings = UNPACK(relay_settings, typed);

	(void)add;
	(void)context;
	if (!settings)
		return -EPROTO;
	write_networks(settings->networks, settings->n_networks, json);
	if (settings->port && settings->port <= 65535)
		v2m_put_u64(json, "port", settings->port);
	return settings->address ? write_address("address", settings->address, json) : 0;
}

static const struct v2m_proxy_protocol protocols[] = {
	{ "proxy.vmess.inbound.Config", "vmess", "clients", "id", true, true, read_vmess },
	{ "proxy.vless.inbound.Config", "vless", "clients", "id", true, true, read_vless },
	{ "proxy.trojan.ServerConfig", "trojan", "clients", NULL, true, true, read_trojan },
	{ "proxy.shadowsocks.ServerConfig", "shadowsocks", "clients", NULL, true, true,
	  read_shadowsocks },
	{ "proxy.shadowsocks_2022.ServerConfig", "shadowsocks", "clients", NULL, false, false,
	  read_shadowsocks_2022 },
	{ "proxy.shadowsocks_2022.MultiUserServerConfig", "shadowsocks", "clients", NULL, true,
	  true, read_shadowsocks_2022_users },
	{ "proxy.hysteria.ServerConfig", "hysteria", "clients", NULL, true, false, read_hysteria },
	{ "proxy.wireguard.DeviceConfig", "wireguard", "peers", "publicKey", true, false,
	  read_wireguard },
	{ "proxy.socks.ServerConfig", "socks", "accounts", NULL, false, false, read_accounts },
	{ "proxy.http.ServerConfig", "http", "accounts", NULL, false, false, read_accounts },
	{ "proxy.dokodemo.Config", "dokodemo-door", "clients", NULL, false, false, read_relay },
};

/* Whether the type of V2Ray or Xray has this name. */
static bool type_is(const char *type, const char *name)
{
	static const char *const roots[] = { "xray.", "v2ray.core." };

	for (size_t i = 0; i < V2M_ARRAY_LEN(roots); i++)
		if (strncmp(type, roots[i], strlen(roots[i])) == 0)
			return strcmp(type + strlen(roots[i]), name) == 0;
	return false;
}

const struct v2m_proxy_protocol *v2m_proxy_protocol_of(const char *type)
{
	for (size_t i = 0; i < V2M_ARRAY_LEN(protocols); i++)
		if (type_is(type, protocols[i].type))
			return &protocols[i];
	return NULL;
}

/* A range as "443" or "20000-30000". */
static int write_ports(const V2mPb__PortList *list, struct v2m_json_writer *json)
{
	V2M_FREE char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < list->n_ranges; i++)
		fprintf(out, "%s%u-%u", i ? "," : "", list->ranges[i]->first,
			list->ranges[i]->last);
	if (fclose(out))
		return -ENOMEM;
	v2m_put_string(json, "port", text);
	return 0;
}

static int write_tls(const V2mPb__Typed *typed, struct v2m_json_writer *json)
{
	FREE_MESSAGE V2mPb__Tls *tls = UNPACK(tls, typed);

	if (!tls)
		return -EPROTO;
	v2m_put_string(json, "security", "tls");
	v2m_put_open(json, "tlsSettings", '{');
	if (*tls->server_name)
		v2m_put_string(json, "serverName", tls->server_name);
	v2m_put_open(json, "alpn", '[');
	for (size_t i = 0; i < tls->n_next_protocols; i++)
		v2m_write_string(json, tls->next_protocols[i]);
	v2m_write_close(json, ']');
	v2m_write_close(json, '}');
	return 0;
}

/* Xray fills a short id with zeros, up to eight bytes. */
static void write_short_id(const ProtobufCBinaryData *id, struct v2m_json_writer *json)
{
	char text[2 * 8 + 1] = "";
	size_t length = id->len < 8 ? id->len : 8;

	while (length && !id->data[length - 1])
		length--;
	for (size_t i = 0; i < length; i++)
		snprintf(text + 2 * i, 3, "%02x", id->data[i]);
	v2m_write_string(json, text);
}

static int write_reality(const V2mPb__Typed *typed, struct v2m_json_writer *json)
{
	FREE_MESSAGE V2mPb__Reality *reality = UNPACK(reality, typed);

	if (!reality)
		return -EPROTO;
	v2m_put_string(json, "security", "reality");
	v2m_put_open(json, "realitySettings", '{');
	v2m_put_string(json, "dest", reality->dest);
	v2m_put_open(json, "serverNames", '[');
	for (size_t i = 0; i < reality->n_server_names; i++)
		v2m_write_string(json, reality->server_names[i]);
	v2m_write_close(json, ']');
	v2m_put_open(json, "shortIds", '[');
	for (size_t i = 0; i < reality->n_short_ids; i++)
		write_short_id(&reality->short_ids[i], json);
	v2m_write_close(json, ']');
	v2m_write_close(json, '}');
	return 0;
}

/* Only the settings of the security that is used matter. */
static int write_security(const V2mPb__Stream *stream, struct v2m_json_writer *json)
{
	for (size_t i = 0; i < stream->n_security; i++) {
		const V2mPb__Typed *settings = stream->security[i];

		if (strcmp(settings->type, stream->security_type) != 0)
			continue;
		if (type_is(settings->type, "transport.internet.tls.Config"))
			return write_tls(settings, json);
		if (type_is(settings->type, "transport.internet.reality.Config"))
			return write_reality(settings, json);
	}
	return 0;
}

/* Whether the settings of the transport say so. -EPROTO: they are malformed. */
static int transport_accepts_proxy_protocol(const V2mPb__Stream *stream)
{
	for (size_t i = 0; i < stream->n_transports; i++) {
		const V2mPb__Typed *settings = stream->transports[i]->settings;
		FREE_MESSAGE V2mPb__TcpSettings *tcp = NULL;

		if (!settings || !type_is(settings->type, "transport.internet.tcp.Config"))
			continue;
		tcp = UNPACK(tcp_settings, settings);
		if (!tcp)
			return -EPROTO;
		if (tcp->accept_proxy_protocol)
			return 1;
	}
	return 0;
}

static int write_socket(const V2mPb__Stream *stream, struct v2m_json_writer *json)
{
	int accepts = transport_accepts_proxy_protocol(stream);

	if (accepts < 0)
		return accepts;
	if (stream->socket && stream->socket->accept_proxy_protocol)
		accepts = 1;
	if (!accepts)
		return 0;
	v2m_put_open(json, "sockopt", '{');
	v2m_put_bool(json, "acceptProxyProtocol", true);
	v2m_write_close(json, '}');
	return 0;
}

static int write_stream(const V2mPb__Stream *stream, struct v2m_json_writer *json)
{
	int result;

	v2m_put_open(json, "streamSettings", '{');
	if (*stream->protocol)
		v2m_put_string(json, "network", stream->protocol);
	result = write_security(stream, json);
	if (!result)
		result = write_socket(stream, json);
	v2m_write_close(json, '}');
	return result;
}

int v2m_proxy_write_receiver(const V2mPb__Typed *typed, struct v2m_json_writer *json)
{
	FREE_MESSAGE V2mPb__Receiver *receiver = UNPACK(receiver, typed);
	int result = 0;

	if (!receiver)
		return -EPROTO;
	if (receiver->ports)
		result = write_ports(receiver->ports, json);
	if (!result && receiver->listen)
		result = write_address("listen", receiver->listen, json);
	if (!result && receiver->stream)
		result = write_stream(receiver->stream, json);
	return result;
}
