/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Gives the pinned map of flows another size. The counters stay where they are. */
#ifndef V2METER_DATAPATH_FLOW_SIZE_H
#define V2METER_DATAPATH_FLOW_SIZE_H

#include <stdbool.h>

#include "pins/pins.h"

struct v2m_datapath;

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

/* Whether the size was changed and v2m_flow_size_forget() was not called since, in this process or
 * an earlier one. */
bool v2m_flow_size_was_changed(const struct v2m_datapath *datapath);
/* To be called when it is on disk that bytes may be without an owner. */
void v2m_flow_size_forget(struct v2m_datapath *datapath);

/* Whether a pin has the name of the old map. */
bool v2m_flow_size_is_pin(const char *name);

#endif
