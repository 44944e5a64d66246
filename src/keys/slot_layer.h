/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The slots of one transport, before those of both are joined. Used by slots.c alone. */
#ifndef V2METER_KEYS_SLOT_LAYER_H
#define V2METER_KEYS_SLOT_LAYER_H

#include "keys/span.h"

/* Adjacent ports that belong to one slot. */
struct v2m_slot_run {
	uint16_t first_port;
	uint16_t last_port;
	size_t slot;
};

/* A span of one transport while the layout is made. */
struct v2m_layer_span {
	size_t key;
	uint16_t first_port;
	uint16_t last_port;
	bool loopback;
	bool behind;
	uint64_t mark; /* random: the sum of the marks of a set of spans tells the set */
};

/* Ports that the same spans cover. */
struct v2m_slot_group {
	size_t first_run;
	uint16_t first_port;
	uint16_t last_port;
	bool loopback;
	bool behind;
	size_t keys; /* place of the first owner in layer.keys */
	size_t n_keys;
};

struct v2m_slot_layer {
	struct v2m_layer_span *spans;
	size_t n_spans;
	struct v2m_slot_group *groups; /* ascending by first_port */
	size_t n_groups;
	struct v2m_slot_run *runs; /* slot: index of the group, until the slots are made */
	uint64_t *marks;           /* of the spans that cover each run, summed */
	size_t n_runs;
	size_t *keys;
	size_t n_keys;
	size_t keys_size;
};

/* 0 or -ENOMEM; the layer is the caller's to clear either way. */
int v2m_slot_layer_make(struct v2m_slot_layer *layer, enum v2m_transport transport,
			const struct v2m_key_span *spans, size_t n_spans);
void v2m_slot_layer_clear(struct v2m_slot_layer *layer);

#endif
