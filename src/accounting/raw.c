// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/totals.h"
#include "base/sample.h"

struct v2m_raw_port *v2m_raw_find(const struct v2m_raw_ports *ports, uint16_t port,
				  const uint8_t epoch[V2M_EPOCH_LEN])
{
	for (uint32_t index = ports->of_port[port]; index; index = ports->raw[index - 1].next)
		if (memcmp(ports->raw[index - 1].epoch, epoch, V2M_EPOCH_LEN) == 0)
			return &ports->raw[index - 1];
	return NULL;
}

int v2m_raw_reserve(struct v2m_raw_ports *ports, size_t n)
{
	size_t size = ports->size ? ports->size : 64;
	struct v2m_raw_port *grown;

	while (size < ports->count + n)
		size *= 2;
	if (size == ports->size)
		return 0;
	grown = realloc(ports->raw, size * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	ports->raw = grown;
	ports->size = size;
	return 0;
}

void v2m_raw_insert(struct v2m_raw_ports *ports, const struct v2m_raw_port *raw)
{
	struct v2m_raw_port *inserted = &ports->raw[ports->count++];

	*inserted = *raw;
	inserted->next = ports->of_port[raw->raw.port];
	ports->of_port[raw->raw.port] = (uint32_t)ports->count;
}

static bool flow_below(struct v2m_flow a, struct v2m_flow b)
{
	return a.packets < b.packets || a.wire_bytes < b.wire_bytes ||
	       a.payload_bytes < b.payload_bytes;
}

static bool went_backwards(const struct v2m_port_sample *now, const struct v2m_port_sample *then)
{
	return flow_below(now->tcp_rx, then->tcp_rx) || flow_below(now->tcp_tx, then->tcp_tx) ||
	       flow_below(now->udp_rx, then->udp_rx) || flow_below(now->udp_tx, then->udp_tx);
}

/* The epoch of what the sockets have counted of a port since its last exact reading. */
static const uint8_t overlap_epoch[V2M_EPOCH_LEN] = "socket_overlap";

/* Another use of the port in the same epoch, or the same one begun again at zero. */
static bool starts_anew(const struct v2m_port_sample *last, const struct v2m_port_sample *now)
{
	return last->assigned_ns != now->assigned_ns || went_backwards(now, last);
}

static struct v2m_totals port_totals(const struct v2m_port_sample *port)
{
	return (struct v2m_totals){
		.rx = v2m_flow_add(port->tcp_rx, port->udp_rx),
		.tx = v2m_flow_add(port->tcp_tx, port->udp_tx),
	};
}

static bool flow_is_zero(struct v2m_flow flow)
{
	return !flow.packets && !flow.wire_bytes && !flow.payload_bytes;
}

/* What the sockets have counted of a port has been accounted: it is remembered until the programs'
 * counters come back, which may have gone on counting the same bytes. */
static void note_overlap(struct v2m_raw_ports *ports, const struct v2m_raw_port *reading,
			 const struct v2m_totals *delta)
{
	struct v2m_raw_port *overlap = v2m_raw_find(ports, reading->raw.port, overlap_epoch);
	struct v2m_raw_port none = { .raw.port = reading->raw.port };

	if (v2m_totals_are_zero(delta))
		return;
	if (!overlap) {
		memcpy(none.epoch, overlap_epoch, V2M_EPOCH_LEN);
		v2m_raw_insert(ports, &none);
		overlap = v2m_raw_find(ports, reading->raw.port, overlap_epoch);
	}
	overlap->raw.tcp_rx = v2m_flow_add(overlap->raw.tcp_rx, delta->rx);
	overlap->raw.tcp_tx = v2m_flow_add(overlap->raw.tcp_tx, delta->tx);
	overlap->read_us = reading->read_us;
	overlap->dirty = true;
}

static uint64_t beyond(uint64_t now, uint64_t then, uint64_t overlap)
{
	return now - then > overlap ? now - then - overlap : 0;
}

static struct v2m_flow flow_beyond(struct v2m_flow now, struct v2m_flow then,
				   struct v2m_flow overlap)
{
	return (struct v2m_flow){
		.packets = beyond(now.packets, then.packets, overlap.packets),
		.wire_bytes = beyond(now.wire_bytes, then.wire_bytes, overlap.wire_bytes),
		.payload_bytes =
			beyond(now.payload_bytes, then.payload_bytes, overlap.payload_bytes),
	};
}

/* The first reading of the programs' counters after a time of socket statistics. Counters that went
 * on add what the sockets did not see; new ones, which are younger than that time, the whole. True
 * where there had been such a time. */
static bool settle_overlap(struct v2m_raw_ports *ports, const struct v2m_raw_port *last,
			   const struct v2m_port_sample *now, struct v2m_totals *delta)
{
	struct v2m_raw_port *overlap = v2m_raw_find(ports, now->port, overlap_epoch);

	if (!overlap || (flow_is_zero(overlap->raw.tcp_rx) && flow_is_zero(overlap->raw.tcp_tx)))
		return false;
	if (last) {
		*delta = (struct v2m_totals){
			.rx = flow_beyond(now->tcp_rx, last->raw.tcp_rx, overlap->raw.tcp_rx),
			.tx = flow_beyond(now->tcp_tx, last->raw.tcp_tx, overlap->raw.tcp_tx),
		};
		delta->rx = v2m_flow_add(delta->rx, flow_beyond(now->udp_rx, last->raw.udp_rx,
								(struct v2m_flow){ 0 }));
		delta->tx = v2m_flow_add(delta->tx, flow_beyond(now->udp_tx, last->raw.udp_tx,
								(struct v2m_flow){ 0 }));
	}
	overlap->raw.tcp_rx = (struct v2m_flow){ 0 };
	overlap->raw.tcp_tx = (struct v2m_flow){ 0 };
	overlap->dirty = true;
	return true;
}

static void replace(struct v2m_raw_ports *ports, struct v2m_raw_port *last,
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
	struct v2m_raw_port now = { .raw = *port, .read_us = sample->real_us, .dirty = true };
	bool anew = !last || starts_anew(&last->raw, port);
	bool settled = false;

	memcpy(now.epoch, sample->epoch, V2M_EPOCH_LEN);
	*delta = port_totals(port);
	if (!anew)
		*delta = v2m_totals_subtract(*delta, port_totals(&last->raw));
	if (sample->mode == V2M_MODE_EBPF)
		settled = settle_overlap(ports, anew ? NULL : last, port, delta);
	if (!anew && !settled && v2m_totals_are_zero(delta))
		return false;
	replace(ports, last, &now);
	if (sample->mode == V2M_MODE_SOCKET_STATS)
		note_overlap(ports, &now, delta);
	return true;
}

uint32_t v2m_raw_advance_sessions(struct v2m_raw_ports *ports,
				  const struct v2m_port_sessions *reading, int64_t real_us)
{
	struct v2m_raw_port now = {
		.epoch = "sessions",
		.raw = { .port = reading->port,
			 .assigned_ns = reading->assigned_ns,
			 .tcp_rx.packets = reading->opened },
		.read_us = real_us,
		.dirty = true,
	};
	struct v2m_raw_port *last = v2m_raw_find(ports, reading->port, now.epoch);
	bool anew = !last || starts_anew(&last->raw, &now.raw);
	uint64_t opened = anew ? reading->opened : reading->opened - last->raw.tcp_rx.packets;

	if (anew || opened)
		replace(ports, last, &now);
	return (uint32_t)opened;
}
