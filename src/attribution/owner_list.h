/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which keys may own the flows of a key set's shared slots, and by which names a proxy's log calls
 * them. */
#ifndef V2METER_ATTRIBUTION_OWNER_LIST_H
#define V2METER_ATTRIBUTION_OWNER_LIST_H

#include "base/array.h"
#include "base/port_rule.h"
#include "base/table.h"
#include "keys/access_record.h"
#include "keys/keys.h"

/* A rule by its own bytes. */
struct v2m_named_rule {
	struct v2m_owner_rule rule;
	size_t index;
};

/* Starts as zeros. */
struct v2m_owner_list {
	struct v2m_keyset *keyset; /* referenced */
	V2M_ARRAY(struct v2m_owner_rule) rules;
	/* Parallel to rules: the owner that the kernel gave the rule, V2M_NO_OWNER if none. */
	uint32_t *owners;
	struct v2m_table by_email; /* see owner_list.c */
	struct v2m_table by_name;  /* of struct v2m_named_rule */
	struct v2m_table expected; /* see owner_list.c */
};

/* Lists the owners of the key set. 0, or -ENOMEM with the list empty. */
int v2m_owner_list_make(struct v2m_owner_list *list, struct v2m_keyset *keyset);
void v2m_owner_list_clear(struct v2m_owner_list *list);

/* The owner for the flows of a key on a slot by one protocol. V2M_NO_OWNER: none. */
uint32_t v2m_owner_list_owner(const struct v2m_owner_list *list, const struct v2m_slot *slot,
			      const struct v2m_key *key, uint8_t protocol);

/*
 * The owner that a line of the log names for a flow of this port: the key of the slot with the
 * line's email. A line without an email names the only key of the slot without one, if the line
 * says that it is of that key's inbound. V2M_NO_OWNER: it names none, or *is_ambiguous: it may name
 * any of several.
 */
uint32_t v2m_owner_list_find(const struct v2m_owner_list *list, uint16_t port, uint8_t protocol,
			     const struct v2m_access_record *record, bool *is_ambiguous);

/* Whether a connection of the user with this email must have a flow: all ports of its key are
 * shared and counted. */
bool v2m_owner_list_expects_flow(const struct v2m_owner_list *list,
				 const struct v2m_access_text *email);

#endif
