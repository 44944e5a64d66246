/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* docs/counting.md a second time, in user space and without a line of the kernel programs: what
 * they are compared with. */
#ifndef V2METER_TESTS_BPF_MODEL_H
#define V2METER_TESTS_BPF_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "v2meter/bpf_abi.h"

#define MODEL_SLOTS     16
#define MODEL_FRAGMENTS 4096 /* at most; the generator makes far fewer */
#define MODEL_FOREIGN   8192 /* the same */

/* A port is counted for the rule with this single port, otherwise for the first range that has it.
 */
struct model_rule {
	uint16_t first_port;
	uint16_t last_port;
	bool tcp;
	bool udp;
	bool loopback;
	unsigned slot;
};

struct model_counters {
	struct v2m_flow tcp_rx;
	struct v2m_flow tcp_tx;
	struct v2m_flow udp_rx;
	struct v2m_flow udp_tx;
};

/* A first fragment, by everything that tells its packet apart. */
struct model_fragment {
	uint8_t identity[40];
	uint16_t port;
	uint8_t protocol;
};

/* A connection that began on this side. */
struct model_foreign {
	uint8_t ends[2][16]; /* this side's address, the other's */
	uint16_t ports[2];
};

struct model {
	struct v2m_device_config device;
	const struct model_rule *rules;
	size_t n_rules;
	const struct v2m_local_address *here; /* this host's addresses */
	size_t n_here;
	struct model_counters ports[MODEL_SLOTS];
	struct v2m_device_counters counters;
	struct model_fragment fragments[MODEL_FRAGMENTS];
	size_t n_fragments;
	struct model_foreign foreign[MODEL_FOREIGN];
	size_t n_foreign;
};

void model_count(struct model *model, bool egress, const uint8_t *packet, size_t length,
		 uint32_t gso_size, uint32_t gso_segs);

#endif
