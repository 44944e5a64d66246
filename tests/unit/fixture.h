/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Key sets and samples for the tests of accounting and ledger. */
#ifndef V2METER_TESTS_FIXTURE_H
#define V2METER_TESTS_FIXTURE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "accounting/account.h"
#include "base/transport.h"

#define SECOND_NS 1000000000ull
#define SECOND_US 1000000ll

struct key_of {
	const char *uuid;
	uint16_t port;
};

/* A key and the spans on which it is served. A span without a port ends the list. */
struct key_on {
	const char *uuid;
	struct v2m_span spans[4];
	const char *aliases[3];
};

static inline void make_key(const struct key_on *on, struct v2m_key *key)
{
	key->id = strdup(on->uuid);
	key->uuid = strdup(on->uuid);
	key->name = strdup("somebody");
	key->is_active = true;
	for (size_t i = 0; i < 4 && on->spans[i].first_port; i++)
		assert_int_equal(v2m_key_add_span(key, &on->spans[i]), 0);
	for (size_t i = 0; i < 3 && on->aliases[i]; i++)
		assert_int_equal(v2m_strings_add(&key->aliases, on->aliases[i]), 0);
}

static inline struct v2m_keyset *keyset_on(const struct key_on *on, size_t n)
{
	struct v2m_key *keys = calloc(n + 1, sizeof(*keys));
	struct v2m_keyset *keyset;

	for (size_t i = 0; i < n; i++)
		make_key(&on[i], &keys[i]);
	keyset = v2m_keyset_new(keys, n);
	assert_non_null(keyset);
	return keyset;
}

static inline struct v2m_keyset *keyset_of(const struct key_of *of, size_t n)
{
	struct key_on *on = calloc(n + 1, sizeof(*on));
	struct v2m_keyset *keyset;

	for (size_t i = 0; i < n; i++) {
		on[i].uuid = of[i].uuid;
		on[i].spans[0] =
			(struct v2m_span){ of[i].port, of[i].port, V2M_TCP | V2M_UDP, false, 0,
					   false,      false };
	}
	keyset = keyset_on(on, n);
	free(on);
	return keyset;
}

/* A sample of one port whose every flow stands at bytes: rx and tx of a key are twice that. */
struct one_port {
	struct v2m_sample sample;
	struct v2m_port_sample port;
};

static inline struct v2m_flow flow_of(uint64_t bytes)
{
	return (struct v2m_flow){ bytes / 100, bytes, bytes / 2 };
}

static inline struct v2m_port_sample port_at(uint16_t port, uint64_t bytes)
{
	return (struct v2m_port_sample){
		.port = port,
		.last_port = port,
		.slot = port,
		.transports = V2M_TCP | V2M_UDP,
		.assigned_ns = 1,
		.tcp_rx = flow_of(bytes),
		.tcp_tx = flow_of(bytes),
		.udp_rx = flow_of(bytes),
		.udp_tx = flow_of(bytes),
	};
}

static inline const struct v2m_sample *sample_at(struct one_port *one, uint16_t port,
						 uint64_t bytes, uint64_t second)
{
	one->port = port_at(port, bytes);
	one->sample = (struct v2m_sample){
		.epoch = "epoch",
		.mono_ns = second * SECOND_NS,
		.real_us = 1700000000 * SECOND_US + (int64_t)second * SECOND_US,
		.ports = &one->port,
		.n_ports = 1,
	};
	return &one->sample;
}

static inline uint64_t lifetime_rx(const struct v2m_account *account, const char *id)
{
	const struct v2m_subject *subject = v2m_account_subject(account, id);

	assert_non_null(subject);
	return subject->lifetime.rx.wire_bytes;
}

static inline void zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

/* Unix microseconds of "2025-08-04T12:00:00", UTC. */
static inline int64_t unix_us(const char *utc)
{
	struct tm tm = { 0 };

	assert_non_null(strptime(utc, "%Y-%m-%dT%H:%M:%S", &tm));
	return (int64_t)timegm(&tm) * SECOND_US;
}

/* A dump of one port's connections, whose remote ports go from first to last. */
static inline struct v2m_connection_table *connections_of(uint16_t port, uint16_t first,
							  uint16_t last)
{
	size_t n = (size_t)(last - first + 1);
	struct v2m_connection_table *table =
		calloc(1, sizeof(*table) + n * sizeof(table->connections[0]));

	table->references = 1;
	table->count = n;
	for (size_t i = 0; i < n; i++)
		table->connections[i] = (struct v2m_connection){
			.family = AF_INET,
			.state = V2M_TCP_ESTABLISHED,
			.local_port = port,
			.slot_port = port,
			.remote_port = (uint16_t)(first + i),
		};
	return table;
}

#endif
