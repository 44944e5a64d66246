// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/port_set.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS 65536

void v2m_port_set_add(struct v2m_port_set *set, unsigned first, unsigned last)
{
	for (unsigned port = first; port <= last && port < PORTS; port++)
		set->has[port] = true;
}

static bool read_port(const char **at, unsigned *port)
{
	char *end;
	unsigned long number;

	if (!isdigit((unsigned char)**at))
		return false;
	number = strtoul(*at, &end, 10);
	if (number >= PORTS)
		return false;
	*port = (unsigned)number;
	*at = end;
	return true;
}

size_t v2m_port_set_add_text(struct v2m_port_set *set, const char *text)
{
	size_t count = 0;

	for (;; text++) {
		unsigned first;
		unsigned last;

		text += strspn(text, " \t");
		if (!read_port(&text, &first))
			return count;
		last = first;
		if (*text == '-' || *text == ':') {
			text++;
			if (!read_port(&text, &last))
				return count;
		}
		v2m_port_set_add(set, first, last);
		count++;
		text += strspn(text, " \t");
		if (*text != ',')
			return count;
	}
}

static void add_value(struct v2m_port_set *set, const json_t *value)
{
	if (json_is_integer(value) && json_integer_value(value) > 0)
		v2m_port_set_add(set, (unsigned)json_integer_value(value),
				 (unsigned)json_integer_value(value));
	else if (json_is_string(value))
		v2m_port_set_add_text(set, json_string_value(value));
}

void v2m_port_set_add_keys(struct v2m_port_set *set, const json_t *keys)
{
	json_t *key;
	size_t i;

	json_array_foreach (keys, i, key) {
		json_t *port;
		size_t p;

		add_value(set, json_object_get(key, "port"));
		json_array_foreach (json_object_get(key, "ports"), p, port)
			add_value(set, port);
	}
}

bool v2m_port_set_is_empty(const struct v2m_port_set *set)
{
	return !memchr(set->has, true, sizeof(set->has));
}

void v2m_port_set_intersect(struct v2m_port_set *set, const struct v2m_port_set *other)
{
	for (unsigned port = 0; port < PORTS; port++)
		set->has[port] = set->has[port] && other->has[port];
}

void v2m_port_set_subtract(struct v2m_port_set *set, const struct v2m_port_set *other)
{
	for (unsigned port = 0; port < PORTS; port++)
		set->has[port] = set->has[port] && !other->has[port];
}

bool v2m_port_set_format(const struct v2m_port_set *set, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (unsigned port = 0; port < PORTS; port++) {
		unsigned first = port;
		char item[16];
		int length;

		if (!set->has[port])
			continue;
		while (port + 1 < PORTS && set->has[port + 1])
			port++;
		length = first == port
				 ? snprintf(item, sizeof(item), "%s%u", used ? "," : "", first)
				 : snprintf(item, sizeof(item), "%s%u-%u", used ? "," : "", first,
					    port);
		if (used + (size_t)length + 4 > size) {
			snprintf(text + used, size - used, "...");
			return true;
		}
		memcpy(text + used, item, (size_t)length + 1);
		used += (size_t)length;
	}
	return false;
}
