/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A filter on local ports that the kernel runs over its sockets; for src/kernel alone. */
#ifndef V2METER_SOCKETS_PORT_FILTER_H
#define V2METER_SOCKETS_PORT_FILTER_H

#include <stddef.h>
#include <stdint.h>

/* Ranges of ports that a filter may consist of at most: the kernel checks a filter in quadratic
 * time. With 256 ranges a dump takes 0.3 ms longer, with 1024 5 ms, with 3000 35 ms; of 100,000
 * sockets 25,000 on 500 scattered ports take 49 ms with 1024 ranges, 50 ms with 256, 56 ms with 16.
 */
#define V2M_PORT_FILTER_MAX_RANGES 256
/* Bytes of the largest filter. */
#define V2M_PORT_FILTER_SIZE (20 * V2M_PORT_FILTER_MAX_RANGES)

/* Writes INET_DIAG_REQ_BYTECODE that accepts every one of ports (ascending, unique, at least one),
 * and others besides where they lie in too many ranges: the narrowest gaps are then let through.
 * Returns its length in bytes. 0: out of memory. */
size_t v2m_port_filter(const uint16_t *ports, size_t n_ports,
		       unsigned char code[static V2M_PORT_FILTER_SIZE]);

#endif
