/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the owners of flows by the proxy's list of users who are online. Pure: it asks no proxy and
 * calls no kernel. Not thread-safe.
 *
 * The list has no ports, and it is taken every few seconds. So a flow gets an owner only if
 *
 * - it is a connection of TCP, which nobody can open from the address of another,
 * - its handshake was seen, before the proxy was asked, and a later dump of the sockets shows it
 *   open,
 * - the list has one user at its address, and no earlier list since the flow began had another one,
 * - the user's last request is not older than the flow,
 * - the user is on this slot only, and all users of the slot are in the list if they are online
 *   (v2m_online_owners_can_tell()).
 *
 * All other flows stay without owner. If a list has another user at the address of a flow with an
 * owner, the flow becomes disputed: it may have been the other user's, who had no open stream when
 * the earlier lists were made.
 */
#ifndef V2METER_ATTRIBUTION_ONLINE_OWNERS_H
#define V2METER_ATTRIBUTION_ONLINE_OWNERS_H

#include "attribution/attributor.h"
#include "base/connection.h"
#include "keys/online_users.h"

struct v2m_online_owners;

/* If no list comes for so long, the addresses of earlier lists are forgotten. */
#define V2M_ONLINE_LOST_NS UINT64_C(15000000000)

/* The first list is waited for from now_ns on, CLOCK_MONOTONIC. NULL: out of memory. */
struct v2m_online_owners *v2m_online_owners_new(uint64_t now_ns);
/* Does nothing on NULL. */
void v2m_online_owners_free(struct v2m_online_owners *owners);

/* The users whose flows are to be found. 0, or -ENOMEM with the earlier users unchanged. */
int v2m_online_owners_set_keys(struct v2m_online_owners *owners, struct v2m_keyset *keyset);

/* Whether the list has all users of a shared slot who are online: each has an email, and the
 * inbound is not one of struct v2m_span.unlisted. The slot must be of the key set. */
bool v2m_online_owners_can_tell(const struct v2m_online_owners *owners,
				const struct v2m_slot *slot);
/* Whether there is such a slot. */
bool v2m_online_owners_are_wanted(const struct v2m_online_owners *owners);

/* Takes in a list whose is_known is true. 0, or -ENOMEM: all lists are forgotten. */
int v2m_online_owners_take(struct v2m_online_owners *owners, const struct v2m_online_list *list);

/* Whether no list has come for longer than V2M_ONLINE_LOST_NS. */
bool v2m_online_owners_lack_list(const struct v2m_online_owners *owners, uint64_t now_ns);

/* Arrays (base/array.h). */
struct v2m_label_list {
	struct v2m_label *items;
	size_t count;
	size_t capacity;
};

/* The result of comparing the flows with the last list. It is good until the next comparison.
 */
struct v2m_online_plan {
	struct v2m_label_list labels;   /* flow and owner are set */
	struct v2m_label_list disputes; /* the same with another owner than the flow's */
	bool has_shared_address;        /* several users are at the address of an open flow */
	bool has_nameless; /* a flow has carried bytes, and nobody is or can be named for it */
};

/* What v2m_online_owners_plan() compares. */
struct v2m_online_round {
	const struct v2m_attributor *attributor; /* knows the kernel's owners of the same key set */
	const struct v2m_flow_entry *flows;
	size_t n_flows;
	const struct v2m_connection_table *table; /* the last dump; NULL: none */
	struct v2m_moment now;
};

/* Compares the flows of slots that the lists can tell with the last list, if the dump is younger
 * than the question for it. *plan is NULL if there is nothing to compare yet. 0 or -ENOMEM. */
int v2m_online_owners_plan(struct v2m_online_owners *owners, const struct v2m_online_round *round,
			   struct v2m_online_plan **plan);
/* Whether the last list has not been compared, and the dump is young enough. */
bool v2m_online_owners_plan_is_due(const struct v2m_online_owners *owners,
				   const struct v2m_connection_table *table);

#endif
