// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/map_list.h"

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

const char *const v2m_map_names[V2M_N_MAPS] = {
	[V2M_MAP_PORT_SLOT] = "port_slot",
	[V2M_MAP_PORT_COUNTERS] = "port_counters",
	[V2M_MAP_DEVICE_COUNTERS] = "device_counters",
	[V2M_MAP_FRAGMENTS] = "fragments",
	[V2M_MAP_LOCAL_ADDRESSES] = "local_addresses",
	[V2M_MAP_OWN_ADDRESSES] = "own_addresses",
	[V2M_MAP_UDP_PEERS] = "udp_peers",
	[V2M_MAP_FLOWS] = "flows",
	[V2M_MAP_YOUNG_FLOWS] = "young_flows",
	[V2M_MAP_OWNER_COUNTERS] = "owner_counters",
	[V2M_MAP_OWNERS] = "owners",
	[V2M_MAP_OWNER_SESSIONS] = "owner_sessions",
	[V2M_MAP_REASSEMBLY_SCOPE] = "reassembly_scope",
	[V2M_MAP_REASSEMBLY_DEVICES] = "reassembly_devices",
	[V2M_MAP_REASSEMBLIES] = "reassemblies",
	[V2M_MAP_FOREIGN_FLOWS] = "foreign_flows",
	[V2M_MAP_BTF] = "btf",
	[V2M_MAP_LEDGER] = "ledger",
	[V2M_MAP_META] = "meta",
};

/* offsetof() does not work on bit fields, so this hashes a value for each field. */
static uint64_t hash_bit_fields(uint64_t hash)
{
	const struct v2m_transport_slot each[] = {
		{ .slot = 0xfff },
		{ .counted = 1 },
		{ .loopback = 1 },
		{ .shared = 1 },
	};

	return v2m_fnv64(hash, each, sizeof(each));
}

#define PLACE(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)

static uint64_t hash_port_maps(uint64_t hash)
{
	static const uint32_t layout[] = {
		PLACE(v2m_flow, packets),
		PLACE(v2m_flow, wire_bytes),
		PLACE(v2m_flow, payload_bytes),
		PLACE(v2m_port_slot, tcp),
		PLACE(v2m_port_slot, udp),
		PLACE(v2m_port_counters, first_port),
		PLACE(v2m_port_counters, last_port),
		PLACE(v2m_port_counters, slot),
		PLACE(v2m_port_counters, transports),
		PLACE(v2m_port_counters, tx),
		PLACE(v2m_port_counters, assigned_ns),
		PLACE(v2m_port_counters, tcp),
		PLACE(v2m_port_counters, udp),
		sizeof(struct v2m_port_counters),
	};

	return v2m_fnv64(hash, layout, sizeof(layout));
}

static uint64_t hash_device_counters(uint64_t hash)
{
	static const uint32_t layout[] = {
		PLACE(v2m_tally, packets),           PLACE(v2m_tally, wire_bytes),
		PLACE(v2m_device_flow, seen),        PLACE(v2m_device_flow, keys),
		PLACE(v2m_device_flow, fragments),   PLACE(v2m_device_flow, unattributed),
		PLACE(v2m_device_flow, other),       PLACE(v2m_device_flow, too_deep),
		PLACE(v2m_device_flow, foreign),     PLACE(v2m_device_counters, ifindex),
		PLACE(v2m_device_counters, name),    PLACE(v2m_device_counters, assigned_ns),
		PLACE(v2m_device_counters, ingress), PLACE(v2m_device_counters, egress),
		sizeof(struct v2m_device_counters),
	};

	return v2m_fnv64(hash, layout, sizeof(layout));
}

