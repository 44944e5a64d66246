// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_fronts.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "keys/formats/v2ray_inbound.h"

void v2m_v2ray_fronts_clear(struct v2m_v2ray_fronts *fronts)
{
	for (size_t i = 0; i < fronts->count; i++)
		free(fronts->items[i].socket);
	v2m_array_clear(fronts);
}

static bool is_socket(const char *text)
{
	return *text == '/' || *text == '@';
}

/* The port in "8080", "127.0.0.1:8080", "[::1]:8080" or "localhost:8080". 0: there is none. The
 * host is ignored.
 */
static unsigned read_port_of_dest(const char *text)
{
	const char *colon = strrchr(text, ':');
	const char *digits = colon ? colon + 1 : text;
	unsigned long port = strtoul(digits, NULL, 10);

	for (const char *at = digits; *at; at++)
		if (!isdigit((unsigned char)*at))
			return 0;
	return port <= 65535 ? (unsigned)port : 0;
}

/* Adds the fallback with this destination. 0 or -ENOMEM. */
static int add_front(struct v2m_v2ray_fronts *fronts, const json_t *dest, uint16_t front_port)
{
	const char *text = json_string_value(dest);
	struct v2m_v2ray_front front = { .front_port = front_port };

	if (json_is_integer(dest) && json_integer_value(dest) >= 1 &&
	    json_integer_value(dest) <= 65535)
		front.to_port = (uint16_t)json_integer_value(dest);
	else if (text && !is_socket(text))
		front.to_port = (uint16_t)read_port_of_dest(text);
	else if (text && !(front.socket = strdup(text)))
		return -ENOMEM;
	if (!front.to_port && !front.socket)
		return 0;
	if (v2m_array_add(fronts, front)) {
		free(front.socket);
		return -ENOMEM;
	}
	return 0;
}

/* The first port of an inbound. 0: it has none. An error in the port is ignored here, because it is
 * reported when the keys of the inbound are read. */
static uint16_t first_port_of(const struct v2m_v2ray_inbound *inbound)
{
	struct v2m_port_set ports;
	struct v2m_error ignored;
	unsigned first = 1;
	unsigned last;

	if (v2m_v2ray_listens(&inbound->node) == V2M_LISTEN_UNIX || !inbound->port.value ||
	    v2m_v2ray_ports(&inbound->port, &ports, &ignored) ||
	    !v2m_port_set_next_run(&ports, &first, &last))
		return 0;
	return (uint16_t)first;
}

int v2m_v2ray_fronts_find(const struct v2m_v2ray_inbounds *inbounds,
			  struct v2m_v2ray_fronts *fronts)
{
	for (size_t i = 0; i < inbounds->count; i++) {
		const json_t *settings = json_object_get(inbounds->items[i].node.value, "settings");
		const json_t *fallbacks = json_object_get(settings, "fallbacks");
		uint16_t front_port =
			json_array_size(fallbacks) ? first_port_of(&inbounds->items[i]) : 0;
		const json_t *fallback;
		size_t k;

		if (!front_port)
			continue;
		json_array_foreach (fallbacks, k, fallback) {
			if (add_front(fronts, json_object_get(fallback, "dest"), front_port))
				return -ENOMEM;
		}
	}
	return 0;
}

uint16_t v2m_v2ray_front_of_port(const struct v2m_v2ray_fronts *fronts, unsigned port)
{
	for (size_t i = 0; i < fronts->count; i++)
		if (fronts->items[i].to_port == port && fronts->items[i].front_port != port)
			return fronts->items[i].front_port;
	return 0;
}

uint16_t v2m_v2ray_front_of_socket(const struct v2m_v2ray_fronts *fronts,
				   const struct v2m_json_node *inbound)
{
	const char *listen = json_string_value(json_object_get(inbound->value, "listen"));

	for (size_t i = 0; listen && i < fronts->count; i++)
		if (fronts->items[i].socket && strcmp(fronts->items[i].socket, listen) == 0)
			return fronts->items[i].front_port;
	return 0;
}
