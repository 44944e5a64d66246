/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The slots of a sample as the account names them: by number, see v2m_slot_number(). */
#ifndef V2METER_ACCOUNTING_SAMPLE_SLOTS_H
#define V2METER_ACCOUNTING_SAMPLE_SLOTS_H

#include "base/sample.h"

/* The number of the slot that the entry counts. */
uint32_t v2m_sample_slot_number(const struct v2m_port_sample *entry);
/* The kernel's index of the entry's slot: with the epoch and assigned_ns the identity of its
 * counter. Where there is no such index, for socket statistics and the maps of an earlier version,
 * the first port is unique and takes its place. */
uint16_t v2m_sample_slot_index(const struct v2m_sample *sample,
			       const struct v2m_port_sample *entry);
/* Whether a later counter of the same slot is in the sample, because entry number i is on its way
 * out. */
bool v2m_sample_is_leaving(const struct v2m_sample *sample, size_t i);

#endif
