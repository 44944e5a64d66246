/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that an answer of the API needs, at one moment. Immutable and shared by reference
 * count. The figures and timestamps of one answer come from one snapshot.
 */
#ifndef V2METER_ACCOUNTING_SNAPSHOT_H
#define V2METER_ACCOUNTING_SNAPSHOT_H

#include "accounting/totals.h"
#include "base/connection.h"
#include "base/sample.h"
#include "keys/keys.h"

/* All TCP connections of a slot since since_us: the final figures of those that have ended, and the
 * present ones of those that are open. Resets do not touch them. */
struct v2m_sessions_view {
	int64_t since_us; /* Unix microseconds; 0: nobody counts them */
	uint64_t opened;
	uint64_t closed;
	uint64_t rx_bytes; /* payload, as in struct v2m_connection */
	uint64_t tx_bytes;
};

/* How the bytes of a shared slot are attributed to its keys. */
enum v2m_attribution_method {
	V2M_NOT_ATTRIBUTED,
	V2M_BY_ACCESS_LOG,
	V2M_BY_ONLINE_USERS, /* the proxy's list of users who are online */
	V2M_N_ATTRIBUTION_METHODS,
};

/* Why bytes may be unattributed that belong to a key. */
enum v2m_attribution_gap {
	V2M_GAP_BEGAN,          /* bytes were counted before anybody could attribute them */
	V2M_GAP_NO_LOG,         /* the log was missing, or could not be read */
	V2M_GAP_LOG_CUT,        /* the log was truncated or replaced: lines may be lost */
	V2M_GAP_MASKED,         /* the log masks addresses */
	V2M_GAP_DOUBTFUL,       /* a customer may have written lines of the log */
	V2M_GAP_DISPUTED,       /* two users were named for one connection */
	V2M_GAP_HIDDEN,         /* the log named an address that has no connection */
	V2M_GAP_FULL,           /* more flows or owners than the kernel's maps hold */
	V2M_GAP_NAMELESS_UDP,   /* the log named nobody for a UDP peer that the server answered */
	V2M_GAP_NAMELESS_TCP,   /* and for connections that carried much */
	V2M_GAP_NO_LIST,        /* the proxy did not say who is online */
	V2M_GAP_SHARED_ADDRESS, /* several users were online from one address */
	V2M_GAP_UNLISTED, /* the proxy's list named nobody for a connection that carried bytes */
	V2M_GAP_LATE,     /* the log was not read in time: before a reset, or for seconds */
	V2M_GAP_DROPPED,  /* the proxy may have dropped lines, and connections have none */
	V2M_N_ATTRIBUTION_GAPS,
};

struct v2m_attribution_view {
	enum v2m_attribution_method method;
	int64_t gap_us; /* when bytes may have been missed last, Unix microseconds; 0: never */
	enum v2m_attribution_gap gap; /* why */
};

/* The figures of one slot of the key set. */
struct v2m_slot_view {
	bool counted; /* false: the number of bytes is not known, and the figures are zeros */
	/* The sum of the shares of all keys, and of what is unattributed. */
	struct v2m_totals since_reset;
	/* For a shared slot or a slot behind another one: the bytes of no single key. Else zeros.
	 */
	struct v2m_totals unattributed;
	/* The bytes of unattributed since the slot was first seen, or since the last reset of its
	 * history. */
	struct v2m_totals unattributed_lifetime;
	struct v2m_totals unattributed_ever; /* the same without any reset */
	double rate_bytes_s; /* wire bytes, both directions, over the last rate_window_s */
	const struct v2m_connection *connections; /* in the snapshot's connection table */
	size_t n_connections;
	/* Connections from this host itself that no program counts, and the payload that they have
	 * carried since the start, both directions. */
	size_t local_connections;
	uint64_t local_bytes;
	size_t local_senders; /* UDP sockets of this host itself; what they carry is not known */
	/* Payload that connections delivered in the present window, and what was counted of it, if
	 * both disagree in a direction. Else zeros. */
	uint64_t missed_delivered;
	uint64_t missed_counted;
	bool repeats; /* delivered bytes of MPTCP connections may be counted twice */
	struct v2m_sessions_view sessions;
	const struct v2m_peer *udp_peers; /* of the last minute, in the connection table */
	size_t n_udp_peers;
	struct v2m_attribution_view attribution; /* of a shared slot */
};

