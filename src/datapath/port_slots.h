/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which ports are counted, and the slot of each. */
#ifndef V2METER_DATAPATH_PORT_SLOTS_H
#define V2METER_DATAPATH_PORT_SLOTS_H

#include <stddef.h>

#include "base/port_rule.h"
#include "v2meter/bpf_abi.h"
#include "base/error.h"

struct v2m_datapath;

/*
 * Makes the kernel count exactly these rules, each in one slot. Single ports come before ranges,
 * and the order of the list decides among equals: who comes first gets a slot, and wins a port that
 * a later rule has too, for the transports they share. A port may so stand in two rules with one
 * transport each.
 *
 * A rule keeps the slot, and the counter, of an earlier one with the same first and last port and a
 * transport in common. A slot whose rule left is no longer counted, and is given away only when no
 * other is free. A port that changes from one slot to another is counted all along.
 *
 * Returns how many could be placed, the first ones in that order, or -errno; -EINVAL where a rule
 * has no ports; -EBUSY where only slots of rules that have just left are free: to be called again
 * after a reading, in which they are the last time.
 */
int v2m_datapath_set_ports(struct v2m_datapath *datapath, const struct v2m_port_rule *rules,
			   size_t count, struct v2m_error *error);

/* Reads which slots are in use. 0 or -errno. */
int v2m_port_slots_open(struct v2m_datapath *datapath, struct v2m_error *error);

/* Rules in the order of placing, single ports first; at most V2M_MAX_SLOTS. How many. */
size_t v2m_port_slots_order(const struct v2m_port_rule *rules, size_t count,
			    const struct v2m_port_rule **ordered);
/* Enters ordered rules in a table by port that is all zero. slots: of each rule; -1: has none. */
void v2m_port_slots_compose(const struct v2m_port_rule *const *rules, const int *slots,
			    size_t count, struct v2m_port_slot wanted[65536]);

/* An element of port_slot as it lies in the map's memory. */
struct v2m_port_element {
	uint32_t value; /* a struct v2m_port_slot, to be read and written in one piece */
	uint32_t pad;
};
/* The memory of port_slot, to be unmapped by v2m_port_elements_unmap(). NULL and errno. */
struct v2m_port_element *v2m_port_elements_map(const struct v2m_datapath *datapath);
void v2m_port_elements_unmap(struct v2m_port_element *elements);
struct v2m_port_slot v2m_port_element_get(const struct v2m_port_element *element);

#endif
