// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/rate_history.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/port_items.h"

#define STEP_NS   (V2M_RATE_HISTORY_STEP_S * 1000000000ull)
#define PER_BLOCK 60

/* Ten minutes of one port. */
struct block {
	/* Step number of the first point, divided by PER_BLOCK. It differs from that of an older
	 * block in the same place. */
	uint64_t number;
	struct v2m_rate_point points[PER_BLOCK];
};

struct port_rates {
	uint16_t port;
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
	struct v2m_port_items ports;
};

struct v2m_rate_history *v2m_rate_history_new(unsigned steps)
{
	struct v2m_rate_history *history = calloc(1, sizeof(*history));

	if (!history)
		return NULL;
	history->steps = steps;
	/* The block that is filled now and the oldest one are both incomplete. */
	history->n_blocks = steps / PER_BLOCK + 2;
	history->ports.item_size = sizeof(struct port_rates);
	return history;
}

static void free_blocks(const struct v2m_rate_history *history, struct port_rates *port)
{
	for (size_t i = 0; port->blocks && i < history->n_blocks; i++)
		free(port->blocks[i]);
	free(port->blocks);
	port->blocks = NULL;
}

void v2m_rate_history_free(struct v2m_rate_history *history)
{
	if (!history)
		return;
	for (size_t i = 0; i < history->ports.count; i++)
		free_blocks(history, v2m_port_items_at(&history->ports, i));
	v2m_port_items_clear(&history->ports);
	free(history);
}

static void remove_port(struct v2m_rate_history *history, struct port_rates *port)
{
	free_blocks(history, port);
	v2m_port_items_remove(&history->ports, port);
}

/* The block of a step; one that held older steps is emptied. NULL: out of memory. */
static struct block *make_block(const struct v2m_rate_history *history, struct port_rates *port,
				uint64_t step)
{
	uint64_t number = step / PER_BLOCK;
	struct block **place;

	if (!port->blocks)
		port->blocks = calloc(history->n_blocks, sizeof(struct block *));
	if (!port->blocks)
		return NULL;
	place = &port->blocks[number % history->n_blocks];
	if (*place && (*place)->number != number)
		memset(*place, 0, sizeof(**place));
	if (!*place)
		*place = calloc(1, sizeof(**place));
	if (*place)
		(*place)->number = number;
	return *place;
}

/* Frees the blocks that are too old to be read. */
static void free_old_blocks(const struct v2m_rate_history *history, struct port_rates *port)
{
	uint64_t number = history->mono_ns / STEP_NS / PER_BLOCK;

	for (size_t i = 0; port->blocks && i < history->n_blocks; i++) {
		if (!port->blocks[i] || port->blocks[i]->number + history->n_blocks > number)
			continue;
		free(port->blocks[i]);
		port->blocks[i] = NULL;
	}
}

/* Spreads bytes over the steps since the port's last reading. If that was longer ago than is kept,
 * only the end is spread. */
static void spread_bytes(const struct v2m_rate_history *history, struct port_rates *port,
			 uint64_t rx, uint64_t tx)
{
	const double length_ns = (double)(history->mono_ns - port->mono_ns);
	const uint64_t last = history->mono_ns / STEP_NS;
	uint64_t step = port->mono_ns / STEP_NS;

	if (last - step > history->steps)
		step = last - history->steps;
	for (; step <= last; step++) {
		uint64_t from = step * STEP_NS > port->mono_ns ? step * STEP_NS : port->mono_ns;
		uint64_t to = (step + 1) * STEP_NS < history->mono_ns ? (step + 1) * STEP_NS
								      : history->mono_ns;
		double share = (double)(to - from) / length_ns / V2M_RATE_HISTORY_STEP_S;
		struct block *block = to > from ? make_block(history, port, step) : NULL;

		if (!block)
			continue;
		block->points[step % PER_BLOCK].rx_bytes_s += (float)((double)rx * share);
		block->points[step % PER_BLOCK].tx_bytes_s += (float)((double)tx * share);
	}
}

static void add_port_sample(struct v2m_rate_history *history, const struct v2m_port_sample *sample)
{
	const uint64_t rx = sample->tcp_rx.wire_bytes + sample->udp_rx.wire_bytes;
	const uint64_t tx = sample->tcp_tx.wire_bytes + sample->udp_tx.wire_bytes;
	struct port_rates *port = v2m_port_items_find(&history->ports, sample->port);
	bool known = port != NULL;

	if (!port)
		port = v2m_port_items_add(&history->ports, sample->port);
	if (!port)
		return;
	if (known && port->assigned_ns == sample->assigned_ns && rx >= port->rx && tx >= port->tx &&
	    rx - port->rx + (tx - port->tx) > 0)
		spread_bytes(history, port, rx - port->rx, tx - port->tx);
	free_old_blocks(history, port);
	port->assigned_ns = sample->assigned_ns;
	port->mono_ns = history->mono_ns;
	port->rx = rx;
	port->tx = tx;
}

/* Removes the ports that the last sample did not have. */
static void remove_vanished_ports(struct v2m_rate_history *history)
{
	for (size_t i = history->ports.count; i > 0; i--) {
		struct port_rates *port = v2m_port_items_at(&history->ports, i - 1);

		if (port->mono_ns != history->mono_ns)
			remove_port(history, port);
	}
}

/* The counters are new ones: the next readings cannot be compared with the last. Rates stay. */
static void forget_readings(struct v2m_rate_history *history)
{
	for (size_t i = 0; i < history->ports.count; i++) {
		struct port_rates *port = v2m_port_items_at(&history->ports, i);

		port->rx = UINT64_MAX;
		port->tx = UINT64_MAX;
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
		add_port_sample(history, &sample->ports[i]);
	remove_vanished_ports(history);
}

void v2m_rate_history_forget(struct v2m_rate_history *history, uint16_t port)
{
	struct port_rates *found = v2m_port_items_find(&history->ports, port);

	if (found)
		remove_port(history, found);
}

static struct v2m_rate_point point_at(const struct v2m_rate_history *history,
				      const struct port_rates *port, uint64_t step)
{
	const struct v2m_rate_point zero = { 0 };
	const struct block *block;

	if (!port || !port->blocks)
		return zero;
	block = port->blocks[step / PER_BLOCK % history->n_blocks];
	return block && block->number == step / PER_BLOCK ? block->points[step % PER_BLOCK] : zero;
}

size_t v2m_rate_history_port(const struct v2m_rate_history *history, uint16_t port,
			     struct v2m_rate_point *points, size_t max, int64_t *start_us)
{
	const struct port_rates *found = v2m_port_items_find(&history->ports, port);
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
