/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* At which ports of this host somebody listens. */
#ifndef V2METER_NOTIFY_LISTENING_H
#define V2METER_NOTIFY_LISTENING_H

#include <stdbool.h>

struct v2m_listening {
	bool tcp[65536]; /* a listening socket */
	bool udp[65536]; /* a bound socket */
};

/* Reads PROC/net/tcp, tcp6, udp and udp6; proc is "/proc" except in tests. 0, or -errno if one of
 * the first pair cannot be read; a host may lack IPv6. */
int v2m_listening_read(const char *proc, struct v2m_listening *listening);

#endif
