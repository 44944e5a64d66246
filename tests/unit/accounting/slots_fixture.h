/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An account of keys with several ports. */
#ifndef V2METER_TESTS_SLOTS_FIXTURE_H
#define V2METER_TESTS_SLOTS_FIXTURE_H

#include "unit/fixture.h"

#include <errno.h>
#include <stdio.h>

#define ENTRIES 4

struct state {
	struct v2m_account *account;
	struct v2m_keyset *keyset;
	struct v2m_snapshot *snapshot;
	struct v2m_port_sample entries[ENTRIES];
	/* Part of each sample. */
	struct v2m_owner_sample owners[ENTRIES];
	size_t n_owners;
	uint64_t second;
};

static inline int setup(void **context)
{
	struct state *state = calloc(1, sizeof(*state));

	state->account = v2m_account_new();
	*context = state;
	return 0;
}

static inline int teardown(void **context)
{
	struct state *state = *context;

	v2m_snapshot_unref(state->snapshot);
	v2m_account_free(state->account);
	v2m_keyset_unref(state->keyset);
	free(state);
	return 0;
}

static inline void use_keys(struct state *state, const struct key_on *on, size_t n)
{
	v2m_keyset_unref(state->keyset);
	state->keyset = keyset_on(on, n);
}

#define USE_KEYS(state, ...)                                                                       \
	use_keys(state, (const struct key_on[]){ __VA_ARGS__ },                                    \
		 sizeof((const struct key_on[]){ __VA_ARGS__ }) / sizeof(struct key_on))
#define PORT(port, transports)                                                                     \
	{                                                                                          \
		port, port, transports, false, 0                                                   \
	}
#define BOTH (V2M_TCP | V2M_UDP)

/* An entry in which the flows of its transports are at bytes. Its slot is its index in the sample.
 */
static inline struct v2m_port_sample entry_at(uint16_t port, unsigned transports, uint64_t bytes)
{
	struct v2m_port_sample entry = port_at(port, bytes);

	entry.transports = (uint8_t)transports;
	if (!(transports & V2M_TCP))
		entry.tcp_rx = entry.tcp_tx = flow_of(0);
	if (!(transports & V2M_UDP))
		entry.udp_rx = entry.udp_tx = flow_of(0);
	return entry;
}

static inline void apply_as(struct state *state, enum v2m_mode mode,
			    const struct v2m_port_sample *entries, size_t n)
{
	struct v2m_sample sample = {
		.mode = mode,
		.epoch = "epoch",
		.mono_ns = ++state->second * SECOND_NS,
		.real_us = 1700000000 * SECOND_US + (int64_t)state->second * SECOND_US,
		.ports = state->entries,
		.n_ports = n,
		.owners = state->owners,
		.n_owners = state->n_owners,
	};

	if (mode == V2M_MODE_SOCKET_STATS)
		sample.epoch[0] = 's';
	for (size_t i = 0; i < n; i++) {
		state->entries[i] = entries[i];
		state->entries[i].slot = (uint16_t)i;
	}
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &sample), 0);
}

#define APPLY_AS(state, mode, ...)                                                                 \
	apply_as(state, mode, (const struct v2m_port_sample[]){ __VA_ARGS__ },                     \
		 sizeof((const struct v2m_port_sample[]){ __VA_ARGS__ }) /                         \
			 sizeof(struct v2m_port_sample))
#define APPLY(state, ...) APPLY_AS(state, V2M_MODE_EBPF, __VA_ARGS__)

static inline const struct v2m_snapshot *fill(struct state *state)
{
	v2m_snapshot_unref(state->snapshot);
	state->snapshot = calloc(1, sizeof(*state->snapshot));
	state->snapshot->references = 1;
	state->snapshot->keyset = v2m_keyset_ref(state->keyset);
	assert_int_equal(v2m_account_fill(state->account, state->snapshot), 0);
	return state->snapshot;
}

/* The rx wire bytes of share i of a key. */
static inline uint64_t share_of(struct state *state, size_t key, size_t i)
{
	const struct v2m_snapshot *snapshot = fill(state);

	assert_true(i < snapshot->keys[key].n_shares);
	return snapshot->keys[key].shares[i].since_reset.rx.wire_bytes;
}

static inline uint64_t slot_of(struct state *state, size_t i)
{
	return fill(state)->slots[i].since_reset.rx.wire_bytes;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
