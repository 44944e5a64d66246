/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tells a server with TLS from one that speaks something else. */
#ifndef V2METER_PROXYAPI_TLS_PROBE_H
#define V2METER_PROXYAPI_TLS_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* Begins a handshake on a connection, which may not be complete yet, and closes it. True: the
 * server answers as TLS does, also if it refuses the handshake. False: it does not answer so until
 * the deadline (CLOCK_MONOTONIC in nanoseconds). */
bool v2m_tls_probe(int fd, uint64_t deadline_ns);

#endif
