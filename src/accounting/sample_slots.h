/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names the slots of a sample as the account does: by number, see v2m_slot_number(). */
#ifndef V2METER_ACCOUNTING_SAMPLE_SLOTS_H
#define V2METER_ACCOUNTING_SAMPLE_SLOTS_H

#include "base/sample.h"

/* The number of the slot that an entry of the sample counts. */
uint32_t v2m_sample_slot_number(const struct v2m_port_sample *entry);
/* The kernel's index of the slot of an entry. Together with the epoch and assigned_ns it identifies
 * the counter. Socket statistics and the maps of an earlier version have no such index: the first
 * port stands for it. */
uint16_t v2m_sample_slot_index(const struct v2m_sample *sample,
			       const struct v2m_port_sample *entry);
/* Whether the sample has a later counter of the slot of entry i. This is so for a short time after
 * the kernel got a new counter for the slot. */
bool v2m_sample_is_leaving(const struct v2m_sample *sample, size_t i);

#endif
