/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_APIKEYS_SHA256_H
#define V2METER_APIKEYS_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define V2M_SHA256_LEN 32

/* SHA-256 (FIPS 180-4) of some bytes. The time depends on their number alone. Any thread. */
void v2m_sha256(const void *data, size_t length, uint8_t hash[static V2M_SHA256_LEN]);

#endif
