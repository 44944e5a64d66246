// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/rates.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/port_items.h"

#define NS_PER_S 1000000000ull
/* Readings kept are at least window / SPACINGS apart. Two more are needed: the newest one, and the
 * one just before the window. */
#define SPACINGS 32
#define RING     40

struct reading {
	uint64_t mono_ns;
	uint64_t bytes;
};

/* The readings of one port that its rate is made from. */
struct port_readings {
	uint16_t port;
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
	struct v2m_port_items ports;
};

struct v2m_rates *v2m_rates_new(unsigned window_s)
{
	struct v2m_rates *rates = calloc(1, sizeof(*rates));

	if (!rates)
		return NULL;
	rates->window_ns = window_s * NS_PER_S;
	rates->spacing_ns = rates->window_ns / SPACINGS;
	rates->ports.item_size = sizeof(struct port_readings);
	return rates;
}

void v2m_rates_free(struct v2m_rates *rates)
{
	if (!rates)
		return;
	v2m_port_items_clear(&rates->ports);
	free(rates);
}

static struct reading *reading_at(struct port_readings *port, unsigned i)
{
	return &port->ring[(port->first + i) % RING];
}

static void drop_oldest_reading(struct port_readings *port)
{
	port->first = (port->first + 1) % RING;
	port->count--;
}

/* The newest reading is always the last one taken. The next one replaces it if it is too close to
 * the one before it. */
static void add_reading(const struct v2m_rates *rates, struct port_readings *port,
			struct reading now)
{
	unsigned count = port->count;

	if (count >= 2 &&
	    reading_at(port, count - 1)->mono_ns - reading_at(port, count - 2)->mono_ns <
		    rates->spacing_ns)
		port->count--;
	else if (count == RING)
		drop_oldest_reading(port);
	*reading_at(port, port->count++) = now;
	/* The oldest is needed as long as the one after it is within the window. */
	while (port->count > 2 && reading_at(port, 1)->mono_ns + rates->window_ns <= now.mono_ns)
		drop_oldest_reading(port);
}

static uint64_t sum_wire_bytes(const struct v2m_port_sample *port)
{
	return port->tcp_rx.wire_bytes + port->tcp_tx.wire_bytes + port->udp_rx.wire_bytes +
	       port->udp_tx.wire_bytes;
}

static void add_port_sample(struct v2m_rates *rates, const struct v2m_port_sample *sample)
{
	struct port_readings *port = v2m_port_items_find(&rates->ports, sample->port);
	const struct reading now = { rates->mono_ns, sum_wire_bytes(sample) };

	if (!port)
		port = v2m_port_items_add(&rates->ports, sample->port);
	if (!port)
		return;
	if (port->count && (port->assigned_ns != sample->assigned_ns ||
			    reading_at(port, port->count - 1)->bytes > now.bytes))
		port->count = 0;
	port->assigned_ns = sample->assigned_ns;
	add_reading(rates, port, now);
}

/* Removes the ports that the last sample did not have. */
static void remove_vanished_ports(struct v2m_rates *rates)
{
	for (size_t i = rates->ports.count; i > 0; i--) {
		struct port_readings *port = v2m_port_items_at(&rates->ports, i - 1);

		if (reading_at(port, port->count - 1)->mono_ns != rates->mono_ns)
			v2m_port_items_remove(&rates->ports, port);
	}
}

void v2m_rates_add(struct v2m_rates *rates, const struct v2m_sample *sample)
{
	if (sample->mono_ns <= rates->mono_ns)
		return;
	if (memcmp(rates->epoch, sample->epoch, V2M_EPOCH_LEN) != 0)
		v2m_port_items_clear(&rates->ports);
	memcpy(rates->epoch, sample->epoch, V2M_EPOCH_LEN);
	rates->mono_ns = sample->mono_ns;
	for (size_t i = 0; i < sample->n_ports; i++)
		add_port_sample(rates, &sample->ports[i]);
	remove_vanished_ports(rates);
}

double v2m_rates_port(const struct v2m_rates *rates, uint16_t port)
{
	struct port_readings *found = v2m_port_items_find(&rates->ports, port);
	struct reading newest;
	struct reading oldest;

	if (!found || found->count < 2)
		return 0;
	newest = *reading_at(found, found->count - 1);
	oldest = *reading_at(found, 0);
	return (double)(newest.bytes - oldest.bytes) * (double)NS_PER_S /
	       (double)(newest.mono_ns - oldest.mono_ns);
}
