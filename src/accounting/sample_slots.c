// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/sample_slots.h"

#include "accounting/slot_items.h"
#include "base/transport.h"

uint32_t v2m_sample_slot_number(const struct v2m_port_sample *entry)
{
	return entry->port + (entry->transports == V2M_UDP ? V2M_SLOT_NUMBERS / 2 : 0);
}

uint32_t v2m_sample_slot_index(const struct v2m_sample *sample, const struct v2m_port_sample *entry)
{
	return sample->mode == V2M_MODE_EBPF && entry->transports
		       ? entry->slot
		       : V2M_SLOT_INDEX_OF_PORT(entry->port);
}

/* Whether a is a later counter of the slot of b. */
static bool is_later(const struct v2m_port_sample *a, const struct v2m_port_sample *b)
{
	if (v2m_sample_slot_number(a) != v2m_sample_slot_number(b))
		return false;
	return a->assigned_ns != b->assigned_ns ? a->assigned_ns > b->assigned_ns : a > b;
}

/* The entries of one port are neighbours. */
bool v2m_sample_is_leaving(const struct v2m_sample *sample, size_t i)
{
	const struct v2m_port_sample *entry = &sample->ports[i];

	for (size_t k = i; k > 0 && sample->ports[k - 1].port == entry->port; k--)
		if (is_later(&sample->ports[k - 1], entry))
			return true;
	for (size_t k = i + 1; k < sample->n_ports && sample->ports[k].port == entry->port; k++)
		if (is_later(&sample->ports[k], entry))
			return true;
	return false;
}
