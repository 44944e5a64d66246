// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rates/rate_history.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/sample_slots.h"
#include "accounting/slot_items.h"

#define STEP_NS   (V2M_RATE_HISTORY_STEP_S * 1000000000ull)
#define PER_BLOCK 60

/* Ten minutes of one slot. */
struct block {
	/* Step number of the first point, divided by PER_BLOCK. It differs from that of an older
	 * block in the same place. */
	uint64_t number;
	struct v2m_rate_point points[PER_BLOCK];
};

struct slot_rates {
	uint32_t slot_number;
	uint64_t assigned_ns;
	uint64_t mono_ns; /* of the last reading */
	uint64_t rx;
	uint64_t tx;
	struct block **blocks; /* a ring; NULL stands for zeros */
};

struct v2m_rate_history {
	unsigned steps;
	size_t n_blocks;
	uint8_t epoch[V2M_EPOCH_LEN];
	uint64_t first_ns; /* of the first sample; 0: none yet */
	uint64_t mono_ns;  /* of the last sample */
	int64_t real_us;
	struct v2m_slot_items slots;
};

struct v2m_rate_history *v2m_rate_history_new(unsigned steps)
{
	struct v2m_rate_history *history = calloc(1, sizeof(*history));

	if (!history)
		return NULL;
	history->steps = steps;
	/* The block that is filled now and the oldest one are both incomplete. */
	history->n_blocks = steps / PER_BLOCK + 2;
	history->slots.item_size = sizeof(struct slot_rates);
	return history;
}

static void free_blocks(const struct v2m_rate_history *history, struct slot_rates *slot)
{
	for (size_t i = 0; slot->blocks && i < history->n_blocks; i++)
		free(slot->blocks[i]);
	free(slot->blocks);
	slot->blocks = NULL;
}

void v2m_rate_history_free(struct v2m_rate_history *history)
{
	if (!history)
		return;
	for (size_t i = 0; i < history->slots.count; i++)
		free_blocks(history, v2m_slot_items_at(&history->slots, i));
	v2m_slot_items_clear(&history->slots);
	free(history);
}

static void remove_slot(struct v2m_rate_history *history, struct slot_rates *slot)
{
	free_blocks(history, slot);
	v2m_slot_items_remove(&history->slots, slot);
}

/* The block of a step; one that held older steps is emptied. NULL: out of memory. */
static struct block *make_block(const struct v2m_rate_history *history, struct slot_rates *slot,
				uint64_t step)
{
	uint64_t number = step / PER_BLOCK;
	struct block **place;

	if (!slot->blocks)
		slot->blocks = calloc(history->n_blocks, sizeof(struct block *));
	if (!slot->blocks)
		return NULL;
	place = &slot->blocks[number % history->n_blocks];
	if (*place && (*place)->number != number)
		memset(*place, 0, sizeof(**place));
	if (!*place)
		*place = calloc(1, sizeof(**place));
	if (*place)
		(*place)->number = number;
	return *place;
}

/* Frees the blocks that are too old to be read. */
static void free_old_blocks(const struct v2m_rate_history *history, struct slot_rates *slot)
{
	uint64_t number = history->mono_ns / STEP_NS / PER_BLOCK;

	for (size_t i = 0; slot->blocks && i < history->n_blocks; i++) {
		if (!slot->blocks[i] || slot->blocks[i]->number + history->n_blocks > number)
			continue;
		free(slot->blocks[i]);
		slot->blocks[i] = NULL;
	}
}

/* Spreads bytes over the steps since the slot's last reading. If that was longer ago than is kept,
 * only the end is spread. */
static void spread_bytes(const struct v2m_rate_history *history, struct slot_rates *slot,
			 uint64_t rx, uint64_t tx)
{
	const double length_ns = (double)(history->mono_ns - slot->mono_ns);
	const uint64_t last = history->mono_ns / STEP_NS;
	uint64_t step = slot->mono_ns / STEP_NS;

	if (last - step > history->steps)
		step = last - history->steps;
	for (; step <= last; step++) {
		uint64_t from = step * STEP_NS > slot->mono_ns ? step * STEP_NS : slot->mono_ns;
		uint64_t to = (step + 1) * STEP_NS < history->mono_ns ? (step + 1) * STEP_NS
								      : history->mono_ns;
		double share = (double)(to - from) / length_ns / V2M_RATE_HISTORY_STEP_S;
		struct block *block = to > from ? make_block(history, slot, step) : NULL;

		if (!block)
			continue;
		block->points[step % PER_BLOCK].rx_bytes_s += (float)((double)rx * share);
		block->points[step % PER_BLOCK].tx_bytes_s += (float)((double)tx * share);
	}
}

