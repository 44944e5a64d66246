/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The slots of one transport, before those of both are joined. Only slots.c uses this. */
#ifndef V2METER_KEYS_SLOT_LAYER_H
#define V2METER_KEYS_SLOT_LAYER_H

#include "keys/span.h"

/* Adjacent ports that belong to one slot. */
struct v2m_slot_run {
	uint16_t first_port;
	uint16_t last_port;
	size_t slot; /* index in v2m_slots.items; in a layer, the index of the group */
};

/* A span of one transport while the slots are made. */
struct v2m_layer_span {
	size_t key;
	uint16_t first_port;
	uint16_t last_port;
	bool loopback;
	bool behind;
	bool visited;
	bool unlisted;
	/* A random number. The sum of the marks of several spans identifies this set of spans. */
	uint64_t mark;
};

/* Ports that the same spans cover. */
struct v2m_slot_group {
	size_t first_run;
	uint16_t first_port;
	uint16_t last_port;
	bool loopback;
	bool behind;
	bool visited;
	bool unlisted;
	size_t keys; /* index of the first owner in v2m_slot_layer.keys */
	size_t n_keys;
};

struct v2m_slot_layer {
	struct v2m_layer_span *spans;
	size_t n_spans;
	struct v2m_slot_group *groups; /* ascending by first_port */
	size_t n_groups;
	struct v2m_slot_run *runs; /* ascending */
	uint64_t *marks;           /* for each run, the sum of the marks of the spans on it */
	size_t n_runs;
	size_t *keys; /* the owners of all groups, one group after the other */
	size_t n_keys;
	size_t keys_size;
};

/* Fills an empty layer with the groups and runs of one transport. 0 or -ENOMEM; the caller clears
 * the layer either way. */
int v2m_slot_layer_make(struct v2m_slot_layer *layer, enum v2m_transport transport,
			const struct v2m_key_span *spans, size_t n_spans);
void v2m_slot_layer_clear(struct v2m_slot_layer *layer);

#endif
