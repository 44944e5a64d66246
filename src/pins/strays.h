/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Directories of ours that somebody renamed. What is pinned in them goes on counting into the same
 * maps, beside what takes its place: everything would count double. A program is shown to
 * CAP_SYS_ADMIN alone, which the service has not, but the pins on the bpffs can be opened: a
 * directory is ours if the map of that name in it is the one that we have open.
 */
#ifndef V2METER_PINS_STRAYS_H
#define V2METER_PINS_STRAYS_H

#include "pins/pins.h"

/* Calls visit with each directory on the bpffs of own, other than own, in which name is a pin of
 * the open map. It may move the pins and remove the directory. 0, the first result of visit that is
 * not 0, or -errno. */
int v2m_strays_walk(const struct v2m_pins *own, const char *name, int map,
		    int (*visit)(const struct v2m_pins *stray, void *context), void *context);
/* Whether an open pin is a link. BPF_OBJ_GET_INFO_BY_FD does not say so: it describes a map of type
 * 11 by a struct that reads as a tcx link. */
bool v2m_pin_is_link(int fd);

#endif