static void add_entry(struct v2m_rate_history *history, const struct v2m_port_sample *entry)
{
	const uint32_t slot_number = v2m_sample_slot_number(entry);
	const uint64_t rx = entry->tcp_rx.wire_bytes + entry->udp_rx.wire_bytes;
	const uint64_t tx = entry->tcp_tx.wire_bytes + entry->udp_tx.wire_bytes;
	struct slot_rates *slot = v2m_slot_items_find(&history->slots, slot_number);
	bool known = slot != NULL;

	if (!slot)
		slot = v2m_slot_items_add(&history->slots, slot_number);
	if (!slot)
		return;
	if (known && slot->assigned_ns == entry->assigned_ns && rx >= slot->rx && tx >= slot->tx &&
	    rx - slot->rx + (tx - slot->tx) > 0)
		spread_bytes(history, slot, rx - slot->rx, tx - slot->tx);
	free_old_blocks(history, slot);
	slot->assigned_ns = entry->assigned_ns;
	slot->mono_ns = history->mono_ns;
	slot->rx = rx;
	slot->tx = tx;
}

/* Removes the slots that the last sample did not have. */
static void remove_vanished_slots(struct v2m_rate_history *history)
{
	for (size_t i = history->slots.count; i > 0; i--) {
		struct slot_rates *slot = v2m_slot_items_at(&history->slots, i - 1);

		if (slot->mono_ns != history->mono_ns)
			remove_slot(history, slot);
	}
}

/* The counters are new ones: the next readings cannot be compared with the last. Rates stay. */
static void forget_readings(struct v2m_rate_history *history)
{
	for (size_t i = 0; i < history->slots.count; i++) {
		struct slot_rates *slot = v2m_slot_items_at(&history->slots, i);

		slot->rx = UINT64_MAX;
		slot->tx = UINT64_MAX;
	}
}

void v2m_rate_history_add(struct v2m_rate_history *history, const struct v2m_sample *sample)
{
	if (sample->mono_ns <= history->mono_ns)
		return;
	if (memcmp(history->epoch, sample->epoch, V2M_EPOCH_LEN) != 0)
		forget_readings(history);
	memcpy(history->epoch, sample->epoch, V2M_EPOCH_LEN);
	history->mono_ns = sample->mono_ns;
	history->real_us = sample->real_us;
	if (!history->first_ns)
		history->first_ns = sample->mono_ns;
	for (size_t i = 0; i < sample->n_ports; i++)
		if (!v2m_sample_is_leaving(sample, i))
			add_entry(history, &sample->ports[i]);
	remove_vanished_slots(history);
}

void v2m_rate_history_forget(struct v2m_rate_history *history, uint32_t slot_number)
{
	struct slot_rates *found = v2m_slot_items_find(&history->slots, slot_number);

	if (found)
		remove_slot(history, found);
}

static struct v2m_rate_point point_at(const struct v2m_rate_history *history,
				      const struct slot_rates *slot, uint64_t step)
{
	const struct v2m_rate_point zero = { 0 };
	const struct block *block;

	if (!slot || !slot->blocks)
		return zero;
	block = slot->blocks[step / PER_BLOCK % history->n_blocks];
	return block && block->number == step / PER_BLOCK ? block->points[step % PER_BLOCK] : zero;
}

size_t v2m_rate_history_slot(const struct v2m_rate_history *history, uint32_t slot_number,
			     struct v2m_rate_point *points, size_t max, int64_t *start_us)
{
	const struct slot_rates *found = v2m_slot_items_find(&history->slots, slot_number);
	const uint64_t end = history->mono_ns / STEP_NS;
	/* The step in which the first sample was taken is incomplete. */
	uint64_t first = (history->first_ns + STEP_NS - 1) / STEP_NS;
	size_t count;

	if (max > history->steps)
		max = history->steps;
	if (first > end)
		first = end;
	if (end - first > max)
		first = end - max;
	count = (size_t)(end - first);
	*start_us = history->real_us - (int64_t)((history->mono_ns - first * STEP_NS) / 1000);
	for (size_t i = 0; i < count; i++)
		points[i] = point_at(history, found, first + i);
	return count;
}
