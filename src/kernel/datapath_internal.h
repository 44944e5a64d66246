/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the datapath share among themselves. */
#ifndef V2METER_KERNEL_DATAPATH_INTERNAL_H
#define V2METER_KERNEL_DATAPATH_INTERNAL_H

#include <limits.h>

#include "kernel/datapath.h"
#include "pins/pins.h"

enum v2m_map {
	V2M_MAP_PORT_SLOT,
	V2M_MAP_PORT_COUNTERS,
	V2M_MAP_DEVICE_COUNTERS,
	V2M_MAP_FRAGMENTS,
	V2M_MAP_LOCAL_ADDRESSES,
	V2M_MAP_UDP_PEERS,
	V2M_MAP_BTF,  /* not one of the object's: it holds its BTF */
	V2M_MAP_META, /* last: where it is pinned, the others are, but for an older build's BTF */
	V2M_N_MAPS,
};

/* Under pin_dir: where the present ABI version's pins are. */
#define V2M_PINS_DIRECTORY "v" V2M_STRINGIFY(V2M_ABI_VERSION)

/* A use of a device slot. */
struct v2m_device_slot {
	uint32_t ifindex; /* 0: never used */
	char name[V2M_DEVICE_NAME_LEN];
	uint64_t assigned_ns;
	bool attached; /* by this process; the members below count only then */
	struct v2m_device device;
	uint32_t program_ids[V2M_N_DIRECTIONS];
	bool outrun; /* somebody's program stands before ours, and that was logged */
};

/* A use of a port slot; port_slot and port_counters are the truth, this is their image. */
struct v2m_port_use {
	uint16_t port; /* 0: never used */
	bool counted;  /* monitored now */
	bool leaving;  /* no longer counted, and not yet read since */
	struct v2m_port_slot rule;
	uint64_t assigned_ns;
};

struct v2m_datapath {
	struct v2m_pins pins;
	char pin_dir[PATH_MAX];
	int lock_fd;
	int maps[V2M_N_MAPS];
	int cpus; /* possible ones: copies of a per-CPU value */
	bool batch;
	bool force_clsact;
	struct v2m_meta meta;
	struct v2m_device_slot devices[V2M_MAX_DEVICES];
	struct v2m_port_use ports[V2M_MAX_PORTS]; /* by slot */
	uint16_t slot_of[65536];                  /* by port, where has_slot says so */
	bool has_slot[65536];
	unsigned used_slots; /* slots below this have been used */
};

/* maps.c */
extern const char *const v2m_map_names[V2M_N_MAPS];
/* Hash of the layout of everything in bpf_abi.h. */
uint64_t v2m_abi_hash(void);
/* Takes the pinned maps over or makes new ones. 0 or -errno. */
int v2m_maps_open(struct v2m_datapath *datapath, struct v2m_error *error);
/* Pins the maps again where somebody has removed their pins, or pin_dir: without them a restart
 * would begin with new maps, and nothing could be pinned beside them. 0 or -errno; -EBUSY where
 * another daemon has taken pin_dir meanwhile. */
int v2m_maps_keep_pinned(struct v2m_datapath *datapath, struct v2m_error *error);

/* program.c */
void v2m_libbpf_log_init(void);
/* Loads the programs with the datapath's maps, or, where maps are -1, makes those, but for the BTF.
 * Descriptors of programs are the caller's to close. 0 or -errno. */
int v2m_programs_load(struct v2m_datapath *datapath, const struct v2m_device_config *config,
		      int programs[V2M_N_DIRECTIONS], struct v2m_error *error);
/* A new map with the BTF of what the object defines, for the version after this one: what the
 * kernel keeps of it with the maps is shown to CAP_SYS_ADMIN alone (BPF_BTF_GET_FD_BY_ID), which
 * the service has not. A descriptor, or -errno. */
int v2m_btf_map_make(void);
/* The id of an open program, or 0. */
uint32_t v2m_program_id(int fd);

/* grace.c: returns when every program that runs now has ended. 0 or -errno. */
int v2m_grace_period(void);

/* attach_tcx.c. Both: 0 or -errno, *missing is set where a pin was without what it stood for. */
int v2m_tcx_put(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		int program, bool *missing);
bool v2m_tcx_pinned(const struct v2m_pins *pins, uint32_t ifindex);
bool v2m_tcx_intact(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		    uint32_t program_id);
/* Whether a program of somebody else's runs before ours. */
bool v2m_tcx_outrun(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		    uint32_t program_id);
int v2m_tcx_take_off(const struct v2m_pins *pins, uint32_t ifindex);

/* attach_clsact.c: the same with filters. */
int v2m_clsact_put(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		   int program, bool *missing);
bool v2m_clsact_pinned(const struct v2m_pins *pins, uint32_t ifindex);
bool v2m_clsact_intact(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		       uint32_t program_id);
bool v2m_clsact_outrun(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		       uint32_t program_id);
int v2m_clsact_take_off(const struct v2m_pins *pins, uint32_t ifindex);

/* attach.c: takes whatever is ours off a device. 0 or -errno. */
int v2m_take_off(const struct v2m_pins *pins, uint32_t ifindex);

/* device_slots.c */
int v2m_device_slots_open(struct v2m_datapath *datapath, struct v2m_error *error);
/* The slot of a device, a new one where it has none. 0 to V2M_MAX_DEVICES - 1, or -errno. */
int v2m_device_slot_get(struct v2m_datapath *datapath, const struct v2m_device *device,
			struct v2m_error *error);

/* port_slots.c */
int v2m_port_slots_open(struct v2m_datapath *datapath, struct v2m_error *error);

/* counters.c: whether the kernel reads many elements at once. */
void v2m_counters_probe_batch(struct v2m_datapath *datapath);

/* previous.c: sets aside what an incompatible version pinned, its links and programs go over to
 * the current directory. 0 or -errno. */
int v2m_previous_set_aside(struct v2m_datapath *datapath, const char *directory, const char *why,
			   struct v2m_error *error);
/* The same for directories of other versions, and for what an earlier crash left half done. */
int v2m_previous_open(struct v2m_datapath *datapath, struct v2m_error *error);

/* remove.c: unlinks the pins of a directory and the directory. 0 or -errno; -ENOTEMPTY where
 * somebody else has pinned something there. */
int v2m_pins_remove(const struct v2m_pins *pins);

#endif
