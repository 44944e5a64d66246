/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Simulates the kernel's counters, and knows what the account should make of them. */
#ifndef V2METER_TESTS_MODEL_WORLD_H
#define V2METER_TESTS_MODEL_WORLD_H

#include "unit/fixture.h"

#include <stdio.h>

#define KEYS         5
#define PORTS        12
#define COUNTERS     256
#define SUBJECTS     512
#define PART_NUMBERS (PORTS + 1)

static const char *const key_names[KEYS] = { "k0", "k1", "k2", "k3", "k4" };
static const char *const alias_names[] = { "old-1", "old-2", "old-3" };

static uint64_t seed;
static unsigned history_number;

static inline uint32_t any(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 16) % below);
}

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail_msg("history %u: %s", history_number, #condition);                    \
	} while (0)

/* A counter of the kernel: its value, and how much of it was accounted. */
struct counter {
	struct v2m_port_sample at;
	struct v2m_flow accounted[4];
	bool leaving;
};

/* The totals of a subject in the model: since the beginning, and since its last reset. */
struct expected {
	char name[V2M_SUBJECT_LEN];
	struct v2m_totals lifetime;
	struct v2m_totals since_reset;
	/* By slot number. Only right for a key that always had several slots. */
	struct v2m_totals parts[2 * PART_NUMBERS];
	bool always_several;
};

struct world {
	struct v2m_account *account;
	struct v2m_keyset *keyset;
	struct counter counters[COUNTERS];
	size_t n_counters;
	struct expected subjects[SUBJECTS];
	size_t n_subjects;
	struct v2m_totals counted; /* the sum of what was accounted of all counters */
	uint64_t mono_ns;
	uint64_t assigned_ns;
	uint8_t epoch;
};

/* Slots of this test have numbers below PORTS, or below 65536 + PORTS. */
static inline struct v2m_totals *part_of(struct expected *subject, uint32_t slot_number)
{
	return &subject->parts[slot_number < 65536 ? slot_number
						   : PART_NUMBERS + slot_number - 65536];
}

static inline struct expected *expected_of(struct world *world, const char *name)
{
	struct expected *made;

	for (size_t i = 0; i < world->n_subjects; i++)
		if (strcmp(world->subjects[i].name, name) == 0)
			return &world->subjects[i];
	made = &world->subjects[world->n_subjects++];
	CHECK(world->n_subjects <= SUBJECTS);
	memset(made, 0, sizeof(*made));
	snprintf(made->name, sizeof(made->name), "%s", name);
	made->always_several = true;
	return made;
}

static inline bool equal(const struct v2m_totals *a, const struct v2m_totals *b)
{
	return !v2m_totals_are_below(a, b) && !v2m_totals_are_below(b, a);
}

static inline struct v2m_flow *flow_at(struct v2m_port_sample *entry, unsigned i)
{
	struct v2m_flow *flows[] = { &entry->tcp_rx, &entry->tcp_tx, &entry->udp_rx,
				     &entry->udp_tx };

	return flows[i];
}

static inline void count_in_kernel(struct world *world)
{
	for (size_t i = 0; i < world->n_counters; i++) {
		struct counter *counter = &world->counters[i];

		for (unsigned f = 0; f < 4; f++) {
			unsigned transport = f < 2 ? V2M_TCP : V2M_UDP;
			uint64_t more = any(2) ? any(100000) : 0;
			struct v2m_flow *flow = flow_at(&counter->at, f);

			if (counter->at.transports && !(counter->at.transports & transport))
				continue;
			flow->packets += more / 1000;
			flow->wire_bytes += more;
			flow->payload_bytes += more / 2;
		}
	}
}

static inline void expect_delta(struct world *world, const struct v2m_slot *slot,
				const struct v2m_totals *delta)
{
	char name[V2M_SUBJECT_LEN];
	struct expected *subject;
	struct v2m_totals *part;

	v2m_keyset_subject(world->keyset, slot, name, sizeof(name));
	subject = expected_of(world, name);
	part = part_of(subject, v2m_slot_number(slot));
	subject->lifetime = v2m_totals_add(subject->lifetime, *delta);
	subject->since_reset = v2m_totals_add(subject->since_reset, *delta);
	*part = v2m_totals_add(*part, *delta);
	world->counted = v2m_totals_add(world->counted, *delta);
}

