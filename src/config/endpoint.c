// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

/* -1: it is no port. */
static long parse_port(const char *digits)
{
	long port = 0;

	if (!*digits || (digits[0] == '0' && digits[1]))
		return -1;
	for (; *digits; digits++) {
		if (*digits < '0' || *digits > '9')
			return -1;
		port = 10 * port + (*digits - '0');
		if (port > UINT16_MAX)
			return -1;
	}
	return port;
}

int v2m_endpoint_parse(const char *text, struct sockaddr_in *address)
{
	struct sockaddr_in made = { .sin_family = AF_INET };
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN];
	long port = colon ? parse_port(colon + 1) : -1;

	if (port < 0 || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = 0;
	if (inet_pton(AF_INET, host, &made.sin_addr) != 1)
		return -EINVAL;
	made.sin_port = htons((uint16_t)port);
	*address = made;
	return 0;
}
