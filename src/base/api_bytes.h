/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The setting "api_bytes": the kind of bytes that rx_bytes and tx_bytes of the answers show. */
#ifndef V2METER_BASE_API_BYTES_H
#define V2METER_BASE_API_BYTES_H

enum v2m_api_bytes {
	V2M_API_BYTES_WIRE,
	V2M_API_BYTES_PAYLOAD,
	V2M_API_BYTES_DELIVERED,
};

#endif
