/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the owners of flows by what the proxy's access log says. Pure: it reads no file and calls
 * no kernel. Not thread-safe.
 *
 * A line names the address and port of a client. The flow with that address is labelled with the
 * key that has the line's email. The log of a connection is written after its first packets, so its
 * flow is there already; a line that finds no flow is tried again for some rounds, and then
 * forgotten.
 */
#ifndef V2METER_ATTRIBUTION_ATTRIBUTOR_H
#define V2METER_ATTRIBUTION_ATTRIBUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accounting/snapshot.h"
#include "attribution/named_slots.h"
#include "base/sample.h"
#include "base/port_rule.h"
#include "keys/access_record.h"
#include "keys/keys.h"

struct v2m_attributor;

/* NULL: out of memory. */
struct v2m_attributor *v2m_attributor_new(void);
void v2m_attributor_free(struct v2m_attributor *attributor);

/* The keys whose flows are to be found. 0, or -ENOMEM with the earlier keys unchanged. */
int v2m_attributor_set_keys(struct v2m_attributor *attributor, struct v2m_keyset *keyset);
/* The owners that the key set needs. *owners is an array of the same length, for the kernel's
 * numbers. Valid until the next v2m_attributor_set_keys(). */
const struct v2m_owner_rule *v2m_attributor_rules(const struct v2m_attributor *attributor,
						  size_t *count, uint32_t **owners);

/* The kernel's owner for the flows of a key on a shared slot by one protocol. V2M_NO_OWNER: none.
 */
uint32_t v2m_attributor_owner(const struct v2m_attributor *attributor, const struct v2m_slot *slot,
			      const struct v2m_key *key, uint8_t protocol);

/* Lines until real_us are read again, for new keys: their flows may be older than the counting. */
void v2m_attributor_note_again(struct v2m_attributor *attributor, int64_t real_us);

/* The proxy may have dropped lines that should have been read by now: see V2M_LOG_RUSH. */
void v2m_attributor_note_rush(struct v2m_attributor *attributor, uint64_t mono_ns);

/* Whether lines that were written before are not read yet: then no flow lacks its line. */
void v2m_attributor_note_lag(struct v2m_attributor *attributor, bool lags);

/* Takes what a line of an access log says. */
void v2m_attributor_take_line(struct v2m_attributor *attributor,
			      const struct v2m_access_record *record);

/* One moment by both clocks. */
struct v2m_moment {
	uint64_t mono_ns; /* CLOCK_MONOTONIC, by which flows begin */
	int64_t real_us;  /* Unix microseconds */
};

/*
 * Compares the lines with the flows, and plans labels: flow and owner are set. *labels is valid
 * until the next call. Lines that found a flow, or were tried for some rounds, are forgotten.
 * A line that is older than a flow is of an earlier flow with the same addresses and ports, if the
 * programs have seen the connection from its beginning.
 * Returns how many labels, or -ENOMEM.
 */
int v2m_attributor_plan(struct v2m_attributor *attributor, const struct v2m_flow_entry *flows,
			size_t n_flows, const struct v2m_moment *now, struct v2m_label **labels);
/*
 * In the last plan, the connections that the programs have not seen from their beginning, or not
 * without a break, since a flood has pushed the young flow out. No line tells yet who has what was
 * counted of them. Nobody can forge one: the server has sent data.
 */
size_t v2m_attributor_unknown(const struct v2m_attributor *attributor);
/* Whether lines wait for flows. */
bool v2m_attributor_waits(const struct v2m_attributor *attributor);
/* Notes what became of the labels of a plan. A TCP flow that got an owner is a session of it. */
void v2m_attributor_note_results(struct v2m_attributor *attributor, const struct v2m_label *labels,
				 size_t count);

/* The owners of the sessions that were found: one number for each. The caller frees them. */
uint32_t *v2m_attributor_take_sessions(struct v2m_attributor *attributor, size_t *count);

/* Notes that a user of the slot of this port was named. A line does so itself. */
void v2m_attributor_note_named(struct v2m_attributor *attributor, uint16_t port, uint8_t protocol);
/* Adds the slots that a user was named for since the last call. Returns whether one is new. */
bool v2m_attributor_take_named(struct v2m_attributor *attributor, struct v2m_named_slots *named);

/* Notes a gap, or one that the lines have shown. */
void v2m_attributor_note_gap(struct v2m_attributor *attributor, enum v2m_attribution_gap gap);
/* The gaps since the last call, a bit for each, which are forgotten. */
unsigned v2m_attributor_take_gaps(struct v2m_attributor *attributor);

/* How many lines named a user, and how many of these found no flow. */
struct v2m_attributor_counts {
	uint64_t lines;
	uint64_t labelled;
	uint64_t without_flow;
	uint64_t without_key; /* the flow is there, but no key has the email */
};
struct v2m_attributor_counts v2m_attributor_counts(const struct v2m_attributor *attributor);

#endif
