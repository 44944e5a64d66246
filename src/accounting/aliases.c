// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/aliases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct v2m_table_key key_of_alias(const void *element)
{
	const struct v2m_alias *alias = element;

	return (struct v2m_table_key){ alias->name, strlen(alias->name) };
}

static const struct v2m_table_type aliases_by_name = { sizeof(struct v2m_alias), key_of_alias };

struct v2m_alias *v2m_aliases_find(const struct v2m_aliases *aliases, const char *name)
{
	return v2m_table_find_string(&aliases->table, name);
}

int v2m_aliases_put(struct v2m_aliases *aliases, const char *name, struct v2m_subject *subject)
{
	struct v2m_alias *known = v2m_aliases_find(aliases, name);
	struct v2m_alias made = { .subject = subject, .is_new = true, .dirty = true };

	if (known) {
		known->subject = subject;
		known->is_new = true;
		known->dirty = true;
		return 0;
	}
	made.name = strdup(name);
	aliases->table.type = &aliases_by_name;
	if (!made.name || v2m_table_add(&aliases->table, &made)) {
		free(made.name);
		return -ENOMEM;
	}
	return 0;
}

struct v2m_alias *v2m_aliases_next(const struct v2m_aliases *aliases, const struct v2m_alias *alias)
{
	return v2m_table_next(&aliases->table, alias);
}

void v2m_aliases_redirect(struct v2m_aliases *aliases, const struct v2m_subject *from,
			  struct v2m_subject *to)
{
	struct v2m_alias *alias = NULL;

	while ((alias = v2m_aliases_next(aliases, alias))) {
		if (alias->subject != from)
			continue;
		alias->subject = to;
		alias->dirty = true;
	}
}

void v2m_aliases_clear(struct v2m_aliases *aliases)
{
	struct v2m_alias *alias = NULL;

	while ((alias = v2m_aliases_next(aliases, alias)))
		free(alias->name);
	v2m_table_clear(&aliases->table);
}
