/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A ledger with something of everything in it, for the targets that damage one or import into one.
 */
#ifndef V2METER_TESTS_FUZZ_LEDGER_MAKE_H
#define V2METER_TESTS_FUZZ_LEDGER_MAKE_H

#include <string.h>
#include <sys/socket.h>

#include "base/transport.h"
#include "fuzz.h"
#include "ledger/ledger.h"
#include "scratch.h"

#define LEDGER_KEYS     4
#define LEDGER_PORT     1001
#define LEDGER_START_US INT64_C(1754307939000000)

static inline struct v2m_keyset *ledger_keyset(void)
{
	struct v2m_key *keys = calloc(LEDGER_KEYS, sizeof(*keys));
	struct v2m_keyset *keyset;

	FUZZ_CHECK(keys);
	for (uint16_t i = 0; i < LEDGER_KEYS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "key-%u", i);
		keys[i].id = strdup(name);
		keys[i].uuid = strdup(name);
		keys[i].name = strdup(name);
		keys[i].is_active = true;
		keys[i].transports = V2M_TCP | V2M_UDP;
		/* The first key has two ports, and shares one of them with the second. */
		FUZZ_CHECK(keys[i].id && keys[i].uuid && keys[i].name);
		FUZZ_CHECK(v2m_key_add_port(&keys[i], (uint16_t)(LEDGER_PORT + i)) == 0);
		FUZZ_CHECK(i || v2m_key_add_port(&keys[i], LEDGER_PORT + 1) == 0);
	}
	keyset = v2m_keyset_new(keys, LEDGER_KEYS);
	FUZZ_CHECK(keyset);
	return keyset;
}

/* Accounts a sample of all ports, whose flows stand at some thousand bytes for each second. */
static inline void ledger_count(struct v2m_account *account, const struct v2m_keyset *keyset,
				uint64_t second)
{
	struct v2m_port_sample ports[LEDGER_KEYS] = { 0 };
	struct v2m_sample sample = { .epoch = "epoch",
				     .mono_ns = second * UINT64_C(1000000000),
				     .real_us = LEDGER_START_US + (int64_t)second * 1000000,
				     .ports = ports,
				     .n_ports = LEDGER_KEYS };

	for (uint16_t i = 0; i < LEDGER_KEYS; i++) {
		struct v2m_flow flow = { second, second * 1000u * (i + 1u), second * 900u };

		ports[i] = (struct v2m_port_sample){
			.port = (uint16_t)(LEDGER_PORT + i),
			.last_port = (uint16_t)(LEDGER_PORT + i),
			.slot = i,
			.transports = V2M_TCP | V2M_UDP,
			.assigned_ns = 1,
			.tcp_rx = flow,
			.tcp_tx = flow,
			.udp_rx = flow,
			.udp_tx = flow,
		};
	}
	FUZZ_CHECK(v2m_account_apply(account, keyset, &sample) == 0);
}

/* Opens the ledger of the scratch directory. NULL: it cannot be opened, with *error. */
static inline struct v2m_ledger *ledger_open(struct v2m_account **account, struct v2m_error *error)
{
	struct v2m_ledger *ledger = NULL;

	*account = NULL;
	if (v2m_ledger_open(scratch(), &ledger, error)) {
		FUZZ_CHECK(*error->text);
		return NULL;
	}
	*account = v2m_account_new();
	FUZZ_CHECK(*account);
	if (v2m_ledger_load(ledger, *account, error) == 0)
		return ledger;
	FUZZ_CHECK(*error->text);
	v2m_account_free(*account);
	v2m_ledger_close(ledger);
	return NULL;
}

#endif
