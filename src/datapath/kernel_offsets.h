/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the running kernel keeps what tells to whom a packet belongs. */
#ifndef V2METER_DATAPATH_KERNEL_OFFSETS_H
#define V2METER_DATAPATH_KERNEL_OFFSETS_H

#include "v2meter/bpf_abi.h"

/* Fills in conntrack_offset, bound_offset and bound_mask from the kernel's BTF, which is read once.
 * They stay 0 if the kernel has no BTF or no such member. Called by one thread only. */
void v2m_kernel_offsets_fill(struct v2m_device_config *config);

#endif
