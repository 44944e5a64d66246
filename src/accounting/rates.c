// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/rates.h"

#include <stdlib.h>
#include <string.h>

#define PORTS    65536
#define NS_PER_S 1000000000ull
/* Readings kept stand at least window / SPACINGS apart; two more make up for the newest one and for
 * the one just before the window. */
#define SPACINGS 32
#define RING     40

struct reading {
	uint64_t mono_ns;
	uint64_t bytes;
};

struct series {
	uint16_t port; /* 0: free */
	uint64_t assigned_ns;
	unsigned first; /* the oldest, in the ring */
	unsigned count;
	struct reading ring[RING];
};

struct v2m_rates {
	uint64_t window_ns;
	uint64_t spacing_ns;
	uint8_t epoch[V2M_EPOCH_LEN];
	uint64_t mono_ns; /* of the last sample */
	struct series *series;
	size_t n_series; /* in use or used before */
	size_t size;
	uint16_t series_of_port[PORTS]; /* 1 + index; 0: none */
};

struct v2m_rates *v2m_rates_new(unsigned window_s)
{
	struct v2m_rates *rates = calloc(1, sizeof(*rates));

	if (!rates)
		return NULL;
	rates->window_ns = window_s * NS_PER_S;
	rates->spacing_ns = rates->window_ns / SPACINGS;
	return rates;
}

void v2m_rates_free(struct v2m_rates *rates)
{
	if (!rates)
		return;
	free(rates->series);
	free(rates);
}

static struct series *series_find(const struct v2m_rates *rates, uint16_t port)
{
	uint16_t index = rates->series_of_port[port];

	return index ? &rates->series[index - 1] : NULL;
}

static void series_release(struct v2m_rates *rates, struct series *series)
{
	rates->series_of_port[series->port] = 0;
	series->port = 0;
}

static bool grow(struct v2m_rates *rates)
{
	size_t size = rates->size ? 2 * rates->size : 16;
	struct series *grown = realloc(rates->series, size * sizeof(*grown));

	if (!grown)
		return false;
	rates->series = grown;
	rates->size = size;
	return true;
}

/* A place that a vanished port has left, else a new one; *free_from is where to look on. */
static struct series *series_take(struct v2m_rates *rates, uint16_t port, size_t *free_from)
{
	struct series *series;

	while (*free_from < rates->n_series && rates->series[*free_from].port)
		(*free_from)++;
	if (*free_from == rates->size && !grow(rates))
		return NULL;
	series = &rates->series[*free_from];
	if (*free_from == rates->n_series)
		rates->n_series++;
	series->port = port;
	series->count = 0;
	rates->series_of_port[port] = (uint16_t)(1 + *free_from);
	return series;
}

static struct reading *reading_at(struct series *series, unsigned i)
{
	return &series->ring[(series->first + i) % RING];
}

static void drop_oldest(struct series *series)
{
	series->first = (series->first + 1) % RING;
	series->count--;
}

/* The newest reading is always the last one taken; it gives way to the next where it stands too
 * close to the one before it. */
static void series_push(const struct v2m_rates *rates, struct series *series, struct reading now)
{
	unsigned count = series->count;

	if (count >= 2 &&
	    reading_at(series, count - 1)->mono_ns - reading_at(series, count - 2)->mono_ns <
		    rates->spacing_ns)
		series->count--;
	else if (count == RING)
		drop_oldest(series);
	*reading_at(series, series->count++) = now;
	/* The oldest is needed as long as the one after it lies within the window. */
	while (series->count > 2 &&
	       reading_at(series, 1)->mono_ns + rates->window_ns <= now.mono_ns)
		drop_oldest(series);
}

static uint64_t wire_bytes(const struct v2m_port_sample *port)
{
	return port->tcp_rx.wire_bytes + port->tcp_tx.wire_bytes + port->udp_rx.wire_bytes +
	       port->udp_tx.wire_bytes;
}

static void add_port(struct v2m_rates *rates, const struct v2m_port_sample *port, uint64_t mono_ns,
		     size_t *free_from)
{
	struct series *series = series_find(rates, port->port);
	const struct reading now = { mono_ns, wire_bytes(port) };

	if (!series)
		series = series_take(rates, port->port, free_from);
	if (!series)
		return;
	if (series->count && (series->assigned_ns != port->assigned_ns ||
			      reading_at(series, series->count - 1)->bytes > now.bytes))
		series->count = 0;
	series->assigned_ns = port->assigned_ns;
	series_push(rates, series, now);
}

/* Both lists of ports are short enough to be walked once a sample. */
static void release_vanished(struct v2m_rates *rates, uint64_t mono_ns)
{
	for (size_t i = 0; i < rates->n_series; i++) {
		struct series *series = &rates->series[i];

		if (series->port && reading_at(series, series->count - 1)->mono_ns != mono_ns)
			series_release(rates, series);
	}
}

static void forget_all(struct v2m_rates *rates)
{
	for (size_t i = 0; i < rates->n_series; i++)
		if (rates->series[i].port)
			series_release(rates, &rates->series[i]);
	rates->n_series = 0;
}

void v2m_rates_add(struct v2m_rates *rates, const struct v2m_sample *sample)
{
	size_t free_from = 0;

	if (sample->mono_ns <= rates->mono_ns)
		return;
	if (memcmp(rates->epoch, sample->epoch, V2M_EPOCH_LEN) != 0)
		forget_all(rates);
	memcpy(rates->epoch, sample->epoch, V2M_EPOCH_LEN);
	rates->mono_ns = sample->mono_ns;
	for (size_t i = 0; i < sample->n_ports; i++)
		add_port(rates, &sample->ports[i], sample->mono_ns, &free_from);
	release_vanished(rates, sample->mono_ns);
}

double v2m_rates_port(const struct v2m_rates *rates, uint16_t port)
{
	struct series *series = series_find(rates, port);
	struct reading newest;
	struct reading oldest;

	if (!series || series->count < 2)
		return 0;
	newest = *reading_at(series, series->count - 1);
	oldest = *reading_at(series, 0);
	return (double)(newest.bytes - oldest.bytes) * (double)NS_PER_S /
	       (double)(newest.mono_ns - oldest.mono_ns);
}
