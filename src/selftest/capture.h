/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts the frames of single ports at the other end of the wire, without any of our programs. */
#ifndef V2METER_SELFTEST_CAPTURE_H
#define V2METER_SELFTEST_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "selftest/lab.h"

/* The frames of one port number and protocol. */
struct v2m_captured {
	uint16_t port;
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	uint64_t rx_packets;
	uint64_t rx_bytes; /* of frames to the port */
	uint64_t tx_packets;
	uint64_t tx_bytes; /* of frames from the port */
};

/* Begins to capture on the client's device. A descriptor or -errno. */
int v2m_capture_open(const struct v2m_lab *lab);
/* Adds the frames that have come since the last call to the ports. Does not wait. 0 or -errno. */
int v2m_capture_read(int fd, struct v2m_captured *ports, size_t count);

#endif
