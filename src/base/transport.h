/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_BASE_TRANSPORT_H
#define V2METER_BASE_TRANSPORT_H

/* Bits of a set of transports. */
enum v2m_transport {
	V2M_TCP = 1,
	V2M_UDP = 2,
};

#endif