/* Adds what the next sample will add, from the counters themselves. */
static inline void expect_sample(struct world *world)
{
	for (size_t i = 0; i < world->n_counters; i++) {
		struct counter *counter = &world->counters[i];

		for (unsigned transport = V2M_TCP; transport <= V2M_UDP; transport++) {
			unsigned f = transport == V2M_TCP ? 0 : 2;
			const struct v2m_slot *slot =
				v2m_slots_at(&world->keyset->slots, counter->at.port, transport);
			struct v2m_flow *rx = flow_at(&counter->at, f);
			struct v2m_flow *tx = flow_at(&counter->at, f + 1);
			struct v2m_totals delta = {
				.rx = v2m_flow_subtract(*rx, counter->accounted[f]),
				.tx = v2m_flow_subtract(*tx, counter->accounted[f + 1]),
			};

			if (!slot)
				continue;
			if (transport == V2M_UDP) {
				delta.delivered_rx = delta.rx.payload_bytes;
				delta.delivered_tx = delta.tx.payload_bytes;
			}
			expect_delta(world, slot, &delta);
			counter->accounted[f] = *rx;
			counter->accounted[f + 1] = *tx;
		}
	}
}

static inline int compare_entries(const void *left, const void *right)
{
	const struct v2m_port_sample *a = left;
	const struct v2m_port_sample *b = right;

	if (a->port != b->port)
		return a->port - b->port;
	if (a->transports != b->transports)
		return a->transports - b->transports;
	return a->slot - b->slot;
}

static inline void apply(struct world *world)
{
	struct v2m_port_sample entries[COUNTERS];
	struct v2m_sample sample = {
		.mono_ns = world->mono_ns += SECOND_NS,
		.real_us = 1700000000 * SECOND_US,
		.ports = entries,
		.n_ports = world->n_counters,
	};

	sample.epoch[0] = world->epoch;
	for (size_t i = 0; i < world->n_counters; i++)
		entries[i] = world->counters[i].at;
	qsort(entries, world->n_counters, sizeof(entries[0]), compare_entries);
	expect_sample(world);
	assert_int_equal(v2m_account_apply(world->account, world->keyset, &sample), 0);
}

static inline uint16_t free_slot(const struct world *world)
{
	for (uint16_t slot = 0;; slot++) {
		bool used = false;

		for (size_t i = 0; i < world->n_counters; i++)
			used = used || world->counters[i].at.slot == slot;
		if (!used)
			return slot;
	}
}

/* Finds a counter with the ports of the slot, which goes on for it. Its transports may change. */
static inline bool keep_counter(struct world *world, const struct v2m_slot *slot)
{
	for (size_t i = 0; i < world->n_counters; i++) {
		struct counter *counter = &world->counters[i];

		if (counter->at.port != slot->first_port ||
		    counter->at.last_port != slot->last_port || !counter->leaving ||
		    !(counter->at.transports & slot->transports) || any(3) == 0)
			continue;
		counter->at.transports = (uint8_t)slot->transports;
		counter->leaving = false;
		return true;
	}
	return false;
}

/* Makes the counters of the key set, as the daemon does. Counters without a slot stay for one
 * sample.
 */
static inline void place_counters(struct world *world)
{
	size_t n = 0;

	for (size_t i = 0; i < world->n_counters; i++)
		if (!world->counters[i].leaving)
			world->counters[n++] = world->counters[i];
	world->n_counters = n;
	for (size_t i = 0; i < world->n_counters; i++)
		world->counters[i].leaving = true;
	for (size_t i = 0; i < world->keyset->slots.count; i++) {
		const struct v2m_slot *slot = &world->keyset->slots.items[i];

		if (keep_counter(world, slot))
			continue;
		world->counters[world->n_counters++] = (struct counter){
			.at = {
				.port = slot->first_port,
				.last_port = slot->last_port,
				.slot = free_slot(world),
				.transports = (uint8_t)slot->transports,
				.assigned_ns = ++world->assigned_ns,
			},
		};
		CHECK(world->n_counters < COUNTERS);
	}
}

#endif
