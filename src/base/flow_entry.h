/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_BASE_FLOW_ENTRY_H
#define V2METER_BASE_FLOW_ENTRY_H

#include "v2meter/bpf_abi.h"

/* A flow of a shared slot, as the kernel programs keep it. */
struct v2m_flow_entry {
	struct v2m_flow_key key;
	struct v2m_flow_state state;
};

#endif
