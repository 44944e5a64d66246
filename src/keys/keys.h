/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keys: the credentials of customers, each with the ports on which it is served. A key set never
 * changes. Its holders share it by reference count, and reading the sources again makes a new one.
 */
#ifndef V2METER_KEYS_KEYS_H
#define V2METER_KEYS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/string_list.h"
#include "keys/slots.h"
#include "v2meter/bpf_abi.h"

/* The limit and the expiry that were agreed with the customer. They are for alerts; v2meter cuts
 * nobody off. */
struct v2m_key_terms {
	uint64_t limit_bytes; /* 0: none */
	int64_t expires_s;    /* Unix time; 0: never */
};

struct v2m_key {
	char *id;   /* by which consumers name the key */
	char *uuid; /* by which the totals are kept; equal to id if the protocol has no uuid */
	char *name;
	char *created_at; /* as the source wrote it; NULL if unknown */
	bool is_active;
	struct v2m_key_terms terms;
	char *short_id; /* NULL if the source has none */
	char *sni;
	char *source; /* the file of the key, for logs and --check */
	/* The text in the proxy's configuration from which the id is made. NULL if the key is in no
	 * such configuration. */
	char *identity;
	/* The emails of the key's users in the proxy's configuration, as its access log names
	 * them, see v2m_key_add_email(). May be empty. */
	struct v2m_strings emails;
	/* The transports that v2m_key_add_port() uses, as enum v2m_transport bits. */
	unsigned transports;
	/* The ports on which the key is served, in the order of its source. May be empty. */
	struct v2m_span *spans;
	size_t n_spans;
	size_t spans_capacity;
	/* Ids under which an earlier version counted this key on one of its ports. They still name
	 * the key, and their totals are joined into those of the key. */
	struct v2m_strings aliases;
};

/* As many slots as can be counted. */
#define V2M_MAX_KEY_SPANS V2M_MAX_SLOTS

/* Appends a span. If the key has a span with the same ports, which is on the loopback device or
 * behind a port as this one is, adds the transports to that span. 0; -ENOSPC if the key has
 * V2M_MAX_KEY_SPANS already; or -ENOMEM. */
int v2m_key_add_span(struct v2m_key *key, const struct v2m_span *span);
/* Adds a single port with the transports of the key. 0 or -ENOMEM. */
int v2m_key_add_port(struct v2m_key *key, uint16_t port);
/* The first port of the first span in host byte order. 0: the key has no port. */
uint16_t v2m_key_port(const struct v2m_key *key);
/* Whether the key has several ports or a range. */
bool v2m_key_has_several_ports(const struct v2m_key *key);

struct v2m_keyset {
	unsigned references; /* atomic */
	struct v2m_key *keys;
	size_t n_keys;
	/* Former keys with ports on which a server still listens, and these ports. They are counted
	 * for no key. */
	struct v2m_key *orphans;
	size_t n_orphans;
	struct v2m_slots slots;
	/* For v2m_keyset_slots_of(): the slots of all keys, one key after the other. Those of key i
	 * are at first_slot[i] up to first_slot[i + 1]. */
	size_t *key_slots;
	size_t *first_slot;
};

/* Takes over the keys, a malloc'd array and what they hold, and lays out their slots. The caller
 * has checked that ids and uuids are unique. NULL: out of memory, and the keys are freed. */
struct v2m_keyset *v2m_keyset_new(struct v2m_key *keys, size_t n_keys);
/* Takes over the orphans, a malloc'd array and what they hold, and lays out the slots again. Nobody
 * else may know the key set yet. 0, or -ENOMEM with the key set unchanged and the orphans freed. */
int v2m_keyset_set_orphans(struct v2m_keyset *keyset, struct v2m_key *orphans, size_t n_orphans);
struct v2m_keyset *v2m_keyset_ref(struct v2m_keyset *keyset);
void v2m_keyset_unref(struct v2m_keyset *keyset);
void v2m_keyset_unrefp(struct v2m_keyset **keyset);

/* Finds a key by its id, else by its uuid, else by an alias. If the name is the id of one key and
 * the uuid of another one, neither is found: it could be the wrong one. Upper and lower case are
 * the same in a uuid, in an alias, and in an id that has the form of a UUID. NULL: there is no such
 * key. */
const struct v2m_key *v2m_keyset_find(const struct v2m_keyset *keyset, const char *id_or_uuid);
/* Whether both hold the same keys and orphans with equal members, in the same order. */
bool v2m_keyset_equal(const struct v2m_keyset *a, const struct v2m_keyset *b);
/* The number of active keys. */
size_t v2m_keyset_count_active(const struct v2m_keyset *keyset);
/* Whether a slot is counted on the loopback device. False if keyset is NULL. */
bool v2m_keyset_wants_loopback(const struct v2m_keyset *keyset);
/* The index of a key in its key set. */
size_t v2m_keyset_index(const struct v2m_keyset *keyset, const struct v2m_key *key);
/* The slots of the key that clients reach directly, as indices into keyset->slots.items, in the
 * order of the key's spans. Slots behind another one are left out. *count may be 0. */
const size_t *v2m_keyset_slots_of(const struct v2m_keyset *keyset, const struct v2m_key *key,
				  size_t *count);
/* The slot's only key. NULL: several keys share the slot, or it belongs to an orphan. */
const struct v2m_key *v2m_keyset_owner(const struct v2m_keyset *keyset,
				       const struct v2m_slot *slot);
/* Whether the key shares one of its slots with another key. */
bool v2m_keyset_shares(const struct v2m_keyset *keyset, const struct v2m_key *key);

/* Names under which totals are kept. Every subject fits into V2M_SUBJECT_LEN bytes, because longer
 * uuids are refused. */
#define V2M_SUBJECT_LEN 256
/* The subject of a key: its uuid in lower case. Writes at most size bytes with the 0, and returns
 * the length without it, as snprintf() does. */
int v2m_key_subject(const struct v2m_key *key, char *subject, size_t size);
/* The subject that gets the bytes of a slot. For a slot with one key, it is that of the key. For a
 * shared slot, it is "port:443" or "port:20000-30000". For a slot behind another one, it is
 * "behind:8080". "/udp" follows if the slot is without TCP. Writes and returns as
 * v2m_key_subject(). */
int v2m_keyset_subject(const struct v2m_keyset *keyset, const struct v2m_slot *slot, char *subject,
		       size_t size);

/* Sets the terms that a key lacks. */
void v2m_key_complete_terms(struct v2m_key_terms *terms, const struct v2m_key_terms *other);

/* The name of a key in struct v2m_owner: its id, or a UUIDv5 of the id if that is too long. */
void v2m_key_owner_name(const struct v2m_key *key, char name[static V2M_OWNER_KEY_LEN]);

/* The longest email of a key. No line of an access log holds a longer one. */
#define V2M_KEY_EMAIL_MAX 4096
/* Notes a name by which the proxy's access log knows the key. Does nothing if it is NULL, empty,
 * too long or known. 0 or -ENOMEM. */
int v2m_key_add_email(struct v2m_key *key, const char *email);

/* Frees what the key holds and empties it. The structure itself belongs to the caller. */
void v2m_key_clear(struct v2m_key *key);

#endif
