/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The datapath as its own files see it. Nobody else includes this header. */
#ifndef V2METER_DATAPATH_STATE_H
#define V2METER_DATAPATH_STATE_H

#include <limits.h>
#include <stdbool.h>

#include "base/device.h"
#include "base/port_rule.h"
#include "datapath/map_list.h"
#include "pins/pins.h"
#include "v2meter/bpf_abi.h"

/* A use of a device slot. */
struct v2m_device_slot {
	uint32_t ifindex; /* 0: never used */
	char name[V2M_DEVICE_NAME_LEN];
	uint64_t assigned_ns;
	bool attached; /* by this process; the members below are valid only then */
	struct v2m_device device;
	uint32_t program_ids[V2M_N_DIRECTIONS];
	bool outrun; /* a program of somebody else runs before ours, and that was logged */
};

/* A use of a slot: a copy of what port_slot and port_counters hold. */
struct v2m_slot_use {
	uint16_t first_port; /* 0: never used */
	uint16_t last_port;
	uint16_t next; /* 1 + another slot with the same first port; 0: none */
	uint8_t transports;
	bool counted; /* by a current rule */
	bool leaving; /* no longer counted, and not yet read since */
	uint64_t assigned_ns;
};

/* A use of an owner: a copy of what owners holds. */
struct v2m_owner_use {
	struct v2m_owner owner; /* assigned_ns 0: free */
	bool current;           /* of the last v2m_owners_set(), or found at the start */
	bool leaving;           /* no longer current, and not yet read since */
};

/* The programs in bpf/fragments.bpf.c. */
#define V2M_N_REASSEMBLY_LINKS 3

struct v2m_datapath {
	struct v2m_pins pins;
	char pin_dir[PATH_MAX];
	int lock_fd;
	int maps[V2M_N_MAPS];
	int cpus;    /* possible ones: copies of a per-CPU value */
	int cpu_ids; /* above the highest number of a CPU: parts of port_counters */
	bool force_clsact;
	uint32_t flows_max;     /* entries of V2M_MAP_FLOWS */
	uint32_t owners_max;    /* owners that the maps have room for, owner 0 included */
	uint32_t owners_wanted; /* how many they should have room for */
	uint32_t
		reassembly; /* generation of the programs that this process has attached; 0: none */
	int reassembly_links[V2M_N_REASSEMBLY_LINKS];
	struct v2m_meta meta;
	struct v2m_device_slot devices[V2M_MAX_DEVICES];
	struct v2m_slot_use slots[V2M_MAX_SLOTS];
	uint16_t slot_of[65536]; /* by first port: 1 + a slot that it has; 0: none */
	/* By port: the transports that one key had alone before, see v2m_flows_leave_begun(). */
	uint8_t begun[65536];
	unsigned used_slots;          /* slots below this have been used */
	int label_program;            /* -1: not loaded, since no slot is shared */
	struct v2m_owner_use *owners; /* used_owners of them; owner 0 is none */
	unsigned used_owners;         /* owners below this have been used */
	struct v2m_port_aliases aliases;
};

#endif
