// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/rates.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/sample_slots.h"
#include "accounting/slot_items.h"

#define NS_PER_S 1000000000ull
/* Readings kept are at least window / SPACINGS apart. Two more are needed: the newest one, and the
 * one just before the window. */
#define SPACINGS 32
#define RING     40

struct reading {
	uint64_t mono_ns;
	uint64_t bytes;
};

/* The readings of one slot that its rate is made from. */
struct slot_readings {
	uint32_t slot_number;
	uint64_t assigned_ns;
	unsigned first; /* index of the oldest in the ring */
	unsigned count;
	struct reading ring[RING];
};

struct v2m_rates {
	uint64_t window_ns;
	uint64_t spacing_ns;
	uint8_t epoch[V2M_EPOCH_LEN];
	uint64_t mono_ns; /* of the last sample */
	struct v2m_slot_items slots;
};

struct v2m_rates *v2m_rates_new(unsigned window_s)
{
	struct v2m_rates *rates = calloc(1, sizeof(*rates));

	if (!rates)
		return NULL;
	rates->window_ns = window_s * NS_PER_S;
	rates->spacing_ns = rates->window_ns / SPACINGS;
	rates->slots.item_size = sizeof(struct slot_readings);
	return rates;
}

void v2m_rates_free(struct v2m_rates *rates)
{
	if (!rates)
		return;
	v2m_slot_items_clear(&rates->slots);
	free(rates);
}

static struct reading *reading_at(struct slot_readings *slot, unsigned i)
{
	return &slot->ring[(slot->first + i) % RING];
}

static void drop_oldest_reading(struct slot_readings *slot)
{
	slot->first = (slot->first + 1) % RING;
	slot->count--;
}

/* The newest reading is always the last one taken. The next one replaces it if it is too close to
 * the one before it. */
static void add_reading(const struct v2m_rates *rates, struct slot_readings *slot,
			struct reading now)
{
	unsigned count = slot->count;

	if (count >= 2 &&
	    reading_at(slot, count - 1)->mono_ns - reading_at(slot, count - 2)->mono_ns <
		    rates->spacing_ns)
		slot->count--;
	else if (count == RING)
		drop_oldest_reading(slot);
	*reading_at(slot, slot->count++) = now;
	/* The oldest is needed as long as the one after it is within the window. */
	while (slot->count > 2 && reading_at(slot, 1)->mono_ns + rates->window_ns <= now.mono_ns)
		drop_oldest_reading(slot);
}

static uint64_t sum_wire_bytes(const struct v2m_port_sample *entry)
{
	return entry->tcp_rx.wire_bytes + entry->tcp_tx.wire_bytes + entry->udp_rx.wire_bytes +
	       entry->udp_tx.wire_bytes;
}

static void add_entry(struct v2m_rates *rates, const struct v2m_port_sample *entry)
{
	const uint32_t slot_number = v2m_sample_slot_number(entry);
	struct slot_readings *slot = v2m_slot_items_find(&rates->slots, slot_number);
	const struct reading now = { rates->mono_ns, sum_wire_bytes(entry) };

	if (!slot)
		slot = v2m_slot_items_add(&rates->slots, slot_number);
	if (!slot)
		return;
	if (slot->count && (slot->assigned_ns != entry->assigned_ns ||
			    reading_at(slot, slot->count - 1)->bytes > now.bytes))
		slot->count = 0;
	slot->assigned_ns = entry->assigned_ns;
	add_reading(rates, slot, now);
}

/* Removes the slots that the last sample did not have. */
static void remove_vanished_slots(struct v2m_rates *rates)
{
	for (size_t i = rates->slots.count; i > 0; i--) {
		struct slot_readings *slot = v2m_slot_items_at(&rates->slots, i - 1);

		if (reading_at(slot, slot->count - 1)->mono_ns != rates->mono_ns)
			v2m_slot_items_remove(&rates->slots, slot);
	}
}

void v2m_rates_add(struct v2m_rates *rates, const struct v2m_sample *sample)
{
	if (sample->mono_ns <= rates->mono_ns)
		return;
	if (memcmp(rates->epoch, sample->epoch, V2M_EPOCH_LEN) != 0)
		v2m_slot_items_clear(&rates->slots);
	memcpy(rates->epoch, sample->epoch, V2M_EPOCH_LEN);
	rates->mono_ns = sample->mono_ns;
	for (size_t i = 0; i < sample->n_ports; i++)
		if (!v2m_sample_is_leaving(sample, i))
			add_entry(rates, &sample->ports[i]);
	remove_vanished_slots(rates);
}

double v2m_rates_slot(const struct v2m_rates *rates, uint32_t slot_number)
{
	struct slot_readings *found = v2m_slot_items_find(&rates->slots, slot_number);
	struct reading newest;
	struct reading oldest;

	if (!found || found->count < 2)
		return 0;
	newest = *reading_at(found, found->count - 1);
	oldest = *reading_at(found, 0);
	return (double)(newest.bytes - oldest.bytes) * (double)NS_PER_S /
	       (double)(newest.mono_ns - oldest.mono_ns);
}
