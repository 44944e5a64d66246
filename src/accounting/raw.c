// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/raw.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/sample_slots.h"
#include "base/transport.h"

void v2m_raw_init(struct v2m_raw_ports *ports)
{
	ports->overlaps.item_size = sizeof(struct v2m_socket_overlap);
	ports->sessions.item_size = sizeof(struct v2m_accounted_sessions);
}

void v2m_raw_clear(struct v2m_raw_ports *ports)
{
	v2m_slot_items_clear(&ports->overlaps);
	v2m_slot_items_clear(&ports->sessions);
	v2m_array_clear(&ports->raw);
}

struct v2m_raw_port *v2m_raw_find(const struct v2m_raw_ports *ports, uint32_t slot,
				  const uint8_t epoch[V2M_EPOCH_LEN])
{
	for (uint32_t index = ports->of_slot[slot]; index; index = ports->raw.items[index - 1].next)
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
	inserted->next = ports->of_slot[raw->raw.slot];
	ports->of_slot[raw->raw.slot] = (uint32_t)ports->raw.count;
}

int v2m_raw_reserve_sample(struct v2m_raw_ports *ports, const struct v2m_sample *sample)
{
	int result = v2m_raw_reserve(ports, sample->n_ports);

	if (result == 0 && sample->mode == V2M_MODE_SOCKET_STATS)
		result = v2m_slot_items_reserve(&ports->overlaps, sample->n_ports);
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

/* The reading to keep. For a transport that is not among the given ones, it is the last reading. */
static struct v2m_port_sample make_reading(const struct v2m_port_sample *entry, unsigned transports,
					   const struct v2m_port_sample *last)
{
	struct v2m_port_sample reading = *entry;

	reading.tcp_rx = transports & V2M_TCP ? v2m_flow_limit(entry->tcp_rx) : last->tcp_rx;
	reading.tcp_tx = transports & V2M_TCP ? v2m_flow_limit(entry->tcp_tx) : last->tcp_tx;
	reading.udp_rx = transports & V2M_UDP ? v2m_flow_limit(entry->udp_rx) : last->udp_rx;
	reading.udp_tx = transports & V2M_UDP ? v2m_flow_limit(entry->udp_tx) : last->udp_tx;
	return reading;
}

/* The difference between two readings of a counter. */
static struct v2m_raw_delta count_since(const struct v2m_port_sample *now,
					const struct v2m_port_sample *last)
{
	struct v2m_raw_delta delta = {
		.tcp.rx = v2m_flow_subtract(now->tcp_rx, last->tcp_rx),
		.tcp.tx = v2m_flow_subtract(now->tcp_tx, last->tcp_tx),
		.udp.rx = v2m_flow_subtract(now->udp_rx, last->udp_rx),
		.udp.tx = v2m_flow_subtract(now->udp_tx, last->udp_tx),
	};

	/* A datagram is delivered as it passes. */
	delta.udp.delivered_rx = delta.udp.rx.payload_bytes;
	delta.udp.delivered_tx = delta.udp.tx.payload_bytes;
	return delta;
}

static bool is_zero(const struct v2m_raw_delta *delta)
{
	return v2m_totals_are_zero(&delta->tcp) && v2m_totals_are_zero(&delta->udp);
}

/* Adds to what the sockets have counted of a slot since its last exact reading. */
static void note_overlap(struct v2m_raw_ports *ports, uint32_t slot_number,
			 const struct v2m_totals *delta)
{
	struct v2m_socket_overlap *overlap = v2m_slot_items_find(&ports->overlaps, slot_number);

	if (v2m_totals_are_zero(delta))
		return;
	if (!overlap)
		overlap = v2m_slot_items_add(&ports->overlaps, slot_number);
	overlap->counted = v2m_totals_add(overlap->counted, *delta);
	overlap->dirty = true;
}

/*
 * The first exact reading of a slot after a time of socket statistics. It adds what the sockets did
 * not see. The whole of a new counter is added, because it is younger than that time, unless the
 * sockets have counted until now. A slot may have two counters in a sample, so the overlap ends
 * with the sample. True if there had been such a time.
 */
static bool settle_overlap(struct v2m_raw_ports *ports, uint32_t slot_number, bool younger,
			   struct v2m_totals *delta)
{
	struct v2m_socket_overlap *overlap = v2m_slot_items_find(&ports->overlaps, slot_number);
	struct v2m_totals counted;

	if (!overlap || (v2m_totals_are_zero(&overlap->counted) && !overlap->settled))
		return false;
	overlap->settled = true;
	if (younger)
		return true;
	counted = overlap->counted;
	overlap->counted = v2m_totals_subtract(counted, *delta);
	*delta = v2m_totals_subtract(*delta, counted);
	return true;
}

void v2m_raw_finish_sample(struct v2m_raw_ports *ports)
{
	for (size_t i = 0; i < ports->overlaps.count; i++) {
		struct v2m_socket_overlap *overlap = v2m_slot_items_at(&ports->overlaps, i);

		if (!overlap->settled)
			continue;
		overlap->counted = (struct v2m_totals){ 0 };
		overlap->settled = false;
		overlap->dirty = true;
	}
}

static bool is_same_flow(const struct v2m_flow *a, const struct v2m_flow *b)
{
	return a->wire_bytes == b->wire_bytes && a->packets == b->packets &&
	       a->payload_bytes == b->payload_bytes;
}

bool v2m_raw_is_same(const struct v2m_raw_ports *ports, const struct v2m_sample *sample,
		     const struct v2m_port_sample *entry)
{
	const struct v2m_raw_port *known =
		v2m_raw_find(ports, v2m_sample_slot_index(sample, entry), sample->epoch);
	const struct v2m_port_sample *last = known ? &known->raw : NULL;

	/* An overlap may be settled by a reading that has nothing new. */
	return last && !ports->overlaps.count && last->assigned_ns == entry->assigned_ns &&
	       is_same_flow(&last->tcp_rx, &entry->tcp_rx) &&
	       is_same_flow(&last->tcp_tx, &entry->tcp_tx) &&
	       is_same_flow(&last->udp_rx, &entry->udp_rx) &&
	       is_same_flow(&last->udp_tx, &entry->udp_tx);
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
		     const struct v2m_port_sample *entry, unsigned transports,
		     uint32_t tcp_slot_number, struct v2m_raw_delta *delta)
{
	static const struct v2m_port_sample zero;
	const uint32_t slot = v2m_sample_slot_index(sample, entry);
	struct v2m_raw_port *last = v2m_raw_find(ports, slot, sample->epoch);
	/* Versions before ledger version 6 stored the readings of these same maps by port. */
	const struct v2m_raw_port *known =
		last ? last
		     : v2m_raw_find(ports, V2M_SLOT_INDEX_OF_PORT(entry->port), sample->epoch);
	bool anew = !known || starts_anew(&known->raw, entry);
	const struct v2m_port_sample *before = anew ? &zero : &known->raw;
	struct v2m_raw_port now = { .raw = make_reading(entry, transports, before),
				    .read_us = sample->real_us,
				    .dirty = true };
	bool settled = false;

	memcpy(now.epoch, sample->epoch, V2M_EPOCH_LEN);
	now.raw.slot = slot;
	*delta = count_since(&now.raw, before);
	if (sample->mode == V2M_MODE_EBPF && (transports & V2M_TCP))
		settled = settle_overlap(ports, tcp_slot_number, anew && !sample->beside_sockets,
					 &delta->tcp);
	if (last && !anew && !settled && is_zero(delta))
		return false;
	replace_reading(ports, last, &now);
	if (sample->mode == V2M_MODE_SOCKET_STATS && (transports & V2M_TCP))
		note_overlap(ports, tcp_slot_number, &delta->tcp);
	return true;
}

uint32_t v2m_raw_advance_sessions(struct v2m_raw_ports *ports, uint32_t number,
				  const struct v2m_port_sessions *reading)
{
	struct v2m_accounted_sessions *item = v2m_slot_items_find(&ports->sessions, number);
	bool anew = !item || item->assigned_ns != reading->assigned_ns ||
		    reading->opened < item->opened;
	uint64_t opened = anew ? reading->opened : reading->opened - item->opened;

	if (!anew && !opened)
		return 0;
	if (!item)
		item = v2m_slot_items_add(&ports->sessions, number);
	item->assigned_ns = reading->assigned_ns;
	item->opened = reading->opened;
	item->dirty = true;
	return (uint32_t)opened;
}

void v2m_raw_advance_delivered(struct v2m_raw_ports *ports, uint32_t number,
			       const struct v2m_port_sessions *reading, struct v2m_totals *delta)
{
	static const struct v2m_delivered none;
	struct v2m_accounted_sessions *item = v2m_slot_items_find(&ports->sessions, number);
	const struct v2m_delivered *now = &reading->delivered;
	const struct v2m_delivered *last = item ? &item->delivered : &none;

	*delta = (struct v2m_totals){ 0 };
	if (!now->assigned_ns)
		return;
	if (last->assigned_ns != now->assigned_ns || now->rx_bytes < last->rx_bytes ||
	    now->tx_bytes < last->tx_bytes)
		last = &none;
	delta->delivered_rx = now->rx_bytes - last->rx_bytes;
	delta->delivered_tx = now->tx_bytes - last->tx_bytes;
	if (last != &none && v2m_totals_are_zero(delta))
		return;
	if (!item)
		item = v2m_slot_items_add(&ports->sessions, number);
	item->delivered = *now;
	item->dirty = true;
}
