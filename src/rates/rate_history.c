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
	struct v2m_slot_items owners; /* by owner; see bpf_abi.h */
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
	history->owners.item_size = sizeof(struct slot_rates);
	return history;
}

static void free_blocks(const struct v2m_rate_history *history, struct slot_rates *slot)
{
	for (size_t i = 0; slot->blocks && i < history->n_blocks; i++)
		free(slot->blocks[i]);
	free(slot->blocks);
	slot->blocks = NULL;
}

static void clear_list(const struct v2m_rate_history *history, struct v2m_slot_items *list)
{
	for (size_t i = 0; i < list->count; i++)
		free_blocks(history, v2m_slot_items_at(list, i));
	v2m_slot_items_clear(list);
}

void v2m_rate_history_free(struct v2m_rate_history *history)
{
	if (!history)
		return;
	clear_list(history, &history->slots);
	clear_list(history, &history->owners);
	free(history);
}

static void remove_item(const struct v2m_rate_history *history, struct v2m_slot_items *list,
			struct slot_rates *item)
{
	free_blocks(history, item);
	v2m_slot_items_remove(list, item);
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

/* Takes the counts of a slot or an owner at the time of the sample. */
static void add_counts(const struct v2m_rate_history *history, struct v2m_slot_items *list,
		       uint32_t number, uint64_t assigned_ns, uint64_t rx, uint64_t tx)
{
	struct slot_rates *slot = v2m_slot_items_find(list, number);
	bool known = slot != NULL;

	if (!slot)
		slot = v2m_slot_items_add(list, number);
	if (!slot)
		return;
	if (known && slot->assigned_ns == assigned_ns && rx >= slot->rx && tx >= slot->tx &&
	    rx - slot->rx + (tx - slot->tx) > 0)
		spread_bytes(history, slot, rx - slot->rx, tx - slot->tx);
	free_old_blocks(history, slot);
	slot->assigned_ns = assigned_ns;
	slot->mono_ns = history->mono_ns;
	slot->rx = rx;
	slot->tx = tx;
}

static void add_entry(struct v2m_rate_history *history, const struct v2m_port_sample *entry)
{
	add_counts(history, &history->slots, v2m_sample_slot_number(entry), entry->assigned_ns,
		   entry->tcp_rx.wire_bytes + entry->udp_rx.wire_bytes,
		   entry->tcp_tx.wire_bytes + entry->udp_tx.wire_bytes);
}

/* An owner that was assigned anew stands for another key, which must not see these rates. */
static void add_owner(struct v2m_rate_history *history, const struct v2m_owner_sample *owner)
{
	struct slot_rates *known = v2m_slot_items_find(&history->owners, owner->owner);

	if (known && known->assigned_ns != owner->assigned_ns)
		remove_item(history, &history->owners, known);
	add_counts(history, &history->owners, owner->owner, owner->assigned_ns,
		   owner->rx.wire_bytes, owner->tx.wire_bytes);
}

/* Removes the items that the last sample did not have. */
static void remove_vanished(const struct v2m_rate_history *history, struct v2m_slot_items *list)
{
	for (size_t i = list->count; i > 0; i--) {
		struct slot_rates *item = v2m_slot_items_at(list, i - 1);

		if (item->mono_ns != history->mono_ns)
			remove_item(history, list, item);
	}
}

/* The counters are new ones: the next readings cannot be compared with the last. Rates stay. */
static void forget_readings(struct v2m_slot_items *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct slot_rates *slot = v2m_slot_items_at(list, i);

		slot->rx = UINT64_MAX;
		slot->tx = UINT64_MAX;
	}
}

void v2m_rate_history_add(struct v2m_rate_history *history, const struct v2m_sample *sample)
{
	if (sample->mono_ns <= history->mono_ns)
		return;
	if (memcmp(history->epoch, sample->epoch, V2M_EPOCH_LEN) != 0) {
		forget_readings(&history->slots);
		forget_readings(&history->owners);
	}
	memcpy(history->epoch, sample->epoch, V2M_EPOCH_LEN);
	history->mono_ns = sample->mono_ns;
	history->real_us = sample->real_us;
	if (!history->first_ns)
		history->first_ns = sample->mono_ns;
	for (size_t i = 0; i < sample->n_ports; i++)
		if (!v2m_sample_is_leaving(sample, i))
			add_entry(history, &sample->ports[i]);
	for (size_t i = 0; i < sample->n_owners; i++)
		add_owner(history, &sample->owners[i]);
	remove_vanished(history, &history->slots);
	remove_vanished(history, &history->owners);
}

void v2m_rate_history_forget(struct v2m_rate_history *history, uint32_t slot_number)
{
	struct slot_rates *found = v2m_slot_items_find(&history->slots, slot_number);

	if (found)
		remove_item(history, &history->slots, found);
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

/* found may be NULL: zeros. */
static size_t copy_points(const struct v2m_rate_history *history, const struct slot_rates *found,
			  struct v2m_rate_point *points, size_t max, int64_t *start_us)
{
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

size_t v2m_rate_history_slot(const struct v2m_rate_history *history, uint32_t slot_number,
			     struct v2m_rate_point *points, size_t max, int64_t *start_us)
{
	return copy_points(history, v2m_slot_items_find(&history->slots, slot_number), points, max,
			   start_us);
}

size_t v2m_rate_history_owner(const struct v2m_rate_history *history, uint32_t owner,
			      struct v2m_rate_point *points, size_t max, int64_t *start_us)
{
	return copy_points(history, v2m_slot_items_find(&history->owners, owner), points, max,
			   start_us);
}
