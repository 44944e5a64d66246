/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps that the programs and the daemon share. */
#ifndef V2METER_DATAPATH_MAP_LIST_H
#define V2METER_DATAPATH_MAP_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "v2meter/bpf_abi.h"

/* The directory below pin_dir that holds the pins of this ABI version. */
#define V2M_PINS_DIRECTORY "v" V2M_STRINGIFY(V2M_ABI_VERSION)

enum v2m_map {
	V2M_MAP_PORT_SLOT,
	V2M_MAP_PORT_COUNTERS,
	V2M_MAP_DEVICE_COUNTERS,
	V2M_MAP_FRAGMENTS,
	V2M_MAP_LOCAL_ADDRESSES,
	V2M_MAP_OWN_ADDRESSES,
	V2M_MAP_UDP_PEERS,
	V2M_MAP_FLOWS,
	V2M_MAP_YOUNG_FLOWS,
	V2M_MAP_OWNER_COUNTERS,
	V2M_MAP_OWNERS,
	V2M_MAP_OWNER_SESSIONS,
	V2M_MAP_REASSEMBLY_SCOPE,
	V2M_MAP_REASSEMBLY_DEVICES,
	V2M_MAP_REASSEMBLIES,
	V2M_MAP_FOREIGN_FLOWS,
	V2M_MAP_BTF,    /* holds the object's BTF; the object itself does not contain this map */
	V2M_MAP_LEDGER, /* holds struct v2m_ledger_mark, as the BTF not in the object */
	V2M_MAP_META,   /* pinned last: if it is there, so are the others. Older builds lack
			   V2M_MAP_BTF and V2M_MAP_LEDGER. */
	V2M_N_MAPS,
};

extern const char *const v2m_map_names[V2M_N_MAPS];

/* Whether the object contains the map. The daemon makes the others, which hold no counters: if
 * their pins are missing, they are made anew. */
static inline bool v2m_map_is_in_object(enum v2m_map map)
{
	return map != V2M_MAP_BTF && map != V2M_MAP_LEDGER;
}

/* Returns the hash of the layout of the maps in bpf_abi.h. It is stored in the pinned meta map: a
 * build takes over the maps of another build only if both have the same hash. */
uint64_t v2m_abi_hash(void);

#endif
