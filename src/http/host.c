// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/host.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LENGTH 253

/* "[2001:db8::1]:9469" */
static bool is_bracketed(const char *host)
{
	const char *end = strchr(host, ']');
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t length;

	if (host[0] != '[' || !end || (end[1] && end[1] != ':'))
		return false;
	length = (size_t)(end - host) - 1;
	if (length >= sizeof(text))
		return false;
	memcpy(text, host + 1, length);
	text[length] = 0;
	return inet_pton(AF_INET6, text, &address) == 1;
}

bool v2m_host_is_ours(const char *host, const struct v2m_strings *names)
{
	char name[NAME_MAX_LENGTH + 2];
	struct in_addr address;
	size_t length;

	if (!host || !*host || is_bracketed(host))
		return true;
	length = strcspn(host, ":");
	if (length >= sizeof(name) || host[length + strspn(host + length, ":0123456789")])
		return false;
	memcpy(name, host, length);
	name[length] = 0;
	if (inet_pton(AF_INET, name, &address) == 1)
		return true;
	/* "example.org." is the same name. */
	if (length && name[length - 1] == '.')
		name[length - 1] = 0;
	if (strcasecmp(name, "localhost") == 0)
		return true;
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], "*") == 0 || strcasecmp(names->items[i], name) == 0)
			return true;
	return false;
}
