/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_BASE_OWNER_RULE_H
#define V2METER_BASE_OWNER_RULE_H

#include <stdint.h>

#include "v2meter/bpf_abi.h"

/* A key that may own flows, on one transport of a slot that it shares. */
struct v2m_owner_rule {
	uint16_t first_port;         /* of the slot, host byte order */
	uint8_t protocol;            /* IPPROTO_TCP or IPPROTO_UDP */
	char key[V2M_OWNER_KEY_LEN]; /* names the key, see v2m_key_owner_name() */
};

#endif
