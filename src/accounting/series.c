// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/series.h"

#include <stdlib.h>
#include <string.h>

#define PORTS     65536
#define STEP_NS   (V2M_SERIES_STEP_S * 1000000000ull)
#define PER_BLOCK 60

/* Ten minutes of one port. */
struct block {
	uint64_t number; /* first step / PER_BLOCK: tells it from an older one in its place */
	struct v2m_rate_point points[PER_BLOCK];
};

struct line {
	uint16_t port; /* 0: free */
	uint64_t assigned_ns;
	uint64_t mono_ns; /* of the last reading */
	uint64_t rx;
	uint64_t tx;
	struct block **blocks; /* a ring; NULL: zeros */
};

struct v2m_series {
	unsigned steps;
	size_t n_blocks;
	uint8_t epoch[V2M_EPOCH_LEN];
	uint64_t first_ns; /* of the first sample; 0: none yet */
	uint64_t mono_ns;  /* of the last one */
	int64_t real_us;
	struct line *lines;
	size_t n_lines;
	uint16_t line_of_port[PORTS]; /* 1 + index; 0: none */
};

struct v2m_series *v2m_series_new(unsigned steps)
{
	struct v2m_series *series = calloc(1, sizeof(*series));

	if (!series)
		return NULL;
	series->steps = steps;
	/* The block that is being filled and the one that is running out count for one. */
	series->n_blocks = steps / PER_BLOCK + 2;
	return series;
}

static void line_clear(const struct v2m_series *series, struct line *line)
{
	for (size_t i = 0; line->blocks && i < series->n_blocks; i++)
		free(line->blocks[i]);
	free(line->blocks);
	memset(line, 0, sizeof(*line));
}

void v2m_series_free(struct v2m_series *series)
{
	if (!series)
		return;
	for (size_t i = 0; i < series->n_lines; i++)
		line_clear(series, &series->lines[i]);
	free(series->lines);
	free(series);
}

static struct line *line_find(const struct v2m_series *series, uint16_t port)
{
	uint16_t index = series->line_of_port[port];

	return index ? &series->lines[index - 1] : NULL;
}

static void line_release(struct v2m_series *series, struct line *line)
{
	series->line_of_port[line->port] = 0;
	line_clear(series, line);
}

/* A place that a vanished port has left, else a new one; *free_from is where to look on. */
static struct line *line_take(struct v2m_series *series, uint16_t port, size_t *free_from)
{
	struct line *grown;

	while (*free_from < series->n_lines && series->lines[*free_from].port)
		(*free_from)++;
	if (*free_from == series->n_lines) {
		grown = realloc(series->lines, (series->n_lines + 64) * sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + series->n_lines, 0, 64 * sizeof(*grown));
		series->lines = grown;
		series->n_lines += 64;
	}
	series->lines[*free_from].port = port;
	series->line_of_port[port] = (uint16_t)(1 + *free_from);
	return &series->lines[*free_from];
}

/* The block of a step, emptied where it held older steps. NULL: out of memory. */
static struct block *block_make(const struct v2m_series *series, struct line *line, uint64_t step)
{
	uint64_t number = step / PER_BLOCK;
	struct block **place;

	if (!line->blocks)
		line->blocks = calloc(series->n_blocks, sizeof(struct block *));
	if (!line->blocks)
		return NULL;
	place = &line->blocks[number % series->n_blocks];
	if (*place && (*place)->number != number)
		memset(*place, 0, sizeof(**place));
	if (!*place)
		*place = calloc(1, sizeof(**place));
	if (*place)
		(*place)->number = number;
	return *place;
}

/* Blocks that nobody will read any more. */
static void drop_old(const struct v2m_series *series, struct line *line)
{
	uint64_t number = series->mono_ns / STEP_NS / PER_BLOCK;

	for (size_t i = 0; line->blocks && i < series->n_blocks; i++) {
		if (!line->blocks[i] || line->blocks[i]->number + series->n_blocks > number)
			continue;
		free(line->blocks[i]);
		line->blocks[i] = NULL;
	}
}

