/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connecting and waiting for a socket, never beyond a deadline. */
#ifndef V2METER_PROXYAPI_WAIT_H
#define V2METER_PROXYAPI_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "proxyapi/address.h"

/* Waits until the socket can be read, or written if wants_write. deadline_ns is CLOCK_MONOTONIC. 0,
 * -ETIMEDOUT, or -errno of poll(2). */
int v2m_wait_until(int fd, bool wants_write, uint64_t deadline_ns);
/* Returns a connected non-blocking socket, -ETIMEDOUT, or -errno of socket(2) or connect(2). */
int v2m_connect_until(const struct v2m_proxy_address *address, uint64_t deadline_ns);

#endif
