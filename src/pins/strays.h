/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds directories of ours that somebody renamed. The programs that are pinned there go on
 * counting into the same maps. With new programs beside them, every packet would count twice. The
 * kernel shows a program only to CAP_SYS_ADMIN, which the service does not have. But it can open
 * the pins on the bpffs: a directory is ours if it has a pin of the map that we have open.
 */
#ifndef V2METER_PINS_STRAYS_H
#define V2METER_PINS_STRAYS_H

#include "pins/pins.h"

/* Calls visit with each directory, except own itself, on the same bpffs as own, if the pin called
 * name in it is the open map. visit may move the pins and remove the directory. 0, the first result
 * of visit that is not 0, or -errno. */
int v2m_strays_walk(const struct v2m_pins *own, const char *name, int map,
		    int (*visit)(const struct v2m_pins *stray, void *context), void *context);
/* Whether an open pin is a link. BPF_OBJ_GET_INFO_BY_FD does not say so: it describes a map of type
 * 11 by a struct that reads as a tcx link. */
bool v2m_pin_is_link(int fd);

#endif
