// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_inbound.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/transport.h"
#include "base/cleanup.h"

#define PORT_FORMS                                                                                 \
	"a port from 1 to 65535, a range \"10001-10010\", a list of them, or \"env:NAME\""

bool v2m_port_set_has(const struct v2m_port_set *set, unsigned port)
{
	return set->bits[port / 8] & 1u << port % 8;
}

bool v2m_port_set_next_run(const struct v2m_port_set *set, unsigned *first, unsigned *last)
{
	while (*first <= 65535 && !v2m_port_set_has(set, *first))
		(*first)++;
	if (*first > 65535)
		return false;
	*last = *first;
	while (*last < 65535 && v2m_port_set_has(set, *last + 1))
		(*last)++;
	return true;
}

static void add_port_range(struct v2m_port_set *set, unsigned first, unsigned last)
{
	for (unsigned port = first; port <= last; port++) {
		if (!v2m_port_set_has(set, port))
			set->count++;
		set->bits[port / 8] |= (uint8_t)(1u << port % 8);
	}
}

/* Reads digits with spaces around them and moves *text behind them. 0: it is no port. */
static unsigned scan_port(const char **text)
{
	unsigned port = 0;

	while (isspace((unsigned char)**text))
		(*text)++;
	for (; isdigit((unsigned char)**text) && port <= 65535; (*text)++)
		port = 10 * port + (unsigned)(**text - '0');
	while (isspace((unsigned char)**text))
		(*text)++;
	return port <= 65535 ? port : 0;
}

/* Adds "443" or "10001-10010". */
static bool add_port_element(const char *text, struct v2m_port_set *set)
{
	unsigned first = scan_port(&text);
	unsigned last = first;

	if (*text == '-') {
		text++;
		last = scan_port(&text);
	}
	if (*text || first == 0 || last < first)
		return false;
	add_port_range(set, first, last);
	return true;
}

/* As in Xray, an element of a list may be a variable. */
static int add_ports_of_variable(const struct v2m_json_node *node, const char *name,
				 struct v2m_port_set *set, struct v2m_error *error)
{
	const char *value = getenv(name);

	if (!value || !*value) {
		struct v2m_place place = v2m_json_node_place(node);

		v2m_log_warning("%s:%u:%u: the environment variable %s is not set: the inbound "
				"is left out",
				node->doc->path, place.line, place.column, name);
		return 1;
	}
	if (!add_port_element(value, set))
		return v2m_json_fail(node, error,
				     "expected a port or a range in the environment variable %s",
				     name);
	return 0;
}

static int add_port_list(const struct v2m_json_node *node, char *list, struct v2m_port_set *set,
			 struct v2m_error *error)
{
	char *rest = list;
	char *element;

	while ((element = strsep(&rest, ","))) {
		element += strspn(element, " \t");
		if (strncmp(element, "env:", 4) == 0) {
			int result = add_ports_of_variable(node, element + 4, set, error);

			if (result)
				return result;
		} else if (*element && !add_port_element(element, set)) {
			return v2m_json_expected(node, error, PORT_FORMS);
		}
	}
	return set->count ? 0 : v2m_json_expected(node, error, PORT_FORMS);
}

int v2m_v2ray_ports(const struct v2m_json_node *port, struct v2m_port_set *set,
		    struct v2m_error *error)
{
	long long number = json_integer_value(port->value);
	V2M_FREE char *list = NULL;

	memset(set, 0, sizeof(*set));
	if (json_is_integer(port->value) && number >= 1 && number <= 65535) {
		add_port_range(set, (unsigned)number, (unsigned)number);
		return 0;
	}
	if (!json_is_string(port->value))
		return v2m_json_expected(port, error, PORT_FORMS);
	list = strdup(json_string_value(port->value));
	if (!list)
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", port->doc->path);
	return add_port_list(port, list, set, error);
}

