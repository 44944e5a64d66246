/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last raw reading of every port and epoch, and what a new one adds to it. */
#ifndef V2METER_ACCOUNTING_RAW_H
#define V2METER_ACCOUNTING_RAW_H

#include "accounting/raw_port.h"
#include "accounting/snapshot.h"
#include "base/sample.h"

struct v2m_raw_ports {
	struct v2m_raw_port *raw;
	size_t count;
	size_t size;
	uint32_t of_port[65536]; /* 1 + index into raw of a list by next; 0: none */
};

/* NULL: never read. */
struct v2m_raw_port *v2m_raw_find(const struct v2m_raw_ports *ports, uint16_t port,
				  const uint8_t epoch[V2M_EPOCH_LEN]);
/* Room for n more readings, so that putting them in cannot fail. 0 or -ENOMEM. */
int v2m_raw_reserve(struct v2m_raw_ports *ports, size_t n);
/* Of a port that has none of that epoch; room is reserved. */
void v2m_raw_insert(struct v2m_raw_ports *ports, const struct v2m_raw_port *raw);
/* Takes over how many connections were opened on a port; how many of them since the last time. Room
 * for one more is reserved. */
uint32_t v2m_raw_advance_sessions(struct v2m_raw_ports *ports,
				  const struct v2m_port_sessions *reading, int64_t real_us);
/* Takes over the new reading of a port. *delta is what was counted since the last one. True where
 * it tells something new; room for two more is reserved. */
bool v2m_raw_advance(struct v2m_raw_ports *ports, const struct v2m_sample *sample,
		     const struct v2m_port_sample *port, struct v2m_totals *delta);

#endif
