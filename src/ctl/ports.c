// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any "20000-50000". */
#define PORT_LEN 24

static const char *write_port(const json_t *port, char text[static PORT_LEN])
{
	if (json_is_integer(port))
		snprintf(text, PORT_LEN, "%" JSON_INTEGER_FORMAT, json_integer_value(port));
	else
		snprintf(text, PORT_LEN, "%s",
			 json_is_string(port) ? json_string_value(port) : "-");
	return text;
}

const char *v2m_ctl_ports(const json_t *key, char text[static V2M_CTL_PORTS_LEN])
{
	const json_t *ports = json_object_get(key, "ports");
	char port[PORT_LEN];
	size_t length = 0;
	size_t i;
	json_t *each;

	if (!json_is_array(ports)) {
		snprintf(text, V2M_CTL_PORTS_LEN, "%s",
			 write_port(json_object_get(key, "port"), port));
		return text;
	}
	text[0] = 0;
	json_array_foreach (ports, i, each) {
		write_port(each, port);
		if (length + strlen(port) + strlen(", , ...") >= V2M_CTL_PORTS_LEN) {
			memcpy(text + length, ", ...", sizeof(", ..."));
			break;
		}
		length += (size_t)sprintf(text + length, "%s%s", i ? ", " : "", port);
	}
	return text;
}

static bool is_port(const json_t *port, const char *wanted)
{
	char text[PORT_LEN];
	char *end;
	long number = strtol(wanted, &end, 10);
	unsigned first;
	unsigned last;

	if (strcmp(write_port(port, text), wanted) == 0)
		return true;
	return *wanted && !*end && json_is_string(port) &&
	       sscanf(text, "%u-%u", &first, &last) == 2 && number >= first && number <= last;
}

bool v2m_ctl_has_port(const json_t *key, const char *wanted)
{
	const json_t *ports = json_object_get(key, "ports");
	const json_t *port = json_object_get(key, "port");
	size_t i;
	json_t *each;

	if (json_is_integer(port) && is_port(port, wanted))
		return true;
	json_array_foreach (ports, i, each)
		if (is_port(each, wanted))
			return true;
	return false;
}
