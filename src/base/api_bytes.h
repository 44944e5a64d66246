/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kind of bytes that fills rx_bytes and tx_bytes of the answers: the setting "api_bytes". */
#ifndef V2METER_BASE_API_BYTES_H
#define V2METER_BASE_API_BYTES_H

enum v2m_api_bytes {
	V2M_API_BYTES_WIRE,
	V2M_API_BYTES_PAYLOAD,
};

#endif