static bool is_one_of(const char *text, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		if (strcasecmp(text, names[i]) == 0)
			return true;
	return false;
}

/* With h3 as the only protocol of TLS, XHTTP serves HTTP/3, over UDP. */
static bool offers_only_h3(const json_t *stream)
{
	const json_t *alpn = json_object_get(json_object_get(stream, "tlsSettings"), "alpn");
	const char *only = json_string_value(json_is_array(alpn) ? json_array_get(alpn, 0) : alpn);

	return only && strcmp(only, "h3") == 0 &&
	       (json_is_string(alpn) || json_array_size(alpn) == 1);
}

/* The transport that carries the streams of a proxy. */
static unsigned stream_transport(const json_t *stream)
{
	static const char *const over_udp[] = { "kcp", "mkcp", "quic", "hysteria", "hysteria2" };
	static const char *const over_nothing[] = { "ds", "domainsocket" };
	static const char *const over_either[] = { "xhttp", "splithttp" };
	const char *network = json_string_value(json_object_get(stream, "network"));

	/* The name in the newest Xray. */
	if (!network)
		network = json_string_value(json_object_get(stream, "method"));
	if (!network)
		return V2M_TCP;
	if (is_one_of(network, over_nothing, V2M_ARRAY_LEN(over_nothing)))
		return 0;
	if (is_one_of(network, over_udp, V2M_ARRAY_LEN(over_udp)))
		return V2M_UDP;
	if (is_one_of(network, over_either, V2M_ARRAY_LEN(over_either)) && offers_only_h3(stream))
		return V2M_UDP;
	return V2M_TCP;
}

static bool names_network(const json_t *value, const char *network)
{
	const char *text = json_string_value(value);
	const json_t *item;
	size_t i;

	json_array_foreach (value, i, item) {
		if (names_network(item, network))
			return true;
	}
	return text && strcasestr(text, network);
}

/* Some proxies also serve networks beside the streams of stream_transport(). */
unsigned v2m_v2ray_transports(const struct v2m_json_node *inbound)
{
	static const char *const lists_networks[] = { "shadowsocks", "dokodemo-door", "tunnel" };
	static const char *const socks[] = { "socks", "mixed" };
	static const char *const datagrams[] = { "hysteria", "hysteria2", "wireguard" };
	const char *protocol = json_string_value(json_object_get(inbound->value, "protocol"));
	const json_t *settings = json_object_get(inbound->value, "settings");
	const json_t *networks = json_object_get(settings, "network");
	unsigned stream = stream_transport(json_object_get(inbound->value, "streamSettings"));

	if (!protocol)
		return stream;
	if (is_one_of(protocol, datagrams, V2M_ARRAY_LEN(datagrams)))
		return V2M_UDP;
	/* Older files have "udp" in place of "network". */
	if ((is_one_of(protocol, socks, V2M_ARRAY_LEN(socks)) ||
	     is_one_of(protocol, lists_networks, V2M_ARRAY_LEN(lists_networks))) &&
	    json_is_true(json_object_get(settings, "udp")))
		return stream | V2M_UDP;
	if (!is_one_of(protocol, lists_networks, V2M_ARRAY_LEN(lists_networks)) || !networks)
		return stream;
	return (names_network(networks, "tcp") ? stream : 0) |
	       (names_network(networks, "udp") ? V2M_UDP : 0);
}

static bool is_loopback(const char *address)
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

enum v2m_v2ray_listen v2m_v2ray_listens(const struct v2m_json_node *inbound)
{
	const char *listen = json_string_value(json_object_get(inbound->value, "listen"));

	if (listen && strncmp(listen, "env:", 4) == 0)
		listen = getenv(listen + 4);
	if (!listen)
		return V2M_LISTEN_ANY;
	if (*listen == '/' || *listen == '@')
		return V2M_LISTEN_UNIX;
	return is_loopback(listen) ? V2M_LISTEN_LOOPBACK : V2M_LISTEN_ANY;
}
