// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rates/rates.h"

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
	struct v2m_slot_items owners; /* by owner; see bpf_abi.h */
};

struct v2m_rates *v2m_rates_new(unsigned window_s)
{
	struct v2m_rates *rates = calloc(1, sizeof(*rates));

	if (!rates)
		return NULL;
	rates->window_ns = window_s * NS_PER_S;
	rates->spacing_ns = rates->window_ns / SPACINGS;
	rates->slots.item_size = sizeof(struct slot_readings);
	rates->owners.item_size = sizeof(struct slot_readings);
	return rates;
}

void v2m_rates_free(struct v2m_rates *rates)
{
	if (!rates)
		return;
	v2m_slot_items_clear(&rates->slots);
	v2m_slot_items_clear(&rates->owners);
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

/* Takes the count of a slot or an owner at the time of the sample. */
static void add_count(struct v2m_rates *rates, struct v2m_slot_items *list, uint32_t number,
		      uint64_t assigned_ns, uint64_t bytes)
{
	struct slot_readings *item = v2m_slot_items_find(list, number);

	if (!item)
		item = v2m_slot_items_add(list, number);
	if (!item)
		return;
	if (item->count &&
	    (item->assigned_ns != assigned_ns || reading_at(item, item->count - 1)->bytes > bytes))
		item->count = 0;
	item->assigned_ns = assigned_ns;
	add_reading(rates, item, (struct reading){ rates->mono_ns, bytes });
}

/* Removes the items that the last sample did not have. */
static void remove_vanished(const struct v2m_rates *rates, struct v2m_slot_items *list)
{
	for (size_t i = list->count; i > 0; i--) {
		struct slot_readings *item = v2m_slot_items_at(list, i - 1);

		if (reading_at(item, item->count - 1)->mono_ns != rates->mono_ns)
			v2m_slot_items_remove(list, item);
	}
}

void v2m_rates_add(struct v2m_rates *rates, const struct v2m_sample *sample)
{
	if (sample->mono_ns <= rates->mono_ns)
		return;
	if (memcmp(rates->epoch, sample->epoch, V2M_EPOCH_LEN) != 0) {
		v2m_slot_items_clear(&rates->slots);
		v2m_slot_items_clear(&rates->owners);
	}
	memcpy(rates->epoch, sample->epoch, V2M_EPOCH_LEN);
	rates->mono_ns = sample->mono_ns;
	for (size_t i = 0; i < sample->n_ports; i++)
		if (!v2m_sample_is_leaving(sample, i))
			add_count(rates, &rates->slots, v2m_sample_slot_number(&sample->ports[i]),
				  sample->ports[i].assigned_ns, sum_wire_bytes(&sample->ports[i]));
	for (size_t i = 0; i < sample->n_owners; i++)
		add_count(rates, &rates->owners, sample->owners[i].owner,
			  sample->owners[i].assigned_ns,
			  sample->owners[i].rx.wire_bytes + sample->owners[i].tx.wire_bytes);
	remove_vanished(rates, &rates->slots);
	remove_vanished(rates, &rates->owners);
}

static double rate_of(const struct v2m_slot_items *list, uint32_t number)
{
	struct slot_readings *found = v2m_slot_items_find(list, number);
	struct reading newest;
	struct reading oldest;

	if (!found || found->count < 2)
		return 0;
	newest = *reading_at(found, found->count - 1);
	oldest = *reading_at(found, 0);
	return (double)(newest.bytes - oldest.bytes) * (double)NS_PER_S /
	       (double)(newest.mono_ns - oldest.mono_ns);
}

double v2m_rates_slot(const struct v2m_rates *rates, uint32_t slot_number)
{
	return rate_of(&rates->slots, slot_number);
}

double v2m_rates_owner(const struct v2m_rates *rates, uint32_t owner)
{
	return rate_of(&rates->owners, owner);
}
