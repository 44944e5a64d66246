/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The address of a proxy's API, as a key source names it: "xray-api://127.0.0.1:10085",
 * "xray-api://[::1]:10085", "xray-api+unix:/run/xray.sock", or "xray-api+unix:@name" for an
 * abstract socket.
 */
#ifndef V2METER_SUPPLY_PROXY_ADDRESS_H
#define V2METER_SUPPLY_PROXY_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/error.h"

struct v2m_proxy_address {
	struct sockaddr_storage storage;
	socklen_t length;
	bool is_local; /* a unix socket, or a loopback address */
};

/* Reads the address of a key source. Host names other than "localhost" are refused: a name could
 * lead anywhere. 0 or -EINVAL. */
int v2m_proxy_address_parse(const char *source, struct v2m_proxy_address *address,
			    struct v2m_error *error);

/* Begins to connect to it, and does not wait. A non-blocking socket that is connected or about to
 * be; -EAGAIN if the proxy does not accept connections; or another -errno. */
int v2m_proxy_address_connect(const struct v2m_proxy_address *address);

#endif
