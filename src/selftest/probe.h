/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Traffic of one kind between both ends of the lab. */
#ifndef V2METER_SELFTEST_PROBE_H
#define V2METER_SELFTEST_PROBE_H

#include <stdint.h>

#include "selftest/lab.h"

struct v2m_probe {
	const char *name; /* for a person: "TCP/IPv4" */
	int family;
	int type; /* SOCK_STREAM or SOCK_DGRAM */
	uint16_t port;
};

/* The payload bytes that one probe sends in each direction. */
#define V2M_PROBE_BYTES (20 * (1 + 100 + 700 + 1400))

/* Sends messages of several sizes from the client to the port, and each of them back. Every message
 * fits into one segment, so no frame stands for several. 0; -ETIMEDOUT if a message does not
 * arrive; or another -errno. */
int v2m_probe_run(const struct v2m_lab *lab, const struct v2m_probe *probe);

#endif
