/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The flows of shared slots: reading, labelling and removing them. */
#ifndef V2METER_DATAPATH_FLOWS_H
#define V2METER_DATAPATH_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/sample.h"
#include "v2meter/bpf_abi.h"

struct v2m_datapath;

/* Reads the flows, in no order; young ones too if young. The caller frees *entries. 0 or -errno. */
int v2m_flows_read(struct v2m_datapath *datapath, bool young, struct v2m_flow_entry **entries,
		   size_t *count);

/*
 * Gives each flow its owner (the members flow, began_ns and owner of the labels): what the flow
 * counted before goes to the owner, and what it counts from now on too. Sets the results. A new
 * connection that has taken the key of the flow is unknown, and keeps its bytes. A flow that
 * already has another owner becomes disputed: it keeps what its first owner has, and from then on
 * counts for the slot alone. A program that runs meanwhile may count a packet for the flow alone;
 * v2m_flows_move() takes it later. 0 or -errno.
 */
int v2m_flows_label(struct v2m_datapath *datapath, struct v2m_label *labels, size_t count,
		    struct v2m_error *error);
/* Moves what labelled flows still have to their owners: all of it, if a grace period has passed
 * since their labels (v2m_grace_period()). Changes the steps and results of the labels. 0 or
 * -errno. */
int v2m_flows_move(struct v2m_datapath *datapath, struct v2m_label *labels, size_t count,
		   struct v2m_error *error);

/* The same for all flows, after a start: a process that was killed between a label and this move
 * left what a flow had counted before. 0 or -errno. */
int v2m_flows_move_left(struct v2m_datapath *datapath, struct v2m_error *error);

/* Leaves the bytes of flows without owner to their slot: no later label moves them. 0 or -errno. */
int v2m_flows_leave(struct v2m_datapath *datapath, struct v2m_error *error);
/* The same for the ports that one key had alone until v2m_datapath_set_ports() made them shared.
 * Call it after the last sample with the old keys, which gave these bytes to that key. Returns
 * whether there were such ports; -errno: the next call tries again. */
int v2m_flows_leave_begun(struct v2m_datapath *datapath, struct v2m_error *error);

/* Removes flows. What they have counted without owner stays with their slot. A flow that is not
 * there is none to remove. 0 or -errno. */
int v2m_flows_remove(struct v2m_datapath *datapath, const struct v2m_flow_key *keys, size_t count);

#endif
