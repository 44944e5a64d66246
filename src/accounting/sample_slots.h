/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names the slots of a sample as the account does: by number, see v2m_slot_number(). */
#ifndef V2METER_ACCOUNTING_SAMPLE_SLOTS_H
#define V2METER_ACCOUNTING_SAMPLE_SLOTS_H

#include "base/sample.h"

/* The number of the slot that an entry of the sample counts. */
uint32_t v2m_sample_slot_number(const struct v2m_port_sample *entry);
/* Indices of slots are below this one. */
#define V2M_SLOT_INDICES (2 * 65536u + V2M_OWNERS_LIMIT)
/* Stands for the index of the counter of a port: in socket statistics, in the maps of an earlier
 * version, and in the readings that an earlier version stored of any map. */
#define V2M_SLOT_INDEX_OF_PORT(port) (65536u + (port))
/* Stands for the index of the counter of an owner. */
#define V2M_SLOT_INDEX_OF_OWNER(owner) (2 * 65536u + (owner))
/* The kernel's index of the slot of an entry, or what stands for it. Together with the epoch and
 * assigned_ns it identifies the counter. */
uint32_t v2m_sample_slot_index(const struct v2m_sample *sample,
			       const struct v2m_port_sample *entry);
/* Whether the sample has a later counter of the slot of entry i. This is so for a short time after
 * the kernel got a new counter for the slot. */
bool v2m_sample_is_leaving(const struct v2m_sample *sample, size_t i);

#endif
