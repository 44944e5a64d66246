// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/address_device.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* The local address without the prefix of an IPv4-mapped one, and its family. */
static const uint8_t *plain_address(const struct v2m_connection *connection, int *family)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	*family = connection->family;
	if (*family == AF_INET6 && memcmp(connection->local, mapped, sizeof(mapped)) == 0) {
		*family = AF_INET;
		return connection->local + sizeof(mapped);
	}
	return connection->local;
}

static bool has_address(const struct ifaddrs *entry, int family, const uint8_t *address)
{
	if (!entry->ifa_addr || entry->ifa_addr->sa_family != family)
		return false;
	if (family == AF_INET)
		return memcmp(&((const struct sockaddr_in *)(const void *)entry->ifa_addr)
				       ->sin_addr,
			      address, sizeof(struct in_addr)) == 0;
	return memcmp(&((const struct sockaddr_in6 *)(const void *)entry->ifa_addr)->sin6_addr,
		      address, sizeof(struct in6_addr)) == 0;
}

bool v2m_address_device(const struct v2m_connection *connection, char name[V2M_DEVICE_NAME_LEN])
{
	struct ifaddrs *list;
	bool found = false;
	int family;
	const uint8_t *address = plain_address(connection, &family);

	if (getifaddrs(&list))
		return false;
	for (const struct ifaddrs *entry = list; entry && !found; entry = entry->ifa_next) {
		found = has_address(entry, family, address);
		if (found)
			snprintf(name, V2M_DEVICE_NAME_LEN, "%s", entry->ifa_name);
	}
	freeifaddrs(list);
	return found;
}
