/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The port entry of CONTRACT: the figures of a port, of a key over all its ports, or of one slot.
 * Private to the renderers.
 */
#ifndef V2METER_API_ENTRY_H
#define V2METER_API_ENTRY_H

#include "api/parts.h"

/* The slots of one port number or of one range: those at *at and behind it with the same first
 * port. Moves *at to the next port. False: there is none. */
bool v2m_api_next_port(const struct v2m_keyset *keyset, size_t *at, size_t slots[static 2],
		       size_t *n_slots);
/* slots are kept by the entry, not copied. */
void v2m_api_entry_of_slots(const struct v2m_api *api, const size_t *slots, size_t n_slots,
			    struct v2m_api_entry *entry);
/* The key's entry: the sums over its slots, and what its reset would close. */
void v2m_api_entry_of_key(const struct v2m_api *api, const struct v2m_key *key,
			  struct v2m_api_entry *entry);
/* Whether the entry's bytes are counted in front of it as well, so that they are in no sum. */
bool v2m_api_entry_is_behind(const struct v2m_api *api, const struct v2m_api_entry *entry);

/* Values. */
void v2m_api_write_entry(struct v2m_api *api, const struct v2m_api_entry *entry);
/* What stands for the entry of ports that are not counted: whose they are, and why. */
void v2m_api_write_not_counted(struct v2m_api *api, const struct v2m_api_entry *entry);
/* The key's entry, or, without one byte figure that is not the key's alone, what stands for it if
 * the key has no port, shares one, or has none that is counted. */
void v2m_api_write_key_entry(struct v2m_api *api, const struct v2m_key *key);

/* If a key's figures cannot be told: true, and the answer that says so is in *body (with *result,
 * what the renderer returns). */
bool v2m_api_refuse_key(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
			struct v2m_body *body, int *result);

#endif
