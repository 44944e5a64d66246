/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The figures and owners of a port, of a key over all its ports, or of one slot. Private to the
 * renderers. */
#ifndef V2METER_API_ENTRY_H
#define V2METER_API_ENTRY_H

#include "api/parts.h"

/* Some slots of the key set, and the sums over those that are counted. */
struct v2m_api_entry {
	const struct v2m_key *key; /* the key of the entry; NULL: it is about a port or a slot */
	const size_t *slots;       /* indices in keyset->slots.items */
	size_t n_slots;
	bool counted; /* at least one of the slots is counted */
	struct v2m_totals totals;
	double rate_bytes_s;
	size_t n_connections;
	size_t n_udp_peers;
	bool knows_udp_peers;
	bool knows_delivered; /* false: delivered bytes are not measured, or not for each key */
	struct v2m_sessions_view sessions;
	bool rest; /* only what is unattributed: the keys of the slots have entries of their own */
};

/* Finds the slots of the port or range at *at: this slot and the next one, if both have the same
 * first port. Moves *at behind them. False: there is no slot at *at. */
bool v2m_api_next_port(const struct v2m_keyset *keyset, size_t *at, size_t slots[static 2],
		       size_t *n_slots);
/* Makes an entry of some slots. It keeps the pointer to them. */
void v2m_api_entry_of_slots(const struct v2m_api *api, const size_t *slots, size_t n_slots,
			    struct v2m_api_entry *entry);
/* Makes the entry of what is unattributed of a slot whose keys have entries of their own. */
void v2m_api_entry_of_rest(const struct v2m_api *api, const size_t *slot,
			   struct v2m_api_entry *entry);
/* Makes the entry of a key: the sums over its slots, and the totals that its reset would close. */
void v2m_api_entry_of_key(const struct v2m_api *api, const struct v2m_key *key,
			  struct v2m_api_entry *entry);
/* A key's part of a slot: all of it if the slot has one key or is not attributed. */
bool v2m_api_is_connection_of(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
			      const struct v2m_slot *slot, const struct v2m_connection *connection);
size_t v2m_api_count_connections(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
				 const struct v2m_slot *slot);
double v2m_api_rate(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
		    const struct v2m_slot *slot);
/* Slot i of the entry, below n_slots. */
const struct v2m_slot *v2m_api_entry_slot(const struct v2m_api *api,
					  const struct v2m_api_entry *entry, size_t i);
/* The sums over all ports that are counted and not behind another one. A port counts once. */
struct v2m_api_sums {
	uint64_t ports;
	uint64_t active_ports;
	uint64_t bytes;
	uint64_t connections;
};
struct v2m_api_sums v2m_api_sum_ports(const struct v2m_api *api);
/* Whether the entry is in these sums. */
bool v2m_api_entry_is_summed(const struct v2m_api *api, const struct v2m_api_entry *entry);
/* Whether all slots are behind others, so that the entry is in no sum. */
bool v2m_api_entry_is_behind(const struct v2m_api *api, const struct v2m_api_entry *entry);
/* Whether bytes of the entry may be those of visitors of a fallback. */
bool v2m_api_entry_is_visited(const struct v2m_api *api, const struct v2m_api_entry *entry);
/* Whether one of the keys is active. */
bool v2m_api_entry_is_active(const struct v2m_api *api, const struct v2m_api_entry *entry);

/* These write members into the open object. */
/* "rx_bytes", "tx_bytes" and "total_bytes". */
void v2m_api_put_figures(struct v2m_json_writer *json, const struct v2m_api_figures *figures);
/* "uuid", "key_name", "key_id", "is_active" and "owners"; for several keys also "keys", and for a
 * shared slot also "shared" and "unattributed". */
void v2m_api_put_owners(struct v2m_api *api, const struct v2m_api_entry *entry);
/* Members "keys" and, unless the slot has just one key, "shared". */
void v2m_api_put_slot_keys(struct v2m_json_writer *json, const struct v2m_keyset *keyset,
			   const struct v2m_slot *slot);

#endif
