/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_CONFIG_ENDPOINT_H
#define V2METER_CONFIG_ENDPOINT_H

#include <netinet/in.h>

/* Reads an IPv4 "address:port", port 0 to 65535 without leading zeros. 0 or -EINVAL; *address is
 * unchanged then. */
int v2m_endpoint_parse(const char *text, struct sockaddr_in *address);

#endif