static uint64_t hash_flow_maps(uint64_t hash)
{
	static const uint32_t layout[] = {
		PLACE(v2m_flow_key, remote),        PLACE(v2m_flow_key, port),
		PLACE(v2m_flow_key, remote_port),   PLACE(v2m_flow_key, protocol),
		PLACE(v2m_flow_state, owner),       PLACE(v2m_flow_state, expected_ack),
		PLACE(v2m_flow_state, answered),    PLACE(v2m_flow_state, disputed),
		PLACE(v2m_flow_state, began_ns),    PLACE(v2m_flow_state, rx),
		PLACE(v2m_flow_state, tx),          PLACE(v2m_owner_counters, owner),
		PLACE(v2m_owner_counters, tx),      PLACE(v2m_owner_counters, flow),
		PLACE(v2m_owner, assigned_ns),      PLACE(v2m_owner, first_port),
		PLACE(v2m_owner, protocol),         PLACE(v2m_owner, key),
		PLACE(v2m_flow_state, sessions),    PLACE(v2m_flow_sessions, opened),
		PLACE(v2m_flow_sessions, closed),   PLACE(v2m_flow_sessions, rx_bytes),
		PLACE(v2m_flow_sessions, tx_bytes),
	};

	return v2m_fnv64(hash, layout, sizeof(layout));
}

/* Hashes the maps that hold no counters. */
static uint64_t hash_other_maps(uint64_t hash)
{
	static const uint32_t layout[] = {
		PLACE(v2m_meta, abi_hash),
		PLACE(v2m_meta, boot_id),
		PLACE(v2m_meta, identity),
		PLACE(v2m_meta, created_ns),
		PLACE(v2m_fragment_key, source),
		PLACE(v2m_fragment_key, destination),
		PLACE(v2m_fragment_key, id),
		PLACE(v2m_fragment_key, protocol),
		PLACE(v2m_fragment_key, egress),
		PLACE(v2m_fragment_set, entries),
		PLACE(v2m_local_address, address),
		PLACE(v2m_own_addresses, ipv4_state),
		PLACE(v2m_own_addresses, ipv4_count),
		PLACE(v2m_own_addresses, ipv4),
		PLACE(v2m_own_addresses, ipv6_state),
		PLACE(v2m_own_addresses, ipv6_count),
		PLACE(v2m_own_addresses, ipv6),
		PLACE(v2m_udp_peer, address),
		PLACE(v2m_udp_peer, port),
		PLACE(v2m_udp_peer, remote_port),
		PLACE(v2m_udp_seen, at_ns),
		PLACE(v2m_udp_seen, jiffies),
		PLACE(v2m_reassembly_scope, netns),
		PLACE(v2m_reassembly_scope, generation),
		PLACE(v2m_reassembly_scope, guessed),
		PLACE(v2m_reassembly_scope, lost),
		PLACE(v2m_reassembly_device, loopback),
		PLACE(v2m_reassembly_device, host_only),
		PLACE(v2m_reassembly_device, tags),
		PLACE(v2m_reassembly_device, forwards),
		PLACE(v2m_reassembly, last_skb),
		PLACE(v2m_reassembly, wire_bytes),
		PLACE(v2m_reassembly, packets),
		PLACE(v2m_reassembly, l4_bytes),
		PLACE(v2m_reassembly, flow),
		PLACE(v2m_reassembly, headers),
		PLACE(v2m_reassembly, loopback),
		PLACE(v2m_reassembly, host_only),
		PLACE(v2m_reassembly, forwards),
		PLACE(v2m_foreign_flow, local),
		PLACE(v2m_foreign_flow, remote),
		PLACE(v2m_foreign_flow, port),
		PLACE(v2m_foreign_flow, remote_port),
		PLACE(v2m_foreign_flow, protocol),
	};

	return v2m_fnv64(hash, layout, sizeof(layout));
}

uint64_t v2m_abi_hash(void)
{
	static const uint32_t limits[] = {
		V2M_ABI_VERSION,       V2M_MAX_SLOTS,           V2M_MAX_DEVICES,
		V2M_FRAGMENT_SETS,     V2M_MAX_LOCAL_ADDRESSES, V2M_MAX_UDP_PEERS,
		V2M_MAX_FOREIGN_FLOWS, V2M_MAX_FLOWS,           V2M_MAX_YOUNG_FLOWS,
		V2M_MAX_OWNERS,
	};
	uint64_t hash = v2m_fnv64(V2M_FNV64_START, limits, sizeof(limits));

	hash = hash_port_maps(hash);
	hash = hash_device_counters(hash);
	hash = hash_flow_maps(hash);
	hash = hash_other_maps(hash);
	return hash_bit_fields(hash);
}
