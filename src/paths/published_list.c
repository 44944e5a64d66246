// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/published_list.h"

#include "base/array.h"

/* As many as ports of keys can be counted. */
#define ALIASES_MAX 4096

static bool is_equal(const struct v2m_port_alias *one, const struct v2m_port_alias *other)
{
	return one->first_port == other->first_port && one->last_port == other->last_port &&
	       one->target == other->target && one->transports == other->transports &&
	       one->origin == other->origin;
}

bool v2m_published_equal(const struct v2m_published *one, const struct v2m_published *other)
{
	if (one->aliases.count != other->aliases.count)
		return false;
	for (size_t i = 0; i < one->aliases.count; i++)
		if (!is_equal(&one->aliases.items[i], &other->aliases.items[i]))
			return false;
	return true;
}

/* docker and others have the same rule for several families and hooks. */
int v2m_published_add(struct v2m_published *published, const struct v2m_port_alias *alias)
{
	struct v2m_port_aliases *list = &published->aliases;

	for (size_t i = 0; i < list->count; i++)
		if (is_equal(&list->items[i], alias)) {
			list->items[i].families |= alias->families;
			return 0;
		}
	if (list->count < ALIASES_MAX)
		return v2m_array_add(list, *alias);
	v2m_error_set(&published->unknown, 0,
		      "NAT rules publish ports of keys under more than %d ports and ranges: what "
		      "passes the others is not counted",
		      ALIASES_MAX);
	return 0;
}

void v2m_published_clear(struct v2m_published *published)
{
	v2m_array_clear(&published->aliases);
	published->unknown.text[0] = 0;
}