/* The totals of a key in one of its slots since its last reset. The shares of a key add up to what
 * its reset would close. */
struct v2m_share {
	size_t slot; /* index in keyset->slots.items */
	struct v2m_totals since_reset;
	struct v2m_totals ever; /* since the slot was first seen; no reset touches it */
	/* Set if the slot is shared and attributed. */
	uint32_t owner; /* the key's connections in the table have it; V2M_NO_OWNER: none */
	double rate_bytes_s;
	/* The same since the key became an owner. Its bytes are delivered ones. */
	struct v2m_sessions_view sessions;
};

/* The figures of one key. */
struct v2m_key_view {
	struct v2m_totals since_reset;
	struct v2m_totals lifetime; /* since it was first seen, or the last reset of its history */
	int64_t reset_us;           /* 0: never */
	const struct v2m_share *shares; /* parallel to v2m_keyset_slots_of() */
	size_t n_shares;
	/* Counted in no slot of the key's own: on ports of before, or by an older version. No reset
	 * touches it. Slots that the key has lost and that may come back are not in it. */
	struct v2m_totals ever_elsewhere;
};

struct v2m_interface_view {
	char name[V2M_DEVICE_NAME_LEN];
	uint64_t rx_bytes; /* the device's own counters */
	uint64_t tx_bytes;
};

struct v2m_snapshot {
	unsigned references; /* atomic */
	uint64_t generation; /* rises with every snapshot of this process */
	uint64_t mono_ns;    /* CLOCK_MONOTONIC of the sample */
	int64_t real_us;     /* CLOCK_REALTIME of the sample, Unix microseconds */
	enum v2m_mode mode;
	char *mode_reason;                        /* why it is not exact; NULL in V2M_MODE_EBPF */
	bool measures_delivered;                  /* else delivered bytes of TCP do not grow */
	struct v2m_keyset *keyset;                /* referenced */
	struct v2m_connection_table *connections; /* referenced */
	size_t connection_details_max;            /* the most that an answer lists for each slot */
	struct v2m_slot_view *slots;              /* parallel to keyset->slots.items */
	struct v2m_key_view *keys;                /* parallel to keyset->keys */
	struct v2m_share *shares;                 /* of all keys, one key after the other */
	struct v2m_interface_view *interfaces;
	size_t n_interfaces;
};

/* Takes a reference. Any thread. */
struct v2m_snapshot *v2m_snapshot_ref(struct v2m_snapshot *snapshot);
/* Gives a reference back; the last one frees the snapshot. Does nothing on NULL. Any thread. */
void v2m_snapshot_unref(struct v2m_snapshot *snapshot);
/* The view of a slot or of a key of the snapshot's key set. */
const struct v2m_slot_view *v2m_snapshot_slot(const struct v2m_snapshot *snapshot,
					      const struct v2m_slot *slot);
const struct v2m_key_view *v2m_snapshot_key(const struct v2m_snapshot *snapshot,
					    const struct v2m_key *key);
/* Whether the bytes of a slot are known for each of its keys: it has one key, or is attributed. */
bool v2m_snapshot_attributes(const struct v2m_snapshot *snapshot, const struct v2m_slot *slot);
/* The share of a key in one of its slots. NULL: the slot is not the key's, or is behind another. */
const struct v2m_share *v2m_snapshot_find_share(const struct v2m_snapshot *snapshot,
						const struct v2m_key *key,
						const struct v2m_slot *slot);
/* The key's share of a slot. Zeros if the slot is not one of the key's, or is behind another one.
 */
struct v2m_totals v2m_snapshot_share(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
				     const struct v2m_slot *slot);
/* Whether all bytes of the key since its last reset are known. This is so if it shares no slot, or
 * if it counted bytes alone and none of its shared slots has counted anything since. */
bool v2m_snapshot_knows(const struct v2m_snapshot *snapshot, const struct v2m_key *key);

#endif
