// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/slot_order.h"

#include <errno.h>
#include <stdlib.h>

int v2m_slot_order_open(struct v2m_slot_order *order, const struct v2m_slots *slots)
{
	order->slots = slots;
	order->span = calloc(slots->count + 1, sizeof(*order->span));
	return order->span ? 0 : -ENOMEM;
}

void v2m_slot_order_clear(struct v2m_slot_order *order)
{
	free(order->span);
	*order = (struct v2m_slot_order){ 0 };
}

/* The place of the first run that ends at the port or above. */
static size_t first_run(const struct v2m_slot_run *runs, size_t n_runs, uint16_t port)
{
	size_t low = 0;
	size_t high = n_runs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (runs[middle].last_port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void mark_slots(struct v2m_slot_order *order, int layer, const struct v2m_span *span,
		       size_t number)
{
	const struct v2m_slot_run *runs = order->slots->runs[layer];
	size_t n_runs = order->slots->n_runs[layer];

	for (size_t i = first_run(runs, n_runs, span->first_port);
	     i < n_runs && runs[i].first_port <= span->last_port; i++)
		if (!order->span[runs[i].slot])
			order->span[runs[i].slot] = number;
}

static int compare_slots(const void *left, const void *right, void *context)
{
	const size_t *span = context;
	size_t a = *(const size_t *)left;
	size_t b = *(const size_t *)right;
	/* 0, of no span, becomes the largest. */
	size_t span_a = span[a] - 1;
	size_t span_b = span[b] - 1;

	if (span_a != span_b)
		return span_a < span_b ? -1 : 1;
	return a < b ? -1 : a > b;
}

void v2m_slot_order_sort(struct v2m_slot_order *order, const struct v2m_span *spans, size_t n_spans,
			 size_t *places, size_t count)
{
	if (count < 2)
		return;
	for (size_t i = 0; i < n_spans; i++) {
		if (spans[i].transports & V2M_TCP)
			mark_slots(order, 0, &spans[i], i + 1);
		if (spans[i].transports & V2M_UDP)
			mark_slots(order, 1, &spans[i], i + 1);
	}
	qsort_r(places, count, sizeof(*places), compare_slots, order->span);
	/* The marks of other slots in the spans go too. */
	for (size_t i = 0; i < n_spans; i++) {
		for (int layer = 0; layer < 2; layer++) {
			const struct v2m_slot_run *runs = order->slots->runs[layer];
			size_t n_runs = order->slots->n_runs[layer];
			size_t at = first_run(runs, n_runs, spans[i].first_port);

			for (; at < n_runs && runs[at].first_port <= spans[i].last_port; at++)
				order->span[runs[at].slot] = 0;
		}
	}
}
