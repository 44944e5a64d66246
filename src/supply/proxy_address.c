// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "supply/proxy_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/cleanup.h"

#define TCP_PREFIX  "xray-api://"
#define UNIX_PREFIX "xray-api+unix:"

#define FORMS "\"" TCP_PREFIX "ADDRESS:PORT\", \"" UNIX_PREFIX "/PATH\" or \"" UNIX_PREFIX "@NAME\""

static int refuse(const char *source, const char *why, struct v2m_error *error)
{
	return v2m_error_set(error, -EINVAL, "%.200s: %s: expected " FORMS, source, why);
}

static int parse_unix(const char *source, const char *path, struct v2m_proxy_address *address,
		      struct v2m_error *error)
{
	struct sockaddr_un *socket = (void *)&address->storage;
	size_t length = strlen(path);

	if ((*path != '/' && *path != '@') || length < 2)
		return refuse(source, "no path and no name of a socket", error);
	if (length >= sizeof(socket->sun_path))
		return refuse(source, "the path of a socket has at most 107 bytes", error);
	socket->sun_family = AF_UNIX;
	memcpy(socket->sun_path, path, length);
	address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (*path == '@')
		socket->sun_path[0] = 0;
	else
		address->length++;
	address->is_local = true;
	return 0;
}

static bool parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || number < 1 || number > 65535)
		return false;
	*port = (uint16_t)number;
	return true;
}

static bool set_address(const char *host, uint16_t port, struct v2m_proxy_address *address)
{
	struct sockaddr_in *four = (void *)&address->storage;
	struct sockaddr_in6 *six = (void *)&address->storage;

	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		address->length = sizeof(*four);
		address->is_local = ntohl(four->sin_addr.s_addr) >> 24 == 127;
		return true;
	}
	if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1)
		return false;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	address->length = sizeof(*six);
	address->is_local = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
	return true;
}

static int parse_tcp(const char *source, const char *text, struct v2m_proxy_address *address,
		     struct v2m_error *error)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2] = "";
	uint16_t port;
	size_t length;

	if (!colon || !parse_port(colon + 1, &port))
		return refuse(source, "no port from 1 to 65535", error);
	length = (size_t)(colon - text);
	if (length >= 2 && text[0] == '[' && colon[-1] == ']') {
		text++;
		length -= 2;
	}
	if (length >= sizeof(host))
		return refuse(source, "no IP address", error);
	memcpy(host, text, length);
	if (set_address(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, port, address))
		return 0;
	return refuse(source, "no IP address", error);
}

int v2m_proxy_address_parse(const char *source, struct v2m_proxy_address *address,
			    struct v2m_error *error)
{
	struct v2m_proxy_address parsed = { 0 };
	int result;

	if (strncmp(source, TCP_PREFIX, strlen(TCP_PREFIX)) == 0)
		result = parse_tcp(source, source + strlen(TCP_PREFIX), &parsed, error);
	else if (strncmp(source, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		result = parse_unix(source, source + strlen(UNIX_PREFIX), &parsed, error);
	else
		result = refuse(source, "no address of a proxy's API", error);
	if (!result)
		*address = parsed;
	return result;
}

int v2m_proxy_address_connect(const struct v2m_proxy_address *address)
{
	V2M_CLOSE int fd =
		socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address->storage, address->length) &&
	    errno != EINPROGRESS)
		return -errno;
	return V2M_TAKE_FD(fd);
}
