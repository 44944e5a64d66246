// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/format.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/transport.h"
#include "base/macros.h"

void v2m_format_bytes(uint64_t bytes, char text[static V2M_FORMAT_BYTES_LEN])
{
	static const char *const units[] = { "KB", "MB", "GB", "TB", "PB" };
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(text, V2M_FORMAT_BYTES_LEN, "%" PRIu64 " B", bytes);
		return;
	}
	while (value >= 1024 && unit + 1 < V2M_ARRAY_LEN(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(text, V2M_FORMAT_BYTES_LEN, "%.2f %s", value, units[unit]);
}

void v2m_format_time(int64_t real_us, char text[static V2M_FORMAT_TIME_LEN])
{
	int64_t us = real_us % 1000000;
	time_t seconds;
	struct tm local;
	size_t length;

	if (us < 0)
		us += 1000000;
	seconds = (time_t)((real_us - us) / 1000000);
	localtime_r(&seconds, &local);
	length = strftime(text, V2M_FORMAT_TIME_LEN, "%Y-%m-%dT%H:%M:%S", &local);
	snprintf(text + length, V2M_FORMAT_TIME_LEN - length, ".%06d", (int)us);
}

/* Writes the digits and a 0, and returns the place of the 0. */
static char *put_number(char *text, unsigned value)
{
	char digits[12];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	memcpy(text, digits + at, sizeof(digits) - at);
	text += sizeof(digits) - at;
	*text = 0;
	return text;
}

/* As inet_ntop(3), which calls snprintf() and takes five times as long. An answer may have 10,000
 * connections. */
static char *put_ipv4(char *text, const uint8_t *address)
{
	for (int i = 0; i < 4; i++) {
		if (i)
			*text++ = '.';
		text = put_number(text, address[i]);
	}
	return text;
}

static char *put_ipv6(char *text, const uint8_t *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(address, mapped, sizeof(mapped)) == 0)
		return put_ipv4(stpcpy(text, "::ffff:"), address + sizeof(mapped));
	inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
	return text + strlen(text);
}

/* ss (iproute2 6.1, misc/ss.c) puts brackets around an address with colons, shows the unspecified
 * IPv6 address as a star, and puts the device of a bound socket behind its local address. */
static void format_endpoint(uint8_t family, const uint8_t *address, const char *device,
			    uint16_t port, char *text)
{
	static const uint8_t unspecified[16];

	_Static_assert(V2M_FORMAT_ENDPOINT_LEN >=
			       sizeof("[]%:65535") + INET6_ADDRSTRLEN + V2M_DEVICE_NAME_LEN,
		       "the longest endpoint fits");
	if (family == AF_INET)
		text = put_ipv4(text, address);
	else if (memcmp(address, unspecified, sizeof(unspecified)) == 0)
		*text++ = '*';
	else
		text = stpcpy(put_ipv6(stpcpy(text, "["), address), "]");
	if (*device)
		text = stpcpy(stpcpy(text, "%"), device);
	*text++ = ':';
	put_number(text, port);
}

void v2m_format_local(const struct v2m_connection *connection,
		      char text[static V2M_FORMAT_ENDPOINT_LEN])
{
	format_endpoint(connection->family, connection->local, connection->device,
			connection->local_port, text);
}

void v2m_format_remote(const struct v2m_connection *connection,
		       char text[static V2M_FORMAT_ENDPOINT_LEN])
{
	format_endpoint(connection->family, connection->remote, "", connection->remote_port, text);
}

const char *v2m_format_transports(unsigned transports)
{
	if (transports == V2M_TCP)
		return "tcp";
	return transports == V2M_UDP ? "udp" : "both";
}

const char *v2m_format_state(uint8_t state)
{
	/* Numbers: include/net/tcp_states.h of the kernel. */
	static const char *const names[] = {
		[1] = "ESTAB",      [2] = "SYN-SENT",  [3] = "SYN-RECV", [4] = "FIN-WAIT-1",
		[5] = "FIN-WAIT-2", [6] = "TIME-WAIT", [7] = "UNCONN",   [8] = "CLOSE-WAIT",
		[9] = "LAST-ACK",   [10] = "LISTEN",   [11] = "CLOSING",
	};

	if (state >= V2M_ARRAY_LEN(names) || !names[state])
		return "UNKNOWN";
	return names[state];
}
