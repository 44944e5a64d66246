/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes packets of all kinds, most of them nearly right, from a seed. */
#ifndef V2METER_TESTS_BPF_GENERATE_H
#define V2METER_TESTS_BPF_GENERATE_H

#include "frame.h"

struct generator {
	uint64_t state;
};

struct generated {
	struct frame frame;
	bool egress;
	uint32_t gso_size;
	uint32_t gso_segs;
};

/* Ports from here on, GENERATED_PORTS of them, are used most. */
#define GENERATED_PORT  10000
#define GENERATED_PORTS 8

/* A number from 0 to below - 1. */
uint32_t generate_below(struct generator *generator, uint32_t below);
/* link_header: 14 or 0. Long enough for the kernel's test function. */
void generate_packet(struct generator *generator, unsigned link_header, struct generated *out);

#endif
