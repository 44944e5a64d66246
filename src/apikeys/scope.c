// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "apikeys/scope.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"

static const struct {
	enum v2m_scope scope;
	const char *name;
} names[] = {
	{ V2M_SCOPE_READ, "read" },
	{ V2M_SCOPE_RESET, "reset" },
	{ V2M_SCOPE_METRICS, "metrics" },
	{ V2M_SCOPE_ADMIN, "admin" },
};

/* 0: it is no scope. */
static unsigned find_scope(const char *word, size_t length)
{
	for (size_t i = 0; i < V2M_ARRAY_LEN(names); i++)
		if (strlen(names[i].name) == length && strncmp(names[i].name, word, length) == 0)
			return names[i].scope;
	return 0;
}

int v2m_scopes_parse(const char *text, unsigned *scopes)
{
	unsigned made = 0;

	for (;;) {
		size_t length = strcspn(text, ",");
		unsigned scope = find_scope(text, length);

		if (!scope)
			return -EINVAL;
		made |= scope;
		if (!text[length])
			break;
		text += length + 1;
	}
	*scopes = made;
	return 0;
}

void v2m_scopes_format(unsigned scopes, char text[static V2M_SCOPES_LEN])
{
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < V2M_ARRAY_LEN(names); i++)
		if (scopes & names[i].scope)
			used += (size_t)snprintf(text + used, V2M_SCOPES_LEN - used, "%s%s",
						 used ? "," : "", names[i].name);
}

const char *v2m_scope_name(enum v2m_scope scope)
{
	for (size_t i = 0; i < V2M_ARRAY_LEN(names); i++)
		if (names[i].scope == scope)
			return names[i].name;
	return "";
}

bool v2m_scopes_include(unsigned scopes, enum v2m_scope needed)
{
	if (needed == V2M_SCOPE_METRICS)
		return scopes & (V2M_SCOPE_METRICS | V2M_SCOPE_READ);
	return scopes & needed;
}
