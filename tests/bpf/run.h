/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loads the kernel programs into maps of their own and runs single packets through them. */
#ifndef V2METER_TESTS_BPF_RUN_H
#define V2METER_TESTS_BPF_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/port_rule.h"
#include "v2meter/bpf_abi.h"
#include "base/sample.h"

struct run;

/* 0, or -errno: -EPERM where eBPF is not permitted. */
int run_open(const struct v2m_device_config *config, struct run **run);
void run_close(struct run *run);
/* As if it had been opened just now. Checking the programs takes an emulated machine seconds. */
void run_reset(struct run *run);

/* Counts these rules as the daemon would, slots[i] for rules[i]. */
void run_set_rules(struct run *run, const struct v2m_port_rule *rules, const int *slots,
		   size_t count);
/* This host's addresses, ascending: in the list, and beside it as far as there is room if fast. */
void run_set_addresses(struct run *run, const struct v2m_local_address *addresses, size_t count,
		       bool fast);

/* One packet, Ethernet or whatever the configuration says; gso 0 and 0 for a plain one. Returns
 * what the program returned. */
int run_packet(struct run *run, bool egress, const void *packet, size_t length, uint32_t gso_size,
	       uint32_t gso_segs);
/* Nanoseconds for one packet, the mean of repeat ones. */
uint32_t run_timed(struct run *run, bool egress, const void *packet, size_t length,
		   uint32_t repeat);
int run_program(const struct run *run, bool egress);

/* The UDP peers, in no order: writes at most max, returns how many there are. */
size_t run_peers(const struct run *run, struct v2m_udp_peer *peers, size_t max);
/* When the only peer was seen; makes that so many jiffies longer ago. */
struct v2m_udp_seen run_peer_seen(const struct run *run);
void run_age_peer(const struct run *run, uint64_t by_jiffies);
/* As if it had been another processor. */
void run_forget_recent_peers(const struct run *run);

/* The flow with that key, young or not. False if there is none. */
bool run_flow(const struct run *run, const struct v2m_flow_key *key, bool young,
	      struct v2m_flow_state *state);
/* Sets what the programs of sockets have added to a flow that is there. */
void run_set_sessions(struct run *run, const struct v2m_flow_key *key,
		      const struct v2m_flow_sessions *sessions);
struct v2m_flow_sessions run_owner_sessions(const struct run *run, uint32_t owner);
size_t run_flows(const struct run *run, bool young);
/* Runs one step of a label for the flow that began then, and returns its result. */
enum v2m_label_result run_label_of(struct run *run, const struct v2m_flow_key *flow,
				   uint64_t began_ns, uint32_t owner, enum v2m_label_step step);
/* The same for the flow that has the key now: one that is not young, if there are two. */
enum v2m_label_result run_label(struct run *run, const struct v2m_flow_key *flow, uint32_t owner,
				enum v2m_label_step step);
/* Sum of all parts. */
struct v2m_flow run_owner(const struct run *run, uint32_t owner, bool egress);

/* Sums of all CPUs; the sample's flows alone are set. */
struct v2m_port_sample run_port(const struct run *run, uint32_t slot);
struct v2m_device_counters run_device(const struct run *run);

#endif
