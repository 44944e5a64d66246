// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config/alias_terms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/transport.h"

#define PORT_MAX 65535
#define TEXT_LEN 24

static void clear_terms(void *value)
{
	struct v2m_alias_terms *terms = value;

	v2m_array_clear(&terms->list);
	terms->set = false;
}

/* Reads digits. NULL: there are none, or they are no port. */
static const char *read_port(const char *text, uint16_t *port)
{
	size_t digits = strspn(text, "0123456789");
	long number = digits && digits <= 5 ? strtol(text, NULL, 10) : 0;

	if (number < 1 || number > PORT_MAX)
		return NULL;
	*port = (uint16_t)number;
	return text + digits;
}

/* "443", "20000-20100", "443/tcp" or "20000-20100/udp". */
static bool read_ports(const char *text, struct v2m_port_alias *alias)
{
	text = read_port(text, &alias->first_port);
	alias->last_port = alias->first_port;
	if (text && *text == '-')
		text = read_port(text + 1, &alias->last_port);
	if (!text || alias->last_port < alias->first_port)
		return false;
	alias->transports = V2M_TCP | V2M_UDP;
	if (strcmp(text, "/tcp") == 0)
		alias->transports = V2M_TCP;
	else if (strcmp(text, "/udp") == 0)
		alias->transports = V2M_UDP;
	else
		return !*text;
	return true;
}

static bool overlaps(const struct v2m_port_aliases *list, const struct v2m_port_alias *alias)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].transports & alias->transports &&
		    list->items[i].first_port <= alias->last_port &&
		    alias->first_port <= list->items[i].last_port)
			return true;
	return false;
}

static int read_alias(const struct v2m_json_node *node, const char *name,
		      struct v2m_alias_terms *terms, struct v2m_error *error)
{
	struct v2m_json_node member = v2m_json_member(node, name);
	struct v2m_port_alias alias = { 0 };
	long long target;
	int result;

	if (!read_ports(name, &alias))
		return v2m_json_fail(&member, error,
				     "expected a name such as \"443\", \"20000-20100\" or "
				     "\"443/tcp\", with ports from 1 to 65535");
	result = v2m_json_integer(&member, 1, PORT_MAX, &target, error);
	if (result)
		return result;
	alias.target = (uint16_t)target;
	if (alias.first_port == alias.target && alias.last_port == alias.target)
		return v2m_json_fail(&member, error, "the port is sent on to itself");
	if (overlaps(&terms->list, &alias))
		return v2m_json_fail(&member, error, "another name has some of these ports too");
	return v2m_array_add(&terms->list, alias) ? v2m_error_set(error, -ENOMEM, "out of memory")
						  : 0;
}

static int read_terms(const struct v2m_setting *setting, const struct v2m_json_node *node,
		      void *value, struct v2m_error *error)
{
	V2M_CLEANUP(clear_terms) struct v2m_alias_terms made = { .set = true };
	struct v2m_alias_terms *place = value;
	const char *name;
	json_t *member;
	int result = v2m_json_object(node, error);

	(void)setting;
	if (result)
		return result;
	json_object_foreach (node->value, name, member) {
		result = read_alias(node, name, &made, error);
		if (result)
			return result;
	}
	clear_terms(place);
	*place = made;
	made = (struct v2m_alias_terms){ 0 };
	return 0;
}

static json_t *write_terms(const struct v2m_setting *setting, const void *value)
{
	const struct v2m_alias_terms *terms = value;
	json_t *object;

	(void)setting;
	if (!terms->set)
		return json_null();
	object = json_object();
	for (size_t i = 0; i < terms->list.count; i++) {
		const struct v2m_port_alias *alias = &terms->list.items[i];
		const char *transport = alias->transports == V2M_TCP   ? "/tcp"
					: alias->transports == V2M_UDP ? "/udp"
								       : "";
		char name[TEXT_LEN];

		if (alias->first_port == alias->last_port)
			snprintf(name, sizeof(name), "%u%s", alias->first_port, transport);
		else
			snprintf(name, sizeof(name), "%u-%u%s", alias->first_port, alias->last_port,
				 transport);
		json_object_set_new(object, name, json_integer(alias->target));
	}
	return object;
}

const struct v2m_setting_type v2m_setting_aliases = { read_terms, write_terms, clear_terms };
