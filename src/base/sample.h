/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Raw, monotonic counters at one moment, which the byte sources hand to the accounting. They do not
 * know keys. */
#ifndef V2METER_BASE_SAMPLE_H
#define V2METER_BASE_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "v2meter/bpf_abi.h"

#define V2M_EPOCH_LEN 16

/* How the bytes were measured. */
enum v2m_mode {
	V2M_MODE_EBPF,         /* exact, by the kernel programs */
	V2M_MODE_SOCKET_STATS, /* from the kernel's counters of each socket, if eBPF is not
				  available */
};

/* The counters of one slot. */
struct v2m_port_sample {
	uint16_t port;        /* the first port */
	uint16_t last_port;   /* equal to port for a single port */
	uint32_t slot;        /* index in the kernel's map */
	uint8_t transports;   /* enum v2m_transport bits; 0 if an earlier version counted */
	uint64_t assigned_ns; /* together with slot and the sample's epoch, it identifies this
				 counter */
	struct v2m_flow tcp_rx;
	struct v2m_flow tcp_tx;
	struct v2m_flow udp_rx;
	struct v2m_flow udp_tx;
};

/* A flow of a shared slot, as the kernel programs keep it. */
struct v2m_flow_entry {
	struct v2m_flow_key key;
	struct v2m_flow_state state;
};

/* The counters of one owner: a key's part of a slot that several keys share. */
struct v2m_owner_sample {
	uint32_t owner;              /* index in the kernel's map */
	uint16_t port;               /* the first port of the slot */
	uint8_t transports;          /* V2M_TCP or V2M_UDP */
	uint64_t assigned_ns;        /* as in struct v2m_port_sample */
	char key[V2M_OWNER_KEY_LEN]; /* names the key */
	struct v2m_flow rx;
	struct v2m_flow tx;
};

/* The TCP connections of one owner since it was assigned, and what they delivered. */
struct v2m_owner_sessions {
	uint32_t owner;       /* as in struct v2m_owner_sample */
	uint64_t assigned_ns; /* the same */
	struct v2m_flow_sessions counts;
};

/* One monitored device, with what the kernel programs saw and what the device itself counts. */
struct v2m_device_sample {
	uint32_t ifindex;
	char name[V2M_DEVICE_NAME_LEN];
	bool loopback;
	struct v2m_device_flow ingress;
	struct v2m_device_flow egress;
	uint64_t link_rx_bytes; /* IFLA_STATS64 */
	uint64_t link_tx_bytes;
};

struct v2m_sample {
	enum v2m_mode mode;
	uint8_t epoch[V2M_EPOCH_LEN]; /* identifies the counters: with another epoch they began at 0
				       */
	uint64_t mono_ns;             /* CLOCK_MONOTONIC, as close as possible to the reading */
	int64_t real_us;              /* CLOCK_REALTIME of the same moment, Unix microseconds */
	/* The sockets have counted TCP bytes until now, of new counters too. */
	bool beside_sockets;
	struct v2m_port_sample *ports; /* ascending by port, then by transports and slot */
	size_t n_ports;
	/* Read before the ports: the owners of a slot never have more than the slot. */
	struct v2m_owner_sample *owners; /* ascending by owner */
	size_t n_owners;
	struct v2m_device_sample *devices; /* ascending by ifindex */
	size_t n_devices;
};

/* Frees what the sample holds and empties it. The structure itself belongs to the caller. */
void v2m_sample_clear(struct v2m_sample *sample);

#endif
