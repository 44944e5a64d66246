/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the ports of all keys to the slots that count them. A key has any number of spans: a port or
 * a range of ports, with transports. A slot counts the ports that the same spans cover, for the
 * keys of these spans: a range of 30,000 ports takes one slot, and a port number on which one key
 * listens by TCP and another one by UDP takes two. Pure: no kernel, no file.
 */
#ifndef V2METER_KEYS_SLOTS_H
#define V2METER_KEYS_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/slot_layer.h"
#include "keys/span.h"

struct v2m_slot {
	/* The smallest range that holds all ports of the slot. Ports between them may belong to a
	 * slot with a narrower range. */
	uint16_t first_port;
	uint16_t last_port;
	unsigned transports;
	bool loopback;      /* counted on the loopback device, and nowhere else */
	bool behind;        /* another slot counts the same bytes at the front: in no sum */
	bool refused;       /* beyond V2M_MAX_SLOTS: not counted */
	const size_t *keys; /* indices of the keys, ascending */
	size_t n_keys;      /* more than 1: the keys share the slot; 0: an orphan's */
};

struct v2m_slots {
	struct v2m_slot
		*items; /* ascending by first_port; with equal ones, the one with TCP first */
	size_t count;
	size_t n_refused;
	size_t *keys;                 /* backs v2m_slot.keys */
	struct v2m_slot_run *runs[2]; /* of TCP and of UDP, ascending, without overlap */
	size_t n_runs[2];
};

/* Lays out the slots of the spans, which are in the order of their keys. Single ports are placed
 * before ranges, earlier keys before later ones. 0 or -ENOMEM; *slots is untouched then. */
int v2m_slots_make(const struct v2m_key_span *spans, size_t n_spans, struct v2m_slots *slots);
void v2m_slots_clear(struct v2m_slots *slots);

/* The slot that counts a port by one transport (V2M_TCP or V2M_UDP), NULL if none does. */
const struct v2m_slot *v2m_slots_at(const struct v2m_slots *slots, uint16_t port,
				    enum v2m_transport transport);

/* A number that tells a slot from all others of a key set, and that stays while its first port
 * stays: the first port, and 65536 more for a slot without TCP. */
uint32_t v2m_slot_number(const struct v2m_slot *slot);

#endif
