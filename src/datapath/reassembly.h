/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs that watch the kernel put fragments together (bpf/fragments.bpf.c). They need the
 * kernel's BTF, fentry and CAP_PERFMON. Without them, a fragment that arrives counts for the port
 * of the first fragment that tc saw, which a stranger can forge.
 */
#ifndef V2METER_DATAPATH_REASSEMBLY_H
#define V2METER_DATAPATH_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "v2meter/bpf_abi.h"

struct v2m_datapath;
struct v2m_pins;

/* Puts this version's programs in place of those that are attached, without a gap: both run for a
 * moment, and the scope says which of them count. What failed is logged; then older programs that
 * are still attached go on, or the fragments are left to tc. */
void v2m_reassembly_open(struct v2m_datapath *datapath);
void v2m_reassembly_close(struct v2m_datapath *datapath);
/* Pins again what somebody has removed. */
void v2m_reassembly_keep(struct v2m_datapath *datapath);
/* Ends the programs that are pinned in this directory. */
void v2m_reassembly_take_off(const struct v2m_pins *pins);
/* Whether a pin has one of these programs. */
bool v2m_reassembly_is_pin(const char *name);

/* A device that packets may come from, as the kernel notes it. */
struct v2m_reassembly_entry {
	uint32_t ifindex;
	struct v2m_reassembly_device device;
};

/* Exactly these devices count. 0 or -errno. */
int v2m_datapath_set_reassembly_devices(struct v2m_datapath *datapath,
					const struct v2m_reassembly_entry *entries, size_t count,
					struct v2m_error *error);

/* How fragments that arrive are counted, since the maps were made. */
struct v2m_fragment_figures {
	bool observed;    /* by the datagram that the kernel delivers */
	uint64_t guessed; /* fragments that were counted by their first fragment on tc */
	uint64_t lost;    /* fragments of delivered datagrams that no port could be found for */
};

/* 0 or -errno. */
int v2m_datapath_fragment_figures(const struct v2m_datapath *datapath,
				  struct v2m_fragment_figures *figures);

#endif
