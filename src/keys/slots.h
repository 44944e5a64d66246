/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The slots that count the ports of all keys. A key has any number of spans. A slot counts all
 * ports that are covered by the same spans, for the keys of these spans. So a range of 30,000 ports
 * takes one slot. A port number that one key uses by TCP and another key by UDP takes two.
 */
#ifndef V2METER_KEYS_SLOTS_H
#define V2METER_KEYS_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/slot_layer.h"
#include "keys/span.h"

struct v2m_slot {
	/* The smallest range that holds all ports of the slot. Some ports between them may belong
	 * to other slots. */
	uint16_t first_port;
	uint16_t last_port;
	unsigned transports;
	bool loopback;      /* counted on the loopback device, and nowhere else */
	bool behind;        /* the slot in front counts the same bytes, so this one is in no sum */
	bool visited;       /* some of the bytes are of visitors of a fallback, not of the keys */
	bool unlisted;      /* as in struct v2m_span, of one of the keys */
	bool refused;       /* not counted, because there are more than V2M_MAX_SLOTS slots */
	const size_t *keys; /* indices of the keys, ascending */
	size_t n_keys;      /* if more than 1, the keys share the slot; 0: the slot of an orphan */
};

struct v2m_slots {
	/* Ascending by first_port. If two slots have the same one, that with TCP comes first. */
	struct v2m_slot *items;
	size_t count;
	size_t n_refused;
	size_t *keys;                 /* the keys of all slots, one slot after the other */
	struct v2m_slot_run *runs[2]; /* of TCP and of UDP; ascending, without overlap */
	size_t n_runs[2];
};

/* Makes the slots of the spans, which are in the order of their keys. If there are more than
 * V2M_MAX_SLOTS, ranges are refused before single ports, and later keys before earlier ones. 0, or
 * -ENOMEM with *slots unchanged. */
int v2m_slots_make(const struct v2m_key_span *spans, size_t n_spans, struct v2m_slots *slots);
void v2m_slots_clear(struct v2m_slots *slots);

/* The slot that counts a port by one transport (V2M_TCP or V2M_UDP). NULL: none does. */
const struct v2m_slot *v2m_slots_at(const struct v2m_slots *slots, uint16_t port,
				    enum v2m_transport transport);

/* The number that names a slot in a key set and in the ledger: the first port, plus 65536 for a
 * slot without TCP. */
uint32_t v2m_slot_number(const struct v2m_slot *slot);

#endif
