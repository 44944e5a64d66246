/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the datapath share among themselves. */
#ifndef V2METER_KERNEL_DATAPATH_INTERNAL_H
#define V2METER_KERNEL_DATAPATH_INTERNAL_H

#include <limits.h>

#include "kernel/datapath.h"

enum v2m_map {
	V2M_MAP_PORT_SLOT,
	V2M_MAP_PORT_COUNTERS,
	V2M_MAP_DEVICE_COUNTERS,
	V2M_MAP_FRAGMENTS,
	V2M_MAP_LOCAL_ADDRESSES,
	V2M_MAP_OWN_ADDRESSES,
	V2M_MAP_UDP_PEERS,
	V2M_MAP_BTF,  /* not one of the object's: it holds its BTF */
	V2M_MAP_META, /* last: where it is pinned, the others are, but for an older build's BTF */
	V2M_N_MAPS,
};

enum v2m_direction {
	V2M_INGRESS,
	V2M_EGRESS,
	V2M_N_DIRECTIONS,
};

/* Under pin_dir: where the present ABI version's pins are. */
#define V2M_PINS_DIRECTORY "v" V2M_STRINGIFY(V2M_ABI_VERSION)

/* A directory of pins, and what is derived from pin_dir to tell our filters from others'. */
struct v2m_pins {
	char dir[PATH_MAX];
	uint32_t handle; /* of our filters under clsact */
};

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

/* A use of a slot; port_slot and port_counters are the truth, this is their image. */
struct v2m_slot_use {
	uint16_t first_port; /* 0: never used */
	uint16_t last_port;
	uint16_t next; /* 1 + another slot with the same first port; 0: none */
	uint8_t transports;
	bool counted; /* by a rule of now */
	bool leaving; /* no longer counted, and not yet read since */
	uint64_t assigned_ns;
};

struct v2m_datapath {
	struct v2m_pins pins;
	char pin_dir[PATH_MAX];
	int lock_fd;
	int maps[V2M_N_MAPS];
	int cpus;    /* possible ones: copies of a per-CPU value */
	int cpu_ids; /* above the highest number of a CPU: parts of port_counters */
	bool force_clsact;
	struct v2m_meta meta;
	struct v2m_device_slot devices[V2M_MAX_DEVICES];
	struct v2m_slot_use slots[V2M_MAX_SLOTS];
	uint16_t slot_of[65536]; /* by first port: 1 + a slot that it has; 0: none */
	unsigned used_slots;     /* slots below this have been used */
};

/* bpffs.c: the directory, its lock, names. */

/* Mounts bpffs where it is missing, makes the directory and takes its lock. The descriptor, or
 * -errno; -EBUSY names the process that has it. */
int v2m_bpffs_lock(const char *pin_dir, bool make, struct v2m_error *error);
/* pin_dir's directory of an ABI version. 0 or -ENAMETOOLONG. */
int v2m_pins_init(struct v2m_pins *pins, const char *pin_dir, const char *directory);
/* 0 or -ENAMETOOLONG. */
int v2m_pin_path(const struct v2m_pins *pins, const char *name, char path[PATH_MAX]);
/* "link", "prog": <kind>_<ifindex>_<ingress|egress>. */
int v2m_pin_path_of(const struct v2m_pins *pins, const char *kind, uint32_t ifindex,
		    enum v2m_direction direction, char path[PATH_MAX]);
/* An open pin, or -errno; -ENOENT. */
int v2m_pin_get(const struct v2m_pins *pins, const char *name);
/* Calls visit with the name of each entry, until it returns other than 0. */
int v2m_directory_walk(const char *dir, int (*visit)(const char *name, void *context),
		       void *context);
/* Devices that have pins here, each once; at most max. The number, or -errno. */
int v2m_pins_devices(const struct v2m_pins *pins, uint32_t *ifindexes, size_t max);
/* Parses <link|prog|qdisc>_<ifindex>[_...]; 0 where the name is another one. */
uint32_t v2m_pin_ifindex(const char *name);

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

/* counters.c: order of the ports of a sample, for qsort(3). */
int v2m_port_sample_compare(const void *a, const void *b);
/* How many parts port_counters has for each direction, 1 above the highest number of a
 * CPU. Or -errno. */
int v2m_cpu_ids(void);
/* The memory of one CPU's and direction's counters, slots 0 to count - 1, to be unmapped by
 * v2m_counters_unmap(). NULL and errno. */
struct v2m_port_counters *v2m_counters_map(const struct v2m_datapath *datapath, int cpu,
					   enum v2m_direction direction, unsigned count);
void v2m_counters_unmap(struct v2m_port_counters *counters, unsigned count);

/* addresses.c: as many of sorted addresses as there is room for. */
void v2m_own_addresses_make(const struct v2m_local_address *sorted, size_t count,
			    struct v2m_own_addresses *own);

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
