// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/raw.h"

#include <stdlib.h>
#include <string.h>

void v2m_raw_init(struct v2m_raw_ports *ports)
{
	ports->overlaps.item_size = sizeof(struct v2m_socket_overlap);
	ports->sessions.item_size = sizeof(struct v2m_accounted_sessions);
}

void v2m_raw_clear(struct v2m_raw_ports *ports)
{
	v2m_port_items_clear(&ports->overlaps);
	v2m_port_items_clear(&ports->sessions);
	v2m_array_clear(&ports->raw);
}

struct v2m_raw_port *v2m_raw_find(const struct v2m_raw_ports *ports, uint16_t port,
				  const uint8_t epoch[V2M_EPOCH_LEN])
{
	for (uint32_t index = ports->of_port[port]; index; index = ports->raw.items[index - 1].next)
		if (memcmp(ports->raw.items[index - 1].epoch, epoch, V2M_EPOCH_LEN) == 0)
			return &ports->raw.items[index - 1];
	return NULL;
}

int v2m_raw_reserve(struct v2m_raw_ports *ports, size_t n)
{
	return v2m_array_reserve(&ports->raw, n);
}

void v2m_raw_insert(struct v2m_raw_ports *ports, const struct v2m_raw_port *raw)
{
	struct v2m_raw_port *inserted = &ports->raw.items[ports->raw.count++];

	*inserted = *raw;
	inserted->next = ports->of_port[raw->raw.port];
	ports->of_port[raw->raw.port] = (uint32_t)ports->raw.count;
}

int v2m_raw_reserve_sample(struct v2m_raw_ports *ports, const struct v2m_sample *sample)
{
	int result = v2m_raw_reserve(ports, sample->n_ports);

	if (result == 0 && sample->mode == V2M_MODE_SOCKET_STATS)
		result = v2m_port_items_reserve(&ports->overlaps, sample->n_ports);
	return result;
}

static bool went_backwards(const struct v2m_port_sample *now, const struct v2m_port_sample *then)
{
	return v2m_flow_is_below(now->tcp_rx, then->tcp_rx) ||
	       v2m_flow_is_below(now->tcp_tx, then->tcp_tx) ||
	       v2m_flow_is_below(now->udp_rx, then->udp_rx) ||
	       v2m_flow_is_below(now->udp_tx, then->udp_tx);
}

/* True if the two readings are not of one counter, or if the counter began again at zero. */
static bool starts_anew(const struct v2m_port_sample *last, const struct v2m_port_sample *now)
{
	return last->assigned_ns != now->assigned_ns || went_backwards(now, last);
}

static struct v2m_port_sample limit_counters(struct v2m_port_sample port)
{
	port.tcp_rx = v2m_flow_limit(port.tcp_rx);
	port.tcp_tx = v2m_flow_limit(port.tcp_tx);
	port.udp_rx = v2m_flow_limit(port.udp_rx);
	port.udp_tx = v2m_flow_limit(port.udp_tx);
	return port;
}

/* What was counted from one reading of a counter to the next; last NULL: since it began at zero. */
static struct v2m_totals count_since(const struct v2m_port_sample *now,
				     const struct v2m_port_sample *last)
{
	static const struct v2m_port_sample zero;

	last = last ? last : &zero;
	return (struct v2m_totals){
		.rx = v2m_flow_add(v2m_flow_subtract(now->tcp_rx, last->tcp_rx),
				   v2m_flow_subtract(now->udp_rx, last->udp_rx)),
		.tx = v2m_flow_add(v2m_flow_subtract(now->tcp_tx, last->tcp_tx),
				   v2m_flow_subtract(now->udp_tx, last->udp_tx)),
	};
}

/* Adds to what the sockets have counted of a port since its last exact reading. */
static void note_overlap(struct v2m_raw_ports *ports, uint16_t port, const struct v2m_totals *delta)
{
	struct v2m_socket_overlap *overlap = v2m_port_items_find(&ports->overlaps, port);

	if (v2m_totals_are_zero(delta))
		return;
	if (!overlap)
		overlap = v2m_port_items_add(&ports->overlaps, port);
	overlap->counted = v2m_totals_add(overlap->counted, *delta);
	overlap->dirty = true;
}

/*
 * The first exact reading of a port after a time of socket statistics. Counters that went on add
 * what the sockets did not see; last NULL: new counters are younger than that time and add the
 * whole. True if there had been such a time.
 */
static bool settle_overlap(struct v2m_raw_ports *ports, const struct v2m_port_sample *last,
			   const struct v2m_port_sample *now, struct v2m_totals *delta)
{
	struct v2m_socket_overlap *overlap = v2m_port_items_find(&ports->overlaps, now->port);
	struct v2m_port_sample tcp_seen;

	if (!overlap || v2m_totals_are_zero(&overlap->counted))
		return false;
	if (last) {
		tcp_seen = *last;
		tcp_seen.tcp_rx = v2m_flow_add(last->tcp_rx, overlap->counted.rx);
		tcp_seen.tcp_tx = v2m_flow_add(last->tcp_tx, overlap->counted.tx);
		*delta = count_since(now, &tcp_seen);
	}
	overlap->counted = (struct v2m_totals){ 0 };
	overlap->dirty = true;
	return true;
}

static void replace_reading(struct v2m_raw_ports *ports, struct v2m_raw_port *last,
			    const struct v2m_raw_port *now)
{
	uint32_t next;

	if (!last) {
		v2m_raw_insert(ports, now);
		return;
	}
	next = last->next;
	*last = *now;
	last->next = next;
}

bool v2m_raw_advance(struct v2m_raw_ports *ports, const struct v2m_sample *sample,
		     const struct v2m_port_sample *port, struct v2m_totals *delta)
{
	struct v2m_raw_port *last = v2m_raw_find(ports, port->port, sample->epoch);
	struct v2m_raw_port now = { .raw = limit_counters(*port),
				    .read_us = sample->real_us,
				    .dirty = true };
	bool anew = !last || starts_anew(&last->raw, &now.raw);
	const struct v2m_port_sample *before = anew ? NULL : &last->raw;
	bool settled = false;

	memcpy(now.epoch, sample->epoch, V2M_EPOCH_LEN);
	*delta = count_since(&now.raw, before);
	if (sample->mode == V2M_MODE_EBPF)
		settled = settle_overlap(ports, before, &now.raw, delta);
	if (!anew && !settled && v2m_totals_are_zero(delta))
		return false;
	replace_reading(ports, last, &now);
	if (sample->mode == V2M_MODE_SOCKET_STATS)
		note_overlap(ports, port->port, delta);
	return true;
}

uint32_t v2m_raw_advance_sessions(struct v2m_raw_ports *ports,
				  const struct v2m_port_sessions *reading)
{
	struct v2m_accounted_sessions *item = v2m_port_items_find(&ports->sessions, reading->port);
	bool anew = !item || item->last.assigned_ns != reading->assigned_ns ||
		    reading->opened < item->last.opened;
	uint64_t opened = anew ? reading->opened : reading->opened - item->last.opened;

	if (!anew && !opened)
		return 0;
	if (!item)
		item = v2m_port_items_add(&ports->sessions, reading->port);
	item->last = *reading;
	item->dirty = true;
	return (uint32_t)opened;
}
