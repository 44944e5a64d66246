// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

bool v2m_raw_advance(struct v2m_raw_ports *ports, const struct v2m_sample *sample,
		     const struct v2m_port_sample *port, struct v2m_totals *delta)
{
	struct v2m_raw_port *last = v2m_raw_find(ports, port->port, sample->epoch);
	struct v2m_raw_port now = { .raw = *port, .read_us = sample->real_us, .dirty = true };
	bool anew = !last || starts_anew(&last->raw, port);

	memcpy(now.epoch, sample->epoch, V2M_EPOCH_LEN);
	*delta = port_totals(port);
	if (!anew)
		*delta = v2m_totals_subtract(*delta, port_totals(&last->raw));
	if (!anew && v2m_totals_are_zero(delta))
		return false;
	if (!last) {
		v2m_raw_insert(ports, &now);
		return true;
	}
	now.next = last->next;
	*last = now;
	return true;
}
