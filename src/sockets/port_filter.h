/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A filter by ports that the kernel runs over its sockets. */
#ifndef V2METER_SOCKETS_PORT_FILTER_H
#define V2METER_SOCKETS_PORT_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sockets/tcp_slots.h"

/* The most ranges of ports in a filter. The kernel takes quadratic time to check a filter: a dump
 * takes 0.3 ms longer with 256 ranges, 5 ms with 1024, 35 ms with 3000. Fewer ranges let more
 * sockets through: a dump of 25,000 sockets on 500 scattered ports, out of 100,000 sockets, takes
 * 49 ms with 1024 ranges, 50 ms with 256, 56 ms with 16. */
#define V2M_PORT_FILTER_MAX_RANGES 256
/* Bytes of the largest filter. */
#define V2M_PORT_FILTER_SIZE (20 * V2M_PORT_FILTER_MAX_RANGES)

/* Writes INET_DIAG_REQ_BYTECODE that accepts all sockets whose port, or whose peer's port, is in
 * the ranges (ascending, never adjacent, at least one). If there are too many ranges, it also
 * accepts the ports in the narrowest gaps. Returns its length in bytes. 0: out of memory. */
size_t v2m_port_filter(const struct v2m_port_range *ranges, size_t n_ranges, bool of_peer,
		       unsigned char code[static V2M_PORT_FILTER_SIZE]);

#endif
