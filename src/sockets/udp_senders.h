/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds UDP sockets of this host whose peer is a key's port at an address of this host: those of a
 * front, a tunnel or a relay on the same host. Their datagrams pass the loopback device alone, so
 * no program counts them. The kernel does not tell how many bytes a UDP socket has carried. Where a
 * socket without a peer sends to, connection tracking may tell.
 */
#ifndef V2METER_SOCKETS_UDP_SENDERS_H
#define V2METER_SOCKETS_UDP_SENDERS_H

#include "base/connection.h"
#include "base/port_rule.h"

/* A socket that is open for a shorter time may only check whether the port answers. */
#define V2M_UDP_SENDER_AGE_S 3

struct v2m_udp_sender {
	uint16_t slot_port; /* the first port of the slot that counts its peer's port by UDP */
	uint64_t cookie;
	uint64_t since_ns; /* CLOCK_MONOTONIC of the dump that saw it first */
};

struct v2m_udp_senders {
	struct v2m_udp_sender *items; /* ascending by slot_port, then cookie */
	size_t count;
	size_t capacity;
	uint64_t mono_ns; /* of the last dump */
};

/* Replaces the list by the sockets of the calling thread's network namespace that send to ports of
 * the rules. Rules that count on the loopback device are left out. tracked: flows of this host to
 * such ports, which stand for sockets without a peer if the slot has no other socket. 0, or -errno
 * with the list as it was; -ENOENT: the kernel has no udp_diag. */
int v2m_udp_senders_read(struct v2m_udp_senders *senders, const struct v2m_port_rule *rules,
			 size_t n_rules, const struct v2m_foreign_flows *tracked, uint64_t mono_ns);
void v2m_udp_senders_clear(struct v2m_udp_senders *senders);

/* How many sockets send to the slot, and are open for V2M_UDP_SENDER_AGE_S at least. */
size_t v2m_udp_senders_count(const struct v2m_udp_senders *senders, uint16_t slot_port);
/* The slot with the most of these, and how many slots have any. 0: none. */
uint16_t v2m_udp_senders_worst(const struct v2m_udp_senders *senders, size_t *slots);

/* Replaces the list by found, which has the sockets of a dump in any order and is empty then. Pure.
 */
void v2m_udp_senders_replace(struct v2m_udp_senders *senders, struct v2m_udp_senders *found);

#endif
