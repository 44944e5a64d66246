/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last readings of every slot, and what a new reading adds to them. */
#ifndef V2METER_ACCOUNTING_RAW_H
#define V2METER_ACCOUNTING_RAW_H

#include "accounting/raw_port.h"
#include "accounting/sample_slots.h"
#include "accounting/slot_items.h"
#include "base/array.h"

struct v2m_raw_ports {
	V2M_ARRAY(struct v2m_raw_port) raw;
	/* For each index of a slot in the kernel, the first of its readings, which are linked by
	 * next: 1 + index into raw; 0: none. */
	uint32_t of_slot[V2M_SLOT_INDICES];
	struct v2m_slot_items overlaps; /* of struct v2m_socket_overlap */
	struct v2m_slot_items sessions; /* of struct v2m_accounted_sessions */
};

/* Prepares a struct that is all zeros. */
void v2m_raw_init(struct v2m_raw_ports *ports);
void v2m_raw_clear(struct v2m_raw_ports *ports);

/* Finds the reading of a slot by its index in the kernel. NULL: the slot was not read in that
 * epoch.
 */
struct v2m_raw_port *v2m_raw_find(const struct v2m_raw_ports *ports, uint32_t slot,
				  const uint8_t epoch[V2M_EPOCH_LEN]);
/* Makes room for n readings more. 0 or -ENOMEM. */
int v2m_raw_reserve(struct v2m_raw_ports *ports, size_t n);
/* Adds a reading of a slot that has none of that epoch. There must be room. */
void v2m_raw_insert(struct v2m_raw_ports *ports, const struct v2m_raw_port *raw);

/* The difference between an entry of a sample and its last reading. */
struct v2m_raw_delta {
	struct v2m_totals tcp;
	struct v2m_totals udp;
};

/* Makes room for what the sample may add, so that advancing cannot fail. 0 or -ENOMEM. */
int v2m_raw_reserve_sample(struct v2m_raw_ports *ports, const struct v2m_sample *sample);
/* Whether an entry of the sample is the same as its last reading, so that nothing can come of it.
 * Most entries of most samples are. */
bool v2m_raw_is_same(const struct v2m_raw_ports *ports, const struct v2m_sample *sample,
		     const struct v2m_port_sample *entry);
/* Takes over the new reading of an entry of the sample, but only of the transports given (enum
 * v2m_transport bits): the reading of the other one does not change. tcp_slot_number names the slot
 * that gets the TCP bytes. False: the reading adds nothing. */
bool v2m_raw_advance(struct v2m_raw_ports *ports, const struct v2m_sample *sample,
		     const struct v2m_port_sample *entry, unsigned transports,
		     uint32_t tcp_slot_number, struct v2m_raw_delta *delta);
/* To be called after the last entry of a sample. */
void v2m_raw_finish_sample(struct v2m_raw_ports *ports);

/* Takes over how many connections were opened on a slot, and returns how many of them are new.
 * number: as in struct v2m_accounted_sessions. There must be room for one more item in sessions. */
uint32_t v2m_raw_advance_sessions(struct v2m_raw_ports *ports, uint32_t number,
				  const struct v2m_port_sessions *reading);
/* Takes over what the connections of a slot have delivered, and puts what is new into *delta, whose
 * other counters are 0. There must be room for one more item in sessions. */
void v2m_raw_advance_delivered(struct v2m_raw_ports *ports, uint32_t number,
			       const struct v2m_port_sessions *reading, struct v2m_totals *delta);

#endif
