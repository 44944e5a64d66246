/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel programs and their maps: load, pin, take over, attach to devices, read. Used by the
 * collector's thread alone. Nothing that this module does ever loses a count: programs are swapped,
 * never taken out and put back, and what is pinned outlives the process.
 */
#ifndef V2METER_KERNEL_DATAPATH_H
#define V2METER_KERNEL_DATAPATH_H

#include "v2meter/sample.h"
#include "core/util.h"

struct v2m_datapath;

struct v2m_datapath_options {
	const char *pin_dir; /* on a bpffs, which is mounted if it is not */
	bool force_clsact;   /* use clsact + cls_bpf even where the kernel has tcx */
};

/* Loads the programs and makes the maps, or takes over those that are pinned: same ABI, same boot.
 * 0; -EPERM, -EOPNOTSUPP and the like where the kernel or the privileges do not allow it, with the
 * reason in *error. */
int v2m_datapath_open(const struct v2m_datapath_options *options, struct v2m_datapath **datapath,
		      struct v2m_error *error);
/* Closes descriptors. What is pinned goes on counting. Does nothing on NULL. */
void v2m_datapath_close(struct v2m_datapath *datapath);

/* When the counters began: CLOCK_REALTIME of the maps' making. */
uint64_t v2m_datapath_created_ns(const struct v2m_datapath *datapath);

/* What one slot counts: a port, or a range of ports. */
struct v2m_port_rule {
	uint16_t first_port;
	uint16_t last_port;  /* the same as first_port for a single port */
	unsigned transports; /* enum v2m_transport bits; 0 takes no slot and counts nothing */
	bool loopback;
	bool shared;
};

/*
 * Makes the kernel count exactly these rules, each in one slot. Single ports come before ranges,
 * and the order of the list decides among equals: who comes first gets a slot, and wins a port that
 * a later rule has too, for the transports they share. A port may so stand in two rules with one
 * transport each.
 *
 * A rule keeps the slot, and the counter, of an earlier one with the same first and last port and a
 * transport in common. A slot whose rule left is no longer counted, and is given away only when no
 * other is free. A port that changes from one slot to another is counted all along.
 *
 * Returns how many could be placed, the first ones in that order, or -errno; -EINVAL where a rule
 * has no ports; -EBUSY where only slots of rules that have just left are free: to be called again
 * after a reading, in which they are the last time.
 */
int v2m_datapath_set_ports(struct v2m_datapath *datapath, const struct v2m_port_rule *rules,
			   size_t count, struct v2m_error *error);

/* A device to count on. */
struct v2m_device {
	uint32_t ifindex;
	char name[V2M_DEVICE_NAME_LEN];
	uint8_t link_header; /* bytes of its layer-2 header: 14 or 0 */
	bool loopback;
	bool host_only; /* not an uplink: only this host's own packets count */
};

/* Attaches both programs to the device, at the head; takes over what is pinned for it, or repairs
 * what somebody removed. Does nothing where all is in place. 0 or -errno; *repaired (may be NULL)
 * tells whether something of ours had gone missing while it should have been there. */
int v2m_datapath_attach(struct v2m_datapath *datapath, const struct v2m_device *device,
			bool *repaired, struct v2m_error *error);
/* Takes our programs, and nothing else, off a device; the device may be gone already. 0 or -errno.
 */
int v2m_datapath_detach(struct v2m_datapath *datapath, uint32_t ifindex);
/* Devices (by ifindex) that have pins of ours, for letting go of those no longer wanted. Returns
 * the number written, at most max, or -errno. */
int v2m_datapath_attached(struct v2m_datapath *datapath, uint32_t *ifindexes, size_t max);

/* The name under which the device was last counted on, by an earlier process perhaps; NULL where
 * that is not known. As long as the datapath, and until another device takes its place. */
const char *v2m_datapath_device_name(const struct v2m_datapath *datapath, uint32_t ifindex);

/* How our programs are attached to the device: "tcx", "clsact" or "none". *outrun: somebody else's
 * program runs before ours, so that what it drops or takes is not counted. */
const char *v2m_datapath_kind(struct v2m_datapath *datapath, uint32_t ifindex, bool *outrun);

/* The host's own addresses, for devices with host_only. IPv4 in the IPv4-mapped form. 0 or -errno.
 */
int v2m_datapath_set_addresses(struct v2m_datapath *datapath,
			       const struct v2m_local_address *addresses, size_t count,
			       struct v2m_error *error);

/* Reads all counters into an empty sample: slots in use and attached devices, clocks and epoch. A
 * slot that set_ports() took out is in the next sample one last time, with its last bytes. The
 * link_*_bytes of devices are left 0. 0 or -errno. */
int v2m_datapath_read(struct v2m_datapath *datapath, struct v2m_sample *sample,
		      struct v2m_error *error);

/* Whom the ports that are counted have sent datagrams to since since_ns (CLOCK_MONOTONIC, to 2.5
 * s), by port and of each the latest first, with the slot that the port belongs to now; at most
 * V2M_MAX_UDP_PEERS, of which the least recent are forgotten. The array is the caller's to free. 0
 * or -errno. */
int v2m_datapath_udp_peers(struct v2m_datapath *datapath, uint64_t since_ns,
			   struct v2m_peer **peers, size_t *n_peers);

/* The final counts of an earlier version with another layout: ports alone, with its own epoch. To
 * be called after every device has been attached or detached, which ends the counting in the old
 * maps; then, once the counts are stored, v2m_datapath_drop_previous(), and again until -ENOENT. 0,
 * -ENOENT where there are none (the normal case), or -errno; -EPROTO where they cannot be
 * understood (to be logged, then dropped). */
int v2m_datapath_read_previous(struct v2m_datapath *datapath, struct v2m_sample *sample,
			       struct v2m_error *error);
/* Removes the maps that v2m_datapath_read_previous() reads. 0 or -errno. */
int v2m_datapath_drop_previous(struct v2m_datapath *datapath);

/* Takes away everything in the kernel that is ours under pin_dir: filters, links, pins, the
 * directory, a clsact qdisc only if we made it and it is empty (never otherwise). 0 or -errno. */
int v2m_datapath_remove(const char *pin_dir, struct v2m_error *error);

#endif
