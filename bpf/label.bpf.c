// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Labels flows with their owners. The daemon runs this program by BPF_PROG_TEST_RUN; its packet is
 * an array of struct v2m_label. The owner is set in the kernel, so that a crash of the daemon
 * between two steps loses nothing: the next daemon sees the owner and moves the rest.
 *
 * Only one call runs at a time. So only one CPU takes bytes out of a flow or writes the labels'
 * part of owner_counters.
 */
#include <stdbool.h>
#include <stddef.h>

#include "vmlinux.h"
#include "flow_maps.bpf.h"

#define BPF_NOEXIST 1

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before the object is loaded: one above the last CPU, and how many owners there are. */
const volatile __u32 label_part = 1;
const volatile __u32 owners_room = V2M_MAX_OWNERS;

/* Takes what a flow has counted without owner, while other CPUs may add to it. Kernels before 5.12
 * cannot exchange a value atomically. */
static __always_inline __u64 take(__u64 *counter)
{
	__u64 value = *(volatile __u64 *)counter;

	__sync_fetch_and_add(counter, -value);
	return value;
}

/* The owner gets the bytes before the flow loses them to nobody: a crash of the machine aside, no
 * step between fails. */
static __always_inline void move(struct v2m_flow *flow, __u32 owner, bool egress)
{
	__u32 index = v2m_owner_index(owners_room, label_part, egress, owner);
	struct v2m_owner_counters *counters = bpf_map_lookup_elem(&owner_counters, &index);

	if (!counters)
		return;
	counters->flow.packets += take(&flow->packets);
	counters->flow.wire_bytes += take(&flow->wire_bytes);
	counters->flow.payload_bytes += take(&flow->payload_bytes);
}

/* The programs of sockets may add to either side meanwhile. */
static __always_inline void move_sessions(struct v2m_flow_sessions *from, __u32 owner)
{
	struct v2m_flow_sessions *to = bpf_map_lookup_elem(&owner_sessions, &owner);

	if (!to)
		return;
	__sync_fetch_and_add(&to->opened, take(&from->opened));
	__sync_fetch_and_add(&to->closed, take(&from->closed));
	__sync_fetch_and_add(&to->rx_bytes, take(&from->rx_bytes));
	__sync_fetch_and_add(&to->tx_bytes, take(&from->tx_bytes));
}

static __always_inline void leave_sessions(struct v2m_flow_sessions *sessions)
{
	take(&sessions->opened);
	take(&sessions->closed);
	take(&sessions->rx_bytes);
	take(&sessions->tx_bytes);
}

static __always_inline void leave(struct v2m_flow *flow)
{
	take(&flow->packets);
	take(&flow->wire_bytes);
	take(&flow->payload_bytes);
}

/* A labelled UDP flow leaves the young ones, which may be dropped. Packets that come meanwhile
 * count in either entry, and both are moved. */
static __always_inline struct v2m_flow_state *settle(const struct v2m_flow_key *key,
						     struct v2m_flow_state *young)
{
	struct v2m_flow_state settled = {};

	settled.began_ns = young->began_ns;
	settled.expected_ack = young->expected_ack;
	settled.answered = young->answered;
	if (!bpf_map_update_elem(&flows, key, &settled, BPF_NOEXIST))
		young->left = 1;
	return bpf_map_lookup_elem(&flows, key);
}

/* Since the daemon has read the flow, a new connection may have taken its key. */
static __always_inline bool is_meant(const struct v2m_flow_state *state,
				     const struct v2m_label *label)
{
	return state->began_ns == label->began_ns;
}

static __always_inline __u8 set_owner(const struct v2m_flow_key *key, const struct v2m_label *label)
{
	struct v2m_flow_state *state = bpf_map_lookup_elem(&flows, key);
	__u32 owner = label->owner;

	if (!state) {
		struct v2m_flow_state *young = bpf_map_lookup_elem(&young_flows, key);

		if (!young || !is_meant(young, label))
			return V2M_LABEL_UNKNOWN;
		state = settle(key, young);
		if (!state)
			return V2M_LABEL_FULL;
	}
	if (!is_meant(state, label))
		return V2M_LABEL_UNKNOWN;
	if (state->disputed)
		return V2M_LABEL_DISPUTED;
	if (state->owner != V2M_NO_OWNER && state->owner != owner) {
		state->disputed = 1;
		return V2M_LABEL_DISPUTED;
	}
	state->owner = owner;
	return V2M_LABEL_DONE;
}

/* A young flow beside another one is what the connection left there, or a SYN that the server has
 * not answered. It goes with the last move, when no program can have found it before it was left.
 */
static __always_inline __u8 move_counted(const struct v2m_flow_key *key, bool is_last)
{
	struct v2m_flow_state *state = bpf_map_lookup_elem(&flows, key);
	struct v2m_flow_state *young = bpf_map_lookup_elem(&young_flows, key);

	if (!state || state->owner == V2M_NO_OWNER)
		return V2M_LABEL_UNKNOWN;
	move(&state->rx, state->owner, false);
	move(&state->tx, state->owner, true);
	move_sessions(&state->sessions, state->owner);
	if (young && young->began_ns == state->began_ns) {
		move(&young->rx, state->owner, false);
		move(&young->tx, state->owner, true);
		if (is_last)
			bpf_map_delete_elem(&young_flows, key);
	}
	return V2M_LABEL_DONE;
}

static __always_inline __u8 leave_counted(const struct v2m_flow_key *key,
					  const struct v2m_label *label)
{
	struct v2m_flow_state *state = bpf_map_lookup_elem(&flows, key);
	struct v2m_flow_state *young = bpf_map_lookup_elem(&young_flows, key);
	__u8 result = V2M_LABEL_UNKNOWN;

	if (state && is_meant(state, label)) {
		result = V2M_LABEL_DONE;
		if (state->owner == V2M_NO_OWNER) {
			leave(&state->rx);
			leave(&state->tx);
			leave_sessions(&state->sessions);
		}
	}
	if (young && is_meant(young, label)) {
		result = V2M_LABEL_DONE;
		leave(&young->rx);
		leave(&young->tx);
	}
	return result;
}

static __always_inline __u8 label_one(const struct v2m_label *label)
{
	struct v2m_flow_key key = label->flow;

	if (label->step == V2M_LABEL_SET)
		return set_owner(&key, label);
	if (label->step == V2M_LABEL_MOVE || label->step == V2M_LABEL_MOVE_LAST)
		return move_counted(&key, label->step == V2M_LABEL_MOVE_LAST);
	if (label->step == V2M_LABEL_LEAVE)
		return leave_counted(&key, label);
	return V2M_LABEL_UNKNOWN;
}

/* A global function, so that the verifier walks it once and not for each label: Linux 5.10 does not
 * find out that the walks are alike. */
__noinline int label_at(struct __sk_buff *skb, __u32 offset)
{
	struct v2m_label label;

	if (bpf_skb_load_bytes(skb, offset, &label, sizeof(label)))
		return 0;
	label.result = label_one(&label);
	return bpf_skb_store_bytes(skb, offset, &label, sizeof(label), 0) == 0;
}

SEC("tc")
int v2m_label(struct __sk_buff *skb)
{
	for (int i = 0; i < V2M_LABELS_IN_A_CALL; i++)
		if (!label_at(skb, V2M_LABEL_HEADER + i * sizeof(struct v2m_label)))
			break;
	return 0;
}
