/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Strays of a directory that holds maps and one link. */
#ifndef V2METER_PINS_STRAY_LINK_H
#define V2METER_PINS_STRAY_LINK_H

#include "pins/pins.h"

/* The pins of one directory. */
struct v2m_link_pins {
	const struct v2m_pins *pins;
	const char *link;
	const char *const *maps; /* a renamed directory is known by the first one */
	size_t n_maps;
};

/* Moves a renamed link back: from a renamed directory with the open map, anywhere on the bpffs,
 * which is removed then, or from another name in the directory itself. If the link's place is
 * taken, the renamed link is unpinned, and the kernel drops it. map: the first of the maps. 0 or
 * -errno. */
int v2m_stray_link_take_back(const struct v2m_link_pins *of, int map);

#endif
