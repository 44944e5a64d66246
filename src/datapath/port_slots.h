/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ports that are counted, and their slots. */
#ifndef V2METER_DATAPATH_PORT_SLOTS_H
#define V2METER_DATAPATH_PORT_SLOTS_H

#include <stddef.h>

#include "base/port_rule.h"
#include "v2meter/bpf_abi.h"
#include "base/error.h"

struct v2m_datapath;

/*
 * Makes the kernel count exactly these rules, each in one slot. Single ports are placed before
 * ranges, otherwise in the order of the list. The rule that is placed first gets a slot first. If
 * two rules share a port and a transport, the port counts for the rule that was placed first. So a
 * port may belong to two rules, with one transport each.
 *
 * A rule keeps the slot and the counters of an earlier rule with the same first and last port and a
 * common transport. The slot of a rule that left is not counted any more, and is assigned again
 * only if no other slot is free. While a port changes from one slot to another, all its bytes are
 * counted.
 *
 * Returns how many rules were placed, the first ones in that order, or -errno. -EINVAL: a rule has
 * no ports. -EBUSY: the only free slots are those of rules that have just left. Take a sample,
 * which has them a last time, and call this again.
 */
int v2m_datapath_set_ports(struct v2m_datapath *datapath, const struct v2m_port_rule *rules,
			   size_t count, struct v2m_error *error);

/* From the next v2m_datapath_set_ports() on, ports of the aliases are counted in the slots of their
 * targets, unless a rule has these ports itself. The list is copied. 0 or -ENOMEM. */
int v2m_datapath_set_aliases(struct v2m_datapath *datapath, const struct v2m_port_aliases *aliases);

/* Enters the aliases in a table with the rules. Published ports are reached from outside, so they
 * are counted on all devices but the loopback device, also if the server listens on a loopback
 * address. places has room for the aliases. */
void v2m_port_aliases_compose(const struct v2m_port_aliases *aliases, struct v2m_port_slot *places,
			      struct v2m_port_slot wanted[65536]);

/* Reads which slots are in use. 0 or -errno. */
int v2m_port_slots_open(struct v2m_datapath *datapath, struct v2m_error *error);

/* Sorts the rules in the order of placing, single ports first. Returns how many, at most
 * V2M_MAX_SLOTS. */
size_t v2m_port_slots_order(const struct v2m_port_rule *rules, size_t count,
			    const struct v2m_port_rule **ordered);
/* Enters the ordered rules in a table that is indexed by port and all zero. slots: the slot of each
 * rule, -1 if it has none. */
void v2m_port_slots_compose(const struct v2m_port_rule *const *rules, const int *slots,
			    size_t count, struct v2m_port_slot wanted[65536]);

#endif
