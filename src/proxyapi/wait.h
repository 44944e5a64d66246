/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Waiting for a socket, never beyond a deadline. */
#ifndef V2METER_PROXYAPI_WAIT_H
#define V2METER_PROXYAPI_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* Waits until the socket can be read, or written if wants_write. deadline_ns is CLOCK_MONOTONIC. 0,
 * -ETIMEDOUT, or -errno of poll(2). */
int v2m_wait_until(int fd, bool wants_write, uint64_t deadline_ns);
/* Waits until a socket that is about to be connected is. 0, -ETIMEDOUT, or -errno of connect(2). */
int v2m_wait_connected(int fd, uint64_t deadline_ns);

#endif
