/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_DATAPATH_COUNTERS_H
#define V2METER_DATAPATH_COUNTERS_H

#include "base/sample.h"
#include "pins/pins.h"
#include "v2meter/bpf_abi.h"
#include "base/error.h"

struct v2m_datapath;

/* Reads all counters into an empty sample: slots in use, attached devices, clocks and epoch. After
 * set_ports() has retired a slot, the next sample has it a last time, with its last bytes. The
 * link_*_bytes of devices stay 0. 0 or -errno. */
int v2m_datapath_read(struct v2m_datapath *datapath, struct v2m_sample *sample,
		      struct v2m_error *error);

/* Compares two ports of a sample, for qsort(3). */
int v2m_port_sample_compare(const void *a, const void *b);
/* Returns how many parts port_counters has for each direction, or -errno. It is the highest number
 * of a CPU plus 1. */
int v2m_cpu_ids(void);
/* Maps the counters of one CPU and direction into memory, slots 0 to count - 1. The caller unmaps
 * them by v2m_counters_unmap(). NULL with errno after a failure. */
struct v2m_port_counters *v2m_counters_map(const struct v2m_datapath *datapath, int cpu,
					   enum v2m_direction direction, unsigned count);
void v2m_counters_unmap(struct v2m_port_counters *counters, unsigned count);

/* An element of port_slot in the memory of the map. */
struct v2m_port_element {
	uint32_t value; /* a struct v2m_port_slot, read and written in one piece */
	uint32_t pad;
};
/* Maps port_slot into memory. The caller unmaps it by v2m_port_elements_unmap(). NULL with errno
 * after a failure. */
struct v2m_port_element *v2m_port_elements_map(const struct v2m_datapath *datapath);
void v2m_port_elements_unmap(struct v2m_port_element *elements);
struct v2m_port_slot v2m_port_element_get(const struct v2m_port_element *element);

#endif
