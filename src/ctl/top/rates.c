// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/top/rates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_S   8.0
#define FRAMES_MAX 16

struct total {
	char *subject;
	uint64_t rx;
	uint64_t tx;
};

/* The totals of one answer, ascending by subject. */
struct frame {
	double clock_s;
	struct total *totals;
	size_t count;
};

struct v2m_top_rates {
	struct frame frames[FRAMES_MAX]; /* oldest first */
	size_t count;
};

struct v2m_top_rates *v2m_top_rates_new(void)
{
	return calloc(1, sizeof(struct v2m_top_rates));
}

static void clear_frame(struct frame *frame)
{
	for (size_t i = 0; i < frame->count; i++)
		free(frame->totals[i].subject);
	free(frame->totals);
	*frame = (struct frame){ 0 };
}

static void drop_oldest(struct v2m_top_rates *rates)
{
	clear_frame(&rates->frames[0]);
	rates->count--;
	memmove(rates->frames, rates->frames + 1, rates->count * sizeof(rates->frames[0]));
}

void v2m_top_rates_free(struct v2m_top_rates *rates)
{
	while (rates && rates->count)
		drop_oldest(rates);
	free(rates);
}

static int compare_totals(const void *left, const void *right)
{
	const struct total *a = left;
	const struct total *b = right;

	return strcmp(a->subject, b->subject);
}

static int make_frame(const struct v2m_top_rows *rows, struct frame *frame)
{
	frame->clock_s = rows->clock_s;
	frame->totals = calloc(rows->count + 1, sizeof(*frame->totals));
	if (!frame->totals)
		return -ENOMEM;
	for (; frame->count < rows->count; frame->count++) {
		const struct v2m_top_row *row = &rows->items[frame->count];
		struct total *total = &frame->totals[frame->count];

		*total = (struct total){ strdup(row->subject), row->rx, row->tx };
		if (!total->subject) {
			clear_frame(frame);
			return -ENOMEM;
		}
	}
	qsort(frame->totals, frame->count, sizeof(*frame->totals), compare_totals);
	return 0;
}

/* Takes the oldest totals that are not above the present ones: a reset makes them smaller. */
static void fill_row(const struct v2m_top_rates *rates, double clock_s, struct v2m_top_row *row)
{
	for (size_t i = 0; i < rates->count; i++) {
		const struct frame *frame = &rates->frames[i];
		const struct total wanted = { .subject = row->subject };
		const struct total *then = bsearch(&wanted, frame->totals, frame->count,
						   sizeof(wanted), compare_totals);
		double seconds = clock_s - frame->clock_s;

		if (!then || then->rx > row->rx || then->tx > row->tx || seconds <= 0)
			continue;
		row->rx_rate = (double)(row->rx - then->rx) / seconds;
		row->tx_rate = (double)(row->tx - then->tx) / seconds;
		return;
	}
}

int v2m_top_rates_add(struct v2m_top_rates *rates, struct v2m_top_rows *rows)
{
	struct frame frame = { 0 };
	int result;

	while (rates->count && rates->frames[rates->count - 1].clock_s > rows->clock_s)
		drop_oldest(rates);
	/* The second oldest is old enough: the oldest is not needed. */
	while (rates->count > 1 && rows->clock_s - rates->frames[1].clock_s >= WINDOW_S)
		drop_oldest(rates);
	for (size_t i = 0; i < rows->count; i++)
		fill_row(rates, rows->clock_s, &rows->items[i]);
	if (rates->count && rates->frames[rates->count - 1].clock_s == rows->clock_s)
		return 0;
	result = make_frame(rows, &frame);
	if (result)
		return result;
	if (rates->count == FRAMES_MAX)
		drop_oldest(rates);
	rates->frames[rates->count++] = frame;
	return 0;
}
