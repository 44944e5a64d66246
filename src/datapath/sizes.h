/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Gives the pinned maps of flows and owners another size. */
#ifndef V2METER_DATAPATH_SIZES_H
#define V2METER_DATAPATH_SIZES_H

#include <stdbool.h>
#include <stdint.h>

#include "pins/pins.h"

struct v2m_datapath;

/* --- flows: the counters stay where they are --- */

/* Before the maps are taken over: finishes what a process left that was killed in
 * v2m_flow_size_set(). 0 or -errno. */
int v2m_flow_size_restore(const struct v2m_pins *pins);
/*
 * If the map of flows has another size than flows_max, puts a new one in its place with the same
 * flows: those with an owner first, then as many others as have room. Before the devices are
 * attached. Until then the old programs go on with the old map: owners and slots get every byte,
 * but what a flow without owner counts there stays with its slot. If there can be no new map, the
 * old one stays with its size, and the log says so.
 */
void v2m_flow_size_set(struct v2m_datapath *datapath);

/* Whether the size of flows or owners was changed and v2m_flow_size_forget() was not called since,
 * in this process or an earlier one. */
bool v2m_flow_size_was_changed(const struct v2m_datapath *datapath);
/* To be called when it is on disk that bytes may be without an owner. */
void v2m_flow_size_forget(struct v2m_datapath *datapath);

/* Whether a pin has the name of the old map. */
bool v2m_flow_size_is_pin(const char *name);

/* --- owners: counters, sessions and names move together --- */

/* The number of owners that the maps have room for if users of shared ports are to be so many: at
 * most V2M_OWNERS_LIMIT. */
uint32_t v2m_owner_size_for(uint32_t users);

/* Before the maps are taken over: finishes or undoes what a process left that was killed in
 * v2m_owner_size_set(). 0 or -errno. */
int v2m_owner_size_restore(const struct v2m_pins *pins);
/* Sets owners_max to the size of the open maps, so that they can be compared. A size that no build
 * makes is passed over. */
void v2m_owner_size_learn(struct v2m_datapath *datapath);
/*
 * If the maps have another size than owners_wanted, puts new ones in their place that hold the
 * same. Before the devices are attached. Until then the old programs go on with the old maps: slots
 * get every byte, but what an owner gets there stays with its slot. If there can be no new maps, or
 * if they would be too small for the owners that there are, the old ones stay, and the log says so.
 */
void v2m_owner_size_set(struct v2m_datapath *datapath);

/* Whether the size was changed and v2m_owner_size_forget() was not called since, in this process or
 * an earlier one. */
bool v2m_owner_size_was_changed(const struct v2m_datapath *datapath);
/* To be called when it is on disk that bytes may be without an owner. */
void v2m_owner_size_forget(struct v2m_datapath *datapath);

/* Whether a pin has a name that only this unit uses. */
bool v2m_owner_size_is_pin(const char *name);

#endif