/* Of a gap longer than what is kept, only the end is spread. */
static void spread(const struct v2m_series *series, struct line *line, uint64_t rx, uint64_t tx)
{
	const double length_ns = (double)(series->mono_ns - line->mono_ns);
	const uint64_t last = series->mono_ns / STEP_NS;
	uint64_t step = line->mono_ns / STEP_NS;

	if (last - step > series->steps)
		step = last - series->steps;
	for (; step <= last; step++) {
		uint64_t from = step * STEP_NS > line->mono_ns ? step * STEP_NS : line->mono_ns;
		uint64_t to = (step + 1) * STEP_NS < series->mono_ns ? (step + 1) * STEP_NS
								     : series->mono_ns;
		double share = (double)(to - from) / length_ns / V2M_SERIES_STEP_S;
		struct block *block = to > from ? block_make(series, line, step) : NULL;

		if (!block)
			continue;
		block->points[step % PER_BLOCK].rx_bytes_s += (float)((double)rx * share);
		block->points[step % PER_BLOCK].tx_bytes_s += (float)((double)tx * share);
	}
}

static void add_port(struct v2m_series *series, const struct v2m_port_sample *port,
		     size_t *free_from)
{
	const uint64_t rx = port->tcp_rx.wire_bytes + port->udp_rx.wire_bytes;
	const uint64_t tx = port->tcp_tx.wire_bytes + port->udp_tx.wire_bytes;
	struct line *line = line_find(series, port->port);
	bool known = line != NULL;

	if (!line)
		line = line_take(series, port->port, free_from);
	if (!line)
		return;
	if (known && line->assigned_ns == port->assigned_ns && rx >= line->rx && tx >= line->tx &&
	    rx - line->rx + (tx - line->tx) > 0)
		spread(series, line, rx - line->rx, tx - line->tx);
	drop_old(series, line);
	line->assigned_ns = port->assigned_ns;
	line->mono_ns = series->mono_ns;
	line->rx = rx;
	line->tx = tx;
}

/* Lines whose readings are not of the last sample. */
static void release_vanished(struct v2m_series *series)
{
	for (size_t i = 0; i < series->n_lines; i++)
		if (series->lines[i].port && series->lines[i].mono_ns != series->mono_ns)
			line_release(series, &series->lines[i]);
}

/* The counters are others: what was drawn stays, the readings are worth nothing. */
static void forget_readings(struct v2m_series *series)
{
	for (size_t i = 0; i < series->n_lines; i++) {
		series->lines[i].rx = UINT64_MAX;
		series->lines[i].tx = UINT64_MAX;
	}
}

void v2m_series_add(struct v2m_series *series, const struct v2m_sample *sample)
{
	size_t free_from = 0;

	if (sample->mono_ns <= series->mono_ns)
		return;
	if (memcmp(series->epoch, sample->epoch, V2M_EPOCH_LEN) != 0)
		forget_readings(series);
	memcpy(series->epoch, sample->epoch, V2M_EPOCH_LEN);
	series->mono_ns = sample->mono_ns;
	series->real_us = sample->real_us;
	if (!series->first_ns)
		series->first_ns = sample->mono_ns;
	for (size_t i = 0; i < sample->n_ports; i++)
		add_port(series, &sample->ports[i], &free_from);
	release_vanished(series);
}

void v2m_series_forget(struct v2m_series *series, uint16_t port)
{
	struct line *line = line_find(series, port);

	if (line)
		line_release(series, line);
}

static struct v2m_rate_point point_at(const struct v2m_series *series, const struct line *line,
				      uint64_t step)
{
	const struct v2m_rate_point zero = { 0 };
	const struct block *block;

	if (!line || !line->blocks)
		return zero;
	block = line->blocks[step / PER_BLOCK % series->n_blocks];
	return block && block->number == step / PER_BLOCK ? block->points[step % PER_BLOCK] : zero;
}

size_t v2m_series_port(const struct v2m_series *series, uint16_t port,
		       struct v2m_rate_point *points, size_t max, int64_t *start_us)
{
	const struct line *line = line_find(series, port);
	const uint64_t end = series->mono_ns / STEP_NS;
	/* A step that the first sample fell into is not whole. */
	uint64_t first = (series->first_ns + STEP_NS - 1) / STEP_NS;
	size_t count;

	if (max > series->steps)
		max = series->steps;
	if (first > end)
		first = end;
	if (end - first > max)
		first = end - max;
	count = (size_t)(end - first);
	*start_us = series->real_us - (int64_t)((series->mono_ns - first * STEP_NS) / 1000);
	for (size_t i = 0; i < count; i++)
		points[i] = point_at(series, line, first + i);
	return count;
}
