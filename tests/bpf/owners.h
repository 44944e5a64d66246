/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A shared PORT and owners of the flows on it. */
#ifndef V2METER_TESTS_BPF_OWNERS_H
#define V2METER_TESTS_BPF_OWNERS_H

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath.h"
#include "base/sample.h"
#include "base/transport.h"
#include "datapath/counters.h"
#include "datapath/flows.h"
#include "datapath/owners.h"
#include "datapath/port_slots.h"

/* Monitors PORT for several keys, or for one. */
static inline void share(struct fixture *fixture, bool shared)
{
	const struct v2m_port_rule rule = { .first_port = PORT,
					    .last_port = PORT,
					    .transports = V2M_TCP | V2M_UDP,
					    .shared = shared };
	struct v2m_error error = {};

	assert_int_equal(v2m_datapath_set_ports(fixture->datapath, &rule, 1, &error), 1);
}

/* Makes these the owners, and returns how many are new. */
static inline int set_owners(struct fixture *fixture, uint32_t *owners, size_t count,
			     const char *const *names)
{
	struct v2m_owner_rule rules[4] = {};
	struct v2m_error error = {};

	for (size_t i = 0; i < count; i++) {
		rules[i].first_port = PORT;
		rules[i].protocol = IPPROTO_UDP;
		strcpy(rules[i].key, names[i]);
	}
	return v2m_owners_set(fixture->datapath, rules, count, owners, &error);
}

static const char *const names[] = { "alice", "bob" };

/* Labels the flow of the client. Returns whether there is one. */
static inline bool label(struct fixture *fixture, uint32_t owner)
{
	struct v2m_flow_entry *flows;
	struct v2m_error error = {};
	bool found = false;
	size_t count;

	assert_int_equal(v2m_flows_read(fixture->datapath, true, &flows, &count), 0);
	for (size_t i = 0; i < count; i++) {
		struct v2m_label one = { .flow = flows[i].key,
					 .owner = owner,
					 .began_ns = flows[i].state.began_ns };

		assert_int_equal(v2m_flows_label(fixture->datapath, &one, 1, &error), 0);
		assert_int_equal(one.result, V2M_LABEL_DONE);
		found = true;
	}
	free(flows);
	return found;
}

/* The datagrams of an owner that has that name, in a sample. */
static inline uint64_t read_owner(struct fixture *fixture, const char *name)
{
	struct v2m_sample sample = {};
	struct v2m_error error = {};
	uint64_t packets = 0;

	assert_int_equal(v2m_datapath_read(fixture->datapath, &sample, &error), 0);
	for (size_t i = 0; i < sample.n_owners; i++)
		if (strcmp(sample.owners[i].key, name) == 0)
			packets += sample.owners[i].rx.packets;
	v2m_sample_clear(&sample);
	return packets;
}

static inline void send_all(struct fixture *fixture, unsigned count)
{
	uint64_t before = read_port(fixture, PORT).udp_rx.packets;

	net_send(&fixture->net, PORT, count, DATAGRAM);
	assert_received(fixture, before + count);
}

#endif
