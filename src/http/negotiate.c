// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/negotiate.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *skip_spaces(const char *text)
{
	return text + strspn(text, " \t");
}

/* The next member of a comma-separated list, without the spaces around it; NULL at the end. This is
 * not for entity tags, which may have commas inside. */
static const char *next_member(const char **rest, size_t *length)
{
	const char *start;

	while (**rest && strchr(", \t", **rest))
		(*rest)++;
	if (!**rest)
		return NULL;
	start = *rest;
	*length = strcspn(start, ",");
	*rest = start + *length;
	while (*length && strchr(" \t", start[*length - 1]))
		(*length)--;
	return start;
}

static bool has_name(const char *member, size_t length, const char *name)
{
	return length == strlen(name) && strncasecmp(member, name, length) == 0;
}

/* Whether the parameters of a coding give it the weight 0, which refuses it. parameters points to
 * the
 * ";" in front of them. */
static bool has_weight_zero(const char *parameters, const char *end)
{
	while (parameters < end && *parameters == ';') {
		const char *name = skip_spaces(parameters + 1);
		const char *value = skip_spaces(name + 2);

		if (strncasecmp(name, "q=", 2) == 0)
			return *value == '0' && strchr(";, \t", value[strspn(value, "0.")]);
		parameters = name + strcspn(name, ";");
	}
	return false;
}

bool v2m_accepts_gzip(const char *header)
{
	const char *rest = header ? header : "";
	const char *member;
	bool any = false;
	size_t length;

	while ((member = next_member(&rest, &length))) {
		size_t name = strcspn(member, ";, \t");
		const char *end = member + length;
		const char *parameters = member + name + strspn(member + name, " \t");
		bool refused;

		name = name > length ? length : name;
		refused = parameters < end && has_weight_zero(parameters, end);
		if (has_name(member, name, "gzip") || has_name(member, name, "x-gzip"))
			return !refused;
		if (has_name(member, name, "*"))
			any = !refused;
	}
	return any;
}

bool v2m_etag_matches(const char *header, const char *etag)
{
	const char *rest = header ? header : "";

	if (*skip_spaces(rest) == '*')
		return true;
	while (*rest) {
		const char *end;

		rest += strspn(rest, ", \t");
		if (strncmp(rest, "W/", 2) == 0)
			rest += 2;
		end = *rest == '"' ? strchr(rest + 1, '"') : NULL;
		if (!end)
			return false;
		if ((size_t)(end + 1 - rest) == strlen(etag) &&
		    strncmp(rest, etag, strlen(etag)) == 0)
			return true;
		rest = end + 1;
	}
	return false;
}

bool v2m_asks_for_fresh(const char *header)
{
	const char *rest = header ? header : "";
	const char *member;
	size_t length;

	while ((member = next_member(&rest, &length)))
		if (has_name(member, length, "no-cache"))
			return true;
	return false;
}
