/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel programs in memory that processes share: src/datapath/ as the collector sees it.
 * Counters outlive the process that reads them, as pinned maps do. Every reading finds new bytes in
 * each slot, so what the daemon should have counted is known exactly.
 */
#ifndef V2METER_TESTS_FAULTS_FAKE_KERNEL_H
#define V2METER_TESTS_FAULTS_FAKE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/port_rule.h"
#include "v2meter/bpf_abi.h"

#define FAKE_SLOTS 16
/* The ports are FAKE_PORT and those behind it. */
#define FAKE_PORT  1000
#define FAKE_PORTS 16

struct fake_slot {
	bool used;
	bool leaving; /* the next reading has it a last time */
	struct v2m_port_rule rule;
	uint64_t assigned_ns;
	uint64_t bytes;
};

struct fake_kernel {
	struct fake_slot slots[FAKE_SLOTS];
	struct v2m_ledger_mark mark;
	uint64_t arrived[FAKE_PORTS]; /* bytes that were counted for a port, in all of its slots */
	uint64_t assigned_ns;         /* the last one */
	unsigned readings;            /* that succeeded */
};

/* In memory that children share. Set before the collector opens. */
extern struct fake_kernel *fake_kernel;

#endif
